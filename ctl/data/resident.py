"""A training set that is read once and then stays in memory: a GPU's, or the machine's if it doesn't fit there.

Half a million frames of 256×128 (MARS) are 50 GB of pixels and 9 GB of heat maps. Worker processes read pieces of 64
frames; what is in memory besides the set are the pieces under way, a few megabytes per worker. Nothing is written to
disk: reading anew costs a millisecond per frame and core, a decoded copy of MARS would cost 59 GB.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_all_start_methods
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ctl.data.benchmark import TrackletFiles
from ctl.data.frames import read_frames
from ctl.data.heatmaps import StoredHeatMaps
from ctl.data.loader import make_loader, raising
from ctl.data.recipes import PackedRecipe, Recipe, Recipes, first_rows, pack
from ctl.data.sampling import ClipKey
from ctl.errors import InputError
from ctl.progress import Progress
from ctl.skeleton import JOINTS

PIECE: Final = 64
"""Most frames that a worker reads at a time."""

RESERVE_PER_PIXEL: Final = 3000
"""Bytes of a GPU's memory that are left to training per pixel of a batch. Measured: the paper's network in float32
keeps 2,180 for its backward pass, the mobile one 1,900; the rest is for gradients under way and the next batch."""

RESERVE: Final = 4 * 10**9
"""Bytes that are left besides: to the driver, and to the paper's 140 million weights, their gradients and moments."""

HOST_SHARE: Final = 0.7
"""Part of the machine's memory that a set may take."""


class Pictures(NamedTuple):
    """What a batch is made of.

    Args:
        frames: (B, T, H, W, 3) uint8.
        log_mass: (B, T, 17, h, w) float16, as `HeatMapCache` stores it.
        donors: (n, H, W, 3) uint8, one for each occluded clip.
    """

    frames: Tensor
    log_mass: Tensor
    donors: Tensor


@dataclass(frozen=True, eq=False)
class ResidentSet:
    """All frames of some tracklets, one after another; `first_rows` says where each begins.

    Args:
        frames: (F, H, W, 3) uint8.
        log_mass: (F, 17, h, w) float16, on the same device.
    """

    frames: Tensor
    log_mass: Tensor

    def gather(self, rows: Tensor, donors: Tensor) -> Pictures:
        """The pictures at rows (B, T), and at donors (n,), on the set's device."""
        return Pictures(self.frames[rows], self.log_mass[rows], self.frames[donors])


def bytes_of(frames: int, image_size: tuple[int, int], grid: tuple[int, int]) -> int:
    """Memory of a set: frames of H×W, and heat maps of h×w."""
    return frames * (3 * image_size[0] * image_size[1] + 2 * len(JOINTS) * grid[0] * grid[1])


def reserve_for(clips: int, clip_length: int, image_size: tuple[int, int]) -> int:
    """Bytes of a GPU that are left to training with batches of so many clips."""
    return RESERVE + RESERVE_PER_PIXEL * clips * clip_length * image_size[0] * image_size[1]


def choose_place(needed: int, reserve: int, free_on_device: int, host: int) -> str | None:
    """Where a set goes.

    Args:
        needed: bytes of the set.
        reserve: bytes of the device that are left to training.
        free_on_device: bytes that nobody uses there.
        host: bytes of the machine's memory.
    Returns:
        "device" if it fits there, else "host", or None if it fits nowhere.
    """
    if needed + reserve <= free_on_device:
        return "device"
    return "host" if needed <= HOST_SHARE * host else None


