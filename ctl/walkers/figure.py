"""One dressed person who walks: surfaces with textures that never change, and where they are at each phase."""

from dataclasses import dataclass
import numpy as np
from ctl.walkers.body import blend_matrix, bone, joint_matrix, make_body, move, read_template, stack_transforms
from ctl.walkers.gait import fit_walk
from ctl.walkers.look import Look
from ctl.walkers.mesh import Surface, cut, push, smooth


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
        t = read_template()
        body = make_body(np.array(look.phenotypes), look.stature)
        w = t.weights
        skin = Surface(body.points, w, t.faces, np.zeros((len(w), 2), np.float32))
        z = body.points[:, 2]
        legs = sum(w[:, bone(f"{n}.{s}")] for n in ("thigh", "shank") for s in "LR") + w[:, 0]
        top = sum(w[:, bone(n)] for n in ("chest", "waist", "belly")) + sum(
            w[:, bone(f"{n}.{s}")] for n in ("clavicle", "upperarm") for s in "LR"
        )
        feet = sum(w[:, bone(f"{n}.{s}")] for n in ("foot", "toes") for s in "LR")
        parts = [("skin", skin, look.skin)]
        for name, mask, colour, d in (
            ("lower", legs, look.lower, 0.012),
            ("upper", top, look.upper, 0.018),
            ("shoes", feet, look.shoes, 0.01),
        ):
            s = cut(skin, mask - 0.5)
            s = push(Surface(smooth(s.points, s.faces, 5), s.weights, s.faces, s.cloth), d)
            parts.append((name, s, colour))
        soles = parts[-1][1]
        low = np.flatnonzero(soles.points[:, 2] < soles.points[:, 2].min() + 0.02)
        self._walk = fit_walk(body, look.gait, (soles.points[low].astype(float), soles.weights[low].argmax(axis=1)))
        self._matrices = [blend_matrix(s.points, s.weights) for _, s, _ in parts]
        self._joints = joint_matrix(body)
        self.pieces = tuple(Piece(n, s.faces, s.cloth, np.full((4, 4, 3), c, np.uint8)) for n, s, c in parts)
        self.stride_m = self._walk.stride_m
        self.cycles_per_s = look.gait.cycles_per_s

    def poses(self, phases: np.ndarray) -> Poses:
        """Place the figure at phases (T,) in cycles; phase 0 is the left heel's strike."""
        stacked = stack_transforms(self._walk.transforms(phases))
        return Poses(tuple(move(m, stacked) for m in self._matrices), move(self._joints, stacked))
