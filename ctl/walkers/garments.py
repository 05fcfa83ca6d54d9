"""Clothes cut from the surface of a body at rest, let out, and continued by hanging tubes where they leave it.

Every garment is a `Part`: vertices that move with bones, and at most one tube (`drape`). Lengths are given by landmarks
of the body that wears it, so that the same cut fits everybody.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ctl.walkers.anatomy import Anatomy, axis_point, hull_radius, limb_axis, limb_position, trunk_slice, trunk_x
from ctl.walkers.body import bone
from ctl.walkers.drape import Cut, Drape, make_drape, trunk_weights
from ctl.walkers.mesh import Surface, cut, join, push, smooth, unwrap
from ctl.walkers.patterns import Cloth, paint, panel_u

ARM, LEG, SIDE = range(3)
LIMB_LENGTH: Final = {ARM: 0.62, LEG: 1.05}
"""Metres of a limb's panel in a texture."""


@dataclass(frozen=True, eq=False)
class Part:
    """What one piece is made of: a surface on bones, then the points of a hanging tube if there is one.

    Args:
        hangs_from: (3,) point at rest from which the surface hangs upright, however its bone turns; None: it is fixed.
    """

    name: str
    surface: Surface
    texture: np.ndarray
    drape: Drape | None = None
    hangs_from: np.ndarray | None = None


@dataclass(frozen=True)
class Top:
    """A garment for the upper body; a dress or a coat when it is long.

    Args:
        cloth: what it is made of.
        sleeve: 0.1 none, 0.5 short, 1 to the elbow, 1.9 long; length: hem, 0 waist, 1 crotch, 2 knee, 3 ankle.
        neck: "crew", "v", "high" or "wide"; ease: metres off the skin; taper, flare, folds: see `drape.Cut`;
        width: of the cuff relative to the upper arm; opening: half the gap in front at chest and hem, degrees.
    """

    cloth: Cloth
    sleeve: float
    length: float
    neck: str
    ease: float
    taper: float
    flare: float
    folds: float
    width: float
    opening: tuple[float, float]


@dataclass(frozen=True)
class Bottom:
    """Trousers, shorts or a skirt.

    Args:
        kind: "trousers" (shorts when short) or "skirt";
        length: of trousers along the leg (1 knee, 2 ankle), of skirts as in `Top`;
        ease: metres off the skin; width: of the hem relative to the thigh for trousers; flare, folds: of a skirt.
    """

    kind: str
    cloth: Cloth
    length: float
    ease: float
    width: float
    flare: float
    folds: float


def level(anatomy: Anatomy, length: float) -> float:
    """Height of a hem: 0 waist, 1 crotch, 2 knee, 3 ankle."""
    knee, ankle = (anatomy.body.head(f"{name}.L")[2] for name in ("shank", "foot"))
    return float(np.interp(length, (0, 1, 2, 3), (anatomy.waist, anatomy.crotch, knee, ankle)))


NECKS: Final = {"crew": (0.0, 0.45, 0.0), "v": (0.0, 0.45, 0.13), "high": (0.05, 0.25, 0.0), "wide": (-0.02, 0.75, 0.0)}
"""Height over the neck's base (metres), slope down to the front, depth of the V (metres)."""


def below_neck(points: np.ndarray, anatomy: Anatomy, neck: str) -> np.ndarray:
    """(V,) metres below a neckline; negative above it."""
    height, slope, depth = NECKS[neck]
    forward = points[:, 0] - anatomy.body.head("neck")[0]
    v = depth * np.clip(1 - np.abs(points[:, 1]) / 0.09, 0, 1) * (forward > 0)
    return anatomy.neck + height * anatomy.scale - slope * forward - v - points[:, 2]


def arm_share(surface: Surface) -> np.ndarray:
    """(V,) 0 on the trunk, 1 on the arms."""
    return np.clip(2 * surface.marks[:, ARM] + 1, 0, 1)


