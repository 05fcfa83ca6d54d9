"""Tracklets to traces and embeddings: key-points and the network, in bounded batches over frames and people."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np
import torch
from torch import Tensor

from ctl.keypoints.base import KeypointEstimator
from ctl.model import CTL, CTLTrace
from ctl.types import Keypoints, Trace


@dataclass(frozen=True, eq=False)
class Description:
    """What the network says of one tracklet.

    Args:
        trace: of its T frames.
        embedding: (D,) float32 of unit length, mean over its clips.
    """

    trace: Trace
    embedding: np.ndarray


@dataclass(frozen=True, eq=False)
class Timed:
    """Descriptions in the order of the tracklets, and the seconds that each stage took."""

    descriptions: tuple[Description, ...]
    timings_s: dict[str, float]


def clip_indices(frames: int, clip_length: int) -> np.ndarray:
    """Cut a tracklet into clips of consecutive frames; the last one repeats its own frames until it is full.

    Args:
        frames: length of the tracklet, ≥ 1.
        clip_length: T.
    Returns:
        (clips, T) int64 indices into the tracklet. Every frame is in exactly one clip.
    """
    starts = np.arange(0, frames, clip_length)
    lengths = np.minimum(clip_length, frames - starts)
    return starts[:, None] + np.arange(clip_length)[None, :] % lengths[:, None]


def frames_at_once(device: torch.device) -> int:
    """How many frames to run together: memory stays flat however long a tracklet is; a CPU is slow with large maps."""
    return 12 if device.type == "cpu" else 96


def to_tensor(crops: np.ndarray | Tensor, device: torch.device) -> Tensor:
    """(..., H, W, 3) uint8 RGB -> (..., 3, H, W) float32 in 0..1 on the device. Pinned memory is not waited for."""
    return torch.as_tensor(crops).to(device, non_blocking=True).movedim(-1, -3).float().div(255)


class Arriving:
    """Values on their way from a device to the CPU: whoever needs them waits, nobody else.

    Args:
        values: any shape, on any device.
    """

    def __init__(self, values: Tensor) -> None:
        self._copy = values.to("cpu", non_blocking=True)  # into pinned memory, where it comes from a GPU
        self._arrived = torch.cuda.current_stream(values.device).record_event() if values.is_cuda else None

    def tensor(self) -> Tensor:
        """The values, as soon as they are there."""
        if self._arrived is not None:
            self._arrived.synchronize()
        return self._copy


def mixed_precision(device: torch.device, allowed: bool) -> AbstractContextManager[object]:
    """bfloat16 on CUDA if allowed, plain float32 elsewhere."""
    return torch.autocast("cuda", torch.bfloat16) if allowed and device.type == "cuda" else nullcontext()


def describe(
    model: CTL,
    estimator: KeypointEstimator,
    tracklets: Sequence[np.ndarray],
    *,
    mixed: bool = True,
    on_progress: Callable[[float], None] | None = None,
) -> Timed:
    """Run the estimator and the network over every frame of every tracklet.

    Args:
        model: in evaluation mode.
        estimator: on the model's device.
        tracklets: (T, H, W, 3) uint8 RGB each, any lengths ≥ 1, all of the model's image size.
        mixed: bfloat16 autocast on CUDA.
        on_progress: called with the share of clips done, 0..1; may raise to cancel.
    """
    device = next(model.parameters()).device
    clips = [
        (person, indices)
        for person, crops in enumerate(tracklets)
        for indices in clip_indices(len(crops), model.config.clip_length)
    ]
    collectors = [_Collector(len(crops)) for crops in tracklets]
    clips_at_once = max(1, frames_at_once(device) // model.config.clip_length)
    clock, constant_terms = _Clock(device), dict[str, np.ndarray]()
    with torch.inference_mode(), mixed_precision(device, mixed):
        for start in range(0, len(clips), clips_at_once):
            batch = clips[start : start + clips_at_once]
            frames = to_tensor(np.stack([tracklets[person][indices] for person, indices in batch]), device)
            with clock.time("keypoints"):
                maps = estimator(frames.flatten(0, 1))
            with clock.time("model"):
                output = model(frames, maps.logits.unflatten(0, frames.shape[:2]), trace=True)
            assert output.trace is not None
            xy, scores = (values.unflatten(0, frames.shape[:2]) for values in (maps.xy, maps.scores))
            arrays = _per_frame(output.trace, xy, scores)
            constant_terms = _per_model(output.trace)
            embeddings = output.embedding.float().cpu().numpy()
            for place, (person, indices) in enumerate(batch):
                clip = {name: values[place] for name, values in arrays.items()}
                collectors[person].add(embeddings[place], clip, real=len(set(indices)))
            if on_progress:
                on_progress(min(1.0, (start + len(batch)) / len(clips)))
    return Timed(tuple(collector.finish(constant_terms) for collector in collectors), dict(clock.seconds))


def _per_frame(trace: CTLTrace, xy: Tensor, scores: Tensor) -> dict[str, np.ndarray]:
    """What differs from frame to frame, (B, T, ...) float32 on the CPU, as "group/key" of `Trace`."""
    named = {"keypoints/xy": xy, "keypoints/scores": scores, "parts/": trace.parts}
    named |= {f"nodes/{scale}": values for scale, values in trace.nodes.scales.items()}
    named |= {f"refined/{scale}": values for scale, values in trace.refined.items()}
    named |= {f"cross_scale/A_{name}": values for name, values in trace.cross_scale.items()}
    for name, adjacency in trace.adjacency.items():
        named |= {f"adjacency/A_{name}": adjacency.total, f"adjacency/Ac_{name}": adjacency.context}
    return {name: values.float().cpu().numpy() for name, values in named.items()}


def _per_model(trace: CTLTrace) -> dict[str, np.ndarray]:
    """The terms of the adjacency that no clip changes, (τN, τN) each."""
    return {
        f"{symbol}_{name}": values.float().cpu().numpy()
        for name, adjacency in trace.adjacency.items()
        for symbol, values in (("Ap", adjacency.physical), ("Am", adjacency.mask))
    }


@dataclass(eq=False)
class _Collector:
    """Gathers the clips of one tracklet into arrays of its length."""

    frames: int
    embeddings: list[np.ndarray] = field(default_factory=list)
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    filled: int = 0

    def add(self, embedding: np.ndarray, clip: dict[str, np.ndarray], real: int) -> None:
        """Take one clip of which the first `real` frames are no repetition."""
        self.embeddings.append(embedding)
        for name, values in clip.items():
            if name not in self.arrays:
                self.arrays[name] = np.empty((self.frames, *values.shape[1:]), np.float32)
            self.arrays[name][self.filled : self.filled + real] = values[:real]
        self.filled += real

    def finish(self, constant_terms: dict[str, np.ndarray]) -> Description:
        groups: dict[str, dict[str, np.ndarray]] = defaultdict(dict)
        for name, values in self.arrays.items():
            group, _, key = name.partition("/")
            groups[group][key] = values
        tiled = {name: np.broadcast_to(values, (self.frames, *values.shape)) for name, values in constant_terms.items()}
        trace = Trace(
            keypoints=Keypoints(**groups["keypoints"]),
            adjacency=groups["adjacency"] | tiled,
            cross_scale=groups["cross_scale"],
            nodes=groups["nodes"],
            refined=groups["refined"],
            parts=groups["parts"][""],
        )
        mean = np.mean(self.embeddings, axis=0)
        return Description(trace, mean / max(float(np.linalg.norm(mean)), 1e-12))


@dataclass(eq=False)
class _Clock:
    """Adds up seconds per stage; a GPU has to be waited for, or the next stage pays."""

    device: torch.device
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @contextmanager
    def time(self, stage: str) -> Iterator[None]:
        start = perf_counter()
        yield
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        self.seconds[stage] += perf_counter() - start
