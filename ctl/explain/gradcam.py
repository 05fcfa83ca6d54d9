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
from torch import Tensor, nn

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
    with torch.inference_mode(False), torch.enable_grad(), _explainable(model):
        groups = (torch.from_numpy(clips[first : first + batch]) for first in range(0, len(clips), batch))
        clip_maps = np.concatenate(
            [_clip_maps(model, frames[group], heatmap_logits[group], reference) for group in groups]
        )
    maps = np.empty((len(frames), *clip_maps.shape[2:]), np.float32)
    maps[clips] = clip_maps  # a frame that fills up its clip has the same map every time: weights are the clip's
    return maps


def _clip_maps(model: CTL, clips: Tensor, logits: Tensor, reference: Tensor | None) -> np.ndarray:
    """(B, T, 3, H, W) -> (B, T, h, w) float32 ≥ 0."""
    from pytorch_grad_cam import GradCAM  # brings matplotlib and scikit-learn, and takes as long to import as torch

    cam = GradCAM(_Embedder(model, logits), [model.backbone], lambda maps: maps.transpose(1, 2))
    recorder = cam.activations_and_grads
    try:  # the package's own forward would bring every frame to 0..1 and zero the caller's gradients
        _similarities(recorder(clips), reference).sum().backward()
        values, gradients = recorder.activations[0].numpy(), recorder.gradients[0].numpy()  # (B, C0, T, h, w)
        return np.maximum(cam.get_cam_image(clips, model.backbone, [], values, gradients), 0)
    finally:
        recorder.release()


class _Embedder(nn.Module):
    """CTL as the package wants a model: one input, one output row per clip."""

    def __init__(self, model: CTL, heatmap_logits: Tensor) -> None:
        super().__init__()
        self.model = model
        self.heatmap_logits = heatmap_logits

    def forward(self, frames: Tensor) -> Tensor:
        return self.model(frames, self.heatmap_logits).embedding


def _similarities(embeddings: Tensor, reference: Tensor | None) -> Tensor:
    """(B, D) -> (B,), the scores that are explained."""
    lengths = torch.linalg.vector_norm(embeddings, dim=1)
    if reference is None:
        return lengths
    return embeddings @ F.normalize(reference.to(embeddings), dim=0).clone() / lengths  # no ε: an embedding may be tiny


@contextmanager
def _explainable(model: CTL) -> Iterator[None]:
    """Eval mode, and gradients that start at the feature map: the backbone's own pass builds no graph."""
    modes = [(module, module.training) for module in model.modules()]
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    hook = model.backbone.register_forward_hook(lambda module, inputs, maps: maps.requires_grad_())
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
