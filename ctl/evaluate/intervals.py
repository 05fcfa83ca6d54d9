"""How sure a metric is: percentile bootstrap over persons. numpy only."""

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
    _, person, queries = np.unique(persons, return_inverse=True, return_counts=True)
    P = len(queries)
    sums = np.zeros((P, values.shape[1]))
    np.add.at(sums, person, values)
    times = np.random.default_rng(seed).multinomial(P, np.full(P, 1 / P), size=draws)  # (draws, P), each row sums to P
    means = (times @ sums) / (times @ queries)[:, None]  # (draws, K)
    low, high = np.percentile(means, (2.5, 97.5), axis=0)
    return low, high