def limb_uv(anatomy: Anatomy, surface: Surface, limb: int, top: float) -> Surface:
    """Texture coordinates round and along an arm or a leg; may split vertices at the inner seam."""
    side = surface.marks[:, SIDE]
    first, second, third = limb_axis(anatomy.body, ("arm", "leg")[limb], side)
    place = surface.marks[:, limb]
    away = surface.points - axis_point(place, first, second, third)
    if limb == ARM:
        along = second - first
        along /= np.linalg.norm(along, axis=1, keepdims=True)
        out = np.array([0, 0, 1]) - along[:, 2:] * along
        angle = np.arctan2(away[:, 0], np.einsum("vi,vi->v", away, out))
        down = np.clip(place, 0, None) * np.linalg.norm(second - first, axis=1)
    else:
        hip = first[:, :2] + (surface.points[:, 2:] - first[:, 2:]) * ((third - first)[:, :2] / (third - first)[:, 2:])
        away = surface.points[:, :2] - hip
        angle = np.arctan2(away[:, 0], side * away[:, 1])
        down = top - surface.points[:, 2]
    surface, angle = unwrap(replace(surface, uv=np.stack((angle, down), axis=1).astype(np.float32)), angle)
    v = 1 - surface.uv[:, 1] / LIMB_LENGTH[limb]
    return replace(surface, uv=np.stack((panel_u(angle, "limb"), np.clip(v, 0.01, 1)), axis=1).astype(np.float32))


def trunk_angle(points: np.ndarray, anatomy: Anatomy) -> np.ndarray:
    """(V,) radians round the trunk, 0 in front, positive to the left."""
    return np.arctan2(points[:, 1], points[:, 0] - trunk_x(anatomy, points[:, 2]))


def let_out(anatomy: Anatomy, surface: Surface, limb: int, ease: float, width: float, full: float) -> Surface:
    """Widen a sleeve or a leg to a cone around the limb's axis: thickness at its upper end, times `width` at `full`."""
    name, side = ("arm", "leg")[limb], surface.marks[:, SIDE]
    place = limb_position(surface.points, anatomy.body, name, side)
    axis = axis_point(place, *limb_axis(anatomy.body, name, side))
    away = surface.points - axis
    radius = np.linalg.norm(away, axis=1)
    start = 0.55 if limb == ARM else 0.45
    upper = np.abs(place - start - 0.1) < 0.12
    thick = (np.mean(radius[upper]) if upper.any() else 0.06) + ease * 0.5
    cone = thick * (1 + (width - 1) * np.clip((place - start) / max(full - start, 0.3), 0, 1))
    ramp = np.clip((place - start + 0.25) / 0.35, 0, 1)
    if limb == ARM:
        thick *= 0.95
        ramp = np.clip((place - 0.1) / 0.6, 0, 1) * arm_share(surface)
    wanted = np.maximum(radius, ramp * cone)
    return replace(surface, points=(axis + away * (wanted / np.maximum(radius, 1e-6))[:, None]).astype(np.float32))


def onto(surface: Surface, source: tuple[str, ...], target: str) -> Surface:
    """Give the weights of some bones to another of the same side, so that cloth doesn't follow a hand or a foot."""
    weights = surface.weights.copy()
    for side in "LR":
        for name in source:
            weights[:, bone(f"{target}.{side}")] += weights[:, bone(f"{name}.{side}")]
            weights[:, bone(f"{name}.{side}")] = 0
    return replace(surface, weights=weights)


def make_top(anatomy: Anatomy, top: Top, name: str, hem: float | None = None, inside: tuple[Drape, ...] = ()) -> Part:
    """A shirt, jumper, jacket, coat or dress; `hem` overrides its height for a shirt that is tucked in.

    Args:
        inside: tubes of other garments that it covers.
    """
    hem = level(anatomy, top.length) if hem is None else hem
    split = anatomy.armpit - 0.02 * anatomy.scale
    open_chest, open_hem = np.radians(top.opening)
    skin = anatomy.skin
    keep = np.minimum.reduce(
        (
            top.sleeve - skin.marks[:, ARM],
            below_neck(skin.points, anatomy, top.neck) * 8,
            (skin.points[:, 2] - split) * 8 + arm_share(skin) * 9,
        )
    )
    surface = onto(cut(skin, keep), ("hand",), "forearm")
    surface = replace(surface, points=smooth(surface.points, surface.faces, 4))
    surface = push(surface, top.ease)
    surface = let_out(anatomy, surface, ARM, top.ease, top.width, max(top.sleeve, 0.5))
    low, high = hem - 0.02, anatomy.neck + 0.09
    sleeves = cut(surface, surface.marks[:, ARM] - 0.04)
    trunk = cut(surface, 0.04 - surface.marks[:, ARM])
    if open_chest > 0:
        angle = np.abs(trunk_angle(trunk.points, anatomy))
        trunk = cut(trunk, (angle - open_chest) * 5)
    near = np.clip(1 - (trunk.points[:, 2] - split) / 0.08, 0, 1)[:, None] * (1 - arm_share(trunk))[:, None]
    trunk = onto_hull(anatomy, trunk, near[:, 0], split, top.ease)
    still = (1 - near) * trunk.weights + near * trunk_weights(anatomy, trunk.points[:, 2])
    trunk, angle = unwrap(replace(trunk, weights=still.astype(np.float32)), trunk_angle(trunk.points, anatomy))
    v = np.clip((trunk.points[:, 2] - low) / (high - low), 0, 1)
    trunk = replace(trunk, uv=np.stack((panel_u(angle, "body"), v), axis=1).astype(np.float32))
    parts = [trunk]
    if len(sleeves.faces):
        parts.append(limb_uv(anatomy, sleeves, ARM, 0.0))
    tube = Cut(
        top=split + 0.02,
        hem=hem,
        ease=top.ease,
        taper=top.taper,
        flare=top.flare,
        open_top=open_chest,
        open_hem=open_hem,
        folds=top.folds,
    )
    return hang(anatomy, name, join(*parts), tube, top.cloth, (low, high), ARM, inside)


