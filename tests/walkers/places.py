"""Places that are simple enough to reason about."""

import numpy as np

from ctl.walkers.camera import Camera
from ctl.walkers.render import Light, Stage
from ctl.walkers.scene import Scene
from ctl.walkers.sensor import Sensor
from ctl.walkers.solids import Solid
from ctl.walkers.view import View, render_view

CLEAN = Sensor(1.0, (1.0, 1.0, 1.0), 0.0, 1.0, 1.0, 0.0, blur_px=0.01, sharpen=0.0, noise=0.0, jpeg=95)
CAMERA = Camera(640, 480, focal=500.0, height_m=2.5, pitch=0.15, roll=0.02, distance_m=9.0, sensor=CLEAN)
LIGHT = Light((0.0, -0.6, 0.8), 0.4, 0.3, 0.5)
GREEN = (0.0, 1.0, 0.0)


def place(stage: Stage, *standing: Solid, ground: tuple[Solid, ...] = (), light: Light = LIGHT) -> View:
    """A view of a few things before nothing but green."""
    scene = Scene(ground, standing, (), light, GREEN)
    return render_view(CAMERA, scene, stage)


def plain(red: float, green: float, blue: float) -> np.ndarray:
    """A texture of one colour."""
    return np.full((4, 4, 3), np.array([red, green, blue]) * 255, np.uint8)
