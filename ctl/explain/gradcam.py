"""Grad-CAM of a tracklet: which cells of the feature map the embedding was built from, frame by frame.

Selvaraju et al. 2017: channel weights are the mean gradient of a score over the map, Eq. (1); the map is the ReLU of
the weighted sum of channels, Eq. (2). Here a map spans the T frames of a clip, so its channel weights are shared by
them, and the paper's Figure 8(a) can be drawn: frames are comparable with each other.

Assumed: the paper doesn't name the score. It is a similarity, as nothing else is read off an embedding.

Not thread-safe: while it runs, the model's parameters are frozen and hooks hang on it. One model, one caller at a time.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from pytorch_grad_cam import GradCAM
from torch import Tensor, nn

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

    The tracklet is cut into clips of the model's length, the last one ending with the tracklet, and `batch` clips are
    held at a time, so memory doesn't grow with T.

    Args:
        model: on any device; its modes, parameters and gradients are left as they were found.
        frames: (T, 3, H, W) float RGB, 0..1.
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
    starts = clip_starts(len(frames), model.config.clip_length)
    length = min(len(frames), model.config.clip_length)
    maps: dict[int, np.ndarray] = {}
    with torch.inference_mode(False), torch.enable_grad(), _explainable(model):
        score = _own_length if reference is None else _Cosine(reference)
        for first in range(0, len(starts), batch):
            group = starts[first : first + batch]
            clips = torch.stack([frames[start : start + length] for start in group])
            logits = torch.stack([heatmap_logits[start : start + length] for start in group])
            for start, clip_maps in zip(group, _clip_maps(model, clips, logits, score), strict=True):
                maps = {start + t: clip_map for t, clip_map in enumerate(clip_maps)} | maps  # earlier clips win
    return np.stack([maps[t] for t in range(len(frames))])


def clip_starts(frames: int, clip_length: int) -> list[int]:
    """First frames of the clips that cover a tracklet; the last clip overlaps its neighbour where lengths don't fit."""
    return [min(start, max(0, frames - clip_length)) for start in range(0, frames, clip_length)]


def _clip_maps(model: CTL, clips: Tensor, logits: Tensor, score: Callable[[Tensor], Tensor]) -> np.ndarray:
    """(B, T, 3, H, W) -> (B, T, h, w)."""
    B, T = clips.shape[:2]
    device = next(model.parameters()).device
    # torch.stack copied the inputs, so that even tensors born in inference mode may take part in autograd
    cam = _RawGradCAM(
        _Embedder(model, logits.to(device)),
        [model.backbone.features],
        reshape_transform=lambda maps: maps.unflatten(0, (B, T)).transpose(1, 2),  # (B, C0, T, h, w)
    )
    try:
        return cam(clips, [score] * B)
    finally:
        cam.activations_and_grads.release()  # not `with cam`, which swallows IndexError


class _RawGradCAM(GradCAM):
    """The package's Grad-CAM without its normalisation, which would make every clip's strongest cell 1."""

    def compute_cam_per_layer(self, input_tensor: Tensor, targets: list[Any], eigen_smooth: bool) -> list[np.ndarray]:
        held = self.activations_and_grads
        values, gradients = held.activations[0].numpy(), held.gradients[0].numpy()
        return [self.get_cam_image(input_tensor, self.target_layers[0], targets, values, gradients, eigen_smooth)]

    def aggregate_multi_layers(self, cam_per_target_layer: list[np.ndarray]) -> np.ndarray:
        return np.maximum(cam_per_target_layer[0], 0)


class _Embedder(nn.Module):
    """CTL as the package wants a model: one input, one output row per clip."""

    def __init__(self, model: CTL, heatmap_logits: Tensor) -> None:
        super().__init__()
        self.model = model
        self.heatmap_logits = heatmap_logits

    def forward(self, frames: Tensor) -> Tensor:
        return self.model(frames, self.heatmap_logits).embedding

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Nothing to do, as parameters are frozen; the gradients that the caller may hold stay."""


class _Cosine:
    def __init__(self, reference: Tensor) -> None:
        self.reference = reference.clone()

    def __call__(self, embedding: Tensor) -> Tensor:
        return F.cosine_similarity(embedding, self.reference.to(embedding), dim=0)


def _own_length(embedding: Tensor) -> Tensor:
    return torch.linalg.vector_norm(embedding)


@contextmanager
def _explainable(model: CTL) -> Iterator[None]:
    """Eval mode, and gradients that start at the feature map: the backbone's own pass builds no graph."""
    modes = [(module, module.training) for module in model.modules()]
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    hook = model.backbone.features.register_forward_hook(lambda module, inputs, maps: maps.requires_grad_())
    try:
        model.eval()
        for parameter in trainable:
            parameter.requires_grad_(False)
        yield
    finally:
        hook.remove()
        for parameter in trainable:
            parameter.requires_grad_(True)
        for module, mode in modes:
            module.training = mode
