"""Shoes lofted around the feet, socks and boot legs cut from the skin."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ctl.walkers.anatomy import Anatomy
from ctl.walkers.body import bone
from ctl.walkers.garments import LEG, Part, onto
from ctl.walkers.mesh import Surface, cut, join, push, smooth
from ctl.walkers.patterns import Colour
from ctl.walkers.shapes import loft, surface

SHARE: Final = np.array((0.0, 0.03, 0.09, 0.17, 0.26, 0.36, 0.46, 0.56, 0.66, 0.76, 0.86, 0.95, 1.0))
"""Cross-sections of a shoe, from heel (0) to toe (1)."""
ROUNDED: Final = ((0, 0.03, 0.09, 0.86, 0.95, 1), (0.55, 0.85, 1, 1, 0.78, 0.35))
"""Width of a shoe relative to the foot along it: round at both ends."""
SECTION: Final = np.radians((-90, -40, -12, 5, 30, 60, 90, 120, 150, 175, 192, 220, 270))
UNDERSIDE: Final = np.array((1, 1, 0.1, 0, 0, 0, 0, 0, 0, 0, 0.1, 1, 1))
"""Angles of a cross-section's points, and how far each is drawn down to the sole's underside."""


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
    """A D-shaped loft from heel to toe; its texture's v is below 0.1 on the underside and above 0.4 on the upper."""
    ankle, toes = anatomy.body.head(f"foot.{side}"), anatomy.body.head(f"toes.{side}")
    ahead = (toes - ankle)[:2] / np.linalg.norm((toes - ankle)[:2])
    across = np.array([-ahead[1], ahead[0]])
    weights = anatomy.skin.weights[:, [bone(f"foot.{side}"), bone(f"toes.{side}")]].sum(axis=1)
    foot = anatomy.skin.points[(weights > 0.5) & (anatomy.side == (1 if side == "L" else -1))]
    x, y, z = (foot[:, :2] - ankle[:2]) @ ahead, (foot[:, :2] - ankle[:2]) @ across, foot[:, 2]
    low = float(z.min())

    station = x.min() - 0.008 + SHARE * (np.ptp(x) + 0.02)
    near = [np.abs(x - place) < 0.03 for place in station]
    left = np.array([y[n & (z < ankle[2])].max() for n in near]) + 0.006
    right = np.array([y[n & (z < ankle[2])].min() for n in near]) - 0.006
    middle, half = (left + right) / 2, (left - right) / 2 * np.interp(SHARE, *ROUNDED)
    top = np.minimum([z[n].max() + 0.012 for n in near], ankle[2] + 0.022 * anatomy.scale)
    top = low + (top - low) * np.interp(SHARE, (0, 0.05, 0.9, 1), (0.75, 1, 1, 0.6))
    spring = 0.012 * np.clip((SHARE - 0.8) / 0.2, 0, 1) ** 2 * (1 + SHARE)
    bottom, rim = low - shoes.sole_m + spring, low + 0.012

    wide, up = np.cos(SECTION), np.clip(np.sin(SECTION), 0, 1)
    outline = middle[:, None] + half[:, None] * np.sign(wide) * np.abs(wide) ** np.where(np.sin(SECTION) < 0, 0.3, 0.9)
    height = np.maximum(rim + (top[:, None] - rim) * up**0.9, rim)
    height += (bottom[:, None] - height) * UNDERSIDE
    flat = ankle[:2] + station[:, None, None] * ahead + outline[..., None] * across
    points, faces, uv = loft(np.concatenate((flat, height[..., None]), axis=-1)[:, ::-1], closed=False, caps=True)

    v = np.interp(points[:, 2], (low - shoes.sole_m + 0.004, low, rim, rim + 0.004), (0.02, 0.13, 0.15, 0.6))
    past_ball = ((points - toes)[:, :2] @ ahead) / 0.03 + 0.5
    bend = np.clip(past_ball, 0, 1)
    return surface((points, faces, np.column_stack((uv[:, 0], v))), {f"toes.{side}": bend, f"foot.{side}": 1 - bend})
