"""Cross-scale graph convolution (CS-GCL): parts of one scale inform those of another (section 3.4, Eq. 5 and 6)."""

import torch.nn.functional as F
from torch import Tensor, nn


class Embedding(nn.Module):
    """A fully connected layer with BN and ReLU: φ, ϕ, h and f of Eq. 5.

    The layer is split where its input is a concatenation or a difference, so that each product is formed per node and
    not per pair: `blocks` map each piece with its own block of the weight, `activate` adds BN and ReLU to their sum.

    Args:
        widths: size of each piece of the concatenated input.
        out: width of the result.
        gain: what the gain of the BN starts at.
    """

    def __init__(self, widths: tuple[int, ...], out: int, gain: float = 1.0) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Linear(width, out, bias=False) for width in widths)  # BN has the bias
        self.norm = nn.BatchNorm1d(out)
        nn.init.constant_(self.norm.weight, gain)

    def activate(self, summed: Tensor) -> Tensor:
        return F.relu(self.norm(summed.flatten(0, -2)).view_as(summed))

    def forward(self, *pieces: Tensor) -> Tensor:
        """Pieces that broadcast against each other, (..., width) each -> (..., out)."""
        first, *rest = (block(piece) for block, piece in zip(self.blocks, pieces, strict=True))
        return self.activate(sum(rest, start=first))


class CrossScaleConv(nn.Module):
    """CS-GCL from a source scale to a target scale.

    Assumed: φ and ϕ serve both scales, as they carry no scale in Eq. 5, while h and f have one copy per scale. The
    softmax of Eq. 5 runs over the source parts, so each target part spreads a weight of 1 over them. Two CS-GCLs share
    nothing. The gains of h and f start small, so that the sum over up to 17 parts starts near a mean, and the softmax
    soft, as if its products were divided by √E.

    Args:
        channels: C.
        width: E, width of φ, ϕ, h and f.
    """

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.node = Embedding((channels,), width)  # φ
        self.pair = Embedding((channels,), width)  # ϕ
        ends = ("source", "target")
        self.relate = nn.ModuleDict({end: Embedding((width, width), width, gain=0.1) for end in ends})  # h
        soft = width**-0.25
        self.augment = nn.ModuleDict({end: Embedding((channels, width), width, gain=soft) for end in ends})  # f
        self.weight = nn.Linear(channels, channels, bias=False)  # W of Eq. 6

    def relation(self, nodes: Tensor, end: str) -> Tensor:
        """r of Eq. 5: each part together with how it relates to all parts of its own scale and frame.

        Args:
            nodes: (B, T, N, C).
            end: "source" or "target", whose h and f are used.
        Returns:
            (B, T, N, E) ≥ 0.
        """
        mapped = self.pair.blocks[0](nodes)  # (B, T, N, E): ϕ is linear before its BN, so no pair is mapped
        pairs = self.pair.activate(mapped.unsqueeze(2) - mapped.unsqueeze(3))  # (B, T, N, N, E), [i, j] of x_j - x_i
        context = self.relate[end](self.node(nodes).unsqueeze(3), pairs).sum(dim=3)  # p, (B, T, N, E)
        return self.augment[end](nodes, context)

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Carry the source parts over to the target parts.

        Args:
            source: (B, T, N, C).
            target: (B, T, M, C).
        Returns:
            transformed parts (B, T, M, C) ≥ 0 of Eq. 6, and the adjacency (B, T, M, N), rows sum to 1.
        """
        adjacency = (self.relation(target, "target") @ self.relation(source, "source").mT).softmax(dim=-1)  # Eq. 5
        return F.relu(self.weight(adjacency @ source)), adjacency  # Eq. 6; M < N, so A X comes before W
