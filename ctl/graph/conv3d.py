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
"""What the gain of a layer's BN starts at. Assumed: V_f^a adds five parts to V_g, and at a gain of 1 the variance over
people of their sum is some two hundred times that of V_g, which then hardly counts; at 0.2 it is nine times."""


class PartNorm(nn.BatchNorm1d):
    """BN with a mean, a variance, a gain and a shift for every part and channel.

    Differs: after a convolution BN has one for every channel. Then what sets parts apart, which is nearly the same for
    everybody, makes up most of the variance, and what sets people apart shrinks from layer to layer.

    Args:
        channels: C.
        parts: N.
        gain: what the gain starts at.
    """

    def __init__(self, channels: int, parts: int, gain: float = GAIN) -> None:
        super().__init__(parts * channels)
        nn.init.constant_(self.weight, gain)

    def forward(self, nodes: Tensor) -> Tensor:
        """(B, T, N, C) -> the same shape."""
        return super().forward(nodes.flatten(0, 1).flatten(1)).view_as(nodes)


class GraphConv3d(nn.Module):
    """3D-GCL: each part listens to every part of the τ frames around it, then the window is collapsed to its centre.

    Eq. 4, σ(D^-1/2 Â D^-1/2 X W), followed by a (τ × 1) convolution with BN and ReLU. σ is ReLU. W has no bias, so XW
    of a zero-padded frame is zero, and XW is computed once per node before the windows are formed.

    Args:
        channels: C.
        scale: whose body parts are the nodes.
        window: τ, odd.
        terms: terms of the topology that count.
        self_links: whether a node hears itself in the other frames of its window.
    """

    def __init__(
        self, channels: int, scale: Scale, window: int, terms: Collection[TopologyTerm], self_links: bool = False
    ) -> None:
        super().__init__()
        self.window = window
        context = AdvancedContextBlock(channels, part_count(scale), window)
        self.topology = Topology(scale, window, terms, context, self_links)
        self.weight = nn.Linear(channels, channels, bias=False)  # W
        self.collapse = nn.Linear(window * channels, channels, bias=False)  # the (τ × 1) convolution
        self.norm = PartNorm(channels, part_count(scale))

    def forward(self, nodes: Tensor) -> tuple[Tensor, Adjacency]:
        """(B, T, N, C) -> updated nodes (B, T, N, C) ≥ 0 and the adjacency they were updated with."""
        B, T, N, C = nodes.shape
        adjacency = self.topology(nodes)
        windows = sliding_windows(self.weight(nodes), self.window)  # (B, T, τN, C)
        messages = F.relu(normalise_adjacency(adjacency.total) @ windows)  # Eq. 4
        by_node = messages.view(B, T, self.window, N, C).transpose(2, 3).flatten(-2)  # (B, T, N, τC)
        return F.relu(self.norm(self.collapse(by_node))), adjacency


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
        self.norm = PartNorm(channels, part_count(scale))

    def forward(self, nodes: Tensor) -> tuple[Tensor, Adjacency]:
        """(B, T, N, C) -> updated nodes (B, T, N, C) ≥ 0 and the adjacency they were updated with."""
        adjacency = self.topology(nodes)
        messages = normalise_adjacency(adjacency.total) @ self.weight(nodes)
        return F.relu(self.norm(messages)), adjacency
