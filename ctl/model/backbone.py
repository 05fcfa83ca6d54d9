"""ImageNet networks whose last stride is 1, so that a 256 × 128 picture keeps a 16 × 8 feature map (section 4.1)."""

from collections import OrderedDict

import torch
import torchvision
from torch import Tensor, nn

from ctl.config import BackboneName, PixelScaling

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def _resnet50() -> tuple[nn.Sequential, int]:
    net = torchvision.models.resnet50(weights=None)
    first = net.layer4[0]
    first.conv2.stride = first.downsample[0].stride = (1, 1)
    stages = [(name, layer) for name, layer in net.named_children() if name not in ("avgpool", "fc")]
    return nn.Sequential(OrderedDict(stages)), 2048


def _mobilenet_v2() -> tuple[nn.Sequential, int]:
    features = torchvision.models.mobilenet_v2(weights=None).features
    features[14].conv[1][0].stride = (1, 1)
    return features, 1280


class Backbone(nn.Module):
    """Pixels to feature maps, every frame on its own.

    Layer names are torchvision's, so its checkpoints load into `features` as they are.

    Args:
        name: which network.
        pixel_scaling: "paper" divides 8-bit values by 256; "imagenet" standardises with ImageNet's mean and deviation.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: BackboneName, pixel_scaling: PixelScaling) -> None:
        super().__init__()
        self.features, self.width = _resnet50() if name == "resnet50" else _mobilenet_v2()
        mean, std = (IMAGENET_MEAN, IMAGENET_STD) if pixel_scaling == "imagenet" else ((0.0,) * 3, (256 / 255,) * 3)
        self.register_buffer("mean", torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, 3, H, W) float RGB in 0..1 -> feature maps F (B, T, C0, H/16, W/16)."""
        pixels = (frames.flatten(0, 1) - self.mean) / self.std
        maps = self.features(pixels.contiguous(memory_format=torch.channels_last))
        return maps.unflatten(0, frames.shape[:2])
