"""What a match explanation needs to know of one tracklet, small enough to be kept with a gallery entry.

A live tracklet has one moment per frame. `condensed` sums its frames into a few, each with one crop to show, so that a
hit whose clip is gone can still be explained: its parts' similarities and contributions are kept, and its frames' by
moment. What is lost: Grad-CAM, which needs the pictures, and single frames.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL.Image import DecompressionBombError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ctl.errors import InputError
from ctl.explain.composition import WHOLE, Composition
from ctl.inference import TrackletGraphs
from ctl.jpeg import encode_jpeg, open_jpeg
from ctl.skeleton import JOINTS, SCALES, part_count, pooling_matrix
from ctl.types import Keypoints, Tracklet

MOMENTS: Final = 6
"""Moments that are kept of a stored tracklet."""

MOST_MOMENTS: Final = 64
MOST_PIXELS: Final = 1024
"""Of what is read: moments, and the longer side of a picture; ours have 6 of 256."""

_FORMAT: Final = 1
_ROWS: Final[dict[str, int]] = {WHOLE: 1} | {scale: part_count(scale) for scale in SCALES}


@dataclass(frozen=True, eq=False)
class Evidence:
    """What one tracklet brings into a match. The embedding is of unit length, and the sum of its shares.

    Args:
        crops: (F, H, W, 3) uint8 RGB, a frame of each moment.
        keypoints: joints in those crops, in pixels of the crop.
        times: (F,) float64, seconds.
        frames: T, how many frames the tracklet has; F where every frame is a moment of its own.
        moment_shares: (F, C) float32, what the frames of each moment put into the embedding.
        part_shares: "whole" -> (1, C), "s3" -> (5, C) and each fused scale -> (N, C): what each part put into it.
        shift: (C,) float32, what the BN neck put into it.
        part_features: scale -> (N, C) float32, each part after the graph layers, mean over time.
        part_scores: scale -> (N,) float32 in 0..1, mean score of each part's joints.
    """

    crops: np.ndarray
    keypoints: Keypoints
    times: np.ndarray
    frames: int
    moment_shares: np.ndarray
    part_shares: dict[str, np.ndarray]
    shift: np.ndarray
    part_features: dict[str, np.ndarray]
    part_scores: dict[str, np.ndarray]

    @property
    def embedding(self) -> np.ndarray:
        """(C,) float64."""
        return self.shift + self.moment_shares.sum(axis=0, dtype=np.float64)


def gather(tracklet: Tracklet, keypoints: Keypoints, graphs: TrackletGraphs, composition: Composition) -> Evidence:
    """The evidence of a tracklet whose clip is at hand.

    Args:
        tracklet: of T frames.
        keypoints: joints in pixels of its crops.
        graphs, composition: of the same frames.
    """
    length = np.linalg.norm(composition.total)
    shares = {name: values / length for name, values in composition.terms.items()}
    by_moment = np.stack([values.sum(axis=1, dtype=np.float64) for values in shares.values()]).sum(axis=0)
    return Evidence(
        crops=tracklet.crops,
        keypoints=keypoints,
        times=tracklet.times,
        frames=len(tracklet),
        moment_shares=by_moment.astype(np.float32),
        part_shares={name: values.sum(axis=0, dtype=np.float64).astype(np.float32) for name, values in shares.items()},
        shift=(composition.shift / length).astype(np.float32),
        part_features={scale: values.mean(dim=(0, 1)).cpu().numpy() for scale, values in graphs.refined.items()},
        part_scores={
            scale: (keypoints.scores @ pooling_matrix(scale).T).mean(axis=0)
            for scale in SCALES
            if scale in graphs.refined
        },
    )


def condensed(evidence: Evidence, moments: int = MOMENTS) -> Evidence:
    """The same tracklet in at most so many moments: equal runs of frames, each shown by its middle one."""
    runs = np.array_split(np.arange(len(evidence.crops)), min(moments, len(evidence.crops)))
    middle = [run[len(run) // 2] for run in runs]
    return Evidence(
        crops=evidence.crops[middle],
        keypoints=Keypoints(evidence.keypoints.xy[middle], evidence.keypoints.scores[middle]),
        times=evidence.times[middle],
        frames=evidence.frames,
        moment_shares=np.stack([evidence.moment_shares[run].sum(axis=0) for run in runs]),
        part_shares=evidence.part_shares,
        shift=evidence.shift,
        part_features=evidence.part_features,
        part_scores=evidence.part_scores,
    )


def to_bytes(evidence: Evidence) -> bytes:
    """A safetensors file: JPEGs as bytes, features and shares as float16, so a similarity is kept to about 1e-4."""
    jpegs = [encode_jpeg(crop, 85) for crop in evidence.crops]
    arrays = {
        "crops": np.frombuffer(b"".join(jpegs), np.uint8),
        "crop_sizes": np.array([len(jpeg) for jpeg in jpegs]),
        "xy": evidence.keypoints.xy.astype(np.float32),
        "scores": evidence.keypoints.scores.astype(np.float32),
        "times": evidence.times.astype(np.float64),
        "frames": np.array(evidence.frames),
        "moment_shares": evidence.moment_shares.astype(np.float16),
        "shift": evidence.shift.astype(np.float16),
    }
    for group in ("part_shares", "part_features", "part_scores"):
        arrays |= {f"{group}/{name}": values.astype(np.float16) for name, values in getattr(evidence, group).items()}
    return save(arrays, {"format": str(_FORMAT), "holds": "evidence"})


def from_bytes(data: bytes) -> Evidence:
    """Inverse of `to_bytes`. The bytes may come from a stranger: InputError where they are damaged or of another kind,
    or their pictures are larger than ours."""
    try:
        arrays = load(data)
        groups: dict[str, dict[str, np.ndarray]] = {"part_shares": {}, "part_features": {}, "part_scores": {}}
        for name, values in arrays.items():
            group, _, key = name.partition("/")
            if key:
                groups[group][key] = values.astype(np.float32)
        return _checked(
            crops=np.stack(_pictures(arrays["crops"].tobytes(), arrays["crop_sizes"].tolist())),
            keypoints=Keypoints(arrays["xy"], arrays["scores"]),
            times=arrays["times"],
            frames=int(arrays["frames"]),
            moment_shares=arrays["moment_shares"].astype(np.float32),
            shift=arrays["shift"].astype(np.float32),
            **groups,
        )
    except (SafetensorError, KeyError, ValueError, TypeError, OSError, SyntaxError, DecompressionBombError) as error:
        raise InputError(f"what was kept of a tracklet to explain its matches is damaged: {error}") from error


def _checked(**values: Any) -> Evidence:
    evidence = Evidence(**values)
    F, C = evidence.moment_shares.shape
    joints = (F, len(JOINTS))
    if evidence.crops.ndim != 4 or not (len(evidence.crops) == len(evidence.times) == F <= evidence.frames):
        raise ValueError("its moments differ in number")
    if evidence.keypoints.xy.shape != (*joints, 2) or evidence.keypoints.scores.shape != joints:
        raise ValueError("its joints differ in number")
    if evidence.shift.shape != (C,):
        raise ValueError("its features differ in width")
    for group, names in (("part_shares", (WHOLE, *SCALES)), ("part_features", SCALES), ("part_scores", SCALES)):
        by_name: dict[str, np.ndarray] = getattr(evidence, group)
        if not by_name.keys() <= set(names):
            raise ValueError(f"its {group} are of {', '.join(sorted(by_name))}")
        for name, rows in by_name.items():
            parts = _ROWS[name]
            if rows.shape != ((parts,) if group == "part_scores" else (parts, C)):
                raise ValueError(f"its {group} of {name} have shape {rows.shape}")
    if evidence.part_features.keys() != evidence.part_scores.keys():
        raise ValueError("its parts have features or scores alone")
    numbers = (
        evidence.times, evidence.shift, evidence.moment_shares, evidence.keypoints.xy, evidence.keypoints.scores,
        *evidence.part_shares.values(), *evidence.part_features.values(), *evidence.part_scores.values(),
    )  # fmt: skip
    if not all(np.isfinite(each).all() for each in numbers):
        raise ValueError("its numbers aren't finite")
    return evidence


def _pictures(data: bytes, sizes: list[int]) -> list[np.ndarray]:
    if len(sizes) > MOST_MOMENTS:
        raise ValueError(f"it has more than {MOST_MOMENTS} moments")
    pictures, start = [], 0
    for size in sizes:
        with open_jpeg(data[start : start + size]) as picture:
            if max(picture.size) > MOST_PIXELS:
                raise ValueError(f"a picture of it is larger than {MOST_PIXELS} pixels")
            pictures.append(np.asarray(picture.convert("RGB")))
        start += size
    return pictures
