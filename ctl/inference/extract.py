"""Tracklets to traces and embeddings: key-points and the network, in bounded batches over frames and people."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from ctl.inference.batching import frames_at_once, mixed_precision, to_tensor
from ctl.inference.relate import TrackletNodes, encode_frames, join_nodes, relate_tracklet, to_trace
from ctl.keypoints.base import KeypointEstimator
from ctl.keypoints.undistorted import look, true_width
from ctl.model import CTL
from ctl.progress import Progress
from ctl.runtime import synchronise
from ctl.types import Keypoints, Trace


@dataclass(frozen=True, eq=False)
class TrackletFeatures:
    """What the network makes of one tracklet.

    Args:
        trace: of its T frames.
        embedding: (D,) float32 of unit length, mean over its clips.
    """

    trace: Trace
    embedding: np.ndarray


@dataclass(frozen=True, eq=False)
class Extracted:
    """Features in the order of the tracklets, and the seconds that each stage took."""

    features: tuple[TrackletFeatures, ...]
    timings_s: dict[str, float]


def extract(
    model: CTL,
    estimator: KeypointEstimator,
    tracklets: Sequence[np.ndarray],
    aspects: Sequence[float] | None = None,
    *,
    mixed: bool = True,
    on_progress: Progress | None = None,
) -> Extracted:
    """Run the estimator and the network's `encode` over every frame once, then `relate` over each tracklet.

    Args:
        model: in evaluation mode.
        estimator: on the model's device.
        tracklets: (T, H, W, 3) uint8 RGB each, any lengths ≥ 1, all of the model's image size.
        aspects: width over height of what each shows, so that the estimator sees people undistorted; without them,
            that of the crops.
        mixed: bfloat16 autocast on CUDA, up to the nodes.
        on_progress: called with the share of frames done, 0..1; may raise to cancel.
    """
    device, lengths = next(model.parameters()).device, [len(crops) for crops in tracklets]
    height, width = model.config.image_size
    widths = [true_width(height, aspect) for aspect in aspects or [width / height] * len(tracklets)]
    clock, xy, scores, encoded = _Clock(device), list[Tensor](), list[Tensor](), list[TrackletNodes]()
    with torch.inference_mode(), mixed_precision(device, mixed):
        for crops, seen_width in _batches(tracklets, widths, frames_at_once(device)):
            frames = to_tensor(crops, device)  # (n, 3, H, W)
            with clock.time("keypoints"):
                maps = look(estimator, frames, seen_width)
            with clock.time("model"):
                encoded.append(encode_frames(model, frames, maps.logits))
            xy.append(maps.xy.float().cpu())
            scores.append(maps.scores.float().cpu())
            if on_progress:
                on_progress(sum(map(len, xy)) / sum(lengths))
    nodes = join_nodes(encoded)
    ends = np.cumsum(lengths).tolist()
    joints = zip(torch.cat(xy).split(lengths), torch.cat(scores).split(lengths), strict=True)
    with clock.time("model"):
        features = tuple(
            _relate(model, nodes[end - length : end], Keypoints(*(values.numpy() for values in pair)))
            for end, length, pair in zip(ends, lengths, joints, strict=True)
        )
    return Extracted(features, dict(clock.seconds))


def _batches(tracklets: Sequence[np.ndarray], widths: Sequence[int], at_once: int) -> Iterator[tuple[np.ndarray, int]]:
    """All frames of all tracklets in their order, (n, H, W, 3), a few at a time, whoever they show, with the width that
    they have in common."""
    for width, alike in groupby(zip(tracklets, widths, strict=True), key=itemgetter(1)):
        waiting: list[np.ndarray] = []
        for crops, _ in alike:
            while len(crops):
                taken, crops = np.split(crops, [at_once - sum(map(len, waiting))])
                waiting.append(taken)
                if sum(map(len, waiting)) == at_once:
                    yield np.concatenate(waiting), width
                    waiting = []
        if waiting:
            yield np.concatenate(waiting), width


def _relate(model: CTL, nodes: TrackletNodes, keypoints: Keypoints) -> TrackletFeatures:
    graphs = relate_tracklet(model, nodes)
    return TrackletFeatures(to_trace(graphs, nodes, keypoints), graphs.embedding)


@dataclass(eq=False)
class _Clock:
    """Adds up seconds per stage; a GPU has to be waited for, or the next stage pays."""

    device: torch.device
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        start = perf_counter()
        yield
        synchronise(self.device)
        self.seconds[stage] += perf_counter() - start
