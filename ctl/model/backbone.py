"""ImageNet networks whose last stride is 1, so that a 256 × 128 picture keeps a 16 × 8 feature map (section 4.1)."""

from collections import OrderedDict
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctl.config import BackboneName, PixelScaling
from ctl.errors import InputError
from ctl.model.mobilenet import LAST_CHANNELS, mobilenet_v2
from ctl.runtime import OnnxModule

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
FROZEN_AT_ONCE = 12
"""Frames whose early maps fit into a processor's cache: three times faster than 192 at once."""


def _resnet50() -> tuple[nn.Sequential, int]:
    import torchvision  # takes as long as torch, and the bundled checkpoint doesn't need it

    net = torchvision.models.resnet50(weights=None)
    first = net.layer4[0]
    first.conv2.stride = first.downsample[0].stride = (1, 1)
    stages = [(name, layer) for name, layer in net.named_children() if name not in ("avgpool", "fc")]
    return nn.Sequential(OrderedDict(stages)), 2048


class Standardise(nn.Module):
    """Pixels in 0..1 to what a network was trained with; see `Backbone`."""

    mean: Tensor
    std: Tensor

    def __init__(self, pixel_scaling: PixelScaling) -> None:
        super().__init__()
        mean, std = (IMAGENET_MEAN, IMAGENET_STD) if pixel_scaling == "imagenet" else ((0.0,) * 3, (256 / 255,) * 3)
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """(..., 3, H, W) -> the same shape."""
        return (pixels - self.mean) / self.std


class Backbone(nn.Module):
    """Pixels to feature maps, every frame on its own.

    Layer names are torchvision's, so its checkpoints load into `features` as they are.

    Args:
        name: which network.
        pixel_scaling: "paper" divides 8-bit values by 256; "imagenet" standardises with ImageNet's mean and deviation.
        shrink: side in pixels of the squares that are averaged first; 1 takes frames as they are.
    """

    def __init__(self, name: BackboneName, pixel_scaling: PixelScaling, shrink: int = 1) -> None:
        super().__init__()
        self.features, self.width = _resnet50() if name == "resnet50" else (mobilenet_v2(last_stride=1), LAST_CHANNELS)
        self.frozen = 0
        self.onnx: OnnxModule | None = None
        self.shrink = shrink
        self.standardise = Standardise(pixel_scaling)

    def freeze(self, blocks: int) -> None:
        """Let the first blocks learn nothing: their batch norms keep their statistics, and no gradient is computed.

        MobileNetV2 has 19 blocks, ResNet-50 has 8: convolution, norm, ReLU, pooling and four stages. Raises InputError
        if there are fewer than asked for.
        """
        if blocks > len(self.features):
            raise InputError(f"the backbone has {len(self.features)} blocks: {blocks} of them can't be frozen")
        self.frozen = blocks
        self.features[:blocks].requires_grad_(False).eval()

    def train(self, mode: bool = True) -> Self:
        super().train(mode)
        self.features[: self.frozen].eval()
        return self

    def run_in_onnx(self) -> None:
        """Let ONNX Runtime compute the maps from now on, on a CPU: with today's weights, and without gradients."""
        self.onnx = OnnxModule(nn.Sequential(self.standardise, self.features).eval(), torch.zeros(1, 3, 64, 64))

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, 3, H, W) float RGB in 0..1 -> feature maps F (B, T, C0, H/16, W/16), of the shrunk H and W."""
        pixels = frames.flatten(0, 1)  # (BT, 3, H, W)
        if self.shrink > 1:
            pixels = F.avg_pool2d(pixels, self.shrink)
        if self.onnx is not None:
            return self.onnx(pixels).unflatten(0, frames.shape[:2])
        maps = self.standardise(pixels).contiguous(memory_format=torch.channels_last)
        maps = self.features[self.frozen :](self._through_frozen(maps)) if self.frozen else self.features(maps)
        return maps.unflatten(0, frames.shape[:2])

    @torch.no_grad()
    def _through_frozen(self, pixels: Tensor) -> Tensor:
        """(B·T, 3, H, W) -> maps after the frozen blocks, which know no batch and may take a few frames at a time."""
        at_once = FROZEN_AT_ONCE if pixels.device.type == "cpu" else len(pixels)
        first = self.features[: self.frozen]
        return torch.cat([first(few) for few in pixels.split(at_once)])