def machine_memory() -> int:
    """Bytes of the machine's memory."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def read_resident(
    tracklets: Sequence[TrackletFiles],
    maps: StoredHeatMaps,
    place: torch.device,
    workers: int,
    on_progress: Progress | None = None,
) -> ResidentSet:
    """Read every frame once.

    Args:
        tracklets: whose frames to read, at the cache's size.
        maps: filled with their heat maps.
        place: the device that holds the set.
        workers: processes that read; 0 reads in this one.
        on_progress: called with the share done, 0..1.
    Raises:
        InputError: a picture can't be read, or heat maps are missing.
    """
    first = first_rows(tracklets)
    total = int(first[-1])
    frames = torch.empty((total, *maps.image_size, 3), dtype=torch.uint8, device=place)
    log_mass = torch.empty((total, len(JOINTS), *maps.grid), dtype=torch.float16, device=place)
    for piece in raising(_loader(_Pieces(tracklets, maps), None, workers, pin=place.type == "cuda")):
        rows = slice(piece.row, piece.row + len(piece.frames))
        frames[rows].copy_(piece.frames, non_blocking=True)
        log_mass[rows].copy_(piece.log_mass, non_blocking=True)
        if on_progress:
            on_progress(rows.stop / total)
    return ResidentSet(frames, log_mass)


class _Piece(NamedTuple):
    row: int
    frames: Tensor
    log_mass: Tensor


class _Pieces(Dataset[_Piece | InputError]):
    """The frames of a set in pieces; an InputError stands for a piece that can't be read."""

    def __init__(self, tracklets: Sequence[TrackletFiles], maps: StoredHeatMaps) -> None:
        self.tracklets, self.maps = tracklets, maps
        self.first = first_rows(tracklets)
        lengths = np.diff(self.first)
        self.owner = np.repeat(np.arange(len(tracklets)), -(-lengths // PIECE))  # tracklet of each piece
        piece_of_tracklet = np.arange(len(self.owner)) - np.searchsorted(self.owner, self.owner)
        self.start = piece_of_tracklet * PIECE

    def __len__(self) -> int:
        return len(self.owner)

    def __getitem__(self, number: int) -> _Piece | InputError:
        owner, start = int(self.owner[number]), int(self.start[number])
        tracklet = self.tracklets[owner]
        indices = range(start, min(start + PIECE, len(tracklet)))
        try:
            frames = read_frames(tracklet, self.maps.image_size, indices)
            log_mass = self.maps.read(tracklet, indices).astype(np.float16)
        except InputError as error:
            return error
        return _Piece(int(self.first[owner]) + start, torch.from_numpy(frames), torch.from_numpy(log_mass))


class Order(NamedTuple):
    """A batch to be made: its recipe, and its pictures if the device doesn't hold them."""

    recipe: PackedRecipe
    pictures: Pictures | None


class Orders(Dataset[Order]):
    """Orders by the keys of a batch.

    Args:
        recipes: draws what is done.
        host: the set if it is in the machine's memory; None if it is on the device.
    """

    def __init__(self, recipes: Recipes, host: ResidentSet | None) -> None:
        self.recipes, self.host = recipes, host

    def __getitem__(self, keys: list[ClipKey]) -> Order:
        recipe = self.recipes.draw(keys)
        return Order(pack(recipe), self.host.gather(recipe.rows, recipe.donors) if self.host else None)


def load_orders(orders: Orders, keys: Iterable[list[ClipKey]], workers: int, pin: bool) -> Iterator[Order]:
    """Orders of batches in their order, drawn ahead by worker processes, in pinned memory if wanted."""
    return iter(_loader(orders, keys, workers, pin))


def _loader(dataset: Dataset[Any], keys: Iterable[Any] | None, workers: int, pin: bool) -> DataLoader[Any]:
    """The items of a dataset as they are. Workers are forked, so that they share the set of the machine's memory."""
    context = "fork" if workers and "fork" in get_all_start_methods() else None
    return make_loader(
        dataset,
        workers,
        pin,
        sampler=keys,
        batch_size=None,
        collate_fn=_unchanged,
        multiprocessing_context=context,
    )


def _unchanged(item: Any) -> Any:
    return item


def make_pictures(order: Order, stored: ResidentSet, device: torch.device) -> tuple[Pictures, Recipe]:
    """An order's pictures and recipe on the device; the copies run while the CPU goes on."""
    recipe = order.recipe.to(device)
    if order.pictures is None:
        return stored.gather(recipe.rows, recipe.donors), recipe
    return Pictures(*(part.to(device, non_blocking=True) for part in order.pictures)), recipe
