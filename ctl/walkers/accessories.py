"""What a walker wears on the head or carries: hats, bags, backpacks, scarves."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ctl.walkers.anatomy import ALPHA, Anatomy, hull_radius, support, trunk_x
from ctl.walkers.body import bone
from ctl.walkers.garments import Part
from ctl.walkers.head import head_center
from ctl.walkers.mesh import Surface, cut, join, push, smooth
from ctl.walkers.patterns import Colour, noise
from ctl.walkers.shapes import ball, loft, strap, surface, trunk_shares

HATS: Final = ("cap", "beanie", "brim")
BAGS: Final = ("backpack", "satchel", "shoulder bag", "hand bag")


@dataclass(frozen=True)
class Extra:
    """An accessory: one of `HATS`, `BAGS` or "scarf"; `size` 1 is usual; `side` +1 is carried on the left."""

    kind: str
    colour: Colour
    trim: Colour
    size: float
    side: int


def make_extra(anatomy: Anatomy, extra: Extra, worn: np.ndarray) -> Part:
    """Build an accessory over clothes; `worn` (N, 3) are points of the outermost garment's trunk at rest."""
    build = {
        "cap": cap,
        "beanie": beanie,
        "brim": brim,
        "scarf": scarf,
        "backpack": backpack,
        "satchel": satchel,
        "shoulder bag": shoulder_bag,
        "hand bag": hand_bag,
    }[extra.kind]
    texture = np.empty((64, 8, 3), np.float64)
    texture[:48], texture[48:] = extra.colour, extra.trim
    shade = 1 + 0.05 * noise(np.random.default_rng(3), 64, np.linspace(0, 0.8, 8), 12)
    hangs_from = grip(anatomy, extra.side) if extra.kind == "hand bag" else None
    surface_ = build(anatomy, extra, worn)
    return Part(
        extra.kind, surface_, np.clip(texture * shade[..., None], 0, 255).astype(np.uint8), hangs_from=hangs_from
    )


def coloured(part: Surface, trim: bool = False) -> Surface:
    """All of a surface in the extra's colour (or its trim)."""
    uv = np.stack((np.full(len(part.points), 0.5), np.full(len(part.points), 0.1 if trim else 0.7)), axis=1)
    return replace(part, uv=uv.astype(np.float32))


def crown(anatomy: Anatomy, front: float, back: float, thick: float) -> tuple[Surface, np.ndarray, np.ndarray]:
    """The skull above a plane, pushed out and rounded.

    Args:
        front, back: height of the plane over the eyes at the forehead and at the back of the head, metres.
    Returns:
        The dome; its outline on the plane (K, 2) in x and y as seen from above; the plane's (slope, height at x = 0).
    """
    skin, center = anatomy.skin, head_center(anatomy)
    size = (float(skin.points[:, 2].max()) - center[2]) / 0.115
    slope = (front - back) * size / (0.19 * size)
    height = center[2] + (front + back) / 2 * size - slope * center[0]
    field = np.where(skin.weights[:, bone("head")] > 0.5, skin.points[:, 2] - slope * skin.points[:, 0] - height, -0.05)
    dome = cut(skin, field)
    dome = coloured(push(replace(dome, points=smooth(dome.points, dome.faces, 10)), thick))
    low = dome.points[:, 2] - slope * dome.points[:, 0] - height < 0.02
    radius = hull_radius(support(dome.points[low, :2] - center[:2]), ALPHA)
    outline = center[:2] + radius[:, None] * np.stack((np.cos(ALPHA), np.sin(ALPHA)), axis=1)
    return dome, outline, np.array((slope, height))


def plate(
    outline: np.ndarray, center: np.ndarray, plane: np.ndarray, steps: tuple[tuple[float, float], ...]
) -> np.ndarray:
    """Rings (R, K, 3) around an outline: each step is metres outwards and metres up from the plane."""
    away = outline - center[:2]
    radius = np.linalg.norm(away, axis=1, keepdims=True)
    rings = []
    for out, up in steps:
        flat = center[:2] + away * (1 + out / radius)
        rings.append(np.column_stack((flat, plane[0] * flat[:, 0] + plane[1] + up)))
    return np.stack(rings)


