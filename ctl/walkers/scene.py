"""The places that cameras watch: ground, backdrop, and things that stand about and hide people; one for each camera."""

from collections.abc import Callable
from dataclasses import dataclass
from math import cos, pi, sin
from typing import Final

import numpy as np

from ctl.walkers.camera import Camera
from ctl.walkers.render import Light
from ctl.walkers.solids import Solid, ball, box, column, floor, join, prism, quad
from ctl.walkers.surfaces import Colour, facade, mottled, planks, sign, slabs


@dataclass(frozen=True, eq=False)
class Obstacle:
    """Ground that nobody walks on: all that lies within `radius` metres of the line from `start` to `end`."""

    start: tuple[float, float]
    end: tuple[float, float]
    radius: float


@dataclass(frozen=True, eq=False)
class Scene:
    """A place.

    Args:
        ground: flat surfaces at z = 0 on which shadows fall.
        standing: all else.
        obstacles: where the standing things are, as far as people could walk there.
        light: of the place.
        sky: colour behind everything.
    """

    ground: tuple[Solid, ...]
    standing: tuple[Solid, ...]
    obstacles: tuple[Obstacle, ...]
    light: Light
    sky: Colour


@dataclass(frozen=True, eq=False)
class Thing:
    """A thing at its place, with its length along x before it is turned."""

    solids: tuple[Solid, ...]
    length: float
    radius: float


def build_scene(kind: str, camera: Camera, rng: np.random.Generator) -> Scene:
    """Build the world in front of a camera; `kind` is one of `KINDS`."""
    make_ground, make_backdrop, things, indoors = _PLACES[kind]
    near, far = camera.zone
    back = far + rng.uniform(1.0, 5.0)
    reach = back * camera.width / (2 * camera.focal) + 10.0
    standing, obstacles = make_backdrop(rng, back, reach), list[Obstacle]()
    for _ in range(rng.integers(5, 9)):
        thing = things[rng.integers(len(things))](rng)
        y = rng.uniform(0.85 * near, 0.9 * far)
        x = rng.uniform(-0.8, 0.8) * y * camera.width / (2 * camera.focal)
        turn = rng.choice([0.0, pi / 2]) + rng.normal(0.0, 0.12)
        half = np.array([cos(turn), sin(turn)]) * thing.length / 2
        obstacle = Obstacle((x - half[0], y - half[1]), (x + half[0], y + half[1]), thing.radius)
        if all(_gap(obstacle, neighbour) > 1.3 for neighbour in obstacles):
            obstacles.append(obstacle)
            standing += [solid.placed(x, y, turn) for solid in thing.solids]
    sky = (0.75, 0.8, 0.86) if not indoors else (0.6, 0.6, 0.58)
    ground = tuple(make_ground(rng, near, back, reach))
    return Scene(ground, tuple(standing), tuple(obstacles), _sample_light(rng, indoors), sky)


def _gap(a: Obstacle, b: Obstacle) -> float:
    points = np.linspace(a.start, a.end, 9)[:, None] - np.linspace(b.start, b.end, 9)
    return float(np.linalg.norm(points, axis=-1).min() - a.radius - b.radius)


def _sample_light(rng: np.random.Generator, indoors: bool) -> Light:
    azimuth, height = rng.uniform(0, 2 * pi), rng.uniform(0.5, 1.15)
    sun = (cos(azimuth) * cos(height), sin(azimuth) * cos(height), sin(height))
    strength = rng.uniform(0.1, 0.2) if indoors else rng.uniform(0.15, 0.7)
    return Light(sun, strength, rng.uniform(0.2, 0.35), 0.72 - 0.45 * strength)


def _tone(rng: np.random.Generator, colour: Colour, spread: float = 0.12) -> Colour:
    r, g, b = np.clip(np.asarray(colour) * rng.normal(1.0, spread) + rng.normal(0, 0.03, 3), 0.03, 0.95)
    return float(r), float(g), float(b)


# Things. Sizes in metres, as such things are.


def _bollard(rng: np.random.Generator) -> Thing:
    paint = mottled(rng, _tone(rng, (0.3, 0.3, 0.32), 0.5))
    return Thing((column(0.1, 0, rng.uniform(0.8, 1.1), paint),), 0.0, 0.1)


