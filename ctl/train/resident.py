"""Batches whose pictures stay on the device and are augmented there, computed ahead of the step."""

from collections.abc import Iterable, Iterator, Sequence

import torch

from ctl.data.batch_transforms import augment_batch
from ctl.data.benchmark import TrackletFiles
from ctl.data.clips import Clips
from ctl.data.frames import MEMORY_BYTES, FrameStore
from ctl.data.heatmaps import StoredHeatMaps
from ctl.data.recipes import Recipes
from ctl.data.resident import (
    Order,
    Orders,
    ResidentSet,
    bytes_of,
    choose_place,
    load_orders,
    machine_memory,
    make_pictures,
    read_resident,
    reserve_for,
)
from ctl.data.sampling import ClipKey
from ctl.processes import available_cores
from ctl.progress import progress_bar
from ctl.train.config import TrainConfig
from ctl.train.data import Batch, read_ahead


def open_batches(
    config: TrainConfig,
    tracklets: Sequence[TrackletFiles],
    maps: StoredHeatMaps,
    keys: Iterable[list[ClipKey]],
    device: torch.device,
    ranks: int = 1,
) -> Iterator[Batch]:
    """Batches of a run in their order: from a resident set if training is on a GPU, else read by workers.

    A set that fits into no memory is read by workers on a GPU too.

    Args:
        config: of the run.
        tracklets: to train on.
        maps: filled with their heat maps.
        keys: of each batch.
        device: that trains.
        ranks: processes that share this machine's memory and cores.
    Raises:
        InputError: a picture can't be read, or heat maps are missing.
    """
    if device.type != "cuda" or (place := _place(config, tracklets, maps, device, ranks)) is None:
        workers = config.run.workers
        store = FrameStore(maps.image_size, MEMORY_BYTES // max(1, workers))
        clips = Clips(tracklets, store, maps, config.augment, config.model.clip_length)
        return read_ahead(clips, keys, workers, pin=device.type == "cuda")
    readers = max(1, available_cores() // ranks) if config.run.workers else 0
    with progress_bar("training set") as step:
        stored = read_resident(tracklets, maps, place, readers, step)
    return resident_batches(config, tracklets, stored, keys, device)


def _place(
    config: TrainConfig, tracklets: Sequence[TrackletFiles], maps: StoredHeatMaps, device: torch.device, ranks: int
) -> torch.device | None:
    """The GPU, or the CPU's memory, or None if the set fits nowhere."""
    needed = bytes_of(sum(map(len, tracklets)), maps.image_size, maps.grid)
    batch = config.batch.persons * config.batch.clips
    reserve = reserve_for(batch, config.model.clip_length, maps.image_size)
    place = choose_place(needed, reserve, torch.cuda.mem_get_info(device)[0], machine_memory() // ranks)
    return None if place is None else {"device": device, "host": torch.device("cpu")}[place]


def resident_batches(
    config: TrainConfig,
    tracklets: Sequence[TrackletFiles],
    stored: ResidentSet,
    keys: Iterable[list[ClipKey]],
    device: torch.device,
) -> Iterator[Batch]:
    """Batches on the device, made there from a set that has been read.

    Equal keys give equal batches on the same kind of device; other kinds draw other noise.

    Args:
        config: of the run.
        tracklets: of the set, in its order.
        stored: on the device, or in the machine's memory.
        keys: of each batch.
        device: that makes the batches.
    """
    size, grid = tuple(stored.frames.shape[1:3]), tuple(stored.log_mass.shape[2:])
    recipes = Recipes(tracklets, config.augment, config.model.clip_length, (size[0], size[1]), (grid[0], grid[1]))
    host = stored if stored.frames.device.type != device.type else None
    orders = load_orders(Orders(recipes, host), keys, config.run.workers, pin=device.type == "cuda")
    if device.type == "cuda":
        return _ahead(orders, stored, device)
    return (make_batch(order, stored, device) for order in orders)


def make_batch(order: Order, stored: ResidentSet, device: torch.device) -> Batch:
    """One batch, made on the device by the current stream."""
    pictures, recipe = make_pictures(order, stored, device)
    generator = torch.Generator(device).manual_seed(recipe.seed)
    frames, logits = augment_batch(*pictures, recipe, generator)
    return Batch(frames, logits, recipe.labels, recipe.tracklets)


def _ahead(orders: Iterator[Order], stored: ResidentSet, device: torch.device) -> Iterator[Batch]:
    """Each batch is under way on a stream of its own while the step before it computes."""
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))  # the set is there

    def start(order: Order) -> tuple[Batch, torch.cuda.Event]:
        with torch.cuda.stream(stream):
            return make_batch(order, stored, device), stream.record_event()

    def ready(batch: Batch, made: torch.cuda.Event) -> Batch:
        current = torch.cuda.current_stream(device)
        current.wait_event(made)
        for part in batch:
            part.record_stream(current)  # its memory isn't given to another batch before the step is done with it
        return batch

    under_way = None
    for order in orders:
        following = start(order)
        if under_way is not None:
            yield ready(*under_way)
        under_way = following
    if under_way is not None:
        yield ready(*under_way)
