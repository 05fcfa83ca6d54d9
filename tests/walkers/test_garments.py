"""Clothes: cut where the pattern says, outside of the body, over each other; tubes that legs can't leave."""

from dataclasses import replace

import numpy as np
import pytest

from ctl.walkers.anatomy import ALPHA, Anatomy, hull_radius, measure, support, trunk_slice, trunk_x
from ctl.walkers.body import blend_matrix, bone, make_body, move, read_template, stack_transforms
from ctl.walkers.figure import Figure
from ctl.walkers.garments import ARM, LEG, Bottom, Top, level, make_bottom, make_top
from ctl.walkers.look import Look, sample_look
from ctl.walkers.mesh import Surface, cut, normals, unwrap
from ctl.walkers.patterns import PATTERNS, Cloth, weave

PHASES = np.arange(12) / 12
CLOTH = Cloth("plain", ((200, 30, 30), (30, 200, 30), (30, 30, 200)), 0.1, 0)
SHIRT = Top(CLOTH, 0.5, 0.9, "crew", 0.015, 0.3, 0.0, 0.0, 1.0, (0.0, 0.0))
COAT = replace(SHIRT, sleeve=1.9, length=1.9, ease=0.03, opening=(12.0, 25.0))
TROUSERS = Bottom("trousers", CLOTH, 1.9, 0.012, 0.7, 0.0, 0.0)
SKIRT = Bottom("skirt", CLOTH, 1.8, 0.015, 1.0, 0.05, 0.0)


@pytest.fixture(scope="module", params=(4, 9, 17))
def anatomy(request: pytest.FixtureRequest) -> Anatomy:
    look = sample_look(np.random.default_rng(request.param))
    return measure(make_body(np.array(look.phenotypes), look.stature))


def wearing(seed: int, top: Top, bottom: Bottom | None, outer: Top | None = None, tucked: bool = False) -> Look:
    look = sample_look(np.random.default_rng(seed))
    clothes = replace(look.clothes, top=top, bottom=bottom, outer=outer, tucked=tucked)
    return replace(look, clothes=clothes, extras=())