def _pole(rng: np.random.Generator) -> Thing:
    metal = mottled(rng, _tone(rng, (0.4, 0.42, 0.42), 0.3))
    parts = [column(0.08, 0, rng.uniform(3, 6), metal)]
    if rng.random() < 0.5:
        z, front = rng.uniform(1.4, 2.2), -0.1
        corners = [[-0.35, front, z], [0.35, front, z], [0.35, front, z + 0.9], [-0.35, front, z + 0.9]]
        parts.append(quad(np.array(corners), sign(rng), None))
    return Thing(tuple(parts), 0.0, 0.12)


def _pillar(rng: np.random.Generator) -> Thing:
    return Thing((column(0.28, 0, 5, mottled(rng, _tone(rng, (0.7, 0.68, 0.64)))),), 0.0, 0.3)


def _bench(rng: np.random.Generator) -> Thing:
    wood = planks(rng, _tone(rng, (0.5, 0.35, 0.2), 0.25))
    seat, back = box(1.7, 0.45, 0.4, 0.46, wood), box(1.7, 0.05, 0.55, 0.85, wood)
    legs = [box(0.08, 0.4, 0, 0.4, wood).placed(x, 0) for x in (-0.7, 0.7)]
    return Thing((seat, back.placed(0, 0.22), *legs), 1.7, 0.3)


def _bin(rng: np.random.Generator) -> Thing:
    return Thing((column(0.25, 0, 0.95, mottled(rng, _tone(rng, (0.2, 0.32, 0.25), 0.4)), 0.3),), 0.0, 0.3)


def _planter(rng: np.random.Generator) -> Thing:
    pot = box(1.1, 1.1, 0, 0.55, mottled(rng, _tone(rng, (0.55, 0.52, 0.5))))
    return Thing((pot, ball(rng, 0.55, 0.8, _leaves(rng), 0.1)), 0.6, 0.6)


def _hedge(rng: np.random.Generator) -> Thing:
    length, height = rng.uniform(1.5, 3.5), rng.uniform(0.8, 1.3)
    leaves = _leaves(rng)
    bumps = [ball(rng, 0.38, height - 0.3, leaves, 0.1).placed(x, 0) for x in np.arange(-length / 2, length / 2, 0.35)]
    return Thing((box(length, 0.6, 0, height - 0.1, leaves), join(bumps)), length, 0.4)


def _tree(rng: np.random.Generator) -> Thing:
    trunk = column(0.18, 0, 2.6, mottled(rng, _tone(rng, (0.33, 0.26, 0.2)), 0.2), 0.12)
    return Thing((trunk, ball(rng, rng.uniform(1.0, 1.6), 3.6, _leaves(rng), 0.12)), 0.0, 0.25)


def _leaves(rng: np.random.Generator) -> np.ndarray:
    return mottled(rng, _tone(rng, (0.22, 0.36, 0.15), 0.25), 0.3)


def _crates(rng: np.random.Generator) -> Thing:
    wood = planks(rng, _tone(rng, (0.55, 0.42, 0.28)))
    return Thing((box(1.0, 0.8, 0, 0.8, wood), box(0.7, 0.6, 0.8, rng.uniform(1.1, 1.5), wood)), 0.4, 0.5)


def _railing(rng: np.random.Generator) -> Thing:
    metal = mottled(rng, _tone(rng, (0.45, 0.45, 0.45), 0.4))
    posts = [column(0.03, 0, 1.05, metal).placed(x, 0) for x in np.linspace(-1.2, 1.2, 9)]
    bars = [box(2.4, 0.05, z, z + 0.05, metal) for z in (0.15, 1.0)]
    return Thing((join(posts), join(bars)), 2.4, 0.1)


