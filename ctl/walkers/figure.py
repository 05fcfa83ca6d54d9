"""One dressed person who walks: surfaces with textures that never change, and where they are at each phase."""

from dataclasses import dataclass

import numpy as np

from ctl.walkers.accessories import HATS, make_extra
from ctl.walkers.anatomy import Anatomy, measure
from ctl.walkers.body import blend_matrix, bone, joint_matrix, make_body, move, stack_transforms
from ctl.walkers.drape import Drape
from ctl.walkers.footwear import make_shoes
from ctl.walkers.gait import fit_walk
from ctl.walkers.garments import ARM, LEG, Part, below_neck, level, make_band, make_bottom, make_top, trunk_angle
from ctl.walkers.head import STYLES, make_hair, make_skin
from ctl.walkers.look import Look
from ctl.walkers.mesh import cut
from ctl.walkers.patterns import Cloth

LAG = 0.05
"""Cycles by which the hem of hanging cloth remembers the legs."""


@dataclass(frozen=True, eq=False)
class Piece:
    """A surface in one texture.

    Args:
        faces: (F, 3) int32, counter-clockwise from outside; uv: (V, 2) float32, u to the right and v up in the texture;
        texture: (h, w, 3) uint8 RGB, row 0 at the top (v = 1).
    """

    name: str
    faces: np.ndarray
    uv: np.ndarray
    texture: np.ndarray


@dataclass(frozen=True, eq=False)
class Poses:
    """Where a figure is in T frames: points, per piece (T, V, 3) float32 metres; joints (T, 17, 3) float32, COCO order."""

    points: tuple[np.ndarray, ...]
    joints: np.ndarray


class Figure:
    """A walker, ready to be posed. It walks towards +x, up is +z, the pelvis stays above the origin on average.

    Args:
        look: who it is; the same look gives the same arrays.
    Attributes:
        pieces: surfaces, in the order of `Poses.points`.
        stride_m: metres forward in a full cycle (two steps).
        cycles_per_s: cycles in a second, so that the speed is `stride_m * cycles_per_s`.
    """

    def __init__(self, look: Look) -> None:
        body = make_body(np.array(look.phenotypes), look.stature)
        anatomy = measure(body)
        shoes, soles = make_shoes(anatomy, look.shoes)
        parts = [make_whole_skin(anatomy, look), shoes, *dress(anatomy, look)]
        self._walk = fit_walk(body, look.gait, soles)
        self._matrices = [blend_matrix(p.surface.points, p.surface.weights) for p in parts]
        self._drapes: list[Drape | None] = [p.drape for p in parts]
        self._joints = joint_matrix(body)
        self.pieces = tuple(Piece(p.name, p.surface.faces, p.surface.uv, p.texture) for p in parts)
        self.stride_m = self._walk.stride_m
        self.cycles_per_s = look.gait.cycles_per_s

    def poses(self, phases: np.ndarray) -> Poses:
        """Place the figure at phases (T,) in cycles; phase 0 is the left heel's strike."""
        phases = np.asarray(phases, np.float64)
        transforms = self._walk.transforms(phases)
        stacked = stack_transforms(transforms)
        points = [move(matrix, stacked) for matrix in self._matrices]
        if any(self._drapes):
            before = self._walk.transforms(phases - LAG)
            for placed, drape in zip(points, self._drapes, strict=True):
                if drape is not None:
                    placed[:, -drape.theta.size :] = drape.place(transforms, before)
        return Poses(tuple(points), move(self._joints, stacked))


def make_whole_skin(anatomy: Anatomy, look: Look) -> Part:
    """The skin that clothes leave bare; what they cover is dropped, so that it can't poke through."""
    clothes, skin = look.clothes, anatomy.skin
    top = clothes.outer if clothes.outer and clothes.outer.sleeve > clothes.top.sleeve else clothes.top
    arms = skin.marks[:, ARM] - (top.sleeve - 0.12)
    neck = -8 * below_neck(skin.points, anatomy, clothes.top.neck) + 0.3
    neck = np.where(skin.marks[:, ARM] > -0.3, -1, neck)
    bottom = clothes.bottom
    bare_leg = bottom.length - 0.15 if bottom is not None and bottom.kind == "trousers" else 0.25
    legs = np.minimum(skin.marks[:, LEG] - bare_leg, 2.05 - skin.marks[:, LEG])
    bare = np.maximum.reduce((arms, neck, legs))
    style = None if look.hair is None else STYLES[look.hair]
    return make_skin(anatomy, look.skin, look.hair_colour, style, look.beard, look.glasses, bare)


def dress(anatomy: Anatomy, look: Look) -> list[Part]:
    """Clothes, hair and accessories, from the inside out."""
    clothes = look.clothes
    parts = []
    tucked = clothes.tucked and clothes.bottom is not None
    hem = anatomy.waist - 0.03 if tucked else None
    top = make_top(anatomy, clothes.top, "top", hem)
    if clothes.bottom is not None:
        parts.append(make_bottom(anatomy, clothes.bottom))
        if tucked:
            parts.append(make_band(anatomy, Cloth("plain", (clothes.belt,) * 3, 0.1, 0), clothes.top.ease + 0.008))
    if clothes.outer is not None:
        parts.append(under(anatomy, top, clothes.outer.sleeve, np.radians(clothes.outer.opening[0])))
        parts.append(make_top(anatomy, clothes.outer, "outer"))
    else:
        parts.append(top)
    ease = max(clothes.top.ease, clothes.outer.ease if clothes.outer else 0)
    hat = any(extra.kind in HATS for extra in look.extras)
    style = None if look.hair is None else STYLES[look.hair]
    if style is not None and look.hair is not None:
        parts.append(make_hair(anatomy, style, look.hair, look.hair_colour, look.seed, hat, ease))
    return parts + [make_extra(anatomy, extra, ease) for extra in look.extras]


def under(anatomy: Anatomy, top: Part, sleeve: float, opening: float) -> Part:
    """A shirt below a jacket: only what the jacket may show."""
    return top


__all__ = ["Figure", "Piece", "Poses", "bone", "cut", "level", "trunk_angle"]
