"""The network inside both MoveNets: MobileNetV2, a feature pyramid up to 1/4 of the picture, and CenterNet heads.

Batch norms are folded into the convolutions, as in the published graphs.

Sources: Sandler et al. 2018 (MobileNetV2, Table 2); Zhou et al. 2019 (Objects as Points, the heads); layers and their
order are those of the TensorFlow.js graphs that the cards in weights/movenet-*/ name.
"""

from collections.abc import Mapping
from typing import Final

import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from ctl.errors import InputError
from ctl.files import ROOT, read_bytes, read_json
from ctl.runtime import OnnxModule, Unfilled

WEIGHTS: Final = ROOT / "weights"

STRIDE: Final = 4
"""Picture pixels per cell of every output map."""

STAGES: Final = (  # channels before widening, blocks, stride of the first block
    (16, 1, 1),
    (24, 2, 2),
    (32, 3, 2),
    (64, 4, 2),
    (96, 3, 1),
    (160, 3, 2),
    (320, 1, 1),
)
TAPS: Final = (1, 2, 3)
"""Stages whose output the pyramid takes, at 1/4, 1/8 and 1/16 of the picture; the fourth map is the last, at 1/32."""

LAST_CHANNELS: Final = 1280
PYRAMID_CHANNELS: Final = (24, 32, 64)
"""Channels of the pyramid at 1/4, 1/8 and 1/16; the map at 1/32 enters with as many as the one at 1/16."""

HEAD_CHANNELS: Final = 96


