"""What happens in a tracklet, decided before anything is rendered: who walks where, and when.

Everything here is drawn from a generator that belongs to one tracklet alone, so that a tracklet's bytes do not depend
on which others were made before it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ctl.walkers.camera import Camera
from ctl.walkers.path import Path, arcs
from ctl.walkers.scene import Obstacle
from ctl.walkers.settings import FRAMES_PER_SECOND, Hardness
from ctl.walkers.view import View

EXTRAS: Final = 24
"""Passers-by that a set has; they are nobody's query."""

_TALL, _WIDE, _MARGIN_PX = 1.95, 0.4, 6.0
_HEIGHTS: Final = np.array([0.15, 0.5, 0.9, 1.25, 1.55])
"""At which it is tested whether something hides a person."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A passer-by: number 0..EXTRAS-1 of the figure, and the walk."""

    figure: int
    path: Path


@dataclass(frozen=True, slots=True)
class TrackletPlan:
    """One person's walk through one camera's view.

    Args:
        path: of the person.
        moments: number of sampled moments from time 0; the detector will miss some.
        wanted: frames that the tracklet shall have.
        extras: who else is there.
        gain: factor on the light, for weather and the camera's own control.
        change: logarithms of how much more red, green and blue light the last moment has than the first.
        part: left, top, right and bottom of what the detector takes for the person, in parts of the body's own box;
            None is all of it.
    """

    path: Path
    moments: int
    wanted: int
    extras: tuple[Extra, ...]
    gain: float
    change: tuple[float, float, float] = (0.0, 0.0, 0.0)
    part: tuple[float, float, float, float] | None = None

    def gains(self, moment: int) -> np.ndarray:
        """(3,) factors on red, green and blue light at one moment; `gain` is that of the middle."""
        passed = moment / max(self.moments - 1, 1) - 0.5
        return self.gain * np.exp(passed * np.array(self.change))


def plan_tracklet(
    view: View, speed: float, frames: tuple[int, int], hardness: Hardness, rng: np.random.Generator
) -> TrackletPlan:
    """Draw a tracklet of somebody who walks at `speed` metres per second, of `frames` fewest to most frames."""
    hidden = rng.uniform(0.12, 0.45) if rng.random() < hardness.hidden_share else 0.0
    wanted = int(rng.integers(frames[0], frames[1] + 1))
    moments = int(np.ceil(wanted / (1 - hardness.missed_share) + 2 + 4 * hidden))
    while True:
        path = _find_path(view, speed, moments, hidden, rng)
        if path is not None or moments <= frames[0]:
            break
        moments -= 1
    if path is None:
        raise RuntimeError(f"no way of {moments} moments at {speed:.2f} m/s fits the view of {view.camera}")
    extras: list[Extra] = []
    if rng.random() < hardness.crossing_share:
        extras += _crossing(view, path, moments, rng)
    if rng.random() < hardness.company_share:
        extras.append(_company(path, rng))
    gain = float(np.exp(rng.normal(0, 0.1)))
    return TrackletPlan(
        path, moments, min(wanted, moments), tuple(extras), gain, _change(hardness, rng), _part(hardness, rng)
    )


def _change(hardness: Hardness, rng: np.random.Generator) -> tuple[float, float, float]:
    """A cloud, or a camera that corrects itself. Sets without it draw nothing, and keep their bytes."""
    if not hardness.light_change:
        return 0.0, 0.0, 0.0
    brighter, warmer = rng.normal(0, hardness.light_change), rng.normal(0, hardness.light_change / 3)
    return float(brighter + warmer), float(brighter), float(brighter - warmer)


def _part(hardness: Hardness, rng: np.random.Generator) -> tuple[float, float, float, float] | None:
    """What a partial box holds. Assumed: of five, three lack legs, one the head, one a side."""
    if not hardness.partial_share or rng.random() >= hardness.partial_share:
        return None
    legs, head, side = rng.uniform(0.5, 0.8), rng.uniform(0.1, 0.2), rng.uniform(0.5, 0.75)
    parts = [(0.0, 0.0, 1.0, legs)] * 3 + [(0.0, head, 1.0, 1.0)]
    parts.append((0.0, 0.0, side, 1.0) if rng.random() < 0.5 else (1 - side, 0.0, 1.0, 1.0))
    return parts[rng.integers(len(parts))]


