"""Ways through a view: arcs, room around obstacles, and being hidden as much as was asked for."""

from dataclasses import replace

import numpy as np
import pytest

from ctl.walkers.path import Path
from ctl.walkers.plan import TrackletPlan, plan_tracklet
from ctl.walkers.render import Stage
from ctl.walkers.scene import KINDS, Obstacle, build_scene
from ctl.walkers.settings import FRAMES_PER_SECOND, Hardness
from ctl.walkers.solids import box
from ctl.walkers.view import View
from tests.walkers.places import CAMERA, place, plain

OPEN = Hardness(hidden_share=0.0, crossing_share=0.0, company_share=0.0)
BUSY = Hardness(hidden_share=1.0, crossing_share=1.0, company_share=1.0)


@pytest.fixture(scope="module")
def view(stage: Stage) -> View:
    """A wall that hides legs, in the middle of an open place."""
    shown = place(stage, box(3.0, 0.2, 0.0, 0.9, plain(1, 0, 0)).placed(0, 8.0))
    return replace(shown, scene=replace(shown.scene, obstacles=(Obstacle((-1.5, 8.0), (1.5, 8.0), 0.1),)))


def test_a_straight_path_keeps_its_speed_and_heading() -> None:
    places, headings = Path(1.0, 2.0, np.pi / 2, 0.0, 1.5, 0.0).at(np.array([0.0, 2.0]))
    np.testing.assert_allclose(places, [[1, 2], [1, 5]], atol=1e-12)
    np.testing.assert_allclose(headings, np.pi / 2)


def test_a_curved_path_is_a_circle() -> None:
    times = np.linspace(0, 5, 20)
    places, headings = Path(0.0, 0.0, 0.0, 0.5, 1.0, 0.0).at(times)
    np.testing.assert_allclose(np.linalg.norm(places - [0, 2], axis=1), 2, atol=1e-9)  # radius 1 / 0.5
    np.testing.assert_allclose(headings, 0.5 * times)
    np.testing.assert_allclose(places[-1], [2 * np.sin(2.5), 2 - 2 * np.cos(2.5)], atol=1e-9)


def test_people_stay_in_the_picture_and_out_of_things(stage: Stage) -> None:
    bare = place(stage)
    view = replace(bare, scene=replace(bare.scene, obstacles=(Obstacle((-1.5, 9.0), (1.5, 9.0), 0.1),)))
    for seed in range(40):
        plan = plan_tracklet(view, 1.3, (8, 24), OPEN, np.random.default_rng(seed))
        assert 8 <= plan.wanted <= min(24, plan.moments)
        places, _ = plan.path.at(np.arange(plan.moments) / FRAMES_PER_SECOND)
        for x, y in places:
            assert max(abs(x) - 1.5, abs(y - 9.0)) > 0.3
            for z in (0.0, 1.8):
                pixel, _ = CAMERA.project(np.array([x, y, z]))
                assert (pixel > 0).all()
                assert (pixel < [CAMERA.width, CAMERA.height]).all()


def hidden_share(view: View, hardness: Hardness) -> float:
    """Share of shins along drawn ways that the wall stands before, from geometry alone."""
    hidden = []
    for seed in range(12):
        plan = plan_tracklet(view, 1.3, (8, 12), hardness, np.random.default_rng(seed))
        places, _ = plan.path.at(np.arange(plan.moments) / FRAMES_PER_SECOND)
        for x, y in places:
            share = 8.0 / y  # where the ray from the lens to the shin passes the wall
            height = CAMERA.height_m + share * (0.3 - CAMERA.height_m)
            hidden.append(y > 8.0 and abs(share * x) < 1.5 and height < 0.9)
    return float(np.mean(hidden))


def test_ways_lead_behind_things_when_asked_to(view: View) -> None:
    assert hidden_share(view, OPEN) < 0.05
    assert hidden_share(view, BUSY) > 0.3


def test_somebody_crosses_between_camera_and_person(view: View) -> None:
    plan = plan_tracklet(view, 1.3, (12, 12), BUSY, np.random.default_rng(3))
    times = np.linspace(0, plan.moments / FRAMES_PER_SECOND, 200)
    person, _ = plan.path.at(times)
    gaps = []
    for extra in plan.extras:
        other, _ = extra.path.at(times)
        between = np.linalg.norm(other, axis=1) < np.linalg.norm(person, axis=1)
        gaps.append(np.where(between, np.linalg.norm(other - person, axis=1), np.inf).min())
    assert min(gaps) < 1.7


def test_light_changes_from_the_first_moment_to_the_last() -> None:
    plan = TrackletPlan(Path(0, 9, 0, 0, 1, 0), 5, 5, (), gain=2.0, change=(0.4, 0.0, -0.8))
    np.testing.assert_allclose(plan.gains(2), [2, 2, 2])
    np.testing.assert_allclose(plan.gains(4) / plan.gains(0), np.exp([0.4, 0.0, -0.8]))
    np.testing.assert_array_equal(replace(plan, moments=1).gains(0), 2 * np.exp(-0.5 * np.array(plan.change)))


def test_light_and_parts_are_drawn_as_often_as_asked_and_change_nothing_else(view: View) -> None:
    hard = replace(OPEN, light_change=0.3, partial_share=0.4)
    draws = [np.random.default_rng(seed) for seed in range(200)]
    plans = [plan_tracklet(view, 1.3, (8, 8), hard, rng) for rng in draws]
    plain_plans = [plan_tracklet(view, 1.3, (8, 8), OPEN, np.random.default_rng(seed)) for seed in range(200)]
    for hard_plan, plain_plan in zip(plans, plain_plans, strict=True):
        assert replace(hard_plan, change=plain_plan.change, part=None) == plain_plan
    assert {plan.change for plan in plain_plans} == {(0.0, 0.0, 0.0)}
    changes = np.array([plan.change for plan in plans])
    assert changes[:, 1].std() == pytest.approx(0.3, rel=0.2)
    np.testing.assert_allclose(changes[:, 0] - changes[:, 1], changes[:, 1] - changes[:, 2], atol=1e-12)
    parts = np.array([plan.part for plan in plans if plan.part])
    assert len(parts) == pytest.approx(80, abs=20)
    left_out = np.column_stack([parts[:, :2], 1 - parts[:, 2:]])
    assert ((left_out > 0).sum(axis=1) == 1).all()
    assert left_out.max() <= 0.5
    assert (left_out > 0).mean(axis=0)[3] == pytest.approx(0.6, abs=0.15)  # legs


@pytest.mark.parametrize("kind", KINDS)
def test_every_place_has_ground_to_walk_on_and_things_to_walk_around(kind: str) -> None:
    scene = build_scene(kind, CAMERA, np.random.default_rng(1))
    assert scene.obstacles
    assert all(np.abs(solid.points[:, 2]).max() < 0.01 for solid in scene.ground)
    assert min(solid.points[:, 2].min() for solid in scene.standing) > -1.5  # crowns of shrubs reach into the ground
    assert max(solid.points[:, 2].max() for solid in scene.standing) > 1