def piece(figure: Figure, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Points over `PHASES` (T, V, 3) and faces of a piece."""
    index = [p.name for p in figure.pieces].index(name)
    return figure.poses(PHASES).points[index], figure.pieces[index].faces


def test_a_cut_triangle_loses_exactly_its_corner():
    """A right triangle of area 1/2, cut where x = 1/2: the corner beyond has a quarter of its area."""
    points = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
    flat = Surface(
        points, np.ones((3, 1), np.float32), np.array([[0, 1, 2]], np.int32), points[:, :2], np.zeros((3, 3))
    )
    kept = cut(flat, 0.5 - points[:, 0])
    a, b, c = (kept.points[kept.faces[:, i]] for i in range(3))
    signed = np.cross(b - a, c - a)[:, 2] / 2
    assert signed.sum() == pytest.approx(0.375)
    assert (signed > 0).all()  # the winding is kept
    assert kept.points[:, 0].max() == pytest.approx(0.5)
    np.testing.assert_allclose(kept.uv, kept.points[:, :2])  # everything else is cut with it


def test_unwrapping_leaves_no_triangle_with_a_jump():
    angle = np.array([3.0, -3.0, 3.1])
    strip = Surface(
        np.eye(3, dtype=np.float32), np.ones((3, 1)), np.array([[0, 1, 2]]), np.zeros((3, 2)), np.zeros((3, 3))
    )
    opened, turned = unwrap(strip, angle)
    assert np.ptp(turned[opened.faces]) < 0.5


def test_hull_radius_of_two_circles_is_their_convex_outline():
    """Circles of radius 1 at x = -2 and 2: 3 along x, and 1 across because the outline is flat there."""
    reach = np.maximum(2 * np.cos(ALPHA), -2 * np.cos(ALPHA)) + 1
    np.testing.assert_allclose(hull_radius(reach, np.array([0.0, np.pi / 2, np.pi])), [3, 1, 3], atol=0.01)


def test_a_tube_stands_off_the_skin_all_round(anatomy):
    for part in (make_top(anatomy, SHIRT, "top"), make_top(anatomy, COAT, "outer"), make_bottom(anatomy, SKIRT)):
        drape = part.drape
        assert drape is not None
        for row in range(1, len(drape.z)):
            if drape.z[row] > anatomy.hip:
                own = trunk_slice(anatomy, drape.z[row])
                assert (drape.reach[row] - own > 0.011).all(), part.name


def test_cut_surfaces_lie_outside_of_the_skin_they_cover(anatomy):
    """Seen along the skin's normal, the nearest cloth is on the outer side."""
    out = normals(anatomy.skin.points, anatomy.skin.faces)
    for part, limb, low, high in (
        (make_bottom(anatomy, TROUSERS), LEG, 0.3, 1.7),
        (make_top(anatomy, COAT, "outer"), ARM, 0.4, 1.7),
    ):
        marks = anatomy.skin.marks[:, limb]
        rows = np.flatnonzero((marks > low) & (marks < high))[::7]
        fixed = len(part.surface.points) - (part.drape.theta.size if part.drape else 0)
        cloth = part.surface.points[:fixed]
        nearest = np.linalg.norm(cloth[None] - anatomy.skin.points[rows][:, None], axis=2).argmin(axis=1)
        height = np.einsum("vi,vi->v", cloth[nearest] - anatomy.skin.points[rows], out[rows])
        assert (height > 0).mean() > 0.98
        assert height.min() > -0.006


def test_sleeves_and_legs_end_where_the_cut_says(anatomy):
    for sleeve in (0.5, 1.9):
        part = make_top(anatomy, replace(SHIRT, sleeve=sleeve), "top")
        assert part.surface.marks[:, ARM].max() == pytest.approx(sleeve, abs=0.02)
    for length in (0.7, 1.9):
        assert make_bottom(anatomy, replace(TROUSERS, length=length)).surface.marks[:, LEG].max() == pytest.approx(
            length, abs=0.02
        )


@pytest.mark.parametrize("seed", [2, 6, 13])
def test_a_coat_has_its_own_hem_below_the_hips_and_is_open_in_front(seed):
    figure = Figure(wearing(seed, SHIRT, TROUSERS, COAT))
    points, faces = piece(figure, "outer")
    joints = figure.poses(PHASES).joints
    knee, hip = joints[:, 13:15, 2].max(axis=1), joints[:, 11:13, 2].mean(axis=1)
    hem = points[..., 2].min(axis=1)
    assert (hem < hip - 0.2).all()
    assert (hem > knee - 0.15).all()
    middle = points[:, faces].mean(axis=2)  # (T, F, 3)
    waist = np.abs(middle[..., 2] - hip[:, None]) < 0.15
    front = waist & (middle[..., 0] > joints[:, 11:13, 0].mean(axis=1)[:, None] + 0.06)
    assert not (front & (np.abs(middle[..., 1] - joints[:, 11:13, 1].mean(axis=1)[:, None]) < 0.012)).any()


@pytest.mark.parametrize("seed", [1, 5, 14])
def test_legs_stay_inside_of_a_skirt_that_goes_between_them(seed):
    """At every frame the skin of thighs and knees is within the convex outline of the skirt at its height."""
    look = wearing(seed, SHIRT, SKIRT, tucked=True)
    figure = Figure(look)
    skirt, _ = piece(figure, "bottom")
    body = make_body(np.array(look.phenotypes), look.stature)
    rows = np.flatnonzero((measure(body).leg > 0.2) & (measure(body).leg < 1.3))
    legs = move(
        blend_matrix(body.points[rows], read_template().weights[rows]),
        stack_transforms(figure._walk.transforms(PHASES)),
    )
    for frame in range(len(PHASES)):
        hem = skirt[frame, :, 2].min()
        for z in hem + np.array([0.05, 0.15, 0.25]):
            ring = skirt[frame][np.abs(skirt[frame][:, 2] - z) < 0.03][:, :2]
            inside = legs[frame][np.abs(legs[frame][:, 2] - z) < 0.01][:, :2]
            assert (support(ring) - support(inside)).min() > -0.008
            between = np.abs(skirt[frame][:, 1]) < 0.03
            assert (between & (skirt[frame][:, 2] < z)).any()  # cloth in front of and behind the gap


def test_a_skirt_swings_with_the_gait():
    figure = Figure(wearing(5, SHIRT, SKIRT, tucked=True))
    skirt, _ = piece(figure, "bottom")
    low = skirt[0, :, 2] < skirt[0, :, 2].min() + 0.05
    ahead = skirt[:, low, 0].max(axis=1)
    assert np.ptp(ahead) > 0.03
    assert np.abs(np.diff(ahead, append=ahead[0])).max() < 0.15  # no jump from frame to frame


@pytest.mark.slow
def test_no_skin_of_the_trunk_is_left_to_poke_through():
    trunk = [bone(name) for name in ("pelvis", "belly", "waist")]
    weights = read_template().weights
    assert (weights[:, trunk].sum(axis=1) > 0.9).sum() > 100
    for seed in range(8):
        look = sample_look(np.random.default_rng(seed))
        figure = Figure(look)
        skin, _ = piece(figure, "skin")
        joints = figure.poses(PHASES).joints
        hips, shoulders = joints[:, 11:13].mean(axis=1), joints[:, 5:7].mean(axis=1)
        height = (skin[..., 2] - hips[:, None, 2]) / (shoulders - hips)[:, None, 2]
        line = hips[:, None, :2] + height[..., None] * (shoulders - hips)[:, None, :2]
        trunk_skin = (height > 0.1) & (height < 0.7) & (np.linalg.norm(skin[..., :2] - line, axis=2) < 0.1)
        assert not trunk_skin.any()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_patterns_go_on_where_the_panel_shows_the_back_a_second_time(pattern):
    cloth = replace(CLOTH, pattern=pattern, seed=3)
    for panel in ("body", "limb"):
        left, right = np.moveaxis(
            weave(cloth, np.array([0.1 - np.pi, 0.1 + np.pi]), 1.0, np.linspace(-0.5, 0.1, 40), panel), 1, 0
        )
        np.testing.assert_allclose(left, right, atol=1e-6)


def test_stripes_have_the_period_of_the_cloth():
    cloth = replace(CLOTH, pattern="stripes", scale=0.1)
    rows = weave(cloth, np.zeros(1), 1.0, np.array([0.02, 0.07, 0.12, 0.17]), "body")[:, 0]
    red = rows[:, 0] > rows[:, 1]
    assert red.tolist() == [False, True, False, True]


def test_hems_follow_the_body_that_wears_them(anatomy):
    marks = [level(anatomy, length) for length in (0, 1, 2, 3)]
    assert marks == sorted(marks, reverse=True)
    assert level(anatomy, 1) == pytest.approx(anatomy.crotch)
    assert trunk_x(anatomy, anatomy.waist) < anatomy.body.points[:, 0].max()
