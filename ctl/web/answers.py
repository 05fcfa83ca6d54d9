"""What the endpoints answer, as plain numbers, strings, lists and dicts."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ctl.errors import InputError
from ctl.explain.composition import WHOLE
from ctl.explain.match import Match, Side
from ctl.skeleton import SCALES, part_names
from ctl.types import Calibration, PersonAnalysis, Ranking

DIGITS: Final = 6
PRIOR: Final = 0.5
"""Share of pairs that show one person, before they are looked at: what probabilities are said for."""


def person_of(people: Sequence[PersonAnalysis], number: int) -> PersonAnalysis:
    """A clip's person, counted from 1. Raises InputError where there is no such one."""
    if not 1 <= number <= len(people):
        raise InputError(f"There is no person {number}: the clip has {len(people)}.")
    return people[number - 1]


def matrices_of(person: PersonAnalysis, frame: int) -> dict[str, list[list[float]]]:
    """All matrices of one frame, counted from 1. Raises InputError where there is no such one."""
    trace = person.trace
    frames = len(trace.keypoints.xy)
    if not 1 <= frame <= frames:
        raise InputError(f"There is no frame {frame}: the person is seen in {frames}.")
    return {name: plain(values[frame - 1]) for name, values in (trace.adjacency | trace.cross_scale).items()}


def chance(similarity: float, calibration: Calibration | None) -> float | None:
    """Calibrated probability that two tracklets show one person, at `PRIOR`; None where nothing was calibrated."""
    return None if calibration is None else round(float(calibration.probability(similarity, PRIOR)), DIGITS)


def scores(calibration: Calibration | None) -> dict[str, Any]:
    """What the numbers of an answer are numbers of."""
    return {
        "similarity_is": "cosine of two embeddings, -1 to 1",
        "probability_is": "that two tracklets show one person, for the prior; null where the checkpoint has none",
        "prior": PRIOR,
        "calibrated_on": None if calibration is None else calibration.fitted_on,
    }


def ranking_json(ranking: Ranking, calibration: Calibration | None) -> list[dict[str, Any]]:
    """Hits, best first."""
    return [
        {
            "rank": hit.rank,
            "key": hit.key,
            "person": hit.person,
            "camera": hit.camera,
            "similarity": round(hit.similarity, DIGITS),
            "probability": chance(hit.similarity, calibration),
        }
        for hit in ranking
    ]


def match_json(match: Match) -> dict[str, Any]:
    """A match without its pictures; frames are counted from 1."""
    return {
        "similarity": round(match.similarity, DIGITS),
        "probability": None if match.probability is None else round(match.probability, DIGITS),
        "query": _side_json(match.query),
        "hit": _side_json(match.hit),
        "alike": {scale: _by_part(scale, values) for scale, values in match.alike.items()},
        "seen": {scale: _by_part(scale, values) for scale, values in match.seen.items()},
        "pairs": [[query + 1, hit + 1] for query, hit in match.pairs],
    }


def _side_json(side: Side) -> dict[str, Any]:
    return {
        "frames": plain(side.moments),
        "parts": {scale: _by_part(scale, values) for scale, values in side.parts.items()},
        "shift": round(side.shift, DIGITS),
        "total": round(side.total, DIGITS),
    }


def _by_part(name: str, values: np.ndarray) -> dict[str, float]:
    scale = next((scale for scale in SCALES if scale == name), None)
    return dict(zip(part_names(scale) if scale else [WHOLE], plain(values), strict=True))


def plain(values: np.ndarray) -> Any:
    """Nested lists of numbers."""
    return values.astype(np.float64).round(DIGITS).tolist()


def without_arrays(tracklet: dict[str, Any]) -> dict[str, Any]:
    """A tracklet of analysis.json without what is as long as the clip or the embedding; how long it is stays."""
    long = ("times_s", "boxes", "keypoints", "embedding")
    return {name: value for name, value in tracklet.items() if name not in long} | {"frames": len(tracklet["frames"])}
