"""Grad-CAM of a tracklet: which cells of the feature map the embedding was built from, frame by frame.

Selvaraju et al. 2017: channel weights are the mean gradient of a score over the map, Eq. (1); the map is the ReLU of
the weighted sum of channels, Eq. (2). Here a map spans the T frames of a clip, so its channel weights are shared by
them, and the paper's Figure 8(a) can be drawn: frames are comparable with each other.

Assumed: the paper doesn't name the score. It is a similarity, as nothing else is read off an embedding.

Not thread-safe: while it runs, the model's parameters are frozen and hooks hang on it. One model, one caller at a time.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ctl.inference import clip_indices
from ctl.model import CTL


def grad_cam(model: CTL, frames: Tensor, heatmap_logits: Tensor, reference: Tensor | None = None) -> np.ndarray:
    """The maps of a whole tracklet on one scale: 1 is its strongest cell, 0 none or negative evidence.

    Args, Raises: as `raw_grad_cam`.
    Returns:
        (T, h, w) float32 in 0..1, h and w those of the feature map; all 0 where nothing speaks for the score.
    """
    maps = raw_grad_cam(model, frames, heatmap_logits, reference)
    return maps / (maps.max() or 1.0)


def raw_grad_cam(
    model: CTL, frames: Tensor, heatmap_logits: Tensor, reference: Tensor | None = None, batch: int = 2
) -> np.ndarray:
    """Grad-CAM before it is brought to 0..1.

    The tracklet is cut into the clips that its embedding is the mean of. `batch` of them are held at a time, so memory
    doesn't grow with T.

    Args:
        model: its modes, parameters and gradients are left as they were found.
        frames: (T, 3, H, W) float RGB, 0..1, on the model's device, as are the others.
        heatmap_logits: (T, 17, h, w) float, as the model takes them.
        reference: (D,), the embedding to compare with, say of a gallery hit; the score is the cosine. Without one it is
            the clip's own direction: the score is the length of its embedding along it. (A cosine with itself is at
            its maximum, where every gradient is zero, so don't give the tracklet's own embedding.)
        batch: clips in one pass.
    Returns:
        (T, h, w) float32 ≥ 0.
    Raises:
        ValueError: as the model does for shapes that it can't take.
    """
    clips = clip_indices(len(frames), model.config.clip_length)  # (clips, T)
    with torch.inference_mode(False), torch.enable_grad(), _explainable(model) as seen:
        groups = (torch.from_numpy(clips[first : first + batch]) for first in range(0, len(clips), batch))
        clip_maps = np.concatenate(
            [_clip_maps(model, seen, frames[group], heatmap_logits[group], reference) for group in groups]
        )
    maps = np.empty((len(frames), *clip_maps.shape[2:]), np.float32)
    maps[clips] = clip_maps  # a frame that fills up its clip has the same map every time: weights are the clip's
    return maps


def _clip_maps(model: CTL, seen: list[Tensor], clips: Tensor, logits: Tensor, reference: Tensor | None) -> np.ndarray:
    """(B, T, 3, H, W) -> (B, T, h, w) float32 ≥ 0. `seen` is the list of `_explainable`."""
    scores = _similarities(model(clips, logits).embedding, reference)
    maps = seen.pop()  # (B, T, C0, h, w)
    (gradient,) = torch.autograd.grad(scores.sum(), maps)
    weights = gradient.mean(dim=(1, 3, 4), keepdim=True)  # Eq. (1)
    return (weights * maps.detach()).sum(dim=2).clamp(min=0).cpu().numpy()  # Eq. (2)


def _similarities(embeddings: Tensor, reference: Tensor | None) -> Tensor:
    """(B, D) -> (B,), the scores that are explained."""
    lengths = torch.linalg.vector_norm(embeddings, dim=1)
    if reference is None:
        return lengths
    return embeddings @ F.normalize(reference.to(embeddings), dim=0).clone() / lengths  # no ε: an embedding may be tiny


@contextmanager
def _explainable(model: CTL) -> Iterator[list[Tensor]]:
    """Eval mode, and gradients that start at the feature map: the backbone's own pass builds no graph. Gives a list
    that every pass adds its map to."""
    seen: list[Tensor] = []
    modes = [(module, module.training) for module in model.modules()]
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    hook = model.backbone.register_forward_hook(lambda module, inputs, maps: seen.append(maps.requires_grad_()))
    try:
        model.eval()
        for parameter in trainable:
            parameter.requires_grad_(False)
        yield seen
    finally:
        hook.remove()
        for parameter in trainable:
            parameter.requires_grad_(True)
        for module, mode in modes:
            module.training = mode
