"""Projection against hand-worked pinhole cases."""

from dataclasses import replace
from math import pi

import numpy as np
import pytest

from ctl.walkers.camera import PERSON_M, Camera, sample_camera
from ctl.walkers.sensor import Sensor
from ctl.walkers.settings import Hardness

SENSOR = Sensor(1.0, (1.0, 1.0, 1.0), 0.0, 1.0, 1.0, 0.0, 0.5, 0.0, 0.0, 90)
LEVEL = Camera(640, 480, focal=500.0, height_m=2.0, pitch=0.0, roll=0.0, distance_m=10.0, sensor=SENSOR)


def pixel(camera: Camera, *point: float) -> list[float]:
    return camera.project(np.array(point))[0].tolist()


def test_level_camera_is_a_plain_pinhole() -> None:
    assert pixel(LEVEL, 0, 10, 2) == pytest.approx([320, 240])
    assert pixel(LEVEL, 1, 10, 2) == pytest.approx([320 + 50, 240])
    assert pixel(LEVEL, 0, 10, 0) == pytest.approx([320, 240 + 100])
    assert LEVEL.project(np.array([3.0, 10.0, 0.0]))[1] == pytest.approx(10)


def test_looking_down_raises_what_is_seen() -> None:
    down = replace(LEVEL, pitch=pi / 4)
    assert pixel(down, 0, 2, 0) == pytest.approx([320, 240])
    assert down.project(np.array([0.0, 2.0, 0.0]))[1] == pytest.approx(np.sqrt(8))
    assert pixel(down, 0, 4, 0)[1] < 240


def test_roll_turns_the_picture_about_its_centre() -> None:
    rolled = replace(LEVEL, roll=pi / 2)
    assert pixel(rolled, 0, 10, 3) == pytest.approx([320 + 50, 240])
    assert pixel(rolled, 1, 10, 2) == pytest.approx([320, 240 + 50])


def test_unproject_undoes_project() -> None:
    camera = replace(LEVEL, pitch=0.4, roll=0.1)
    points = np.random.default_rng(0).uniform([-3, 5, 0], [3, 15, 2], (50, 3))
    np.testing.assert_allclose(camera.unproject(*camera.project(points)), points, atol=1e-9)


def test_drawn_cameras_see_a_person_as_tall_as_asked_for() -> None:
    hardness = Hardness(person_px=(60.0, 90.0))
    for seed in range(20):
        camera = sample_camera(np.random.default_rng(seed), hardness)
        feet, head = (camera.project(np.array([0.0, camera.distance_m, z]))[0][1] for z in (0.0, PERSON_M))
        assert 0 < head < feet < camera.height
        assert 0.75 * 60 < feet - head < 1.1 * 90  # a steep view foreshortens
