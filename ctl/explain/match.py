"""Why two tracklets match: how alike each part is, and what each frame and part put into the similarity.

Two different questions, two different numbers:

- *Alike*: the cosine of one part's features in both tracklets, after the graph layers, mean over time. It compares a
  part with the same part and with nothing else. These numbers don't add up to anything.
- *Put in*: the exact share of the similarity that came through a part or a frame (`ctl.explain.composition`). These
  add up to the similarity, once from the query's side and once from the hit's.

Neither says how likely it is that the two show one person: all clips of people are alike in most ways. What sets the
hit apart from a rival, say the best ranked tracklet of somebody else, is the difference of two similarities, the
*lead*, and it adds up from frames and parts in the same way.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ctl.explain.evidence import Evidence
from ctl.skeleton import JOINTS
from ctl.types import Keypoints

PAIRS: Final = 6
"""Frames that are shown side by side."""

_HIPS: Final = [JOINTS.index("left hip"), JOINTS.index("right hip")]


@dataclass(frozen=True, eq=False)
class Side:
    """What one tracklet put into a similarity: `moments` and the shift add up to it, `parts` and the shift as well.

    Args:
        evidence: of the tracklet.
        moments: (F,) float64, by moment.
        parts: "whole" -> (1,), "s3" -> (5,) and each fused scale -> (N,) float64.
        shift: of the BN neck; 0 without one.
    """

    evidence: Evidence
    moments: np.ndarray
    parts: dict[str, np.ndarray]
    shift: float

    @property
    def total(self) -> float:
        """What all adds up to."""
        return self.shift + sum(float(values.sum()) for values in self.parts.values())


@dataclass(frozen=True, eq=False)
class Match:
    """A query and a hit, compared.

    Args:
        similarity: cosine of their embeddings, -1..1.
        probability: calibrated, that the two are one person; None where nothing was calibrated.
        query, hit: what each put in.
        lead: what the query put into the hit's lead over a rival: shares of the difference of both similarities; None
            without a rival.
        alike: scale -> (N,) float64 in -1..1, cosine of each part's features.
        seen: scale -> (N,) float64 in 0..1, the lower of both tracklets' mean joint scores of each part.
        pairs: moment of the query and the hit's moment of the most alike pose.
    """

    similarity: float
    probability: float | None
    query: Side
    hit: Side
    lead: Side | None
    alike: dict[str, np.ndarray]
    seen: dict[str, np.ndarray]
    pairs: tuple[tuple[int, int], ...]


def explain_match(
    query: Evidence, hit: Evidence, probability: float | None = None, rival: np.ndarray | None = None
) -> Match:
    """Compare two tracklets embedded by the same model.

    Args:
        query, hit: live or stored.
        probability: calibrated, if there is one.
        rival: (D,), the embedding of unit length of another tracklet that the query might have been matched with.
    Raises:
        ValueError: they were embedded by models of different widths or scales.
    """
    if query.shift.shape != hit.shift.shape or query.part_features.keys() != hit.part_features.keys():
        raise ValueError("query and hit weren't embedded by the same model")
    scales = query.part_features
    return Match(
        similarity=float(query.embedding @ hit.embedding),
        probability=probability,
        query=_side(query, hit.embedding),
        hit=_side(hit, query.embedding),
        lead=None if rival is None else _side(query, hit.embedding - rival),
        alike={scale: _cosines(query.part_features[scale], hit.part_features[scale]) for scale in scales},
        seen={scale: np.minimum(query.part_scores[scale], hit.part_scores[scale]) for scale in scales},
        pairs=in_step(query.keypoints, hit.keypoints),
    )


def in_step(query: Keypoints, hit: Keypoints, count: int = PAIRS) -> tuple[tuple[int, int], ...]:
    """Frames to show side by side: evenly spaced ones of the query, each with the hit's frame of the most alike pose.

    Poses are compared around the middle of the hips, in units of the person's own height. A joint counts as far as
    both frames see it.

    Args:
        query, hit: joints of F and G frames, in pixels of whatever pictures.
        count: pairs at most.
    Returns:
        Pairs of a query frame and a hit frame, in the query's order.
    """
    chosen = np.unique(np.linspace(0, len(query.xy) - 1, min(count, len(query.xy))).round().astype(int))
    mine, theirs = _pose(query)[chosen], _pose(hit)
    weights = np.minimum(query.scores[chosen, None], hit.scores[None]) + 1e-6  # (F', G, 17)
    distance = (((mine[:, None] - theirs[None]) ** 2).sum(axis=-1) * weights).sum(axis=-1) / weights.sum(axis=-1)
    return tuple((int(frame), int(nearest)) for frame, nearest in zip(chosen, distance.argmin(axis=1), strict=True))


def _pose(keypoints: Keypoints) -> np.ndarray:
    """(F, 17, 2): joints around the hips, in heights of the person; the height is the median over the tracklet."""
    height = float(np.median(np.ptp(keypoints.xy[..., 1], axis=1))) or 1.0
    return (keypoints.xy - keypoints.xy[:, _HIPS].mean(axis=1, keepdims=True)) / height


def _side(evidence: Evidence, embedding: np.ndarray) -> Side:
    """Shares of the product of the evidence's embedding with another (D,)."""
    return Side(
        evidence=evidence,
        moments=evidence.moment_shares.astype(np.float64) @ embedding,
        parts={name: values.astype(np.float64) @ embedding for name, values in evidence.part_shares.items()},
        shift=float(evidence.shift @ embedding),
    )


def _cosines(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, C) twice -> (N,) float64; 0 where a part has no features at all."""
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return (a.astype(np.float64) * b).sum(axis=1) / np.maximum(lengths, 1e-12)
