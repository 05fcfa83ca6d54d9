"""Rendered colours and depths against the camera's own projection, and the empty view's shadows."""

import numpy as np
import pytest

from ctl.walkers.render import KEPT, Light, Model, Stage, face_incidence, vertex_normals
from ctl.walkers.solids import Solid, box, floor
from ctl.walkers.view import cast_on_ground
from tests.walkers.places import CAMERA, LIGHT, place, plain

WHOLE = (160, 120, 320, 240)


def load(*solids: Solid) -> Model:
    model = Model(solids, smooth=False)
    model.pose([solid.points for solid in solids])
    return model


def test_a_rendered_box_lies_where_projection_puts_its_corners(stage: Stage) -> None:
    solid = box(0.8, 0.8, 0.0, 1.7, plain(1, 0, 0)).placed(0.3, 9.0, 0.4)
    layer = stage.render([load(solid)], LIGHT, CAMERA, WHOLE, 1)
    pixels, depth = CAMERA.project(solid.points)
    rows, columns = np.nonzero(np.isfinite(layer.depth))
    found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) + np.array([160, 120, 160, 120])
    np.testing.assert_allclose(found, [*pixels.min(axis=0), *pixels.max(axis=0)], atol=1.1)
    seen = layer.depth[np.isfinite(layer.depth)]
    assert depth.min() - 0.01 < seen.min() < depth.min() + 0.05
    assert seen.max() < depth.max()


def test_a_region_is_a_window_into_the_whole_picture(stage: Stage) -> None:
    model = load(box(0.8, 0.8, 0.0, 1.7, plain(1, 0, 0)).placed(0.3, 9.0, 0.4))
    whole = stage.render([model], LIGHT, CAMERA, WHOLE, 1)
    part = stage.render([model], LIGHT, CAMERA, (160 + 96, 120 + 32, 96, 160), 1)
    assert np.isfinite(part.depth).any()
    np.testing.assert_allclose(part.depth, whole.depth[32:192, 96:192], rtol=1e-3)
    assert np.abs(part.colour.astype(int) - whole.colour[32:192, 96:192]).max() <= 3


def test_rendering_twice_gives_the_same_bytes(stage: Stage) -> None:
    model = load(box(0.8, 0.8, 0.0, 1.7, plain(0.3, 0.6, 0.2)).placed(0, 9.0))
    first, second = (stage.render([model], LIGHT, CAMERA, WHOLE, 1) for _ in range(2))
    assert np.array_equal(first.colour, second.colour)
    assert np.array_equal(first.depth, second.depth)


def test_a_side_that_faces_the_sun_is_brighter(stage: Stage) -> None:
    model = load(box(0.8, 0.8, 0.0, 1.7, plain(0.5, 0.5, 0.5)).placed(0, 9.0))
    layers = [stage.render([model], Light((0.0, y, 0.6), 0.6, 0.2, 0.3), CAMERA, WHOLE, 1) for y in (-0.8, 0.8)]
    front, behind = (layer.colour[np.isfinite(layer.depth)].mean() for layer in layers)
    assert front > behind


def test_too_large_a_region_is_refused(stage: Stage) -> None:
    with pytest.raises(ValueError, match="do not fit the stage"):
        stage.render([], LIGHT, CAMERA, (0, 0, 640, 480), 2)


def test_shadows_fall_away_from_the_sun_onto_the_ground(stage: Stage) -> None:
    post = box(0.3, 0.3, 0.0, 1.5, plain(1, 0, 0)).placed(0, 9.0)
    ground = floor(-20, 0, 20, 30, 0, plain(0.6, 0.6, 0.6), 1.0)
    view = place(stage, post, ground=(ground,), light=Light((0.6, 0.0, 0.8), 0.4, 0.3, 0.5))
    top = cast_on_ground(np.array([0.0, 9.0, 1.5]), view.scene.light.sun)
    np.testing.assert_allclose(top, [-1.125, 9.0, 0.0], atol=1e-6)

    def shadow_at(x: float) -> float:
        column, row = CAMERA.project(np.array([x, 9.0, 0.0]))[0].astype(int)
        return float(view.shadow[row, column])

    assert shadow_at(-0.6) > 0.5
    assert shadow_at(0.6) < 0.05
    assert shadow_at(-1.6) < 0.05
    assert view.light_at(-0.6, 9.0).sun_strength < 0.5 * view.light_at(0.6, 9.0).sun_strength
    assert not view.ground[CAMERA.height // 2 - 120, CAMERA.width // 2]


def test_normals_of_a_rounded_corner_weigh_faces_by_their_area() -> None:
    points = np.array([[0, 0, 0], [2, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32)
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 1]], np.int32)  # areas 1, 1/2, 1, towards +z, +x, +y
    normals = vertex_normals(points, faces, face_incidence(faces, 4))
    np.testing.assert_allclose(normals[0], np.array([0.5, 1, 1]) / 1.5, rtol=1e-6)
    np.testing.assert_allclose(normals[3], np.array([0.5, 1, 0]) / np.sqrt(1.25), rtol=1e-6)


def test_a_model_looks_the_same_after_many_others_were_shown(stage: Stage) -> None:
    model = load(box(0.8, 0.8, 0.0, 1.7, plain(0.3, 0.6, 0.2)).placed(0, 9.0))
    before = stage.render([model], LIGHT, CAMERA, WHOLE, 1)
    others = [load(box(0.2, 0.2, 0.0, 1.0, plain(0.9, 0.1, 0.1)).placed(-1.5, 7.0)) for _ in range(KEPT + 1)]
    for other in others:
        stage.render([other], LIGHT, CAMERA, WHOLE, 1)
    after = stage.render([model], LIGHT, CAMERA, WHOLE, 1)
    assert np.array_equal(before.colour, after.colour)
    assert np.array_equal(before.depth, after.depth)
