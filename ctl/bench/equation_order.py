"""The head of the network in the equations' own order of operations: what the arithmetic costs when done as written.

Outer products before pooling (Eq. 1), windows before W (Eq. 4), pairs before ϕ and h (Eq. 5), parts before time
(section 3.5). The result equals that of `CTL.extract` and `CTL.relate`; `python -m ctl bench` compares with it.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ctl.graph import normalise_adjacency, sliding_windows
from ctl.model.nodes import spatial_mass
from ctl.skeleton import SCALES, pooling_matrix


def embedding_in_equation_order(model: Any, maps: Tensor, heatmap_logits: Tensor) -> Tensor:
    """Maps (B, T, C0, H, W) and logits (B, T, 17, h, w) -> V_f^a (B, C), for a model with CS-GCLs and M = 1."""
    maps = model.extract.reduce(maps.movedim(2, -1)).movedim(-1, 2)  # (B, T, C, H, W)
    mass = spatial_mass(heatmap_logits, *maps.shape[-2:])
    joints = (maps.unsqueeze(2) * mass.unsqueeze(3)).sum(dim=(-2, -1))  # F ⊗ m is (B, T, 17, C, H, W)
    whole = maps.mean(dim=(-2, -1))
    scales = {scale: torch.from_numpy(pooling_matrix(scale)).to(joints) @ joints for scale in SCALES}

    for level in model.graphs:
        convolved = {scale: _graph_conv(level.scales[scale], nodes) for scale, nodes in scales.items()}
        scales = {s: nodes + scales[s] if level.shortcut else nodes for s, nodes in convolved.items()}

    (fusion,) = model.fuse_scales
    parts = scales["s3"]
    for source, carry in fusion.carry.items():
        parts = parts + fusion.alpha * _cross_scale_conv(carry, scales[source], scales["s3"])
    torch.einsum("btpc,prc->btpr", parts, model.fuse.align)  # g_c of every frame, for V_f^c
    return (parts.sum(dim=2) + whole).mean(dim=1)


def _graph_conv(layer: Any, nodes: Tensor) -> Tensor:
    B, T, N, C = nodes.shape
    windows = sliding_windows(nodes, layer.window)  # (B, T, τN, C)
    block, V = layer.topology.context, layer.window * N
    context = F.normalize(block.spread(block.squeeze_channels(windows).squeeze(-1)).unflatten(-1, (V, V)), dim=-1)
    tiled = layer.topology.physical + layer.topology.mask.tile(layer.window, layer.window)
    messages = F.relu(layer.weight(normalise_adjacency(tiled + context) @ windows))
    by_node = messages.view(B, T, layer.window, N, C).transpose(2, 3).flatten(-2)
    return F.relu(layer.norm(layer.collapse(by_node)))


def _cross_scale_conv(layer: Any, source: Tensor, target: Tensor) -> Tensor:
    adjacency = (_relation(layer, target, "target") @ _relation(layer, source, "source").mT).softmax(dim=-1)
    return F.relu(layer.weight(adjacency @ source))


def _relation(layer: Any, nodes: Tensor, end: str) -> Tensor:
    N = nodes.shape[2]
    own = _embed(layer.node, nodes).unsqueeze(3).expand(-1, -1, -1, N, -1)
    pairs = _embed(layer.pair, nodes.unsqueeze(2) - nodes.unsqueeze(3))  # ϕ of each x_j - x_i
    context = _embed(layer.relate[end], torch.cat([own, pairs], dim=-1)).sum(dim=3)
    return _embed(layer.augment[end], torch.cat([nodes, context], dim=-1))


def _embed(embedding: Any, values: Tensor) -> Tensor:
    weight = torch.cat([block.weight for block in embedding.blocks], dim=1)
    return embedding.activate(F.linear(values, weight))