def cap(anatomy: Anatomy, extra: Extra, worn: np.ndarray) -> Surface:
    dome, outline, plane = crown(anatomy, 0.045, 0.005, 0.017)
    center = head_center(anatomy)
    front = np.argsort(-outline[:, 0])[:15]
    front = front[np.argsort(outline[front, 1])]
    inner, outer = plate(outline[front], center, plane, ((-0.015, 0.012), (0.0, 0.0)))
    ahead = np.cos(np.linspace(-1.45, 1.45, len(front)))
    outer += np.stack((0.075 * extra.size * ahead, 0 * ahead, -0.022 * ahead), axis=1)
    visor = surface(loft(np.stack((inner, outer)), closed=False), {"head": 1.0})
    return join(dome, coloured(visor, trim=True))


def beanie(anatomy: Anatomy, extra: Extra, worn: np.ndarray) -> Surface:
    dome, _, plane = crown(anatomy, 0.035, -0.03, 0.02)
    top = float(dome.points[:, 2].max())
    rise = np.clip((dome.points[:, 2] - top + 0.10) / 0.10, 0, 1) ** 2 * 0.025 * extra.size
    dome = replace(dome, points=dome.points + np.stack((-0.6 * rise, 0 * rise, rise), axis=1).astype(np.float32))
    cuff = dome.points[:, 2] - plane[0] * dome.points[:, 0] - plane[1] < 0.04
    return replace(dome, uv=np.where(cuff[:, None], (0.5, 0.1), (0.5, 0.7)).astype(np.float32))


def brim(anatomy: Anatomy, extra: Extra, worn: np.ndarray) -> Surface:
    dome, outline, plane = crown(anatomy, 0.052, 0.022, 0.02)
    steps = ((-0.012, 0.006), (0.02, 0.004), (0.055 * extra.size, -0.004))
    rings = plate(outline, head_center(anatomy), plane, steps)
    return join(dome, coloured(surface(loft(rings), {"head": 1.0}), trim=False))


def scarf(anatomy: Anatomy, extra: Extra, worn: np.ndarray) -> Surface:
    points = anatomy.skin.points
    z = anatomy.neck + 0.012
    near = (np.abs(points[:, 2] - z) < 0.03) & (anatomy.skin.weights[:, [bone("neck"), bone("head")]].sum(axis=1) > 0.4)
    center = np.array([points[near, 0].mean(), 0.0])
    radius = hull_radius(support(points[near, :2] - center), ALPHA)
    phi = np.linspace(0, 2 * np.pi, 9)
    thick = 0.03 * extra.size
    ring = radius[None] + 0.012 + thick * (1 + np.cos(phi))[:, None]
    height = z + 1.3 * thick * np.sin(phi)[:, None] - 0.25 * (center[0] + ring * np.cos(ALPHA) - center[0])
    rings = np.stack((center[0] + ring * np.cos(ALPHA), ring * np.sin(ALPHA), height), axis=-1)
    loop = surface(loft(rings[::-1]), {"neck": 0.4, "chest": 0.6})
    down = np.linspace(0, 0.30, 6)
    chest_x = np.array(
        [
            worn[(np.abs(worn[:, 1]) < 0.12) & (np.abs(worn[:, 2] - z + d) < 0.05), 0].max(initial=center[0])
            for d in down
        ]
    )
    x = np.maximum.accumulate(chest_x + 0.012)
    x[0] += 0.02
    y = extra.side * 0.05 + np.linspace(-0.045, 0.045, 5)
    bulge = 0.012 * np.cos(np.linspace(-np.pi / 2, np.pi / 2, 5))
    end = np.stack(np.broadcast_arrays(x[:, None] + bulge, y[None], (z - down)[:, None]), axis=-1)
    hanging = surface(loft(end[:, ::-1], closed=False), trunk_shares(anatomy, np.repeat(z - down, 5)))
    return coloured(join(loop, hanging))


def backpack(anatomy: Anatomy, extra: Extra, worn: np.ndarray) -> Surface:
    s = extra.size * anatomy.scale
    middle_z = anatomy.armpit - 0.03 * s
    on = (np.abs(worn[:, 1]) < 0.12) & (np.abs(worn[:, 2] - middle_z) < 0.2 * s)
    rear = float(worn[on, 0].min())
    box = surface(
        ball(np.array([rear - 0.075 * s, 0, middle_z]), (0.085 * s, 0.145 * s, 0.225 * s), 4.5), {"chest": 1.0}
    )
    pocket = surface(
        ball(np.array([rear - 0.155 * s, 0, middle_z - 0.08 * s]), (0.03 * s, 0.11 * s, 0.10 * s), 4.5), {"chest": 1.0}
    )
    parts = [coloured(box), coloured(pocket, trim=True)]
    upper = worn[worn[:, 2] > anatomy.armpit - 0.10]
    for side in (1, -1):
        through = np.array([0.0, side * 0.105 * anatomy.scale, anatomy.armpit])
        parts.append(band(anatomy, upper, through, np.array([0, 1.0, side * 0.25]), 0.045))
    return join(*parts)