def _find_path(view: View, speed: float, moments: int, hidden: float, rng: np.random.Generator) -> Path | None:
    """Of many ways through the view, one on which static things hide about the part `hidden` of the person."""
    camera, n = view.camera, 300
    near, far = camera.zone
    y = rng.uniform(near, far, n)
    x = rng.uniform(-0.5, 0.5, n) * y * camera.width / camera.focal
    heading = rng.uniform(-np.pi, np.pi, n)
    curvature = np.where(rng.random(n) < 0.6, 0.0, rng.normal(0, 0.12, n))
    phases = rng.random(n)
    length = speed * moments / FRAMES_PER_SECOND
    ways, headings = arcs(
        np.stack([x, y], axis=-1), heading, curvature, np.linspace(-0.5, 0.5, 13) * length
    )  # (n, 13, 2)
    fits = _in_view(camera, ways).all(axis=1) & _clear(ways, view.scene.obstacles).all(axis=1)
    if not fits.any():
        return None
    candidates = np.flatnonzero(fits)
    parts = _hidden_part(view, ways[candidates])
    best = candidates[np.argmin(np.abs(parts - hidden) + (0.02 if hidden else 0.0) * rng.random(len(candidates)))]
    if not hidden:
        best = rng.choice(candidates[parts <= max(parts.min(), 0.02)])
    (x0, y0), start = ways[best, 0], headings[best, 0]
    return Path(float(x0), float(y0), float(start), float(curvature[best]), speed, float(phases[best]))


def _in_view(camera: Camera, ways: np.ndarray) -> np.ndarray:
    """(n, T, 2) ground points -> (n, T) whether somebody who stands there is wholly in the picture and in the zone."""
    near, far = camera.zone
    fits = (ways[..., 1] > near) & (ways[..., 1] < far)
    for dx in (-_WIDE, _WIDE):
        for z in (0.0, _TALL):
            points = np.concatenate([ways + np.array([dx, 0]), np.full((*ways.shape[:2], 1), z)], axis=-1)
            pixels, _ = camera.project(points)
            low, high = pixels - _MARGIN_PX, [camera.width, camera.height] - pixels - _MARGIN_PX
            fits &= (low > 0).all(axis=-1) & (high > 0).all(axis=-1)
    return fits


def _clear(ways: np.ndarray, obstacles: tuple[Obstacle, ...]) -> np.ndarray:
    """(n, T, 2) ground points -> (n, T) whether somebody can stand there without being in an obstacle."""
    clear = np.ones(ways.shape[:2], bool)
    for obstacle in obstacles:
        start, along = np.array(obstacle.start), np.subtract(obstacle.end, obstacle.start)
        t = np.clip((ways - start) @ along / max(along @ along, 1e-9), 0, 1)
        distance = np.linalg.norm(ways - start - t[..., None] * along, axis=-1)
        clear &= distance > obstacle.radius + 0.4
    return clear


def _hidden_part(view: View, ways: np.ndarray) -> np.ndarray:
    """(n, T, 2) ground points -> (n,) part of a body there, over the whole way, that static things hide."""
    heights = np.broadcast_to(_HEIGHTS[:, None], (*ways.shape[:2], len(_HEIGHTS), 1))
    points = np.concatenate([np.repeat(ways[:, :, None], len(_HEIGHTS), axis=2), heights], axis=-1)
    pixels, depth = view.camera.project(points)
    columns, rows = np.moveaxis(pixels.astype(int), -1, 0)
    return (view.depth[rows, columns] < depth - 0.15).mean(axis=(1, 2))


def _crossing(view: View, path: Path, moments: int, rng: np.random.Generator) -> list[Extra]:
    """Somebody who walks between camera and person at some moment; nobody if there's no room."""
    time = rng.uniform(0.25, 0.75) * moments / FRAMES_PER_SECOND
    where, _ = path.at(np.array([time]))
    towards = -where[0] / np.linalg.norm(where[0])
    for _ in range(12):
        point = where[0] + rng.uniform(0.5, 1.6) * towards
        heading = np.arctan2(*towards[::-1]) + rng.choice([-1, 1]) * rng.normal(np.pi / 2, 0.5)
        speed = rng.uniform(0.9, 1.6)
        start = point - speed * time * np.array([np.cos(heading), np.sin(heading)])
        crossing = Path(float(start[0]), float(start[1]), float(heading), 0.0, speed, float(rng.random()))
        ways, _ = crossing.at(np.linspace(0, moments / FRAMES_PER_SECOND, 9))
        if _clear(ways[None], view.scene.obstacles).all():
            return [Extra(int(rng.integers(EXTRAS)), crossing)]
    return []


def _company(path: Path, rng: np.random.Generator) -> Extra:
    """Somebody who walks along, beside, before or behind the person."""
    angle, gap = rng.uniform(-np.pi, np.pi), rng.uniform(0.65, 1.3)
    x, y = path.x + gap * np.cos(angle), path.y + gap * np.sin(angle)
    beside = Path(float(x), float(y), path.heading, path.curvature, path.speed, float(rng.random()))
    return Extra(int(rng.integers(EXTRAS)), beside)
