"""Shoes lofted around the feet, socks and boot legs cut from the skin."""

from dataclasses import dataclass, replace

import numpy as np

from ctl.walkers.anatomy import Anatomy
from ctl.walkers.body import bone
from ctl.walkers.garments import LEG, Part, onto
from ctl.walkers.mesh import Surface, cut, join, push, smooth
from ctl.walkers.patterns import Colour
from ctl.walkers.shapes import loft, surface

STATIONS: int = 13


@dataclass(frozen=True)
class Shoes:
    """A pair of shoes.

    Args:
        upper, sole: colours; sole_m: thickness of the sole, metres; shaft: how far up the leg, 0 at the ankle, 1 at the
        knee; sock: the same for socks, whose colour follows.
    """

    upper: Colour
    sole: Colour
    sole_m: float
    shaft: float
    sock: float
    sock_colour: Colour


def make_shoes(anatomy: Anatomy, shoes: Shoes) -> tuple[Part, tuple[np.ndarray, np.ndarray]]:
    """Both shoes, and the points (S, 3) and bones (S,) of their soles, on which the walker stands."""
    lofts = [shoe(anatomy, shoes, side) for side in "LR"]
    parts = list(lofts)
    for reach, ease, v in ((shoes.sock, 0.004, 0.28), (shoes.shaft, 0.012, 0.75)):
        if reach > 0 and (ease > 0.01 or shoes.sock > shoes.shaft):
            parts.append(leg_piece(anatomy, reach, ease, v))
    texture = np.zeros((64, 8, 3), np.uint8)
    texture[:40] = shoes.upper
    texture[40:52] = shoes.sock_colour
    texture[52:] = shoes.sole
    points = np.concatenate([part.points[part.uv[:, 1] < 0.1] for part in lofts]).astype(np.float64)
    weights = np.concatenate([part.weights[part.uv[:, 1] < 0.1] for part in lofts])
    return Part("shoes", join(*parts), texture), (points, weights.argmax(axis=1))


def leg_piece(anatomy: Anatomy, reach: float, ease: float, v: float) -> Surface:
    """A sock or the leg of a boot, up to a share of the shank."""
    skin = anatomy.skin
    place = skin.marks[:, LEG]
    piece = onto(cut(skin, np.minimum(place - (2 - reach), 1.985 - place)), ("foot", "toes"), "shank")
    piece = push(replace(piece, points=smooth(piece.points, piece.faces, 3)), ease)
    return replace(piece, uv=np.full_like(piece.uv, v))


def shoe(anatomy: Anatomy, shoes: Shoes, side: str) -> Surface:
    """A D-shaped loft from heel to toe; v of its texture is below 0.1 on the sole's underside and above 0.4 on the upper."""
    points, weights = anatomy.skin.points, anatomy.skin.weights
    sign = 1 if side == "L" else -1
    foot = (weights[:, [bone(f"foot.{side}"), bone(f"toes.{side}")]].sum(axis=1) > 0.5) & (anatomy.side == sign)
    ankle, toes = anatomy.body.head(f"foot.{side}"), anatomy.body.head(f"toes.{side}")
    ahead = (toes - ankle)[:2] / np.linalg.norm((toes - ankle)[:2])
    across = np.array([-ahead[1], ahead[0]])
    on = points[foot]
    x, y, z = (on[:, :2] - ankle[:2]) @ ahead, (on[:, :2] - ankle[:2]) @ across, on[:, 2]
    begin, end = x.min() - 0.008, x.max() + 0.012
    collar = ankle[2] + 0.022 * anatomy.scale
    t = np.array((0.0, 0.03, 0.09, 0.17, 0.26, 0.36, 0.46, 0.56, 0.66, 0.76, 0.86, 0.95, 1.0))
    station = begin + t * (end - begin)
    near = np.abs(x[None] - station[:, None]) < 0.03
    low = z.min()
    left = np.array([y[n & (z < ankle[2])].max() for n in near]) + 0.006
    right = np.array([y[n & (z < ankle[2])].min() for n in near]) - 0.006
    high = np.minimum([z[n].max() for n in near], collar - 0.012) + 0.012
    round_off = np.interp(t, (0, 0.03, 0.09, 0.86, 0.95, 1), (0.55, 0.85, 1, 1, 0.78, 0.35))
    middle, half = (left + right) / 2, (left - right) / 2 * round_off
    high = low + (high - low) * np.interp(t, (0, 0.05, 0.9, 1), (0.75, 1, 1, 0.6))
    bottom = low - shoes.sole_m + 0.012 * np.clip((t - 0.8) / 0.2, 0, 1) ** 2 * (1 + t)
    theta = np.radians((-90, -40, -12, 5, 30, 60, 90, 120, 150, 175, 192, 220, 270))
    wide, up = np.cos(theta), np.sin(theta)
    side_y = middle[:, None] + half[:, None] * np.sign(wide) * np.abs(wide) ** np.where(up < 0, 0.3, 0.9)
    rim = low + 0.012
    height = np.where(up[None] < 0, 0, rim + (high[:, None] - rim) * np.clip(up, 0, 1) ** 0.9)
    under = bottom[:, None] + (rim - bottom[:, None]) * np.clip(
        np.array((0, 0, 0.9, 1, 1, 1, 1, 1, 1, 1, 0.9, 0, 0)), 0, 1
    )
    height = np.where(up[None] <= 0, under, np.maximum(height, rim))
    flat = ankle[:2] + station[:, None, None] * ahead + side_y[..., None] * across
    rings = np.concatenate((flat, height[..., None]), axis=-1)
    shape = loft(rings[:, ::-1], closed=False, caps=True)
    v = np.interp(shape[0][:, 2], (low - shoes.sole_m + 0.004, low, rim, rim + 0.004), (0.02, 0.13, 0.15, 0.6))
    shape = (shape[0], shape[1], np.stack((shape[2][:, 0], v), axis=1))
    ball_x = (toes - ankle)[:2] @ ahead
    bend = np.clip(((shape[0][:, :2] - ankle[:2]) @ ahead - ball_x) / 0.03 + 0.5, 0, 1)
    return surface(shape, {f"toes.{side}": bend, f"foot.{side}": 1 - bend})
