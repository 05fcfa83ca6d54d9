"""Tracklets on disk to embeddings: every frame used, in clips that are batched across tracklets."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ctl.data.benchmark import TrackletFiles
from ctl.data.frames import read_frames
from ctl.data.heatmaps import StoredHeatMaps
from ctl.inference import clip_indices, frames_at_once, to_tensor
from ctl.model import CTL
from ctl.progress import Progress

if TYPE_CHECKING:
    from accelerate import Accelerator

Feature = Literal["embedding", "backbone"]
"""What stands for a clip: the model's embedding, or the mean of its backbone's feature maps alone."""

Clip = tuple[int, np.ndarray, np.ndarray]
"""Number of the tracklet, (T, H, W, 3) uint8 RGB frames and (T, 17, h, w) float32 heat map logits."""


def embed(
    model: CTL,
    tracklets: Sequence[TrackletFiles],
    heatmaps: StoredHeatMaps,
    *,
    feature: Feature = "embedding",
    accelerator: "Accelerator | None" = None,
    on_progress: Progress | None = None,
) -> np.ndarray:
    """Embed tracklets as the app does: cut into clips, the mean over clips, scaled to unit length.

    A few clips are in memory at a time, however long a tracklet is.

    Args:
        model: in evaluation mode.
        tracklets: n, any lengths ≥ 1.
        heatmaps: filled with the tracklets' maps.
        feature: "backbone" is how well the backbone does without all that follows it.
        accelerator: of a run with several processes. Each embeds its share, and all get the whole result.
        on_progress: called with the share of tracklets done, 0..1, of this process.
    Returns:
        (n, D) float32 on the CPU, rows of unit length.
    """
    if accelerator is None:
        return _embed(model, tracklets, heatmaps, feature, on_progress).numpy()
    rank, ranks = accelerator.process_index, accelerator.num_processes
    rows = _embed(model, tracklets[rank::ranks], heatmaps, feature, on_progress)
    padded = F.pad(rows, (0, 0, 0, -(-len(tracklets) // ranks) - len(rows)))  # so that all gather as many rows
    gathered = accelerator.gather(padded.to(accelerator.device)).cpu()
    return undeal(gathered, ranks)[: len(tracklets)].numpy()


def undeal(gathered: Tensor, ranks: int) -> Tensor:
    """Undo `rows[rank::ranks]`: the shares of all ranks one after the other (ranks · n, D) -> rows in their order."""
    return gathered.unflatten(0, (ranks, -1)).transpose(0, 1).flatten(0, 1)


def _embed(
    model: CTL,
    tracklets: Sequence[TrackletFiles],
    heatmaps: StoredHeatMaps,
    feature: Feature,
    on_progress: Progress | None,
) -> Tensor:
    device = next(model.parameters()).device
    width = model.backbone.width if feature == "backbone" else model.config.channels
    sums = torch.zeros(len(tracklets), width)
    clips = _read_clips(tracklets, heatmaps, model)
    clips_at_once = max(1, frames_at_once(device) // model.config.clip_length)
    with torch.inference_mode():
        while batch := list(islice(clips, clips_at_once)):
            numbers, frames, logits = zip(*batch, strict=True)
            pixels, maps = to_tensor(np.stack(frames), device), torch.from_numpy(np.stack(logits)).to(device)
            if feature == "backbone":
                values = model.backbone(pixels).mean(dim=(1, 3, 4))  # (B, C0)
            else:
                values = model(pixels, maps).embedding  # (B, D)
            sums.index_add_(0, torch.tensor(numbers), values.float().cpu())
            if on_progress:
                on_progress((numbers[-1] + 1) / len(tracklets))
    return F.normalize(sums, dim=1)  # the mean has the direction of the sum


def _read_clips(tracklets: Sequence[TrackletFiles], heatmaps: StoredHeatMaps, model: CTL) -> Iterator[Clip]:
    """All clips of all tracklets in their order; pictures are read when their clip's turn comes."""
    for number, tracklet in enumerate(tracklets):
        for indices in clip_indices(len(tracklet), model.config.clip_length):
            frames = read_frames(tracklet, model.config.image_size, indices)
            yield number, frames, heatmaps.read(tracklet, indices)
