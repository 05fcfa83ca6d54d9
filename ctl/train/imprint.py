"""What a model makes of training clips as inference sees them, and what that is good for before and after training.

*Before*: where there are thousands of persons, each is met a few times in a run, and classifiers that begin near zero
have learned little by its end. They begin where their persons are instead (Qi, Brown & Lowe 2018), and learn slowly: a
step of Adam moves the rows of persons who aren't in the batch, whose gradients are next to nothing, as far as those of
the others. Persons whose features lie near each other are hard to tell apart, and go into one batch (Liao & Shao 2022).

*After*: the running statistics of a BN neck are those of batches of a few persons, who are alike at that. Taken from
clips of many persons they centre the features again, where the cosine has its origin (Wu & Johnson 2021).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from ctl.data.benchmark import TrackletFiles
from ctl.data.frames import read_frames
from ctl.data.heatmaps import StoredHeatMaps
from ctl.data.sampling import person_labels
from ctl.inference import clip_indices, to_tensor
from ctl.model import CTL
from ctl.model.fusion import ClipFeatures
from ctl.progress import Progress

SHARPNESS: Final = 12.0
"""Logit of a clip of mean length that points where its person does."""

CLIPS_AT_ONCE: Final = 8

ADDED: Final = 1
"""Place among the three clip features of V_f^a, which clips are compared by."""


@torch.no_grad()
def imprint(
    model: CTL, tracklets: Sequence[TrackletFiles], maps: StoredHeatMaps, on_progress: Progress | None = None
) -> None:
    """Set each classifier's row of a person to the mean direction of that person's features, one clip a tracklet.

    Args:
        model: with classifiers for the persons of the tracklets, and weights that tell people apart already.
        tracklets: to train on.
        maps: filled with their heat maps.
        on_progress: called with the share of tracklets done, 0..1.
    """
    labels = person_labels(tracklets)
    persons = torch.tensor([labels[tracklet.person] for tracklet in tracklets])
    compared = [compared for _, compared in _see(model, tracklets, maps, on_progress)]
    for classifier, several in zip(model.classifiers, zip(*compared, strict=True), strict=True):
        assert isinstance(classifier, nn.Linear)
        features = torch.cat(several).float().cpu()
        sums = torch.zeros(classifier.weight.shape).index_add_(0, persons, F.normalize(features, dim=1))
        classifier.weight.copy_(SHARPNESS / features.norm(dim=1).mean() * F.normalize(sums, dim=1))


@torch.no_grad()
def most_alike(model: CTL, count: int) -> np.ndarray:
    """(persons, count) classes nearest to each class by the cosine of their rows, nearest first, for V_f^a."""
    classifier = model.classifiers[ADDED]
    assert isinstance(classifier, nn.Linear)
    rows = F.normalize(classifier.weight.float(), dim=1)
    cosine = (rows @ rows.T).fill_diagonal_(-torch.inf)
    return cosine.topk(min(count, len(rows) - 1)).indices.cpu().numpy()


@torch.no_grad()
def settle_necks(model: CTL, tracklets: Sequence[TrackletFiles], maps: StoredHeatMaps, clips: int) -> None:
    """Take mean and variance of the BN necks anew from so many clips, of different tracklets where there are enough."""
    chosen = np.random.default_rng(0).permutation(len(tracklets))[:clips].tolist()
    features = [features for features, _ in _see(model, [tracklets[row] for row in chosen], maps)]
    for neck, several in zip(model.necks, zip(*features, strict=True), strict=True):
        assert isinstance(neck, nn.BatchNorm1d)
        assert neck.running_mean is not None
        assert neck.running_var is not None
        values = torch.cat(several).float()
        neck.running_mean.copy_(values.mean(dim=0))
        neck.running_var.copy_(values.var(dim=0))


def _see(
    model: CTL, tracklets: Sequence[TrackletFiles], maps: StoredHeatMaps, on_progress: Progress | None = None
) -> list[tuple[ClipFeatures, ClipFeatures]]:
    """Features before and after the neck of the first clip of each tracklet, as inference sees it, in their order."""
    learning, seen = model.training, []
    device, config = next(model.parameters()).device, model.config
    model.eval()
    for start in range(0, len(tracklets), CLIPS_AT_ONCE):
        some = tracklets[start : start + CLIPS_AT_ONCE]
        chosen = [(tracklet, clip_indices(len(tracklet), config.clip_length)[0]) for tracklet in some]
        frames = np.stack([read_frames(tracklet, config.image_size, at) for tracklet, at in chosen])
        logits = np.stack([maps.read(tracklet, at) for tracklet, at in chosen])
        output = model(to_tensor(frames, device), torch.from_numpy(logits).to(device))
        seen.append((output.features, output.compared))
        if on_progress:
            on_progress((start + len(some)) / len(tracklets))
    model.train(learning)
    return seen
