"""JPEG compression, there and back, of n clips at once, without bytes in between: what a decoder would show.

Colours go to YCbCr, the two colour planes to half the size; each plane is cut into 8×8 blocks, whose cosine transform
is rounded to multiples of the tables' steps. Entropy coding loses nothing, so it is left out.

Source: ITU-T T.81 (1992), tables K.1 and K.2, JFIF 1.02, and how libjpeg scales the tables with the quality; OpenCV's
encoder is libjpeg with 4:2:0, and its decoder smooths the colour planes on their way up (libjpeg's "fancy upsampling").
Differs: the cosine transform is in floating point, where libjpeg computes in integers.
"""

from functools import cache
from math import cos, pi
from typing import Any, Final

import torch
import torch.nn.functional as F
from torch import Tensor

_LUMINANCE: Final = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMINANCE: Final = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *(((99,) * 8,) * 4),
)
_TO_YCC: Final = (
    (0.299, 0.587, 0.114),
    (-0.168735892, -0.331264108, 0.5),
    (0.5, -0.418687589, -0.081312411),
)
_TO_RGB: Final = ((1.0, 0.0, 1.402), (1.0, -0.344136286, -0.714136286), (1.0, 1.772, 0.0))
_COSINES: Final = tuple(
    tuple((0.125 if not k else 0.25) ** 0.5 * cos((2 * i + 1) * k * pi / 16) for i in range(8)) for k in range(8)
)
"""Row k is the k-th cosine over 8 pixels; orthonormal."""

_ROUNDING: Final = (0.25, 0.5)
"""Added before rounding down where four colour values become one, in turn, so that a half goes up as often as down.
Source: libjpeg, h2v2_downsample."""


@cache
def constant(values: tuple[Any, ...], device: torch.device) -> Tensor:
    """A small table on a device, copied there once: each copy would make the CPU wait for what the GPU is at."""
    return torch.tensor(values, device=device)


def compress(clips: Tensor, qualities: Tensor) -> Tensor:
    """Clips as JPEG shows them.

    Args:
        clips: (n, T, 3, H, W) in 0..255; H and W are multiples of 16, as the model's input is.
        qualities: (n,) float32 in 1..100.
    Returns:
        (n, T, 3, H, W), whole levels in 0..255.
    """
    T = clips.shape[1]
    pictures = clips.round().flatten(0, 1)
    colours = constant(_TO_YCC, clips.device) @ pictures.flatten(2)
    planes = colours.view_as(pictures).round_()  # Y about 128, Cb and Cr about 0
    scale = _scale(qualities)
    Y = _quantised(planes[:, :1] - 128, _table(_LUMINANCE, scale), T) + 128
    small = F.avg_pool2d(planes[:, 1:], 2).unflatten(-1, (-1, 2)).add_(constant(_ROUNDING, clips.device)).floor_()
    C = _quantised(small.flatten(-2), _table(_CHROMINANCE, scale), T)
    Y, C = Y.round_().clamp_(0, 255), C.round_().clamp_(-128, 127)
    wide = F.interpolate(C, scale_factor=2, mode="bilinear", align_corners=False).round_()
    back = constant(_TO_RGB, clips.device) @ torch.cat((Y, wide), dim=1).flatten(2)
    return back.round_().clamp_(0, 255).view_as(clips)


def _scale(qualities: Tensor) -> Tensor:
    """Per cent that the tables' steps are scaled by. Source: libjpeg, jpeg_quality_scaling."""
    return torch.where(qualities < 50, (5000 / qualities).floor(), 200 - 2 * qualities)


def _table(table: tuple[tuple[int, ...], ...], scale: Tensor) -> Tensor:
    """(n, 8, 8) steps. Source: libjpeg, jpeg_add_quant_table."""
    return ((constant(table, scale.device) * scale.view(-1, 1, 1) + 50) / 100).floor_().clamp_(1, 255)


def _quantised(planes: Tensor, tables: Tensor, frames: int) -> Tensor:
    """Planes (n·frames, c, h, w), of multiples of 8 pixels, after rounding their transform to steps (n, 8, 8)."""
    _, c, h, w = planes.shape
    cosines = constant(_COSINES, planes.device)
    columns = cosines @ planes.reshape(-1, 8, w)  # along each block's height
    terms = columns.view(-1, 8) @ cosines.mT  # and along its width
    terms = terms.view(len(tables), frames * c * (h // 8), 8, w // 8, 8)
    steps = tables.view(-1, 1, 8, 1, 8)
    kept = (terms / steps).round_().mul_(steps)
    rows = kept.view(-1, 8) @ cosines
    return (cosines.mT @ rows.view(-1, 8, w)).view(planes.shape)
