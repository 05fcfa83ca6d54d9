"""Items of a dataset in their order, read ahead by processes of their own."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from ctl.errors import CTLError

T = TypeVar("T")


def make_loader(dataset: Dataset[Any], workers: int, pin: bool, ahead: int = 2, **options: Any) -> DataLoader[Any]:
    """A DataLoader that draws nothing from torch's own generator.

    Args:
        dataset: whose items are read.
        workers: processes; 0 reads when an item is asked for.
        pin: in memory that a GPU copies from fast.
        ahead: items that each process reads ahead.
        options: of the DataLoader, besides: what is an item, and in which order.
    """
    cv2.setNumThreads(1)  # before workers are forked: one that inherits a pool of threads waits for them for ever
    return DataLoader(
        dataset,
        num_workers=workers,
        prefetch_factor=ahead if workers else None,
        pin_memory=pin,
        generator=torch.Generator(),
        **options,
    )


def raising(items: Iterable[T | CTLError]) -> Iterator[T]:
    """The items; an error among them is raised.

    A dataset returns its errors, since one that is raised in a worker arrives as a page of traceback.
    """
    for item in items:
        if isinstance(item, CTLError):
            raise item
        yield item
