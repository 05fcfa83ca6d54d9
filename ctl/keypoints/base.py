"""What a key-point estimator is; `ctl.keypoints.load` gets one by its name.

An estimator turns pictures into heat maps whose softmax over space is where each joint is (Eq. 1), and into one point
and one score per joint. Every estimator keeps to the COCO-17 order of `ctl.skeleton.JOINTS`.
"""

from dataclasses import dataclass
from typing import Final, Protocol

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
