"""One dressed person who walks: surfaces with textures that never change, and where they are at each phase."""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ctl.walkers.accessories import HATS, make_extra
from ctl.walkers.anatomy import Anatomy, hull_radius, leg_thickness, measure
from ctl.walkers.body import blend_matrix, joint_matrix, make_body, move, stack_transforms
from ctl.walkers.drape import LAYER, Drape
from ctl.walkers.footwear import make_shoes
from ctl.walkers.gait import fit_walk
from ctl.walkers.garments import (
    ARM,
    LEG,
    Part,
    Top,
    arm_share,
    below_neck,
    level,
    make_band,
    make_bottom,
    make_top,
    trunk_angle,
)
from ctl.walkers.head import STYLES, make_hair, make_skin
from ctl.walkers.look import Look
from ctl.walkers.patterns import Cloth

LAG: Final = 0.05
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
    """Where a figure is in T frames: (T, V, 3) float32 metres per piece, and COCO joints (T, 17, 3) float32."""

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
        reach = max(arm_room(anatomy, part.drape) for part in parts)
        gait = replace(look.gait, arm_out=max(look.gait.arm_out, reach))
        self._walk = fit_walk(body, gait, soles)
        parts = [part for part in parts if len(part.surface.faces)]
        self._matrices = [blend_matrix(p.surface.points, p.surface.weights) for p in parts]
        self._hung = [hung_shape(p) for p in parts]
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
        for placed, shape in zip(points, self._hung, strict=True):
            if shape is not None:
                away, pivot = shape
                placed[:] = away + move(pivot, stacked)
        if any(self._drapes):
            before = self._walk.transforms(phases - LAG)
            for placed, drape in zip(points, self._drapes, strict=True):
                if drape is not None:
                    placed[:, -drape.theta.size :] = drape.place(transforms, before)
        return Poses(tuple(points), move(self._joints, stacked))


def arm_room(anatomy: Anatomy, drape: Drape | None) -> float:
    """Degrees between arm and trunk at which a hanging hand clears a tube; at most 24."""
    if drape is None:
        return 0.0
    shoulder, elbow, wrist = (anatomy.body.head(f"{name}.L") for name in ("upperarm", "forearm", "hand"))
    arm = float(np.linalg.norm(elbow - shoulder) + np.linalg.norm(wrist - elbow))
    beside = np.abs(drape.z - (shoulder[2] - arm)) < 0.12
    wide = float(hull_radius(drape.reach[beside], np.full((1, 1), np.pi / 2)).max(initial=0.0))
    return float(np.degrees(np.arcsin(np.clip((wide + 0.03 - shoulder[1]) / arm, 0, 0.4))))


def hung_shape(part: Part) -> tuple[np.ndarray, np.ndarray] | None:
    """(V, 3) away from the point from which a part hangs, and that point's (1, 4 B) `blend_matrix`."""
    if part.hangs_from is None:
        return None
    surface = part.surface
    return surface.points - part.hangs_from, blend_matrix(part.hangs_from[None], surface.weights[:1])


def make_whole_skin(anatomy: Anatomy, look: Look) -> Part:
    """The skin that clothes leave bare; what they cover is dropped, so that it can't poke through."""
    clothes, skin = look.clothes, anatomy.skin
    top = clothes.outer if clothes.outer and clothes.outer.sleeve > clothes.top.sleeve else clothes.top
    bottom = clothes.bottom
    if bottom is not None and bottom.kind == "trousers":
        leg = bottom.length
    else:  # a hem at the crotch is at 0.2 of the thigh; swinging, it may show a third more
        leg = max(0.35, 0.8 * (clothes.top.length if bottom is None else bottom.length) - 1.05)
    socks = min(2 - max(look.shoes.sock, look.shoes.shaft), 1.97)
    covered = np.minimum.reduce(
        (
            (top.sleeve - skin.marks[:, ARM]) * 0.28,
            below_neck(skin.points, anatomy, clothes.top.neck) + arm_share(skin),
            np.maximum(leg - skin.marks[:, LEG], skin.marks[:, LEG] - socks) * 0.42,
        )
    )
    return make_skin(anatomy, look.skin, look.hair_colour, STYLES[look.hair], look.beard, look.glasses, covered)


