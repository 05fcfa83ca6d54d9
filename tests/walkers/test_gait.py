"""Walking: the curves of the literature, feet that stand, arms that swing against the legs."""

import numpy as np
import pytest

from ctl.skeleton import FLIP, JOINTS
from ctl.walkers.figure import Figure
from ctl.walkers.gait import ANKLE, KNEE, THIGH, harmonics
from ctl.walkers.look import sample_look

PHASES = np.arange(48) / 48
SEEDS = (0, 3, 10, 21)


@pytest.fixture(scope="module", params=SEEDS)
def figure(request: pytest.FixtureRequest) -> Figure:
    return Figure(sample_look(np.random.default_rng(request.param)))


def joint(joints: np.ndarray, name: str) -> np.ndarray:
    return joints[:, JOINTS.index(name)]


def shoe_sides(figure: Figure, phases: np.ndarray) -> dict[str, np.ndarray]:
    """(T, V, 3) of each shoe: the shoes' vertices, split at rest by side of the walking line."""
    poses = figure.poses(phases)
    index = [piece.name for piece in figure.pieces].index("shoes")
    points = poses.points[index]
    left = points[..., 1].mean(axis=0) > 0
    return {"left": points[:, left], "right": points[:, ~left]}


def test_mean_angles_are_those_of_level_walking():
    """Winter 2009, appendix A; Perry 1992."""
    thigh, knee, ankle = (harmonics(curve, PHASES) for curve in (THIGH, KNEE, ANKLE))
    assert 24 < thigh.max() < 33
    assert -20 < thigh.min() < -12
    assert 0.45 < PHASES[thigh.argmin()] < 0.6
    assert 56 < knee.max() < 68
    assert 0.68 < PHASES[knee.argmax()] < 0.78
    assert 10 < knee[(PHASES > 0.08) & (PHASES < 0.22)].max() < 22  # the yield after the heel's strike
    assert 7 < ankle[PHASES < 0.5].max() < 14
    assert 0.57 < PHASES[ankle.argmin()] < 0.68


def test_soles_are_on_the_ground_while_they_carry(figure):
    shoes = shoe_sides(figure, PHASES)
    lowest = np.minimum(shoes["left"][..., 2].min(axis=1), shoes["right"][..., 2].min(axis=1))
    np.testing.assert_allclose(lowest, 0, atol=0.004)
    stance = (PHASES > 0.07) & (PHASES < 0.46)
    assert shoes["left"][stance][..., 2].min(axis=1).max() < 0.012
    swing = (PHASES > 0.68) & (PHASES < 0.8)
    assert shoes["left"][swing][..., 2].min(axis=1).min() > 0.002  # the toes clear the ground


def test_a_foot_that_carries_does_not_slide(figure):
    """Seen from the ground, the sole's lowest points stay where they are."""
    step = 1 / 480
    stance = np.arange(0.08, 0.42, 0.02)
    now, later = (shoe_sides(figure, stance + shift)["left"] for shift in (0, step))
    low = now[..., 2].argmin(axis=1)
    rows = np.arange(len(stance))
    slide = (later[rows, low, 0] - now[rows, low, 0]) / step + figure.stride_m  # metres a cycle
    assert np.abs(slide).mean() < 0.15 * figure.stride_m
    assert abs(slide.sum() * 0.02) < 0.03


def test_the_right_side_does_half_a_cycle_later_what_the_left_side_does(figure):
    first = figure.poses(PHASES).joints
    later = figure.poses(PHASES + 0.5).joints[:, list(FLIP)] * (1, -1, 1)
    assert np.abs(first - later).max() < 0.012


def test_a_cycle_ends_where_it_begins(figure):
    start, end = figure.poses(np.array([0.2, 1.2])).joints
    np.testing.assert_allclose(start, end, atol=1e-5)


def test_arms_swing_against_the_legs_beside_the_body(figure):
    joints = figure.poses(PHASES).joints
    for side, sign in (("left", 1), ("right", -1)):
        wrist, ankle = joint(joints, f"{side} wrist"), joint(joints, f"{side} ankle")
        assert np.corrcoef(wrist[:, 0], ankle[:, 0])[0, 1] < -0.6
        hip = joint(joints, f"{side} hip")
        assert (sign * (wrist[:, 1] - hip[:, 1]) > 0.03).all()
        assert (wrist[:, 2] < joint(joints, f"{side} elbow")[:, 2]).all()


@pytest.mark.slow
def test_people_walk_at_the_speed_of_people():
    """0.7 to 2.1 m/s; Bohannon 1997 has 1.0 to 2.5 for comfortable to fast walking of adults."""
    figures = [Figure(sample_look(np.random.default_rng(seed))) for seed in range(100, 112)]
    speeds = [figure.stride_m * figure.cycles_per_s for figure in figures]
    assert min(speeds) > 0.7
    assert max(speeds) < 2.1
    assert np.ptp(speeds) > 0.3