def onto_hull(anatomy: Anatomy, surface: Surface, share: np.ndarray, split: float, ease: float) -> Surface:
    """Bring vertices, by their share, onto the convex outline where a tube goes on, a little outside of it."""
    middle = trunk_x(anatomy, split)
    away = surface.points[:, :2] - np.array([middle, 0])
    wanted = hull_radius(trunk_slice(anatomy, split), np.arctan2(away[:, 1], away[:, 0])) + ease + 0.003
    radius = np.linalg.norm(away, axis=1)
    scale = 1 + share * (wanted / np.maximum(radius, 1e-6) - 1)
    points = surface.points.copy()
    points[:, :2] = np.array([middle, 0]) + away * scale[:, None]
    return replace(surface, points=points.astype(np.float32))


def hang(
    anatomy: Anatomy,
    name: str,
    surface: Surface | None,
    tube: Cut,
    cloth: Cloth,
    span: tuple[float, float],
    limb: int,
    inside: tuple[Drape, ...] = (),
) -> Part:
    """Put a tube under a surface (or alone) and paint both from one texture whose trunk panel spans two heights."""
    low, high = span
    drape, faces = make_drape(anatomy, tube, inside)
    v = np.broadcast_to(((drape.z - low) / (high - low))[:, None], drape.theta.shape)
    uv = np.stack((panel_u(drape.theta, "body"), v), axis=-1)
    tail = Surface(
        points=np.zeros((drape.theta.size, 3), np.float32),
        weights=np.zeros((drape.theta.size, anatomy.skin.weights.shape[1]), np.float32),
        faces=faces,
        uv=uv.reshape(-1, 2).astype(np.float32),
        marks=np.zeros((drape.theta.size, 3), np.float32),
    )
    width = 2 * np.pi * 0.155 * anatomy.scale
    texture = paint(cloth, width, low - anatomy.armpit, high - anatomy.armpit, 0.42, LIMB_LENGTH[limb])
    return Part(name, tail if surface is None else join(surface, tail), texture, drape)


def make_bottom(anatomy: Anatomy, bottom: Bottom) -> Part:
    """Trousers, shorts or a skirt."""
    if bottom.kind == "skirt":
        hem = level(anatomy, bottom.length)
        tube = Cut(anatomy.waist, hem, bottom.ease, taper=1.2, flare=bottom.flare, folds=bottom.folds)
        return hang(anatomy, "bottom", None, tube, bottom.cloth, (hem, anatomy.waist), LEG)
    skin = anatomy.skin
    on_arm = arm_share(skin)
    keep = np.minimum((anatomy.waist - skin.points[:, 2]) * 5 - on_arm * 9, bottom.length - skin.marks[:, LEG])
    surface = onto(cut(skin, keep), ("foot", "toes"), "shank")
    surface = replace(surface, points=smooth(surface.points, surface.faces, 8))
    surface = push(surface, bottom.ease)
    surface = let_out(anatomy, surface, LEG, bottom.ease, bottom.width, max(bottom.length, 0.8))
    surface = limb_uv(anatomy, surface, LEG, anatomy.waist)
    texture = paint(bottom.cloth, 1.0, -0.6, 0.4, 0.5, LIMB_LENGTH[LEG])
    return Part("bottom", surface, texture)


def make_band(anatomy: Anatomy, cloth: Cloth, ease: float) -> Part:
    """A waistband or belt that closes trousers or a skirt over a shirt that is tucked in."""
    top = anatomy.waist + 0.012
    tube = Cut(top, anatomy.waist - 0.035, ease, taper=3.0)
    return hang(anatomy, "band", None, tube, cloth, (anatomy.waist - 0.035, top), LEG)
