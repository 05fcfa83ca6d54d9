"""How tracklets are cut up and moved: clips, batches of frames, copies between devices."""

from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch
from torch import Tensor


def clip_indices(frames: int, clip_length: int) -> np.ndarray:
    """Cut a tracklet into clips of consecutive frames; the last one repeats its own frames until it is full.

    Args:
        frames: length of the tracklet, ≥ 1.
        clip_length: T.
    Returns:
        (clips, T) int64 indices into the tracklet. Every frame is in exactly one clip.
    """
    starts = np.arange(0, frames, clip_length)
    lengths = np.minimum(clip_length, frames - starts)
    return starts[:, None] + np.arange(clip_length)[None, :] % lengths[:, None]


def frames_at_once(device: torch.device) -> int:
    """How many frames to run together: memory stays flat however long a tracklet is; a CPU is slow with large maps."""
    return 12 if device.type == "cpu" else 96


def to_tensor(crops: np.ndarray | Tensor, device: torch.device) -> Tensor:
    """(..., H, W, 3) uint8 RGB -> (..., 3, H, W) float32 in 0..1 on the device. Pinned memory is not waited for."""
    return torch.as_tensor(crops).to(device, non_blocking=True).movedim(-1, -3).float().div(255)


def mixed_precision(device: torch.device, allowed: bool) -> AbstractContextManager[object]:
    """bfloat16 on CUDA if allowed, plain float32 elsewhere."""
    return torch.autocast("cuda", torch.bfloat16) if allowed and device.type == "cuda" else nullcontext()


class Arriving:
    """Values on their way from a device to the CPU: whoever needs them waits, nobody else.

    Args:
        values: any shape, on any device.
    """

    def __init__(self, values: Tensor) -> None:
        self._copy = values.to("cpu", non_blocking=True)  # into pinned memory, where it comes from a GPU
        self._arrived = torch.cuda.current_stream(values.device).record_event() if values.is_cuda else None

    def tensor(self) -> Tensor:
        """The values, as soon as they are there."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._copy
