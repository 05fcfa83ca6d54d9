"""Feature maps and key-point heat maps to graph nodes at three scales (section 3.1, Eq. 1)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from ctl.skeleton import SCALES, pooling_matrix


class Nodes(NamedTuple):
    """V_g and V_s of Eq. 1."""

    whole: Tensor  # (B, T, C), V_g
    scales: dict[str, Tensor]  # "s1", "s2", "s3" -> (B, T, N, C), V_s


def overlap_matrix(cells: int, pixels: int, device: torch.device) -> Tensor:
    """(cells, pixels): share of each of `pixels` equal spans that lies in each of `cells` spans; columns sum to 1."""
    edges = torch.arange(cells + 1, device=device) * (pixels / cells)
    start = torch.arange(pixels, device=device)
    return (torch.minimum(edges[1:, None], start + 1) - torch.maximum(edges[:-1, None], start)).clamp_min(0)


def spatial_mass(heatmap_logits: Tensor, height: int, width: int) -> Tensor:
    """Where each joint is, as a share of 1 per cell of the feature map.

    The softmax runs over all pixels of a heat map; its mass is then summed onto the height × width cells, whatever the
    two resolutions are.

    Args:
        heatmap_logits: (..., J, h, w).
    Returns:
        (..., J, height, width) ≥ 0, sums to 1 over the cells.
    """
    h, w = heatmap_logits.shape[-2:]
    mass = heatmap_logits.flatten(-2).softmax(dim=-1).unflatten(-1, (h, w))
    # Made on the device: a copy from the CPU would wait there for the backbone.
    rows = overlap_matrix(height, h, mass.device).to(mass.dtype)
    columns = overlap_matrix(width, w, mass.device).to(mass.dtype)
    return rows @ mass @ columns.mT


class NodeExtractor(nn.Module):
    """Eq. 1: pool the feature map where each joint is, then average joints into the parts of the coarser scales.

    Differs: g_GAP of F ⊗ m averages over the cells, which makes a node H·W times smaller than V_g; the sum is taken, so
    that a node is a weighted mean of the map just as V_g is its plain mean. If the map is wider than C, a linear map
    reduces the pooled features; it commutes with pooling and so runs on 18 vectors a frame, not on the whole map.

    Args:
        map_channels: C0, width of the feature map.
        channels: C.
    """

    def __init__(self, map_channels: int, channels: int) -> None:
        super().__init__()
        same = map_channels == channels
        self.reduce: nn.Module = nn.Identity() if same else nn.Linear(map_channels, channels, bias=False)
        for scale in SCALES[1:]:
            self.register_buffer(f"pool_{scale}", torch.from_numpy(pooling_matrix(scale)), persistent=False)

    def forward(self, maps: Tensor, heatmap_logits: Tensor) -> Nodes:
        """Feature maps (B, T, C0, H, W) and logits (B, T, 17, h, w) -> nodes."""
        mass = spatial_mass(heatmap_logits, *maps.shape[-2:]).flatten(-2)  # (B, T, 17, HW)
        cells = maps.flatten(-2).mT  # (B, T, HW, C0)
        whole, joints = self.reduce(cells.mean(dim=-2)), self.reduce(mass @ cells)  # (B, T, C), (B, T, 17, C)
        return Nodes(whole, {"s1": joints} | {s: self.get_buffer(f"pool_{s}") @ joints for s in SCALES[1:]})
