"""What a frame holds: the person where the joints say, hidden where something stands before, at the size of the box."""

from dataclasses import replace

import numpy as np
import pytest

from ctl.walkers.figure import Figure
from ctl.walkers.film import Actor, Shot, composite, detector_box, film
from ctl.walkers.look import sample_look
from ctl.walkers.path import Path
from ctl.walkers.plan import Extra, TrackletPlan
from ctl.walkers.render import Layer, Stage
from ctl.walkers.settings import Hardness
from ctl.walkers.solids import Solid, box
from tests.walkers.places import CAMERA, place, plain

STEADY = Hardness(missed_share=0.0, bad_box_share=0.0, box_shift=0.0, box_scale=0.0, min_visible=0.02)
AWAY = Path(x=-0.5, y=9.0, heading=0.4, curvature=0.0, speed=1.2, phase=0.1)
PLAN = TrackletPlan(AWAY, moments=6, wanted=6, extras=(), gain=1.0)
HIPS = (11, 12)
LEGS = (13, 14, 15, 16)


@pytest.fixture(scope="module")
def actor(stage: Stage) -> Actor:
    return Actor(Figure(sample_look(np.random.default_rng(5))))


def shoot(stage: Stage, actor: Actor, *standing: Solid, plan: TrackletPlan = PLAN, **changes: float) -> list[Shot]:
    others = [Actor(Figure(sample_look(np.random.default_rng(50 + extra.figure)))) for extra in plan.extras]
    hardness = Hardness(**{name: changes.get(name, getattr(STEADY, name)) for name in Hardness.__dataclass_fields__})
    return film(stage, place(stage, *standing), plan, actor, others, hardness, np.random.default_rng(0))


def silhouette(shot: Shot) -> np.ndarray:
    """(256, 128) bool: all that isn't the green backdrop."""
    red, green, blue = np.moveaxis(shot.crop.astype(int), -1, 0)
    return ~((green > 180) & (red < 110) & (blue < 110))


def test_joints_lie_on_the_person_and_the_person_fills_the_box(stage: Stage, actor: Actor) -> None:
    for shot in shoot(stage, actor):
        body = silhouette(shot)
        rows, columns = np.nonzero(body)
        assert 4 <= rows.min() < 30
        assert 226 < rows.max() <= 251
        assert columns.min() > 0
        for x, y, _ in shot.joints:
            near = body[max(0, int(y) - 4) : int(y) + 5, max(0, int(x) - 3) : int(x) + 4]
            assert near.any(), f"no person at {x:.0f}, {y:.0f}"
        assert shot.joints[list(LEGS), 2].sum() >= 3
        assert abs(shot.joints[[15, 16], 1].max() - rows.max()) < 25
        assert abs(shot.joints[0, 1] - rows.min()) < 45


def test_joints_behind_a_wall_are_hidden_and_those_above_are_not(stage: Stage, actor: Actor) -> None:
    wall = box(6.0, 0.1, 0.0, 0.75, plain(1, 0, 0)).placed(0, 8.0)
    for free, behind in zip(shoot(stage, actor), shoot(stage, actor, wall), strict=True):
        np.testing.assert_array_equal(free.joints[:, :2], behind.joints[:, :2])
        assert not behind.joints[list(LEGS[2:]), 2].any()
        np.testing.assert_array_equal(free.joints[:11, 2], behind.joints[:11, 2])


def test_something_behind_the_person_hides_nothing(stage: Stage, actor: Actor) -> None:
    wall = box(6.0, 0.1, 0.0, 3.0, plain(1, 0, 0)).placed(0, 12.0)
    for free, before in zip(shoot(stage, actor), shoot(stage, actor, wall), strict=True):
        np.testing.assert_array_equal(free.joints, before.joints)


def test_somebody_in_between_hides_joints(stage: Stage, actor: Actor) -> None:
    ahead = Path(AWAY.x, AWAY.y - 0.9, AWAY.heading, 0.0, AWAY.speed, 0.3)
    free, crowded = (shoot(stage, actor, plan=replace(PLAN, extras=extras)) for extras in ((), (Extra(1, ahead),)))
    assert sum(shot.joints[:, 2].sum() for shot in crowded) < 0.6 * sum(shot.joints[:, 2].sum() for shot in free)


