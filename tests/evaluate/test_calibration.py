"""Similarity to probability: known curves are found again, priors follow Bayes, and the checkpoint keeps it."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from ctl.checkpoint import load_checkpoint, save_calibration, save_checkpoint
from ctl.config import ModelConfig
from ctl.data.benchmark import DISTRACTOR, JUNK, Split, TrackletFiles
from ctl.errors import InputError
from ctl.evaluate.calibration import Pairs, calibrate, fit, measure, pair_up
from ctl.evaluate.report import Embedded
from ctl.model import CTL
from ctl.types import Calibration


def pairs_of_two_bells(same: int, different: int, seed: int = 0) -> Pairs:
    """Similarities with deviation 0.1 around 0.6 and 0.3: at a prior of 1/2 the log odds are 30 · similarity − 13.5."""
    rng = np.random.default_rng(seed)
    similarity = np.concatenate([rng.normal(0.6, 0.1, same), rng.normal(0.3, 0.1, different)])
    return Pairs(similarity.astype(np.float32), np.arange(same + different) < same)


@pytest.mark.parametrize("different", [20_000, 400_000], ids=["balanced", "one-in-twenty-one"])
def test_the_true_curve_is_found_whatever_the_share_of_pairs(different: int) -> None:
    slope, intercept = fit(pairs_of_two_bells(20_000, different))
    assert slope == pytest.approx(30, rel=0.03)
    assert intercept == pytest.approx(-13.5, rel=0.03)


def test_a_prior_shifts_the_odds_as_bayes_says():
    calibration = Calibration(30, -13.5, "two bells")
    for similarity in (0.2, 0.45, 0.7):
        same, different = (np.exp(-((similarity - mean) ** 2) / 0.02) for mean in (0.6, 0.3))
        for prior in (0.5, 0.01):
            want = prior * same / (prior * same + (1 - prior) * different)
            assert calibration.probability(similarity, prior) == pytest.approx(want)
    assert calibration.probability(np.array([[0.45, 0.5]])).shape == (1, 2)


def test_pairs_that_never_mix_still_give_a_finite_curve():
    slope, intercept = fit(Pairs(np.float32([0.1, 0.2, 0.3, 0.8, 0.9]), np.arange(5) > 2))
    assert 1 < slope < 100
    assert 0.3 < -intercept / slope < 0.8


def test_a_similarity_that_says_nothing_is_refused():
    with pytest.raises(InputError, match="says nothing"):
        fit(Pairs(np.float32([0.9, 0.8, 0.1, 0.2]), np.arange(4) > 1))


def test_measures_worked_by_hand():
    """Log odds are the similarity itself. Pairs weigh 1/4: both of the same person, and two of four others."""
    odds = Calibration(1, 0, "")
    p = np.array([0.95, 0.15, 0.15, 0.05])
    measured = measure(Pairs(np.log(p / (1 - p)), np.array([True, True, False, False])), odds, persons=2)
    assert measured.brier == pytest.approx((0.05**2 + 0.85**2 + 0.15**2 + 0.05**2) / 4)
    assert measured.share.tolist() == pytest.approx([0.25, 0.5, 0, 0, 0, 0, 0, 0, 0, 0.25])
    assert measured.predicted[[0, 1, 9]].tolist() == pytest.approx([0.05, 0.15, 0.95])
    assert measured.observed[[0, 1, 9]].tolist() == pytest.approx([0, 0.5, 1])
    assert measured.calibration_error == pytest.approx((0.05 + 2 * 0.35 + 0.05) / 4)
    assert json.loads(json.dumps(measured.to_json())) == {
        "brier": measured.brier,
        "calibration_error": measured.calibration_error,
        "persons": 2,
        "positives": 2,
        "negatives": 2,
    }


def test_unequal_kinds_weigh_the_same():
    odds = Calibration(1, 0, "")
    few = Pairs(np.array([0.3, -0.2]), np.array([True, False]))
    many = Pairs(np.array([0.3, *[-0.2] * 99]), np.arange(100) == 0)
    assert measure(few, odds, 2).brier == pytest.approx(measure(many, odds, 2).brier)
    assert fit(few)[0] > 0


def make_split() -> tuple[Split, Embedded]:
    """40 persons seen by three cameras, some junk and distractors; embeddings in loose clusters."""
    rng = np.random.default_rng(0)
    persons = [*range(1, 41), JUNK, DISTRACTOR]
    tracklets = tuple(TrackletFiles((Path(f"{p}/{c}"),), p, c) for p in persons for c in range(3))
    centres = {p: rng.standard_normal(8) for p in persons}
    values = np.stack([centres[t.person] + 0.8 * rng.standard_normal(8) for t in tracklets])
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    query = tuple(t for t in tracklets if t.person > 0 and t.camera == 0)
    return Split((), query, tracklets), Embedded({t: i for i, t in enumerate(tracklets)}, values.astype(np.float32), 0)


def test_pairs_are_of_the_chosen_persons_and_of_two_cameras():
    split, embedded = make_split()
    pairs = pair_up(split, embedded, [3, 7, 8])
    want = []
    for q in split.query:
        for g in split.gallery:
            if q.person in (3, 7, 8) and g.person in (3, 7, 8) and q.camera != g.camera:
                a, b = embedded.values[embedded.rows[q]], embedded.values[embedded.rows[g]]
                want.append((q.person == g.person, sum(float(x) * float(y) for x, y in zip(a, b, strict=True))))
    assert len(want) == 3 * 6
    assert pairs.same.tolist() == [same for same, _ in want]
    np.testing.assert_allclose(pairs.similarity, [similarity for _, similarity in want], atol=1e-6)


def test_half_of_the_persons_fit_and_the_others_judge():
    split, embedded = make_split()
    calibration, reliability = calibrate(split, embedded, "made up")
    assert calibration.fitted_on == "made up, 20 persons"
    assert (reliability.persons, reliability.positives, reliability.negatives) == (20, 40, 20 * 19 * 2)
    assert reliability.brier < 0.15
    assert reliability.calibration_error < 0.15
    with pytest.raises(InputError, match="1 are too few"):
        calibrate(Split((), split.query[:2], split.gallery), embedded, "made up")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoint")
    config = ModelConfig(backbone="mobilenet_v2", channels=8, image_size=(32, 32), relation_width=4, layers=1)
    save_checkpoint(folder, CTL(config), trained=True)
    return folder


def test_a_checkpoint_keeps_its_calibration_until_its_weights_change(folder: Path) -> None:
    calibration = Calibration(12.5, -4.0, "made up, 20 persons")
    assert load_checkpoint(folder)[1].calibration is None
    save_calibration(folder, calibration)
    model, info = load_checkpoint(folder)
    assert info.calibration == calibration
    assert info.trained
    assert json.loads((folder / "config.json").read_text())["calibration"] == asdict(calibration)
    save_checkpoint(folder, model, trained=True)
    assert load_checkpoint(folder)[1].calibration is None


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, 2], "must be an object"),
        ({"slope": 1, "intercept": 0}, "must be an object of slope, intercept and fitted_on"),
        ({"slope": 0, "intercept": 0, "fitted_on": ""}, "slope above 0"),
        ({"slope": 1, "intercept": float("nan"), "fitted_on": ""}, "finite intercept"),
        ({"slope": "1", "intercept": 0, "fitted_on": ""}, "slope above 0"),
        ({"slope": 1, "intercept": 0, "fitted_on": None}, "text in fitted_on"),
    ],
)
def test_a_damaged_calibration_is_named(folder: Path, values: object, message: str) -> None:
    file = folder / "config.json"
    whole = file.read_text()
    file.write_text(json.dumps(json.loads(whole) | {"calibration": values}))
    with pytest.raises(InputError, match=message):
        load_checkpoint(folder)
    file.write_text(whole)


def test_probabilities_rise_with_similarity():
    similarity = np.linspace(-1, 1, 101)
    p = Calibration(*fit(pairs_of_two_bells(500, 500)), "two bells").probability(similarity)
    assert (np.diff(p) > 0).all()
    assert 0 <= p[0] < 0.5 < p[-1] <= 1
