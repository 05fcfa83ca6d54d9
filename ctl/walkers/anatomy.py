"""Measures that a tailor takes from a body at rest: how far along a limb, how thick, how wide at a height."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ctl.walkers.body import BONES, Body, bone, read_template
from ctl.walkers.mesh import Surface

DIRECTIONS: Final = 48
ALPHA: Final = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
TRUNK: Final = [index for index, name in enumerate(BONES) if "." not in name]
SLAB: Final = 0.03
"""Half the height of the slice whose points make a cross-section, metres."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """A body measured. Heights are z at rest, metres.

    Args:
        skin: the bare surface. arm, leg: (V,) how far along the limb: 0 shoulder or hip, 1 elbow or knee, 2 wrist or
            ankle, more on hand or foot, negative on the trunk; side: (V,) +1 on the left, -1 on the right.
        crotch, hip, waist, armpit, neck: heights; scale: stature relative to 1.70 m.
        joints: (17, 3) COCO joints at rest.
        leg_radius: (2, 16) metres of leg parameter 0..2, and the leg's thickness there.
    """

    body: Body
    skin: Surface
    arm: np.ndarray
    leg: np.ndarray
    side: np.ndarray
    trunk: np.ndarray
    crotch: float
    hip: float
    waist: float
    armpit: float
    neck: float
    sole: float
    scale: float
    joints: np.ndarray
    leg_radius: np.ndarray


def along(points: np.ndarray, start: np.ndarray, middle: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(V,) position along a limb of two bones: 0..1 on the first, 1..2 on the second, beyond at both ends."""
    upper, lower = middle - start, end - middle
    first = (points - start) @ upper / (upper @ upper)
    second = (points - middle) @ lower / (lower @ lower)
    return np.where(second > 0, 1 + second, np.where(first < 1, first, 1.0))


def axis_point(parameter: np.ndarray, start: np.ndarray, middle: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(V, 3) point of the limb's axis at a position of `along`; straight on at both ends."""
    t = np.asarray(parameter)[:, None]
    return np.where(t < 1, start + t * (middle - start), middle + (t - 1) * (end - middle))


LIMB: Final = {"arm": ("upperarm", "forearm", "hand"), "leg": ("thigh", "shank", "foot")}


def limb_axis(body: Body, limb: str, side: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three (V, 3) heads of each vertex's own arm or leg."""
    left, right = (np.stack([body.head(f"{name}.{s}") for name in LIMB[limb]]) for s in "LR")
    chosen = np.where((side > 0)[:, None, None], left, right)
    return chosen[:, 0], chosen[:, 1], chosen[:, 2]


def limb_position(points: np.ndarray, body: Body, limb: str, side: np.ndarray) -> np.ndarray:
    """`along` for either side's arm or leg."""
    result = np.zeros(len(points))
    for s, name in ((1, "L"), (-1, "R")):
        on = side == s
        result[on] = along(points[on], *(body.head(f"{bone_name}.{name}") for bone_name in LIMB[limb]))
    return result


def leg_thickness(body: Body, points: np.ndarray, place: np.ndarray) -> np.ndarray:
    """(2, 16) positions 0..2 along a leg, and metres from its axis to its surface, (V, 3) at positions (V,).

    Above a third of the thigh it stays as it is there: what is farther out belongs to the trunk.
    """
    left = points[:, 1] > 0
    axis = axis_point(np.clip(place[left], 0, 2), *(h[0] for h in limb_axis(body, "leg", np.array([1]))))
    distance = np.linalg.norm((points[left] - axis)[:, :2], axis=1)
    stations = np.linspace(0, 2, 16)
    near = np.abs(place[left] - stations[:, None]) < 0.12
    thick = np.array([np.quantile(distance[on], 0.92) if on.any() else np.nan for on in near])
    measured = ~np.isnan(thick)
    return np.stack((stations, np.interp(np.maximum(stations, 0.35), stations[measured], thick[measured])))


def measure(body: Body) -> Anatomy:
    """Measure a body; about 5 ms."""
    template = read_template()
    points, weights = body.points, template.weights
    side = np.where(points[:, 1] >= 0, 1, -1)

    def share(*names: str) -> np.ndarray:
        return weights[:, [bone(f"{name}.{s}") for name in names for s in "LR"]].sum(axis=1)

    on_arm, on_leg = share("upperarm", "forearm", "hand"), share("thigh", "shank", "foot", "toes")
    arm = limb_position(points, body, "arm", side) * on_arm - 0.5 * (1 - on_arm)
    leg = limb_position(points, body, "leg", side) * on_leg - 0.5 * (1 - on_leg)
    trunk = weights[:, TRUNK].sum(axis=1) + share("clavicle")
    middle = (np.abs(points[:, 1]) < 0.012) & (on_leg < 0.6)
    height = np.ptp(points[:, 2])
    marks = np.stack((arm, leg, side), axis=1).astype(np.float32)
    return Anatomy(
        body=body,
        skin=Surface(points, weights, template.faces, np.zeros((len(points), 2), np.float32), marks),
        arm=arm,
        leg=leg,
        side=side,
        trunk=trunk,
        crotch=float(points[middle, 2].min()),
        hip=float(body.head("thigh.L")[2]),
        waist=float(body.head("waist")[2] * 0.75 + body.head("belly")[2] * 0.25),
        armpit=float(body.head("upperarm.L")[2] - 0.065 * height),
        neck=float(body.head("neck")[2]),
        sole=float(points[:, 2].min()),
        scale=float(height / 1.7),
        joints=body.joint_points.sum(axis=1),
        leg_radius=leg_thickness(body, points[on_leg > 0.9], leg[on_leg > 0.9]),
    )


def support(points: np.ndarray) -> np.ndarray:
    """(DIRECTIONS,) how far points (N, 2) reach in each direction `ALPHA`."""
    return (points @ np.stack((np.cos(ALPHA), np.sin(ALPHA)))).max(axis=0)


def hull_radius(reach: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Polar radius (..., K) at angles (..., K) of the convex outlines whose support is (..., DIRECTIONS)."""
    cosine = np.cos(theta[..., :, None] - ALPHA)
    return np.where(cosine > 0.15, reach[..., None, :] / np.maximum(cosine, 0.15), np.inf).min(axis=-1)


def trunk_slice(anatomy: Anatomy, z: float) -> np.ndarray:
    """(DIRECTIONS,) support of the trunk's cross-section at a height, about (`trunk_x`, 0)."""
    points, trunk = anatomy.body.points, anatomy.trunk
    above_crotch = points[:, 2] > anatomy.crotch - 0.02
    on = (np.abs(points[:, 2] - z) < SLAB) & above_crotch & ((trunk > 0.5) | (anatomy.leg > -0.5))
    return support(points[on, :2] - (trunk_x(anatomy, z), 0)) if on.any() else np.zeros(DIRECTIONS)


def trunk_x(anatomy: Anatomy, z: np.ndarray | float) -> np.ndarray:
    """Where the trunk's middle line is at a height: between the spine's bones."""
    names = ("pelvis", "waist", "chest", "neck")
    heads = np.stack([anatomy.body.head(name) for name in names])
    forward = np.array((0.0, 0.02, 0.05, -0.01)) * anatomy.scale  # the spine runs behind the middle
    return np.asarray(np.interp(z, heads[:, 2], heads[:, 0] + forward))