def _car(rng: np.random.Generator) -> Thing:
    greys: list[Colour] = [
        (0.12, 0.12, 0.13),
        (0.75, 0.75, 0.75),
        (0.45, 0.46, 0.48),
        (0.5, 0.12, 0.1),
        (0.15, 0.2, 0.4),
    ]
    body = mottled(rng, _tone(rng, greys[rng.integers(len(greys))]), 0.015)
    glass, rubber = mottled(rng, (0.1, 0.12, 0.14), 0.1), mottled(rng, (0.06, 0.06, 0.06))
    lower = np.array([[-2.1, 0.28], [2.1, 0.28], [2.12, 0.6], [1.9, 0.85], [-1.9, 0.95], [-2.1, 0.7]])
    cabin = np.array([[-1.8, 0.9], [1.2, 0.86], [0.55, 1.42], [-1.2, 1.45]])
    panes = np.array([[-1.55, 0.95], [0.98, 0.93], [0.48, 1.36], [-1.12, 1.38]])
    wheels = [prism(_circle(0.32) + np.array([x, 0.32]), 1.76, rubber, 1.0) for x in (-1.3, 1.3)]
    parts = [prism(lower, 1.72, body, 1.0), prism(cabin, 1.5, body, 1.0), prism(panes, 1.54, glass, 1.0), *wheels]
    return Thing(tuple(parts), 3.0, 1.0)


def _circle(radius: float) -> np.ndarray:
    angle = np.linspace(0, 2 * pi, 14, endpoint=False)
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


# Grounds and backdrops: functions of the generator, distances along y, and how far they reach to either side.


def _paved(rng: np.random.Generator, near: float, back: float, reach: float) -> list[Solid]:
    stones = slabs(rng, _tone(rng, (0.58, 0.56, 0.52)), 6, 6, rng.choice([0.0, 0.5]), (0.38, 0.37, 0.35))
    return [floor(-reach, -5, reach, back + 1, 0, stones, rng.uniform(1.5, 3.5))]


def _tiled(rng: np.random.Generator, near: float, back: float, reach: float) -> list[Solid]:
    tiles = slabs(rng, _tone(rng, (0.66, 0.64, 0.6)), 4, 4, 0.0, (0.5, 0.5, 0.48))
    band = mottled(rng, _tone(rng, (0.75, 0.65, 0.25)))
    y = rng.uniform(near, back)
    return [
        floor(-reach, -5, reach, back + 1, 0, tiles, rng.uniform(2.0, 3.0)),
        floor(-reach, y, reach, y + 0.4, 0.004, band, 2.0),
    ]


def _street(rng: np.random.Generator, near: float, back: float, reach: float) -> list[Solid]:
    asphalt, stones = (
        mottled(rng, _tone(rng, (0.34, 0.34, 0.35))),
        slabs(rng, (0.55, 0.53, 0.5), 5, 5, 0.5, (0.4, 0.4, 0.4)),
    )
    kerb = near + rng.uniform(0.25, 0.75) * (back - near)
    white, pieces = mottled(rng, (0.75, 0.75, 0.73)), []
    pieces += [floor(-reach, -5, reach, kerb, 0, asphalt, 5.0), floor(-reach, kerb, reach, back + 1, 0, stones, 2.0)]
    pieces.append(floor(-reach, kerb - 0.15, reach, kerb, 0.004, mottled(rng, (0.62, 0.61, 0.6)), 1.0))
    x = rng.uniform(-3, 1)
    return pieces + [
        floor(x + 0.9 * i, 0.4 * kerb, x + 0.9 * i + 0.45, kerb - 0.3, 0.004, white, 3.0) for i in range(5)
    ]


def _meadow(rng: np.random.Generator, near: float, back: float, reach: float) -> list[Solid]:
    grass = mottled(rng, _tone(rng, (0.3, 0.42, 0.18), 0.2), 0.16)
    gravel = mottled(rng, _tone(rng, (0.6, 0.54, 0.44)), 0.08)
    middle, width = rng.uniform(near, 0.7 * back), rng.uniform(1.8, 3.5)
    x = rng.uniform(-2, 2)
    return [
        floor(-reach, -5, reach, back + 1, 0, grass, 4.0),
        floor(-reach, middle, reach, middle + width, 0.004, gravel, 4.0),
        floor(x, -5, x + width, middle, 0.004, gravel, 4.0),
    ]


def _asphalt(rng: np.random.Generator, near: float, back: float, reach: float) -> list[Solid]:
    asphalt, white = mottled(rng, _tone(rng, (0.38, 0.38, 0.39))), mottled(rng, (0.72, 0.72, 0.7))
    lines = [floor(x, back - 5, x + 0.12, back, 0.004, white, 3.0) for x in np.arange(-reach, reach, 2.6)]
    return [floor(-reach, -5, reach, back + 1, 0, asphalt, 6.0), *lines]


