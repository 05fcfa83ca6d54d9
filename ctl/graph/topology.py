"""Context-reinforced topology: who is linked to whom, and how strongly (section 3.2, Eq. 2 and 3, Figure 4)."""

from collections.abc import Collection
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctl.config import TopologyTerm
from ctl.graph.adjacency import sliding_windows
from ctl.skeleton import Scale, part_count, physical_adjacency


class Adjacency(NamedTuple):
    """The terms of Eq. 2 (one frame) or Eq. 3 (a window of τ frames), V = τN; row = receiver, column = sender.

    A term that the config leaves out is all zeros.
    """

    physical: Tensor  # (V, V), 0 or 1
    mask: Tensor  # (V, V)
    context: Tensor  # (B, T, V, V), rows of unit length

    @property
    def total(self) -> Tensor:
        """A = A^p + A^m + A^c, (B, T, V, V), without self-loops."""
        return self.physical + self.mask + self.context


class ContextBlock(nn.Module):
    """One graph for a whole clip out of all its nodes (Figure 4a): squeeze channels, squeeze time, spread to N².

    Assumed: the block squeezes exactly `clip_length` frames; a clip of another length is first averaged into that many
    equal spans of time, or spread over them.

    Args:
        channels: C.
        nodes: N.
        clip_length: T.
    """

    def __init__(self, channels: int, nodes: int, clip_length: int) -> None:
        super().__init__()
        self.squeeze_channels = nn.Linear(channels, 1, bias=False)  # the last layer has the bias
        self.squeeze_time = nn.Linear(clip_length, 1, bias=False)
        self.spread = nn.Linear(nodes, nodes * nodes)

    def forward(self, nodes: Tensor) -> Tensor:
        """(B, T, N, C) -> A^c (B, T, N, N), the same for every frame of a clip, rows of unit length."""
        B, T, N, _ = nodes.shape
        per_node = self.squeeze_channels(nodes).squeeze(-1).mT  # (B, N, T)
        per_node = F.adaptive_avg_pool1d(per_node, self.squeeze_time.in_features)
        links = self.spread(self.squeeze_time(per_node).squeeze(-1)).view(B, 1, N, N)
        return F.normalize(links, dim=-1).expand(B, T, N, N)


class AdvancedContextBlock(nn.Module):
    """One graph per temporal window out of its τN nodes (Figure 4b): squeeze channels, spread to (τN)².

    Args:
        channels: C.
        nodes: N.
        window: τ.
    """

    def __init__(self, channels: int, nodes: int, window: int) -> None:
        super().__init__()
        self.window = window
        self.squeeze_channels = nn.Linear(channels, 1, bias=False)  # no bias, so that an absent frame counts as zero
        self.spread = nn.Linear(window * nodes, (window * nodes) ** 2)

    def forward(self, nodes: Tensor) -> Tensor:
        """(B, T, N, C) -> A^c (B, T, τN, τN), rows of unit length."""
        per_node = sliding_windows(self.squeeze_channels(nodes), self.window).squeeze(-1)  # (B, T, τN)
        V = per_node.shape[-1]
        return F.normalize(self.spread(per_node).unflatten(-1, (V, V)), dim=-1)


class Topology(nn.Module):
    """A = A^p + A^m + A^c of one scale in one layer.

    Assumed: each layer has its own A^m and its own context block; the paper doesn't say that they are shared.

    Args:
        scale: whose body parts are the nodes.
        window: τ; the physical and mask terms of one frame are tiled into τ × τ blocks (Eq. 3).
        terms: the terms that count.
        context: module for A^c, (B, T, N, C) -> (B, T, τN, τN).
        self_links: whether the physical term links a node to itself in the other frames of the window.
    """

    physical: Tensor

    def __init__(
        self,
        scale: Scale,
        window: int,
        terms: Collection[TopologyTerm],
        context: nn.Module,
        self_links: bool = False,
    ) -> None:
        super().__init__()
        N = part_count(scale)
        self.window = window
        physical = torch.zeros(window * N, window * N)
        if "physical" in terms:
            physical += torch.from_numpy(physical_adjacency(scale)).tile(window, window)
            if self_links:
                physical += torch.eye(N).tile(window, window) - torch.eye(window * N)
        self.register_buffer("physical", physical, persistent=False)
        self.mask = nn.Parameter(torch.zeros(N, N)) if "mask" in terms else None
        self.context = context if "context" in terms else None

    def forward(self, nodes: Tensor) -> Adjacency:
        """(B, T, N, C) -> the adjacency of every frame's window."""
        B, T, N, _ = nodes.shape
        V = self.window * N
        mask = nodes.new_zeros(N, N) if self.mask is None else self.mask
        context = nodes.new_zeros(B, T, V, V) if self.context is None else self.context(nodes)
        return Adjacency(self.physical, mask.tile(self.window, self.window), context)
