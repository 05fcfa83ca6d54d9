"""How displays read a `Trace`: which graphs it holds, their matrices, and where a scale's nodes are on the picture."""

import re
from types import MappingProxyType
from typing import Final, Literal, cast

import numpy as np

from ctl.inference import clip_indices
from ctl.skeleton import SCALES, Scale, part_count, part_names, pooling_matrix
from ctl.types import Keypoints, Trace

Term = Literal["sum", "physical", "mask", "context"]
_KEYS: Final = MappingProxyType({"sum": "A", "physical": "Ap", "mask": "Am", "context": "Ac"})


def graphs(trace: Trace) -> tuple[tuple[Scale, int], ...]:
    """Scale and layer of every graph in the trace, in order; empty for a model without graph layers."""
    matches = (re.fullmatch(r"A_(s\d)_l(\d+)", key) for key in trace.adjacency)
    return tuple(sorted((cast(Scale, match[1]), int(match[2])) for match in matches if match))


def finest_graph(trace: Trace) -> tuple[Scale, int | None]:
    """Scale and last layer of the finest graph; ("s1", None) for a model without graph layers."""
    present = graphs(trace)
    scale = present[0][0] if present else "s1"
    return scale, max((layer for s, layer in present if s == scale), default=None)


def cross_scale_sources(trace: Trace) -> tuple[Scale, ...]:
    """Scales that are fused into s3 with weights of their own."""
    return tuple(scale for scale in SCALES if f"A_{scale}_s3" in trace.cross_scale)


def cross_scale(trace: Trace, source: Scale) -> np.ndarray:
    """The last fusion's weights from a scale to s3.

    Returns:
        (T, 5, N) float32; rows sum to 1 (Eq. 6).
    Raises:
        ValueError: the trace has no such weights; the message lists those it has.
    """
    key = f"A_{source}_s3"
    if key not in trace.cross_scale:
        raise ValueError(f"the trace has no {key}, only {', '.join(trace.cross_scale)}")
    return trace.cross_scale[key]


def matrices(trace: Trace, scale: Scale, layer: int, term: Term = "sum") -> np.ndarray:
    """One term of Eq. 2 in every frame's window.

    Returns:
        (T, τN, τN) float32; row = receiver, column = sender.
    Raises:
        ValueError: the trace has no such graph; the message lists those it has.
    """
    key = f"{_KEYS[term]}_{scale}_l{layer}"
    if key not in trace.adjacency:
        raise ValueError(f"the trace has no {key}, only {', '.join(trace.adjacency)}")
    return trace.adjacency[key]


def window_of(matrix: np.ndarray, scale: Scale) -> int:
    """τ of a (..., τN, τN) matrix."""
    return matrix.shape[-1] // part_count(scale)


def centre_block(matrix: np.ndarray, scale: Scale) -> np.ndarray:
    """(..., τN, τN) -> (..., N, N): from the window's centre frame to itself."""
    N = part_count(scale)
    start = window_of(matrix, scale) // 2 * N
    return matrix[..., start : start + N, start : start + N]


def window_names(scale: Scale, window: int) -> tuple[str, ...]:
    """Names of a window's τN nodes in node order: "left knee", and where τ > 1 "left knee (t−1)"."""
    if window == 1:
        return part_names(scale)
    return tuple(f"{name} ({frame_name(k, window)})" for k in range(window) for name in part_names(scale))


def frame_name(k: int, window: int) -> str:
    """The k-th frame of a window as seen from its centre: "t−1", "t", "t+1"."""
    offset = k - window // 2
    return "t" if offset == 0 else f"t{'−' if offset < 0 else '+'}{abs(offset)}"


def window_frames(trace_frames: int, clip_length: int, window: int, frame: int) -> tuple[int | None, ...]:
    """Which frames of the tracklet stood in a frame's window; None where the clip had begun or ended.

    Args:
        trace_frames: T of the tracklet.
        clip_length: of the clips that the model cut it into.
        window: τ.
        frame: 0 … T-1.
    """
    clips = clip_indices(trace_frames, clip_length)
    clip, place = (int(axis[0]) for axis in np.nonzero(clips == frame))  # the first time, as in a trace
    reach = range(place - window // 2, place + window // 2 + 1)
    return tuple(int(clips[clip, k]) if 0 <= k < clip_length else None for k in reach)


def node_positions(keypoints: Keypoints, scale: Scale) -> tuple[np.ndarray, np.ndarray]:
    """Where to draw a scale's nodes.

    Args:
        keypoints: joints of T frames, in pixels of whatever picture.
    Returns:
        (T, N, 2) float32, the mean of each part's joints weighted by their scores (plain where all scores are 0), in
        the same pixels; and (T, N) float32 in 0..1, the mean score of each part's joints.
    """
    pool = pooling_matrix(scale)  # (N, 17)
    scores = keypoints.scores @ pool.T  # (T, N)
    weights = pool * np.maximum(keypoints.scores, 1e-6)[:, None]  # (T, N, 17)
    return weights @ keypoints.xy / weights.sum(axis=-1, keepdims=True), scores
