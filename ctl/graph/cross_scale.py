"""Cross-scale graph convolution (CS-GCL): parts of one scale inform those of another (section 3.4, Eq. 5 and 6)."""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ctl.config import Relation
from ctl.graph.conv3d import PartNorm
from ctl.skeleton import Scale, membership_matrix, part_count

SHARPNESS: Final = 4.0
"""Factor of the cosine in Eq. 5's softmax: no source can weigh more than e⁴ = 55 times another, by what it says."""


class Embedding(nn.Module):
    """A fully connected layer with BN and ReLU: φ, ϕ, h and f of Eq. 5.

    The layer is split if its input is a concatenation or a difference, so that each product is formed per node and
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
    """CS-GCL from a finer scale to s3.

    Assumed: φ and ϕ serve both scales, as they carry no scale in Eq. 5, while h and f have one copy per scale. The
    softmax of Eq. 5 runs over the source parts, so each target part spreads a weight of 1 over them. Two CS-GCLs share
    nothing. The gains of h and f start small, so that the sum over up to 17 parts starts near a mean, and the softmax
    soft, as if its products were divided by √E.

    Differs, if asked for: Eq. 5 takes the cosine of r in place of the inner product, which training drives to one
    source for everybody; a source within the target part gets a head start in the softmax; a norm stands before the
    ReLU of Eq. 6, which without one ends shut.

    Args:
        channels: C.
        width: E, width of φ, ϕ, h and f.
        scale: the finer scale, whose parts are the sources.
        relation: "product" or "cosine".
        body_prior: added to Eq. 5's softmax if the source lies wholly within the target part.
        carry_norm: whether a norm stands before σ in Eq. 6.
    """

    prior: Tensor

    def __init__(
        self,
        channels: int,
        width: int,
        scale: Scale,
        relation: Relation = "product",
        body_prior: float = 0.0,
        carry_norm: bool = False,
    ) -> None:
        super().__init__()
        self.relation_kind = relation
        within = torch.from_numpy(membership_matrix(scale, "s3")) > 0  # (M, N)
        self.register_buffer("prior", body_prior * within, persistent=False)
        self.norm = PartNorm(channels, part_count("s3"), gain=1.0) if carry_norm else None
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
        receivers, senders = self.relation(target, "target"), self.relation(source, "source")
        if self.relation_kind == "cosine":
            receivers, senders = SHARPNESS * F.normalize(receivers, dim=-1), F.normalize(senders, dim=-1)
        adjacency = (receivers @ senders.mT + self.prior).softmax(dim=-1)  # Eq. 5
        carried = self.weight(adjacency @ source)  # M < N, so A X comes before W
        return F.relu(carried if self.norm is None else self.norm(carried)), adjacency  # Eq. 6
