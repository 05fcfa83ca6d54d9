"""How well rankings find people again: CMC and mAP as person re-identification defines them. numpy only.

Of a query's ranking are left out: junk (person −1), and tracklets of the query's own person *and* camera, so also the
query itself. Everything else stays: distractors (person 0) and other people of the query's camera are wrong answers.
Equal distances keep the order of the gallery.

Source: Zheng et al., "Scalable Person Re-identification: A Benchmark" (Market-1501, 2015), and MARS (2016).
Differs: their average precision joins recall steps by trapezoids; like most later work this one is rectangular: the
mean, over a query's matches, of the precision at that match.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from ctl.data.benchmark import JUNK
from ctl.errors import InputError

Unmatched = Literal["drop", "miss"]
"""What becomes of a query whose person no other camera of the gallery saw: left out, or counted as never found."""


@dataclass(frozen=True, eq=False)
class Retrieval:
    """What the rankings of Q queries were worth, one by one.

    Args:
        average_precision: (Q,) float64 in 0..1; NaN if the gallery has no match.
        first_match: (Q,) int64, rank from 1 of the first match; 0 if there is none.
        nearest: (Q, R) int64, rows of the gallery, best first; −1 if fewer than R are ranked.
        distance: (Q, R) float32, of the nearest; NaN if there is none.
    """

    average_precision: np.ndarray
    first_match: np.ndarray
    nearest: np.ndarray
    distance: np.ndarray

    @property
    def matched(self) -> np.ndarray:
        """(Q,) bool, whether the gallery has a match at all."""
        return self.first_match > 0

    def counted(self, unmatched: Unmatched) -> np.ndarray:
        """(Q,) bool, the queries that metrics are a mean of. Raises InputError if none has a match."""
        if not self.matched.any():
            raise InputError("no query has a match: the gallery needs its person as seen by another camera")
        return self.matched if unmatched == "drop" else np.ones_like(self.matched)

    def cmc(self, ranks: int, unmatched: Unmatched = "drop") -> np.ndarray:
        """(ranks,) float64, share of queries with a match among the first 1, 2, … ranks."""
        first = self.first_match[self.counted(unmatched)]
        return (found_within(first, np.arange(1, ranks + 1))).mean(axis=0)

    def mean_ap(self, unmatched: Unmatched = "drop") -> float:
        """Mean average precision; that of a query without a match is 0."""
        return float(np.nan_to_num(self.average_precision[self.counted(unmatched)]).mean())


def found_within(first_match: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """(Q,) ranks of first matches and (K,) ranks -> (Q, K) bool: was there a match up to that rank?"""
    return (first_match[:, None] > 0) & (first_match[:, None] <= ranks)


def cmc_map(
    distance: ArrayLike,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike,
    gallery_cameras: ArrayLike,
    *,
    ranks: int = 20,
    unmatched: Unmatched = "drop",
) -> tuple[np.ndarray, float]:
    """CMC curve and mean average precision.

    >>> cmc, mean_ap = cmc_map([[0.1, 0.2, 0.9]], [7], [8, 7, 7], [0], [1, 1, 2])
    >>> float(cmc[0]), float(cmc[1]), round(mean_ap, 3)  # the first is somebody else; matches at ranks 2 and 3
    (0.0, 1.0, 0.583)

    Args:
        distance: (Q, G) float, smaller is more alike.
        query_ids, gallery_ids: (Q,) and (G,) int, persons; −1 is junk.
        query_cameras, gallery_cameras: (Q,) and (G,) int.
        ranks: R.
        unmatched: "drop" leaves queries without a match out, as most code of the field does; "miss" counts them as
            never found, as the official evaluation of MARS does.
    Returns:
        cmc (R,) float64, of which entry k − 1 is rank-k, and the mAP; all in 0..1.
    Raises:
        ValueError: shapes disagree, or a distance is NaN.
        InputError: no query has a match.
    """
    retrieval = rank_gallery(distance, query_ids, gallery_ids, query_cameras, gallery_cameras)
    return retrieval.cmc(ranks, unmatched), retrieval.mean_ap(unmatched)


def rank_gallery(
    distance: ArrayLike,
    query_ids: ArrayLike,
    gallery_ids: ArrayLike,
    query_cameras: ArrayLike,
    gallery_cameras: ArrayLike,
    *,
    nearest: int = 10,
) -> Retrieval:
    """Rank the gallery for every query. Arguments and errors as in `cmc_map`.

    Args:
        nearest: R, how many of the nearest tracklets are kept for display.
    """
    distances = np.asarray(distance)
    persons, cameras = np.asarray(query_ids), np.asarray(query_cameras)
    gallery_persons, gallery_cameras = np.asarray(gallery_ids), np.asarray(gallery_cameras)
    Q, G = len(persons), len(gallery_persons)
    for name, array, shape in (
        ("distance", distances, (Q, G)),
        ("query_cameras", cameras, (Q,)),
        ("gallery_cameras", gallery_cameras, (G,)),
    ):
        if array.shape != shape:
            raise ValueError(f"{name} must be {shape}, got {array.shape}")
    if np.isnan(distances).any():
        raise ValueError("distance holds NaN")
    average_precision, first_match = np.full(Q, np.nan), np.zeros(Q, np.int64)
    best, best_distance = np.full((Q, nearest), -1, np.int64), np.full((Q, nearest), np.nan, np.float32)
    for q in range(Q):  # one row at a time: memory stays that of the distances
        is_match = true_matches(persons[q], cameras[q], gallery_persons, gallery_cameras)
        is_ranked = (gallery_persons != JUNK) & (is_match | (gallery_persons != persons[q]))
        ranked = is_ranked.nonzero()[0]  # (g,) rows of the gallery
        values = distances[q, ranked]
        ranks = stable_ranks(values, is_match[ranked].nonzero()[0])  # (M,)
        if len(ranks):
            average_precision[q] = (np.arange(1, len(ranks) + 1) / ranks).mean()
            first_match[q] = ranks[0]
        top = smallest(values, nearest)
        best[q, : len(top)], best_distance[q, : len(top)] = ranked[top], values[top]
    return Retrieval(average_precision, first_match, best, best_distance)


def true_matches(person: int, camera: int, gallery_persons: np.ndarray, gallery_cameras: np.ndarray) -> np.ndarray:
    """(G,) bool, which tracklets of a gallery (G,), (G,) show a query's person in another camera."""
    return (gallery_persons == person) & (gallery_cameras != camera)


def stable_ranks(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Ranks of some values in a stable ascending order of all, without the cost of a stable sort.

    Args:
        values: (n,) float.
        chosen: (M,) int, places among the values.
    Returns:
        (M,) int64 from 1, ascending.
    """
    ordered, chosen_values = np.sort(values), values[chosen]
    smaller = ordered.searchsorted(chosen_values, "left")
    for m in (ordered.searchsorted(chosen_values, "right") - smaller > 1).nonzero()[0]:
        smaller[m] += np.count_nonzero(values[: chosen[m]] == chosen_values[m])  # equal values that stand before it
    return np.sort(smaller) + 1


def smallest(values: np.ndarray, count: int) -> np.ndarray:
    """(n,) -> (min(n, count),) places of the smallest values, in a stable ascending order."""
    count = min(count, len(values))
    if not count:
        return np.zeros(0, np.int64)
    few = (values <= np.partition(values, count - 1)[count - 1]).nonzero()[0]
    return few[values[few].argsort(kind="stable")][:count]
