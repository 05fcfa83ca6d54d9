"""An embedding as the sum of what it was made of: an explanation of a similarity that can be checked by adding up.

V_f^a is a mean over frames of V_g + Σ V_p (section 3.5), and V_p is V_s3 + α Σ ReLU(W A X) over the finer scales
(Eq. 6 and 7). A ReLU lets a number through or stops it; with what it did held fixed, a scale's message is a plain
sum over the parts that sent it. A norm is a gain and a shift: that of the BN neck stands apart; that of a norm within
Eq. 6 is shared out among the senders by A, whose rows sum to 1. So the embedding is, exactly,

    Σ over frames and over {whole picture, 5 parts of s3, 10 of s2, 17 of s1} of one vector each, plus a shift,

and its cosine with any other embedding is the sum of these vectors' products with it.

What it doesn't say: how a part came to be what it is. Graph layers have mixed the parts of a scale before, and each
part's features come from a picture that the backbone has looked at as a whole. The weights A of Eq. 5 are taken as
given. Grad-CAM follows the same similarity back to the picture.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ctl.graph import CrossScaleConv
from ctl.inference import TrackletGraphs
from ctl.model import CTL
from ctl.model.scale_fusion import ScaleFusion

WHOLE = "whole"
"""Name of V_g among the terms."""


@dataclass(frozen=True, eq=False)
class Composition:
    """What the embedding of a tracklet of T frames adds up from, before it is brought to unit length.

    Args:
        terms: "whole" -> (T, 1, C), "s3" -> (T, 5, C) and each fused scale -> (T, N, C), float32.
        shift: (C,) float32, what the BN neck adds to every clip; 0 without a neck.
    """

    terms: dict[str, np.ndarray]
    shift: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """(C,) float64, the sum of all."""
        return self.shift + sum(values.sum(axis=(0, 1), dtype=np.float64) for values in self.terms.values())


@dataclass(frozen=True, eq=False)
class Contributions:
    """A cosine as a sum.

    Args:
        terms: as in `Composition`, (T, N) float64 each.
        shift: share of the BN neck's shift.
    """

    terms: dict[str, np.ndarray]
    shift: float

    @property
    def similarity(self) -> float:
        """The cosine: the sum of all."""
        return self.shift + sum(float(values.sum()) for values in self.terms.values())


def compose(model: CTL, graphs: TrackletGraphs) -> Composition:
    """Take an embedding apart.

    Args:
        model: that made the graphs.
        graphs: over all clips of a tracklet; a frame that fills up a clip counts as often as it stands there.
    """
    fusion = model.fuse_scales[-1]
    assert isinstance(fusion, ScaleFusion)
    with torch.inference_mode():
        terms = {WHOLE: graphs.whole.unsqueeze(2), "s3": graphs.refined["s3"]}
        for source, carry in fusion.carry.items():
            terms[source] = fusion.alpha * _carried(carry, graphs.cross_scale[f"{source}_s3"], graphs.refined[source])
        gain, shift = _neck(model)
        frames = torch.from_numpy(graphs.clips).flatten()
        count = int(frames.max()) + 1
        return Composition(
            {name: _by_frame(gain * values / len(frames), frames, count) for name, values in terms.items()},
            shift.cpu().numpy(),
        )


def contributions(composition: Composition, target: np.ndarray) -> Contributions:
    """What each frame and part adds to the cosine with another embedding.

    It is linear in `target`: given the difference of two embeddings of unit length, it says what makes the tracklet
    more similar to one than to the other.

    Args:
        composition: of a tracklet.
        target: (D,), of unit length.
    """
    direction = target / np.linalg.norm(composition.total)
    return Contributions(
        {name: values.astype(np.float64) @ direction for name, values in composition.terms.items()},
        float(composition.shift @ direction),
    )


def _carried(carry: nn.Module, weights: Tensor, source: Tensor) -> Tensor:
    """The message of a finer scale, sender by sender.

    Args:
        carry: `CrossScaleConv` or `AddScale`.
        weights: (B, T, M, N), A of Eq. 6.
        source: (B, T, N, C), X.
    Returns:
        (B, T, N, C); its sum over N is that of ReLU(W A X) over M.
    """
    if not isinstance(carry, CrossScaleConv):
        return weights.sum(dim=2).unsqueeze(-1) * source
    carried = carry.weight(weights @ source)  # (B, T, M, C)
    if carry.norm is None:
        return carry.weight(source) * (weights.mT @ (carried > 0).to(source))
    gain, shift = (values.view_as(carried[0, 0]) for values in _gain_and_shift(carry.norm))  # (M, C)
    passed = (gain * carried + shift > 0).to(source)  # what the ReLU let through
    return carry.weight(source) * (weights.mT @ (passed * gain)) + weights.mT @ (passed * shift)


def _neck(model: CTL) -> tuple[Tensor, Tensor]:
    """Gain and shift, (C,) each, of the batch norm that V_f^a goes through in evaluation."""
    if not model.necks:
        channels, like = model.config.channels, next(model.parameters())
        return like.new_ones(channels), like.new_zeros(channels)
    norm = model.necks[1]
    assert isinstance(norm, nn.BatchNorm1d)
    return _gain_and_shift(norm)


def _gain_and_shift(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """What a batch norm does in evaluation: y = gain · x + shift, a number of each per channel."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    gain = norm.weight * (norm.running_var + norm.eps).rsqrt()
    return gain, norm.bias - norm.running_mean * gain


def _by_frame(values: Tensor, frames: Tensor, count: int) -> np.ndarray:
    """(B, T, N, C) summed into the frames of the tracklet -> (count, N, C) float32."""
    flat = values.flatten(0, 1).float().cpu()
    return torch.zeros(count, *flat.shape[1:]).index_add_(0, frames, flat).numpy()
