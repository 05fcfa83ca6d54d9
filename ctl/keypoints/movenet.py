"""MoveNet Thunder: the 17 joints of the person nearest the middle of each picture.

Weights and decoding are Google's (Apache-2.0), as published in the graph movenet/singlepose/thunder/4; the network is
`centernet.CenterNet`. Its heads: "center", where people are; "regress", from a person's centre to a first guess of each
joint; "heatmap", where joints are, of anybody; "offset", from a joint's cell to the joint itself.

Differs: the graph takes one picture of 256×256; this takes a batch of any size in multiples of 32. Eq. 1's logits carry
the same preference for the first guess as the joints, so that a second person in the crop draws no mass: without it the
peak of 1.4 % of the clear joints in 55 real crops lies on another person or the other side of the body, with it none.
"""

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor, nn

from ctl.keypoints import cells
from ctl.keypoints.base import MOVENET, HeatMaps
from ctl.keypoints.centernet import STRIDE, checked, load_bundled

NEARNESS: Final = 1.8
"""Cells added to a distance before a score is divided by it; the graph's own number."""

TEMPERATURE: Final = 0.5
"""Of Eq. 1's softmax. On 55 crops of people in real clips 99.7 % of the joints that score above 0.3 keep 80 % of their
mass within 2 cells of a 16×8 feature map; at a temperature of 1 it is 94.0 %."""


def decode(maps: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Joints of the person nearest the middle, as the graph decodes them.

    Args:
        maps: head -> (B, channels, h, w), from `CenterNet`.
    Returns:
        xy: (B, 17, 2) in cells.
        scores: (B, 17), the sigmoid of the heat map at the joint's cell.
        logits: (B, 17, h, w), the heat map before its sigmoid, less the logarithm of the distance to the first guess.
    """
    B, J, h, w = maps["heatmap"].shape
    middle = torch.tensor((h / 2, w / 2), device=maps["center"].device)
    near_middle = maps["center"].sigmoid().squeeze(1) / (cells.distance(middle, (h, w)) + NEARNESS)
    person = near_middle.flatten(1).argmax(dim=1, keepdim=True)  # (B, 1)

    guesses = cells.places(person, w) + cells.read(maps["regress"], person).view(B, J, 2)
    farness = cells.distance(guesses, (h, w)) + NEARNESS  # (B, J, h, w)
    heat = maps["heatmap"].sigmoid()
    peaks = (heat / farness).flatten(2).argmax(dim=2, keepdim=True)  # (B, J, 1)

    yx = cells.places(peaks, w) + cells.read(maps["offset"].unflatten(1, (J, 2)), peaks)  # (B, J, 1, 2)
    return (
        yx.squeeze(2).flip(-1),
        cells.read(heat.unsqueeze(2), peaks).flatten(2).squeeze(2),
        maps["heatmap"] - farness.log(),
    )


class MoveNet:
    """The bundled estimator. See `ctl.keypoints.base.KeypointEstimator`."""

    name: str = MOVENET

    def __init__(self, net: nn.Module) -> None:
        self.net = net

    @torch.no_grad()
    def __call__(self, frames: Tensor) -> HeatMaps:
        xy, scores, logits = decode(self.net(checked(frames)))
        return HeatMaps(logits / TEMPERATURE, xy * STRIDE, scores)


def load_movenet(device: str | torch.device = "cpu", *, onnx: bool = False) -> MoveNet:
    """The bundled MoveNet Thunder, ready for inference. Raises InputError where its weights are missing."""
    return MoveNet(load_bundled("movenet-thunder", device, onnx=onnx))
