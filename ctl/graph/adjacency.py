"""Arithmetic that the graph layers share: degrees and temporal windows."""

import torch
import torch.nn.functional as F
from torch import Tensor


def normalise_adjacency(adjacency: Tensor) -> Tensor:
    """D^-1/2 (A + I) D^-1/2 of Eq. 4.

    Differs: a learned entry may be negative, so a plain row sum can reach zero or below and have no root. The degree is
    the row sum of |A + I|, which equals the paper's wherever the entries are ≥ 0.

    Args:
        adjacency: (..., V, V) float, any sign; row = receiver, column = sender, no self-loops.
    Returns:
        (..., V, V) float, finite for every finite input.
    """
    linked = adjacency + torch.eye(adjacency.shape[-1], dtype=adjacency.dtype, device=adjacency.device)
    scale = linked.abs().sum(dim=-1).clamp_min(torch.finfo(adjacency.dtype).eps).rsqrt()  # (..., V)
    return scale.unsqueeze(-1) * linked * scale.unsqueeze(-2)


def sliding_windows(values: Tensor, window: int) -> Tensor:
    """The τ frames around each frame, side by side: the windows of section 3.3.

    Assumed: windows are centred with stride 1; frames before the first and after the last are zero.

    Args:
        values: (B, T, N, K), a row of K numbers per node.
        window: τ, odd.
    Returns:
        (B, T, τN, K); row k·N + n is node n of frame t - τ//2 + k.
    """
    B, T, N, K = values.shape
    padded = F.pad(values, (0, 0, 0, 0, window // 2, window // 2))  # (B, T + τ - 1, N, K)
    return padded.unfold(1, window, 1).permute(0, 1, 4, 2, 3).reshape(B, T, window * N, K)
