"""What a key-point estimator is, and how one is loaded by name.

An estimator turns pictures into heat maps whose softmax over space is where each joint is (Eq. 1), and into one point
and one score per joint. Every estimator keeps to the COCO-17 order of `ctl.skeleton.JOINTS`.
"""

from dataclasses import dataclass
from typing import Final, Protocol

import torch
from torch import Tensor

MOVENET: Final = "movenet-thunder"
"""Name of the bundled estimator; any other name is a local folder, a Hub id or id@revision."""


@dataclass(frozen=True, eq=False)
class HeatMaps:
    """Where the joints of one person per picture are.

    Args:
        logits: (B, 17, h, w) float. Softmax over space is a probability (Eq. 1); the estimator has already sharpened it
            by a temperature of its own. The map covers the whole picture, whatever h and w are.
        xy: (B, 17, 2) float, x and y in pixels of the input picture.
        scores: (B, 17) float in 0..1, that the joint is there.
    """

    logits: Tensor
    xy: Tensor
    scores: Tensor


class KeypointEstimator(Protocol):
    """Finds the 17 joints of the person in each picture.

    Attributes:
        name: "movenet-thunder", or the folder or Hub id that was asked for.
    """

    name: str

    def __call__(self, frames: Tensor) -> HeatMaps:
        """Look at B pictures.

        Args:
            frames: (B, 3, H, W) float RGB in 0..1; H and W are multiples of 32.
        """
        ...


def load_estimator(name: str = MOVENET, device: str | torch.device = "cpu") -> KeypointEstimator:
    """Load an estimator, ready for inference.

    Args:
        name: "movenet-thunder" is bundled; anything else is a ViTPose model: a local folder, a Hub id or id@revision.
        device: where it runs; frames must be there too.
    Raises:
        InputError: no such model, or the package that runs it isn't installed.
        HubError: the Hub can't be reached, or doesn't have it.
    """
    if name == MOVENET:
        from ctl.keypoints.movenet import load_movenet

        return load_movenet(device)
    from ctl.keypoints.vitpose import load_vitpose  # transformers loads only when it is asked for

    return load_vitpose(name, device)