def test_a_partial_box_leaves_legs_out_and_shows_the_rest_larger(stage: Stage, actor: Actor) -> None:
    upper = replace(PLAN, part=(0.0, 0.0, 1.0, 0.5))
    for whole, part in zip(shoot(stage, actor), shoot(stage, actor, plan=upper), strict=True):
        assert not part.joints[list(LEGS[2:]), 2].any()
        assert (part.joints[list(LEGS[2:]), 1] > 256).all()
        np.testing.assert_allclose(part.joints[:, 1], 2 * whole.joints[:, 1], atol=16)  # a box is 10 % larger
        assert silhouette(part)[-1].any()


def test_light_that_changes_within_a_tracklet_changes_the_picture(stage: Stage, actor: Actor) -> None:
    steady, changing = shoot(stage, actor), shoot(stage, actor, plan=replace(PLAN, change=(-0.7, -0.7, 0.0)))
    ratios = []
    for before, now in zip(steady, changing, strict=True):
        person = silhouette(before)
        ratios.append(now.crop[person].mean(axis=0) / before.crop[person].mean(axis=0))
    assert (np.diff(ratios, axis=0)[:, :2] < -0.05).all()
    np.testing.assert_allclose(ratios[-1], [np.exp(-0.35), np.exp(-0.35), 1], atol=0.05)


def test_who_is_hardly_visible_is_not_detected(stage: Stage, actor: Actor) -> None:
    wall = box(6.0, 0.1, 0.0, 1.6, plain(1, 0, 0)).placed(0, 8.0)
    assert shoot(stage, actor, wall, min_visible=0.3) == []


def test_missed_frames_leave_gaps(stage: Stage, actor: Actor) -> None:
    moments = [shot.moment for shot in shoot(stage, actor, missed_share=0.5)]
    assert 0 < len(moments) < 6
    assert moments == sorted(set(moments))


def test_shifted_boxes_move_the_person_in_the_crop(stage: Stage, actor: Actor) -> None:
    spread = [np.ptp([shot.joints[HIPS[0], 1] for shot in shoot(stage, actor, box_shift=s)]) for s in (0.0, 0.08)]
    assert spread[1] > spread[0] + 10


def test_a_box_stays_within_the_picture() -> None:
    body = np.array([600.0, 300.0, 636.0, 470.0])
    box_ = detector_box(body, np.array([0.3, 0.3, 0.0, 0.0]), CAMERA)
    assert (box_ <= [640, 480, 640, 480]).all()
    left, top, right, bottom = detector_box(np.array([100.0, 100.0, 120.0, 200.0]), np.zeros(4), CAMERA)
    assert (right - left) == pytest.approx(0.42 * 110)
    assert (top, bottom) == pytest.approx((95, 205))


def test_composite_by_hand() -> None:
    far = np.inf
    front = Layer(np.full((2, 4, 3), 200, np.uint8), np.array([[2, far, far, far], [far, far, 5, 5]], np.float32))
    other = Layer(np.full((2, 4, 3), 100, np.uint8), np.array([[3, 3, 4, 4], [far, far, 4, 9]], np.float32))
    empty, depth = np.full((1, 2, 3), 0.5, np.float32), np.array([[8.0, 4.5]], np.float32)
    light, visible, nearest = composite([front, other], empty, depth, 2)
    # Left pixel: one sample of the first, one of the second, two of the place; right pixel: three of the second.
    assert light[0, 0, 0] == pytest.approx((200 / 255 + 100 / 255 + 0.5 + 0.5) / 4)
    assert light[0, 1, 0] == pytest.approx((3 * 100 / 255 + 0.5) / 4)
    assert visible.tolist() == [[True, False, False, False], [False, False, False, False]]
    assert nearest.tolist() == [[2, 3, 4, 4], [8, 8, 4, 4.5]]
