"""Fits a `Calibration`: from similarity to the probability that two tracklets show the same person.

Platt scaling, p = 1 / (1 + e^−(slope · similarity + intercept)), for pairs of which half are the same person. Logistic
and not isotonic: two numbers that anyone can read and apply, never flat, and safe with few pairs.

Source: Platt, "Probabilistic Outputs for Support Vector Machines", 1999.
Differs: same and different pairs weigh the same in total, so that the prior is 1/2 whatever the data set's is.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from ctl.data.benchmark import DISTRACTOR, JUNK, Split
from ctl.errors import InputError
from ctl.evaluate.report import Embedded
from ctl.types import Calibration

BINS: Final = 10


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of tracklets from different cameras.

    Args:
        similarity: (n,) float32, cosine.
        same: (n,) bool, whether both show one person.
    """

    similarity: np.ndarray
    same: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """(n,) float64, sum to 1: same and different pairs half each."""
        positives = np.count_nonzero(self.same)
        return np.where(self.same, 0.5 / positives, 0.5 / (len(self.same) - positives))


@dataclass(frozen=True, eq=False)
class Reliability:
    """How far probabilities can be trusted, on pairs that they weren't fitted on, at a prior of 1/2.

    Args:
        predicted: (BINS,) float64, mean probability of the pairs whose probability falls into each tenth of 0..1.
        observed: (BINS,) float64, share of them that are the same person.
        share: (BINS,) float64, of all pairs; if it is 0, the other two are NaN.
        brier: mean squared error of the probability, 0 best; 0.25 is that of always saying one half.
        calibration_error: ECE, mean over pairs of |observed − predicted| of their bin, 0..1.
        persons, positives, negatives: how many persons and pairs this was measured on.
    """

    predicted: np.ndarray
    observed: np.ndarray
    share: np.ndarray
    brier: float
    calibration_error: float
    persons: int
    positives: int
    negatives: int

    def to_json(self) -> dict[str, Any]:
        """The numbers; the curve is for `ctl.evaluate.pictures`."""
        return {name: value for name, value in vars(self).items() if not isinstance(value, np.ndarray)}


def calibrate(split: Split, embedded: Embedded, dataset: str, *, seed: int = 0) -> tuple[Calibration, Reliability]:
    """Fit on the pairs of one half of the persons, and measure on the pairs of the other half.

    Args:
        split: whose queries are paired with its gallery.
        embedded: its tracklets.
        dataset: name for the record.
        seed: decides who is in which half.
    Raises:
        InputError: too few persons or cameras, or similarity says nothing about identity.
    """
    searched_for = {t.person for t in split.query} & {t.person for t in split.gallery} - {JUNK, DISTRACTOR}
    persons = np.random.default_rng(seed).permutation(sorted(searched_for))
    fitted, tested = np.array_split(persons, 2)
    pairs, other_pairs = pair_up(split, embedded, fitted.tolist()), pair_up(split, embedded, tested.tolist())
    slope, intercept = fit(pairs)
    calibration = Calibration(slope, intercept, f"{dataset}, {len(fitted)} persons")
    return calibration, measure(other_pairs, calibration, len(tested))


def pair_up(split: Split, embedded: Embedded, persons: Collection[int]) -> Pairs:
    """Queries × gallery of some persons, without pairs of one camera. Raises InputError if a kind is missing."""
    query = [t for t in split.query if t.person in persons]
    gallery = [t for t in split.gallery if t.person in persons]
    same = np.array([t.person for t in query])[:, None] == np.array([t.person for t in gallery])
    usable = np.array([t.camera for t in query])[:, None] != np.array([t.camera for t in gallery])
    if not (same & usable).any() or not (~same & usable).any():
        raise InputError(
            f"a calibration needs pairs of the same and of different people across cameras: {len(persons)} are too few"
        )
    similarity = embedded.of(tuple(query)) @ embedded.of(tuple(gallery)).T
    return Pairs(similarity[usable], same[usable])


def fit(pairs: Pairs) -> tuple[float, float]:
    """Slope and intercept with the least weighted log loss, with Platt's targets, which keep them finite.

    Raises InputError if more similar pairs aren't more often the same person.
    """
    positives, n = np.count_nonzero(pairs.same), len(pairs.same)
    target = np.where(pairs.same, (positives + 1) / (positives + 2), 1 / (n - positives + 2))
    weights, s = pairs.weights, pairs.similarity.astype(np.float64)

    def loss(line: np.ndarray) -> tuple[float, np.ndarray]:
        z = line[0] * s + line[1]
        error = weights * (expit(z) - target)
        return float(weights @ (np.logaddexp(0, z) - target * z)), np.array([error @ s, error.sum()])

    slope, intercept = minimize(loss, x0=(1.0, 0.0), jac=True, method="BFGS", options={"gtol": 1e-8}).x
    if slope <= 0:
        raise InputError("similarity says nothing about who is who: train the checkpoint before it is calibrated")
    return float(slope), float(intercept)


def measure(pairs: Pairs, calibration: Calibration, persons: int) -> Reliability:
    """Compare probabilities with what is true."""
    p, weights = calibration.probability(pairs.similarity), pairs.weights
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    share, predicted, observed = (
        np.bincount(bins, weights=weights * values, minlength=BINS) for values in (np.ones_like(p), p, pairs.same)
    )
    positives = int(np.count_nonzero(pairs.same))
    with np.errstate(invalid="ignore"):  # 0 / 0 in empty bins
        predicted_mean, observed_mean = predicted / share, observed / share
    return Reliability(
        predicted=predicted_mean,
        observed=observed_mean,
        share=share,
        brier=float(weights @ (p - pairs.same) ** 2),
        calibration_error=float(np.abs(observed - predicted).sum()),
        persons=persons,
        positives=positives,
        negatives=len(p) - positives,
    )
