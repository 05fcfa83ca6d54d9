"""MobileNetV2 without its classifier, layer by layer and name by name that of torchvision, whose weights fit.

It is written out here because importing torchvision takes as long as importing torch.

Source: Sandler et al. 2018, Table 2.
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STAGES: Final = (  # widening, channels, blocks
    (1, 16, 1),
    (6, 24, 2),
    (6, 32, 3),
    (6, 64, 4),
    (6, 96, 3),
    (6, 160, 3),
    (6, 320, 1),
)
FIRST_CHANNELS: Final = 32
LAST_CHANNELS: Final = 1280
IMAGENET_CLASSES: Final = 1000


class Convolution(nn.Conv2d):
    """A convolution that learns as fast with a stride as without.

    On a CPU, a channel's own filter has no fast gradient in bfloat16 but for stride 1: every output is computed there,
    and those that the stride skips are left out.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H/stride, W/stride), rounded up."""
        down, across = self.stride
        learns = x.dtype == torch.bfloat16 and x.device.type == "cpu" and torch.is_grad_enabled()
        if down == across == 1 or self.groups == 1 or not learns:
            return super().forward(x)
        everywhere = F.conv2d(x, self.weight, None, 1, self.padding, groups=self.groups)
        return everywhere[..., ::down, ::across].contiguous(memory_format=torch.channels_last)


class InvertedResidual(nn.Module):
    """Widen by 1×1, filter each channel by 3×3, narrow by 1×1; add the input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int, widening: int) -> None:
        super().__init__()
        inner = inputs * widening
        widen = [_convolution(inputs, inner, kernel=1)] if widening > 1 else []
        filtered = _convolution(inner, inner, stride=stride, groups=inner)
        self.conv = nn.Sequential(*widen, filtered, nn.Conv2d(inner, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.residual else self.conv(x)


def mobilenet_v2(last_stride: int = 2) -> nn.Sequential:
    """Its 19 blocks, (B, 3, H, W) -> (B, 1280, H/32, W/32), drawn at random: from a seed the same as torchvision's.

    Args:
        last_stride: where the map is made smaller for the last time; 1 keeps it at 1/16.
    """
    channels = FIRST_CHANNELS
    blocks: list[nn.Module] = [_convolution(3, channels, stride=2)]
    for (widening, outputs, count), first_stride in zip(STAGES, (1, 2, 2, 2, 1, last_stride, 1), strict=True):
        for stride in (first_stride, *[1] * (count - 1)):
            blocks.append(InvertedResidual(channels, outputs, stride, widening))
            channels = outputs
    features = nn.Sequential(*blocks, _convolution(channels, LAST_CHANNELS, kernel=1))
    classifier = nn.Linear(LAST_CHANNELS, IMAGENET_CLASSES)  # drawn only, or what is drawn next would be other numbers
    for layer in features.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out")
    nn.init.normal_(classifier.weight)
    return features


def _convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """A convolution that keeps H and W but for its stride, batch norm and ReLU6."""
    filters = Convolution(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(filters, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True))