def widen(channels: int, width: float) -> int:
    """MobileNet's rule: a multiple of 8 near channels · width, and never below nine tenths of it."""
    rounded = max(8, int(channels * width + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels * width else rounded


def halving(inputs: int, outputs: int, groups: int = 1) -> nn.Conv2d:
    """3×3 convolution at stride 2, padded as TensorFlow's "SAME" does: one row below, one column to the right.

    Written as a 4×4 kernel whose first row and column are 0, so that PyTorch's padding all around does the same without
    copying the map; the files in weights/ hold it so.
    """
    return nn.Conv2d(inputs, outputs, 4, stride=2, padding=1, groups=groups)


class InvertedResidual(nn.Module):
    """Widen by 1×1, filter each channel by 3×3, narrow by 1×1; add the input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = nn.Conv2d(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = (
            halving(inner, inner, inner) if stride == 2 else nn.Conv2d(inner, inner, 3, padding=1, groups=inner)
        )
        self.project = nn.Conv2d(inner, outputs, 1)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        inner = x if self.expand is None else F.relu6(self.expand(x), inplace=True)
        y = self.project(F.relu6(self.depthwise(inner), inplace=True))
        return x + y if self.residual else y


class MobileNetV2(nn.Module):
    """Feature maps at 1/4, 1/8, 1/16 and 1/32 of the picture."""

    def __init__(self, width: float) -> None:
        super().__init__()
        channels = widen(32, width)
        self.stem = halving(3, channels)
        self.stages = nn.ModuleList()
        for index, (base, blocks, stride) in enumerate(STAGES):
            before, channels = channels, widen(base, width)
            first = InvertedResidual(before, channels, stride, expansion=1 if index == 0 else 6)
            rest = (InvertedResidual(channels, channels, stride=1, expansion=6) for _ in range(blocks - 1))
            self.stages.append(nn.Sequential(first, *rest))
        self.last = nn.Conv2d(channels, LAST_CHANNELS, 1)

    def forward(self, x: Tensor) -> list[Tensor]:
        """(B, 3, H, W) in -1..1 -> four maps, finest first."""
        x = F.relu6(self.stem(x), inplace=True)
        maps = []
        for index, stage in enumerate(self.stages):
            x = stage(x)
            if index in TAPS:
                maps.append(x)
        return [*maps, F.relu6(self.last(x), inplace=True)]


class SeparableConv2d(nn.Module):
    """3×3 per channel, then 1×1 across channels, then ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.pointwise(self.depthwise(x)), inplace=True)


class FeaturePyramid(nn.Module):
    """From the coarsest map up: double the size, add the next finer map, smooth."""

    def __init__(self, inputs: tuple[int, int, int, int]) -> None:
        super().__init__()
        fine, middle, coarse = PYRAMID_CHANNELS
        self.lateral = nn.ModuleList(
            nn.Conv2d(a, b, 1) for a, b in zip(inputs, (fine, middle, coarse, coarse), strict=True)
        )
        self.smooth = nn.ModuleList(SeparableConv2d(a, b) for a, b in ((fine, fine), (middle, fine), (coarse, middle)))

    def forward(self, maps: list[Tensor]) -> Tensor:
        """Four maps, finest first -> (B, 24, H/4, W/4)."""
        x = self.lateral[3](maps[3])
        for level in (2, 1, 0):
            x = F.interpolate(x, scale_factor=2, mode="bilinear") + self.lateral[level](maps[level])
            x = self.smooth[level](x)
        return x


class Head(nn.Sequential):
    """One kind of answer at every cell."""

    def __init__(self, outputs: int) -> None:
        super().__init__(SeparableConv2d(PYRAMID_CHANNELS[0], HEAD_CHANNELS), nn.Conv2d(HEAD_CHANNELS, outputs, 1))


class CenterNet(nn.Module):
    """Pictures in, one raw map per head out. Decoding is the business of `movenet` and `multipose`.

    Args:
        width: factor on MobileNetV2's channels.
        heads: name of each head -> its number of channels.
    """

    def __init__(self, width: float, heads: Mapping[str, int]) -> None:
        super().__init__()
        self.backbone = MobileNetV2(width)
        tapped = [widen(STAGES[stage][0], width) for stage in TAPS]
        self.pyramid = FeaturePyramid((tapped[0], tapped[1], tapped[2], LAST_CHANNELS))
        self.heads = nn.ModuleDict({name: Head(outputs) for name, outputs in heads.items()})

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """Look at B pictures, in fp32 even under autocast: bfloat16 moves joints by up to 3 px and scores by 0.13.

        Args:
            frames: (B, 3, H, W) float RGB in 0..1; `checked` says what they may be.
        Returns:
            name of head -> (B, channels, H/4, W/4); heat maps are logits, everything else is in cells, y before x.
        """
        with torch.autocast(frames.device.type, enabled=False):
            features = self.pyramid(self.backbone(frames * 2 - 1))
            return {name: head(features) for name, head in self.heads.items()}


def checked(frames: Tensor) -> Tensor:
    """The frames themselves. Raises ValueError where they aren't (B, 3, H, W) with H and W multiples of 32."""
    if frames.ndim != 4 or frames.shape[1] != 3 or frames.shape[2] % 32 or frames.shape[3] % 32:
        raise ValueError(f"frames must be (B, 3, H, W), H and W multiples of 32, got {tuple(frames.shape)}")
    return frames


def load_bundled(name: str, device: str | torch.device, *, onnx: bool = False) -> nn.Module:
    """The network of weights/<name>, in eval mode, channels last, and in fp32 although the file holds fp16.

    Args:
        name: folder of weights/.
        device: where it runs.
        onnx: in ONNX Runtime, on a CPU.
    Raises:
        InputError: a file of it is missing or damaged.
    """
    folder = WEIGHTS / name
    try:
        config = read_json(folder / "config.json")
        with Unfilled():
            net = CenterNet(config["width"], config["heads"])
        net.load_state_dict(load(read_bytes(folder / "model.safetensors")))
    except (InputError, SafetensorError, KeyError, RuntimeError) as error:
        raise InputError(f"the bundled weights {name} can't be used, restore {folder}: {error}") from error
    net = net.eval().requires_grad_(False).to(device).to(memory_format=torch.channels_last)
    return OnnxModule(net, torch.zeros(1, 3, 64, 64)) if onnx else net