def _front(rng: np.random.Generator, back: float, reach: float) -> list[Solid]:
    pieces, x = [], -reach
    while x < reach:
        bays = int(rng.integers(3, 7))
        width = 2.8 * bays
        wall, glass = _tone(rng, (0.66, 0.58, 0.48), 0.25), _tone(rng, (0.22, 0.26, 0.3), 0.3)
        texture = facade(rng, wall, glass, 4, bays, rng.random() < 0.5)
        pieces.append(_upright(x, x + width + 0.3, back + rng.uniform(0, 0.4), 13.0, texture, None))
        x += width
    return pieces


def _wall(rng: np.random.Generator, back: float, reach: float) -> list[Solid]:
    colour = _tone(rng, (0.52, 0.3, 0.24) if rng.random() < 0.6 else (0.6, 0.6, 0.58), 0.15)
    bricks = slabs(rng, colour, 16, 6, 0.5, (0.55, 0.53, 0.5))
    posters = [
        _upright(x, x + 1.1, back - 0.03, 2.3, sign(rng), None, 0.8)
        for x in np.arange(-reach, reach, rng.uniform(3, 9))
    ]
    return [_upright(-reach, reach, back, 9.0, bricks, 1.3), *posters]


def _panels(rng: np.random.Generator, back: float, reach: float) -> list[Solid]:
    pale = slabs(rng, _tone(rng, (0.75, 0.74, 0.7), 0.08), 3, 3, 0.0, (0.6, 0.6, 0.58))
    base = mottled(rng, _tone(rng, (0.35, 0.4, 0.45), 0.3))
    posters = [_upright(x, x + 1.6, back - 0.05, 2.6, sign(rng), None, 0.6) for x in np.arange(-reach, reach, 4.2)]
    return [
        _upright(-reach, reach, back, 8.0, pale, 2.4),
        _upright(-reach, reach, back - 0.03, 0.5, base, 1.0),
        *posters,
    ]


def _fence(rng: np.random.Generator, back: float, reach: float) -> list[Solid]:
    wood = np.rot90(planks(rng, _tone(rng, (0.45, 0.36, 0.27), 0.2))).copy()
    return [_upright(-reach, reach, back, 2.2, wood, 1.2), *_wall(rng, back + 4, reach)]


def _greenery(rng: np.random.Generator, back: float, reach: float) -> list[Solid]:
    leaves = _leaves(rng)
    shrubs = [
        ball(rng, rng.uniform(0.9, 1.6), 0.8, leaves, 0.1).placed(x, back + 0.8) for x in np.arange(-reach, reach, 1.3)
    ]
    trees = [s.placed(x, back + 3) for x in np.arange(-reach, reach, 4.0) for s in _tree(rng).solids]
    return [join(shrubs), *trees, _upright(-reach, reach, back + 5, 9.0, _leaves(rng), 3.0)]


def _upright(
    x0: float, x1: float, y: float, z1: float, texture: np.ndarray, tile_m: float | None, z0: float = 0.0
) -> Solid:
    return quad(np.array([[x0, y, z0], [x1, y, z0], [x1, y, z1], [x0, y, z1]]), texture, tile_m)


_Thing = Callable[[np.random.Generator], Thing]
_Ground = Callable[[np.random.Generator, float, float, float], list[Solid]]
_Backdrop = Callable[[np.random.Generator, float, float], list[Solid]]
_PLACES: Final[dict[str, tuple[_Ground, _Backdrop, tuple[_Thing, ...], bool]]] = {
    "plaza": (_paved, _front, (_bollard, _bench, _pole, _planter, _bin, _planter), False),
    "park": (_meadow, _greenery, (_hedge, _tree, _bench, _hedge, _bin), False),
    "street": (_street, _front, (_car, _pole, _bollard, _railing, _hedge), False),
    "station": (_tiled, _panels, (_pillar, _bench, _bin, _railing, _pillar), True),
    "car park": (_asphalt, _wall, (_car, _car, _pole, _hedge, _bollard), False),
    "yard": (_paved, _fence, (_crates, _pole, _bin, _railing, _planter, _crates), False),
}
KINDS: Final = tuple(_PLACES)
