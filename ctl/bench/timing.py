"""Ratios that mean something on a noisy machine: both sides are timed in turn, in one run, several times."""

from collections.abc import Callable
from statistics import median
from time import perf_counter

Work = Callable[[], object]


def seconds(work: Work) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def ratio(above: Work, below: Work, rounds: int) -> dict[str, float]:
    """Time of `above` over time of `below`: median, lowest and highest of several rounds, after one to warm up."""
    above(), below()
    return spread([seconds(above) / seconds(below) for _ in range(rounds)])


def spread(values: list[float]) -> dict[str, float]:
    """Median, lowest and highest, to four digits that count."""
    return {name: float(f"{of(values):.4g}") for name, of in (("median", median), ("low", min), ("high", max))}
