"""Decoding pictures ahead of whoever needs them, in processes of their own."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from ctl.data.frames import read_frame
from ctl.data.loader import make_loader, raising
from ctl.errors import CTLError, InputError
from ctl.processes import available_cores

MOST_PROCESSES: Final = 16
"""A core decodes 600 to 1,300 frames a second, so that these outrun any estimator."""


def decoding_processes(device: torch.device) -> int:
    """How many pay: on a CPU the estimator is slower than one of them, and on two cores it needs both itself."""
    cores = available_cores()
    if device.type == "cpu":
        return 1 if cores > 2 else 0
    return min(MOST_PROCESSES, cores)


def decode_ahead(
    batches: Sequence[Sequence[Path]], image_size: tuple[int, int], processes: int, pin: bool
) -> Generator[Tensor, None, None]:
    """Batches of frames in their order; at most two per process are decoded ahead.

    The processes end with the iterator: close it, or run it to its end.

    Args:
        batches: files of each batch, 1 or more.
        image_size: height and width, to which frames are stretched.
        processes: 0 decodes when a batch is asked for.
        pin: in memory that a GPU copies from fast.
    Yields:
        (B, *image_size, 3) uint8 RGB.
    Raises:
        InputError: a picture is missing or damaged.
    """
    yield from raising(make_loader(_Batches(batches, image_size), processes, pin, batch_size=None))


@contextmanager
def lost_processes_named() -> Iterator[None]:
    """Put this around all that happens between batches of `decode_ahead`: torch tells of a process that is gone
    whenever its signal arrives, or its connection breaks first. Raises InputError then."""
    try:
        yield
    except (RuntimeError, ConnectionError, EOFError) as error:
        if isinstance(error, RuntimeError) and not str(error).startswith("DataLoader worker"):
            raise
        raise InputError(
            "a process that decodes frames was ended from outside, or shared memory is full: run the command again to "
            "go on, with fewer of them, or with 0, which needs no shared memory"
        ) from error


class _Batches(Dataset["Tensor | CTLError"]):
    def __init__(self, batches: Sequence[Sequence[Path]], image_size: tuple[int, int]) -> None:
        self.batches, self.image_size = batches, image_size

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Tensor | CTLError:
        try:
            return torch.from_numpy(np.stack([read_frame(path, self.image_size) for path in self.batches[index]]))
        except CTLError as error:
            return error
