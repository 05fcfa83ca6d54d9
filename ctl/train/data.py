"""What a run learns from and is validated on, and the loader that reads ahead of the step."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from torch import Tensor
from torch.utils.data import default_collate

from ctl.data import load_benchmark
from ctl.data.benchmark import Benchmark, Split, TrackletFiles
from ctl.data.clips import Clip, Clips
from ctl.data.damaged import leave_out_damaged
from ctl.data.loader import make_loader
from ctl.data.sampling import ClipKey
from ctl.errors import InputError
from ctl.train.config import DataConfig

HELD_OUT_PROTOCOL = (
    "held-out training persons: the first tracklet per person and camera is the query, the gallery holds all of them; "
    "tracklets of the query's person and camera are removed from its ranking"
)


@dataclass(frozen=True, eq=False)
class Task:
    """A data set as one run uses it.

    Args:
        train: tracklets to learn from.
        validation: what the best weights are chosen by.
        test: what is never looked at before training has ended, if `validation` isn't it.
    """

    train: tuple[TrackletFiles, ...]
    validation: Benchmark
    test: Benchmark


def load_task(config: DataConfig) -> Task:
    """Read the data set. Raises InputError if it isn't there, or has no such split or too few persons."""
    if not config.root:
        raise InputError(f"data.root is empty: give the folder that holds {config.name}, --set data.root=FOLDER")
    benchmark = load_benchmark(config.name, Path(config.root))
    if config.split >= len(benchmark.splits):
        raise InputError(f"data.split is {config.split}, but {config.name} has {len(benchmark.splits)} splits, from 0")
    benchmark = replace(benchmark, splits=(benchmark.splits[config.split],))
    if config.leave_out_damaged:
        benchmark, left_out = leave_out_damaged(benchmark)
        if left_out.notice:
            print(f"note: {left_out.notice}", file=sys.stderr)
    (split,) = benchmark.splits
    if not split.train:
        raise InputError(f"{config.root} has no training part")
    if not config.held_out:
        return Task(split.train, benchmark, benchmark)
    train, held_out = hold_out(split.train, config.held_out)
    return Task(train, Benchmark(config.name, HELD_OUT_PROTOCOL, (held_out,)), benchmark)


def hold_out(tracklets: tuple[TrackletFiles, ...], persons: int) -> tuple[tuple[TrackletFiles, ...], Split]:
    """Set the persons with the highest numbers aside, so that every run of a data set holds out the same ones.

    Returns:
        the tracklets that are left, and a split whose queries and gallery are the held-out ones.
    Raises:
        InputError: nobody would be left.
    """
    everybody = sorted({tracklet.person for tracklet in tracklets})
    if persons >= len(everybody):
        raise InputError(f"data.held_out is {persons}, but there are only {len(everybody)} persons to train on")
    aside = set(everybody[-persons:])
    gallery = tuple(tracklet for tracklet in tracklets if tracklet.person in aside)
    first = {(tracklet.person, tracklet.camera): tracklet for tracklet in reversed(gallery)}
    train = tuple(tracklet for tracklet in tracklets if tracklet.person not in aside)
    return train, Split((), tuple(tracklet for tracklet in gallery if tracklet in first.values()), gallery)


class Batch(NamedTuple):
    """B clips."""

    frames: Tensor  # (B, T, 3, H, W) float32, 0..1; these four on the CPU, or already on the device that trains
    logits: Tensor  # (B, T, 17, h, w) float32
    labels: Tensor  # (B,) int64, classes of the persons
    tracklets: Tensor  # (B,) int64, indices among the training tracklets


def stack(clips: list[Clip]) -> Batch:
    return Batch(*default_collate(clips))


def read_ahead(clips: Clips, keys: Iterable[list[ClipKey]], workers: int, pin: bool) -> Iterator[Batch]:
    """Batches in their order, read by worker processes. Draws nothing from torch's own generator.

    Args:
        clips: by key.
        keys: of each batch.
        workers: processes; 0 reads when a batch is asked for.
        pin: in memory that a GPU copies from fast.
    """
    return iter(make_loader(clips, workers, pin, ahead=4, batch_sampler=keys, collate_fn=stack))
