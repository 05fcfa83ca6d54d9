"""How the finer scales reach s3: cross-scale graph convolution, or the plain addition it is compared with (Eq. 5-7)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ctl.config import ModelConfig
from ctl.graph import CrossScaleConv
from ctl.skeleton import Scale, membership_matrix


class FusedScales(NamedTuple):
    """What Eq. 7 gives, and what it is made of."""

    parts: Tensor  # (B, T, 5, C), V_p
    weights: dict[str, Tensor]  # finer scale -> (B, T, 5, N), A of Eq. 6
    carried: dict[str, Tensor]  # finer scale -> (B, T, 5, C), α times what it tells s3


class AddScale(nn.Module):
    """Each s3 part receives the mean of the finer parts that lie wholly within it (Table 3, rows without "CS").

    Assumed: the paper says that "addition" replaces the CS-GCL, but not how 17 or 10 parts are added to 5.

    Args:
        source: the finer scale.
    """

    membership: Tensor

    def __init__(self, source: Scale) -> None:
        super().__init__()
        self.register_buffer("membership", torch.from_numpy(membership_matrix(source, "s3")), persistent=False)

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, N, C) and (B, T, 5, C) -> transformed parts (B, T, 5, C) and the fixed weights (B, T, 5, N)."""
        return self.membership @ source, self.membership.expand(*source.shape[:2], -1, -1)


class ScaleFusion(nn.Module):
    """V_p of Eq. 7: the parts of s3, and α times what the finer scales tell them.

    Args:
        config: of the model; its `fused_scales` are the finer ones that are added.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.alpha = config.alpha
        self.carry = nn.ModuleDict({source: _carry(config, source) for source in config.fused_scales})

    def forward(self, scales: dict[str, Tensor]) -> FusedScales:
        """Parts of every scale, (B, T, N, C), fused into those of s3."""
        parts, weights, carried = scales["s3"], {}, {}
        for source, carry in self.carry.items():
            told, weights[source] = carry(scales[source], scales["s3"])
            carried[source] = self.alpha * told
            parts = parts + carried[source]
        return FusedScales(parts, weights, carried)


def _carry(config: ModelConfig, source: Scale) -> CrossScaleConv | AddScale:
    if config.fusion == "add":
        return AddScale(source)
    return CrossScaleConv(
        config.channels,
        config.relation_width,
        source,
        relation=config.relation,
        body_prior=config.body_prior,
        carry_norm=config.carry_norm,
    )
