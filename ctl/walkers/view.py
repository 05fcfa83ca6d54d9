"""What a camera sees when nobody is there: rendered once, then people are set into it by depth."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.ndimage import gaussian_filter

from ctl.walkers.camera import Camera, sample_camera
from ctl.walkers.render import Light, Model, Stage
from ctl.walkers.scene import KINDS, Scene, build_scene
from ctl.walkers.settings import Settings
from ctl.walkers.solids import Solid

TILE = 240
"""Camera pixels of the squares that a view is rendered in, so that it needs no larger stage than people do."""
OVERSAMPLING = 2
SHADOW_BLUR_M = 0.04
CONTACT_BLUR_M = 0.12
CONTACT_LOSS = 0.45
"""Part of all light that the ground loses right under a thing."""


@dataclass(frozen=True, eq=False)
class View:
    """One camera, its place, and the picture of it.

    Args:
        camera, scene: what is seen.
        sunlit: (H, W, 3) float32, 0..1, colours with no shadow on the ground.
        shaded: (H, W, 3) float32, the same without the sun.
        shadow: (H, W) float32, 0..1, part of the sun that standing things keep from the ground.
        ground: (H, W) bool, where people's shadows can fall.
        depth: (H, W) float32 metres along the direction of view.
    """

    camera: Camera
    scene: Scene
    sunlit: np.ndarray
    shaded: np.ndarray
    shadow: np.ndarray
    ground: np.ndarray
    depth: np.ndarray

    def light_at(self, x: float, y: float) -> Light:
        """Light that falls on somebody who stands there: without the sun if the ground is in shadow."""
        (column, row), _ = self.camera.project(np.array([x, y, 0.0]))
        row, column = np.clip([row, column], 0, [self.camera.height - 1, self.camera.width - 1]).astype(int)
        light = self.scene.light
        left = 1 - float(self.shadow[row, column])
        return Light(light.sun, light.sun_strength * left, light.sky_strength, light.ambient)


@lru_cache
def make_camera(settings: Settings, number: int) -> Camera:
    """Camera `number` of a set."""
    return sample_camera(np.random.default_rng([settings.seed, 1, number]), settings.hardness)


def place_of(settings: Settings, number: int) -> str:
    """Kind of place that camera `number` watches: all kinds come up before one repeats."""
    order = np.random.default_rng([settings.seed, 2]).permutation(len(KINDS))
    return KINDS[order[(number - 1) % len(KINDS)]]


def make_view(settings: Settings, number: int, stage: Stage) -> View:
    """Build and render what camera `number` of a set sees."""
    camera = make_camera(settings, number)
    scene = build_scene(place_of(settings, number), camera, np.random.default_rng([settings.seed, 3, number]))
    return render_view(camera, scene, stage)


def render_view(camera: Camera, scene: Scene, stage: Stage) -> View:
    """Render an empty place."""
    light = scene.light
    dusk = Light(light.sun, 0.0, light.sky_strength, light.ambient)
    everything = _load((*scene.ground, *scene.standing))
    sunlit, depth = _tiled(stage, everything, light, camera, scene.sky, OVERSAMPLING)
    shaded, _ = _tiled(stage, everything, dusk, camera, scene.sky, OVERSAMPLING)
    _, flat = _tiled(stage, _load(scene.standing, light.sun), dusk, camera, scene.sky, 1)
    _, below = _tiled(stage, _load(scene.standing, (0.0, 0.0, 1.0)), dusk, camera, scene.sky, 1)

    rows, columns = np.mgrid[0 : camera.height, 0 : camera.width] + 0.5
    world = camera.unproject(np.stack([columns, rows], axis=-1), np.minimum(depth, 1e3))
    ground = np.abs(world[..., 2]) < 0.03
    metre = camera.focal / camera.distance_m  # pixels
    shadow = gaussian_filter(np.isfinite(flat).astype(np.float32), SHADOW_BLUR_M * metre)
    contact = gaussian_filter(np.isfinite(below).astype(np.float32), CONTACT_BLUR_M * metre)
    dark = np.where(ground, 1 - CONTACT_LOSS * contact, 1).astype(np.float32)[..., None]
    return View(camera, scene, sunlit * dark, shaded * dark, np.where(ground, shadow, 0), ground, depth)


def _load(solids: tuple[Solid, ...], sun: tuple[float, float, float] | None = None) -> Model:
    """Solids as they stand; with a sun, as flat as their shadows on the ground."""
    model = Model(solids, smooth=False)
    model.pose([solid.points if sun is None else cast_on_ground(solid.points, sun) for solid in solids])
    return model


def cast_on_ground(points: np.ndarray, sun: tuple[float, float, float]) -> np.ndarray:
    """Where the shadows of points (..., 3) fall on z = 0; the same shape and type."""
    return points - points[..., 2:] / np.float32(sun[2]) * np.asarray(sun, points.dtype)


def _tiled(
    stage: Stage, model: Model, light: Light, camera: Camera, sky: tuple[float, float, float], k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Colour (H, W, 3) float32, 0..1, and depth (H, W) of a camera's whole picture, k samples per pixel and axis."""
    colour = np.empty((camera.height, camera.width, 3), np.float32)
    depth = np.empty((camera.height, camera.width), np.float32)
    tile = TILE * OVERSAMPLING // k
    for top in range(0, camera.height, tile):
        for left in range(0, camera.width, tile):
            height, width = min(tile, camera.height - top), min(tile, camera.width - left)
            layer = stage.render([model], light, camera, (left, top, width, height), k)
            fine = np.where(np.isinf(layer.depth)[..., None], np.array(sky, np.float32), layer.colour / np.float32(255))
            part = np.s_[top : top + height, left : left + width]
            colour[part] = fine.reshape(height, k, width, k, 3).mean(axis=(1, 3))
            depth[part] = layer.depth[::k, ::k]
    return colour, depth
