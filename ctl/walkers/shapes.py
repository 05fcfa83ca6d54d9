"""Surfaces made from scratch that ride on bones: lofts through rings, balls, boxes, straps."""

from collections.abc import Mapping

import numpy as np

from ctl.walkers.anatomy import ALPHA, Anatomy, hull_radius, support
from ctl.walkers.body import COUNT, bone
from ctl.walkers.mesh import Surface

Shares = Mapping[str, np.ndarray | float]
"""Share of each named bone: one for all vertices or (V,) each."""


def on_bones(points: np.ndarray, shares: Shares) -> np.ndarray:
    """(V, B) float32 weights from shares of named bones; rows are scaled to sum to 1."""
    weights = np.zeros((len(points), COUNT), np.float32)
    for name, share in shares.items():
        weights[:, bone(name)] = share
    return weights / weights.sum(axis=1, keepdims=True)


def loft(rings: np.ndarray, *, closed: bool = True, caps: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points, faces and uv of a surface through rings (R, K, 3): u round, v from the first ring (1) to the last (0).

    Args:
        closed: the ring's last point is joined to its first; caps: fans close both ends.
    """
    rows, columns = rings.shape[:2]
    if closed:
        rings = np.concatenate((rings, rings[:, :1]), axis=1)
        columns += 1
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(1, 0, rows))
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).reshape(-1)
    a, b, c, d = corner, corner + 1, corner + columns, corner + columns + 1
    faces = np.concatenate((np.stack((a, c, b), 1), np.stack((b, c, d), 1)))
    points, uv = rings.reshape(-1, 3), np.stack((u, v), axis=-1).reshape(-1, 2)
    if caps:
        for row in (0, rows - 1):
            ring = row * columns + np.arange(columns)
            fan = np.stack((np.full(columns - 1, len(points)), ring[:-1], ring[1:]), axis=1)
            faces = np.concatenate((faces, fan if row == 0 else fan[:, ::-1]))
            points = np.concatenate((points, rings[row].mean(axis=0, keepdims=True)))
            uv = np.concatenate((uv, [[0.5, 1.0 - row / (rows - 1)]]))
    return points, faces, uv


def surface(shape: tuple[np.ndarray, np.ndarray, np.ndarray], shares: Shares) -> Surface:
    """A `loft` that rides on bones."""
    points, faces, uv = shape
    return Surface(
        points.astype(np.float32),
        on_bones(points, shares),
        faces.astype(np.int32),
        uv.astype(np.float32),
        np.zeros((len(points), 3), np.float32),
    )


def ball(
    center: np.ndarray, radii: tuple[float, float, float], power: float = 2.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A loft: an ellipsoid, or with a higher power a box with round edges."""
    latitude = np.linspace(np.pi / 2, -np.pi / 2, 9 if power > 2 else 8)
    longitude = np.arange(16) * 2 * np.pi / 16
    direction = np.stack(
        (
            np.cos(latitude)[:, None] * np.cos(longitude),
            np.cos(latitude)[:, None] * np.sin(longitude),
            np.broadcast_to(np.sin(latitude)[:, None], (len(latitude), len(longitude))),
        ),
        axis=-1,
    )
    shaped = np.sign(direction) * np.abs(direction) ** (2 / power)
    return loft(center + shaped * radii)


def strap(worn: np.ndarray, through: np.ndarray, normal: np.ndarray, width: float, off: float) -> np.ndarray:
    """Rings (2, K, 3) of a band that lies tight around the trunk in a plane.

    Args:
        worn: (N, 3) points that it lies on; through: (3,) a point of the plane; normal: (3,); width: of the band;
        off: metres off the points.
    """
    normal = normal / np.linalg.norm(normal)
    first = np.cross(normal, (0.0, 0.0, 1.0))
    first /= np.linalg.norm(first)
    second = np.cross(first, normal)
    away = worn - through
    near = away[np.abs(away @ normal) < 0.035]
    flat = np.stack((near @ first, near @ second), axis=1)
    middle = (flat.min(axis=0) + flat.max(axis=0)) / 2
    radius = hull_radius(support(flat - middle), ALPHA) + off
    ring = through + (middle[0] + radius * np.cos(ALPHA))[:, None] * first
    ring = ring + (middle[1] + radius * np.sin(ALPHA))[:, None] * second
    return np.stack((ring + normal * width / 2, ring - normal * width / 2))


def trunk_shares(anatomy: Anatomy, z: np.ndarray) -> Shares:
    """Shares of the trunk's bones by height, for things that are tied to it."""
    heights = [anatomy.body.head(name)[2] for name in ("pelvis", "waist", "chest")]
    chest = np.clip((z - heights[1]) / (heights[2] - heights[1]), 0, 1)
    pelvis = np.clip((heights[1] - z) / (heights[1] - heights[0]), 0, 1)
    return {"chest": chest, "waist": 1 - chest - pelvis, "pelvis": pelvis}