def dress(anatomy: Anatomy, look: Look) -> list[Part]:
    """Clothes, hair and accessories, from the inside out."""
    clothes = look.clothes
    tucked = clothes.tucked and clothes.bottom is not None
    inner = clothes.bottom.ease if clothes.bottom is not None and not tucked else 0.0
    ease = max(clothes.top.ease, inner + LAYER)
    bottom = None if clothes.bottom is None else make_bottom(anatomy, clothes.bottom)
    if bottom is not None and bottom.drape is None:
        anatomy = with_trousers(anatomy, bottom)
    tubes: tuple[Drape, ...] = () if bottom is None or bottom.drape is None else (bottom.drape,)
    hem = anatomy.waist - 0.03 if tucked else None
    taper = 2.0 if tucked else clothes.top.taper
    top = make_top(anatomy, replace(clothes.top, ease=ease, taper=taper), "top", hem, () if tucked else tubes)
    parts = [] if bottom is None else [bottom]
    if tucked:
        parts.append(make_band(anatomy, Cloth("plain", (clothes.belt,) * 3, 0.1, 0), ease + LAYER))
    parts.append(top)
    if clothes.outer is not None:
        outer = replace(clothes.outer, ease=max(clothes.outer.ease, ease + LAYER))
        tubes = tuple(part.drape for part in parts if part.drape is not None)
        parts = [*(under(anatomy, part, outer) for part in parts), make_top(anatomy, outer, "outer", inside=tubes)]
        ease = outer.ease
    worn = np.concatenate([worn_points(part) for part in parts])
    hat = any(extra.kind in HATS for extra in look.extras)
    style = STYLES[look.hair]
    if style is not None:
        parts.append(make_hair(anatomy, style, look.hair, look.hair_colour, look.seed, hat, ease))
    return parts + [make_extra(anatomy, extra, worn) for extra in look.extras]


def with_trousers(anatomy: Anatomy, trousers: Part) -> Anatomy:
    """The same body with legs as thick as its trousers, for what hangs over them."""
    place = trousers.surface.marks[:, LEG]
    on = place > 0
    stations, thick = leg_thickness(anatomy.body, trousers.surface.points[on], place[on])
    reach = np.where(stations < place.max(), np.maximum(thick, anatomy.leg_radius[1]), anatomy.leg_radius[1])
    return replace(anatomy, leg_radius=np.stack((stations, reach)))


def worn_points(part: Part) -> np.ndarray:
    """(N, 3) points at rest of a garment without its sleeves, on which straps and bags lie."""
    fixed = len(part.surface.points) - (part.drape.theta.size if part.drape else 0)
    trunk = part.surface.points[:fixed][arm_share(part.surface)[:fixed] < 0.5]
    return trunk if part.drape is None else np.concatenate((trunk, part.drape.at_rest().reshape(-1, 3)))


def under(anatomy: Anatomy, part: Part, outer: Top) -> Part:
    """A garment below a jacket: without the triangles that the jacket hides. Trousers stay whole."""
    surface, drape = part.surface, part.drape
    if drape is None:
        return part
    fixed = len(surface.points) - drape.theta.size
    opening = np.radians(outer.opening) + 0.5 if any(outer.opening) else np.zeros(2)
    seen = np.zeros(len(surface.points), bool)
    arms = arm_share(surface)[:fixed] > 0.6
    collar = below_neck(surface.points[:fixed], anatomy, outer.neck) < 0.03
    front = np.abs(trunk_angle(surface.points[:fixed], anatomy)) < opening[0]
    seen[:fixed] = np.where(arms, surface.marks[:fixed, ARM] > outer.sleeve - 0.15, collar | front)
    hem = level(anatomy, outer.length)
    in_front = np.abs(drape.theta) < np.where(drape.z > anatomy.hip, opening[0], opening[1])[:, None]
    seen[fixed:] = (in_front | (drape.z < hem + 0.06)[:, None]).reshape(-1)
    return replace(part, surface=replace(surface, faces=surface.faces[seen[surface.faces].any(axis=1)]))
