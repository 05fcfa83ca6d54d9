"""Graph convolution over the frames of a clip: the 3D-GCL (section 3.3, Eq. 3 and 4) and its frame-wise ancestor."""

from collections.abc import Collection
from typing import Final

import torch.nn.functional as F
from torch import Tensor, nn

from ctl.config import TopologyTerm
from ctl.graph.adjacency import normalise_adjacency, sliding_windows
from ctl.graph.topology import Adjacency, AdvancedContextBlock, ContextBlock, Topology
from ctl.skeleton import Scale, part_count

GAIN: Final = 0.2
"""What the gain of a layer's BN starts at. Assumed: V_f^a adds five parts to V_g, and at a gain of 1 their spread over
people is some forty times that of V_g, which then hardly counts."""


class GraphConv3d(nn.Module):
    """3D-GCL: each part listens to every part of the τ frames around it, then the window is collapsed to its centre.

    Eq. 4, σ(D^-1/2 Â D^-1/2 X W), followed by a (τ × 1) convolution with BN and ReLU. σ is ReLU. W has no bias, so XW
    of a zero-padded frame is zero, and XW is computed once per node before the windows are formed.

    Args:
        channels: C.
        scale: whose body parts are the nodes.
        window: τ, odd.
        terms: terms of the topology that count.
    """

    def __init__(self, channels: int, scale: Scale, window: int, terms: Collection[TopologyTerm]) -> None:
        super().__init__()
        self.window = window
        self.topology = Topology(scale, window, terms, AdvancedContextBlock(channels, part_count(scale), window))
        self.weight = nn.Linear(channels, channels, bias=False)  # W
        self.collapse = nn.Linear(window * channels, channels, bias=False)  # the (τ × 1) convolution
        self.norm = _norm(channels)

    def forward(self, nodes: Tensor) -> tuple[Tensor, Adjacency]:
        """(B, T, N, C) -> updated nodes (B, T, N, C) ≥ 0 and the adjacency they were updated with."""
        B, T, N, C = nodes.shape
        adjacency = self.topology(nodes)
        windows = sliding_windows(self.weight(nodes), self.window)  # (B, T, τN, C)
        messages = F.relu(normalise_adjacency(adjacency.total) @ windows)  # Eq. 4
        by_node = messages.view(B, T, self.window, N, C).transpose(2, 3).flatten(-2)  # (B, T, N, τC)
        return F.relu(_batch_norm(self.norm, self.collapse(by_node))), adjacency


class FrameGraphConv(nn.Module):
    """The original GCN on each frame's graph (Table 3, "Basel+ContRe"): Eq. 4 with τ = 1 and nothing to collapse.

    Assumed: BN stands before σ, as it does in the collapse of the 3D-GCL, so that both train alike.

    Args:
        channels: C.
        scale: whose body parts are the nodes.
        clip_length: T, which the context block of Figure 4a squeezes.
        terms: terms of the topology that count.
    """

    def __init__(self, channels: int, scale: Scale, clip_length: int, terms: Collection[TopologyTerm]) -> None:
        super().__init__()
        self.topology = Topology(scale, 1, terms, ContextBlock(channels, part_count(scale), clip_length))
        self.weight = nn.Linear(channels, channels, bias=False)  # W
        self.norm = _norm(channels)

    def forward(self, nodes: Tensor) -> tuple[Tensor, Adjacency]:
        """(B, T, N, C) -> updated nodes (B, T, N, C) ≥ 0 and the adjacency they were updated with."""
        adjacency = self.topology(nodes)
        messages = normalise_adjacency(adjacency.total) @ self.weight(nodes)
        return F.relu(_batch_norm(self.norm, messages)), adjacency


def _norm(channels: int) -> nn.BatchNorm1d:
    """A BN whose gain starts at `GAIN`."""
    norm = nn.BatchNorm1d(channels)
    nn.init.constant_(norm.weight, GAIN)
    return norm


def _batch_norm(norm: nn.BatchNorm1d, values: Tensor) -> Tensor:
    """BN over the last dimension of a tensor of any rank."""
    return norm(values.flatten(0, -2)).view_as(values)
