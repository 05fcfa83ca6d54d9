"""How sure a metric is, and the difference of two models: percentile bootstrap over persons, and seeds. numpy only."""

from typing import Final

import numpy as np

DRAWS: Final = 2000


def bootstrap(
    values: np.ndarray, persons: np.ndarray, *, draws: int = DRAWS, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of the mean over queries, were the persons searched for drawn anew.

    The queries of a person succeed or fail together, so persons are drawn with replacement and bring all their queries
    along. The gallery stays as it is. Source: Efron & Tibshirani 1993, chapter 13 (percentile interval).

    Args:
        values: (n, K) float, K metrics of n queries; the queries of several splits may follow each other.
        persons: (n,) int, who is searched for.
        draws: how often all persons are drawn.
        seed: of the draws; the same seed gives the same interval.
    Returns:
        lower and upper ends, (K,) float64 each.
    """
    sums, queries = _by_person(values, persons)  # (P, K), (P,)
    times = _redrawn(len(queries), draws, np.random.default_rng(seed))  # (draws, P)
    means = (times @ sums) / (times @ queries)[:, None]  # (draws, K)
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    return low, high


def bootstrap_difference(
    values: np.ndarray, reference: np.ndarray, persons: np.ndarray, *, draws: int = DRAWS, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of how much better one way to train is than another, were persons and seeds drawn anew.

    Both are compared on the same queries by runs of the same seed, so what makes a person hard or a seed lucky for
    both cancels out. Drawn with replacement are the persons searched for, and the seeds, each time both.

    Args:
        values: (S, n) float, a metric of n queries by the runs of S seeds.
        reference: (S, n), the same of the way to compare with.
        persons: (n,) int, who is searched for.
        draws: how often persons and seeds are drawn.
        seed: of the draws.
    Returns:
        lower and upper end of the difference of means. With one seed it says nothing of other seeds.
    """
    rng = np.random.default_rng(seed)
    sums, queries = _by_person((values - reference).T, persons)  # (P, S), (P,)
    times = _redrawn(len(queries), draws, rng)  # (draws, P)
    seeds = _redrawn(len(values), draws, rng) / len(values)  # (draws, S)
    means = ((times @ sums) * seeds).sum(axis=1) / (times @ queries)
    low, high = np.percentile(means, (2.5, 97.5))
    return float(low), float(high)


def _by_person(values: np.ndarray, persons: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, K) values of queries -> their sums by person (P, K), and how many queries each has (P,)."""
    _, person, queries = np.unique(persons, return_inverse=True, return_counts=True)
    sums = np.zeros((len(queries), values.shape[1]))
    np.add.at(sums, person, values)
    return sums, queries


def _redrawn(count: int, draws: int, rng: np.random.Generator) -> np.ndarray:
    """(draws, count) int, how often each of `count` comes when as many are drawn with replacement."""
    return rng.multinomial(count, np.full(count, 1 / count), size=draws)
