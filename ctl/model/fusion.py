"""The fusion block: global and part features to the three clip features (section 3.5)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class ClipFeatures(NamedTuple):
    """The three features that the losses train; only `added` is used to compare clips."""

    whole: Tensor  # (B, C), V_f^g
    added: Tensor  # (B, C), V_f^a
    aligned: Tensor  # (B, C), V_f^c


class FusionBlock(nn.Module):
    """Three branches over V_g and V_p, each averaged over time (g_TAP).

    Everything here is linear, so the average over time is taken first.

    Assumed: C doesn't divide by the number of parts (2048 / 5), so C is cut into nearly equal runs, as
    `torch.tensor_split` does, and the 1 × 1 convolution g_c of each part fills the part's own run.

    Args:
        channels: C.
        parts: number of parts in V_p.
    """

    align: nn.Parameter
    run_of_channel: Tensor

    def __init__(self, channels: int, parts: int) -> None:
        super().__init__()
        runs = torch.arange(channels).tensor_split(parts)
        longest = len(runs[0])
        self.align = nn.Parameter(torch.empty(parts, longest, channels))  # g_c; a short run leaves its tail unused
        places = torch.cat([torch.arange(len(run)) + part * longest for part, run in enumerate(runs)])
        self.register_buffer("run_of_channel", places, persistent=False)

    def forward(self, whole: Tensor, parts: Tensor) -> ClipFeatures:
        """V_g (B, T, C) and V_p (B, T, P, C) -> clip features."""
        whole, parts = whole.mean(dim=1), parts.mean(dim=1)  # (B, C), (B, P, C)
        runs = torch.einsum("bpc,prc->bpr", parts, self.align).flatten(1)  # (B, P · longest run)
        return ClipFeatures(whole, parts.sum(dim=1) + whole, runs[:, self.run_of_channel] + whole)
