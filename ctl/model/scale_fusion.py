"""How the finer scales reach s3: cross-scale graph convolution, or the plain addition it is compared with (Eq. 5-7)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ctl.config import Fusion
from ctl.graph import CrossScaleConv
from ctl.skeleton import Scale, membership_matrix


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
        channels: C.
        relation_width: E of the CS-GCL.
        sources: finer scales that are added.
        fusion: "cross_scale" or "add".
        alpha: α.
    """

    def __init__(
        self, channels: int, relation_width: int, sources: Sequence[Scale], fusion: Fusion, alpha: float
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.carry = nn.ModuleDict(
            {s: CrossScaleConv(channels, relation_width) if fusion == "cross_scale" else AddScale(s) for s in sources}
        )

    def forward(self, scales: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Parts of every scale (B, T, N, C) -> V_p (B, T, 5, C), and the weights (B, T, 5, N) by source scale."""
        parts, weights = scales["s3"], {}
        for source, carry in self.carry.items():
            carried, weights[source] = carry(scales[source], scales["s3"])
            parts = parts + self.alpha * carried
        return parts, weights