def band(anatomy: Anatomy, worn: np.ndarray, through: np.ndarray, normal: np.ndarray, width: float) -> Surface:
    """A strap in the trim's colour."""
    shape = loft(strap(worn, through, normal, width, 0.006))
    return coloured(surface(shape, trunk_shares(anatomy, shape[0][:, 2])), trim=True)


def at_hip(anatomy: Anatomy, extra: Extra, worn: np.ndarray, depth: float, rise: float) -> np.ndarray:
    """(3,) beside the hip, far enough out for a bag of some depth."""
    z = anatomy.hip + rise
    level = worn[np.abs(worn[:, 2] - z) < 0.08]
    return np.array([float(trunk_x(anatomy, z)) - 0.04, extra.side * (float(np.abs(level[:, 1]).max()) + depth), z])


def satchel(anatomy: Anatomy, extra: Extra, worn: np.ndarray) -> Surface:
    """A bag at one hip whose strap crosses the chest."""
    s = extra.size * anatomy.scale
    place = at_hip(anatomy, extra, worn, 0.045 * s, 0.04)
    bag = coloured(surface(ball(place, (0.14 * s, 0.045 * s, 0.10 * s), 4.5), {"pelvis": 0.7, "waist": 0.3}))
    shoulder = np.array(
        [anatomy.joints[5:7, 0].mean(), -extra.side * 0.09 * anatomy.scale, anatomy.joints[5, 2] + 0.05]
    )
    slope = shoulder - (shoulder[0], place[1], place[2] + 0.08 * s)
    normal = np.array([0.0, slope[2], -slope[1]])
    return join(bag, band(anatomy, worn[worn[:, 2] > place[2] - 0.05], shoulder, normal, 0.04))


def shoulder_bag(anatomy: Anatomy, extra: Extra, worn: np.ndarray) -> Surface:
    """A bag under the arm of the shoulder that carries it."""
    s = extra.size * anatomy.scale
    place = at_hip(anatomy, extra, worn, 0.04 * s, 0.14)
    bag = coloured(surface(ball(place, (0.15 * s, 0.045 * s, 0.12 * s), 4), {"pelvis": 0.3, "waist": 0.7}))
    y = extra.side * 0.12 * anatomy.scale
    chest = worn[(np.abs(worn[:, 1] - y) < 0.03) & (worn[:, 2] > anatomy.armpit)]
    peak = chest[chest[:, 2].argmax()] + (0, 0, 0.008)
    legs = []
    for ahead, edge in ((0.08, float(chest[:, 0].max()) + 0.012), (-0.08, float(chest[:, 0].min()) - 0.012)):
        on_bag, on_top = place + np.array((ahead, 0, 0.08)), peak + np.array((ahead / 2, 0, 0))
        path = np.array([on_bag, (edge, y, anatomy.armpit + 0.05), on_top, peak])
        rings = path[:, None] + np.array([[0.0, -0.012, 0], [0.0, 0.012, 0]])
        shape = loft(rings, closed=False)
        legs.append(coloured(surface(shape, trunk_shares(anatomy, np.repeat(path[:, 2], 2))), trim=True))
    return join(bag, *legs)


def grip(anatomy: Anatomy, side: int) -> np.ndarray:
    """(3,) inside a closed hand at rest; side +1 is left."""
    name = "L" if side > 0 else "R"
    hand = anatomy.body.head(f"hand.{name}")
    return hand + (hand - anatomy.body.head(f"forearm.{name}")) * 0.33


def hand_bag(anatomy: Anatomy, extra: Extra, worn: np.ndarray) -> Surface:
    """A bag that hangs from the hand."""
    s = extra.size * anatomy.scale
    hand = {f"hand.{'L' if extra.side > 0 else 'R'}": 1.0}
    top = grip(anatomy, extra.side)
    bag = coloured(surface(ball(top - (0, 0, 0.25 * s), (0.15 * s, 0.045 * s, 0.12 * s), 4), hand))
    path = np.array(
        [[0.08 * s, 0, -0.14 * s], [0.05 * s, 0, -0.03], [0, 0, 0], [-0.05 * s, 0, -0.03], [-0.08 * s, 0, -0.14 * s]]
    )
    rings = top + path[:, None] + np.array([[0.0, -0.01, 0], [0.0, 0.01, 0]])
    return join(bag, coloured(surface(loft(rings, closed=False), hand), trim=True))
