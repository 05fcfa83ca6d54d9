"""Shapes that scenery is built from, as textured triangle meshes. z up, metres."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Solid:
    """One textured mesh.

    Args:
        points: (V, 3) float32 metres.
        faces: (F, 3) int32.
        uv: (V, 2) float32, place in the texture, which repeats beyond 0..1; v points up.
        texture: (h, w, 3) uint8.
    """

    points: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    texture: np.ndarray

    def placed(self, x: float, y: float, turn: float = 0.0) -> "Solid":
        """A copy, turned by `turn` radians about z and moved along the ground."""
        c, s = np.cos(turn), np.sin(turn)
        rotation = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]], np.float32)
        points = self.points @ rotation + np.array([x, y, 0], np.float32)
        return Solid(points.astype(np.float32), self.faces, self.uv, self.texture)


def quad(corners: np.ndarray, texture: np.ndarray, tile_m: float | None) -> Solid:
    """A flat piece with four corners (4, 3), in order around it; the first edge is the texture's bottom.

    `tile_m` is the size of one repeat of the texture in metres; None stretches the texture over the piece.
    """
    corners = np.asarray(corners, np.float32)
    width, height = np.linalg.norm(corners[1] - corners[0]), np.linalg.norm(corners[3] - corners[0])
    u, v = (1.0, 1.0) if tile_m is None else (width / tile_m, height / tile_m)
    uv = np.array([[0, 0], [u, 0], [u, v], [0, v]], np.float32)
    return Solid(corners, np.array([[0, 1, 2], [0, 2, 3]], np.int32), uv, texture)


def join(solids: Sequence[Solid]) -> Solid:
    """Several meshes with the same texture as one."""
    starts = np.cumsum([0, *(len(s.points) for s in solids[:-1])])
    return Solid(
        np.concatenate([s.points for s in solids]),
        np.concatenate([s.faces + np.int32(start) for s, start in zip(solids, starts, strict=True)]),
        np.concatenate([s.uv for s in solids]),
        solids[0].texture,
    )


def floor(x0: float, y0: float, x1: float, y1: float, z: float, texture: np.ndarray, tile_m: float) -> Solid:
    """A rectangle of ground."""
    return quad(np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]]), texture, tile_m)


def prism(outline: np.ndarray, depth: float, texture: np.ndarray, tile_m: float) -> Solid:
    """A convex outline (n, 2) in the x-z plane, counter-clockwise, drawn out along y and centred on it."""
    n, half = len(outline), depth / 2
    front = np.column_stack([outline[:, 0], np.full(n, -half), outline[:, 1]])
    back = front + np.array([0, depth, 0])
    cap = np.array([[0, i, i + 1] for i in range(1, n - 1)], np.int32)
    uv = (outline / tile_m).astype(np.float32)
    caps = [
        Solid(front.astype(np.float32), cap, uv, texture),
        Solid(back.astype(np.float32), cap[:, ::-1], uv, texture),
    ]
    around = [
        quad(np.array([front[i], front[(i + 1) % n], back[(i + 1) % n], back[i]])[[0, 3, 2, 1]], texture, tile_m)
        for i in range(n)
    ]
    return join([*caps, *around])


def box(width: float, depth: float, z0: float, z1: float, texture: np.ndarray, tile_m: float = 1.0) -> Solid:
    """A box that stands on z0, its length along x."""
    half = width / 2
    return prism(np.array([[-half, z0], [half, z0], [half, z1], [-half, z1]]), depth, texture, tile_m)


def column(radius: float, z0: float, z1: float, texture: np.ndarray, top_radius: float | None = None) -> Solid:
    """A round post or cone frustum with a lid."""
    n, top_radius = 16, radius if top_radius is None else top_radius
    angle = np.linspace(0, 2 * np.pi, n + 1)
    ring = np.column_stack([np.cos(angle), np.sin(angle)])
    low, high = (np.column_stack([r * ring, np.full(n + 1, z)]) for r, z in ((radius, z0), (top_radius, z1)))
    points = np.concatenate([low, high, [[0, 0, z1]]]).astype(np.float32)
    around = np.arange(n)
    faces = np.concatenate(
        [
            np.column_stack([around, around + 1, around + n + 2]),
            np.column_stack([around, around + n + 2, around + n + 1]),
            np.column_stack([around + n + 1, around + n + 2, np.full(n, 2 * n + 2)]),
        ]
    ).astype(np.int32)
    u = np.append(np.tile(angle * radius, 2), 0.0)
    return Solid(points, faces, np.column_stack([u, points[:, 2]]).astype(np.float32), texture)


def ball(rng: np.random.Generator, radius: float, z: float, texture: np.ndarray, rough: float) -> Solid:
    """A bumpy ball, such as the crown of a tree; its centre is at height z."""
    n = 12
    polar, around = np.meshgrid(np.linspace(0, np.pi, n), np.linspace(0, 2 * np.pi, 2 * n), indexing="ij")
    bumps = 1 + rough * rng.standard_normal(polar.shape)
    bumps[:, -1] = bumps[:, 0]
    r = radius * bumps
    xyz = np.stack([np.sin(polar) * np.cos(around), np.sin(polar) * np.sin(around), np.cos(polar)], axis=-1)
    points = (r[..., None] * xyz).reshape(-1, 3) + np.array([0, 0, z])
    i, j = (index.ravel() for index in np.meshgrid(np.arange(n - 1), np.arange(2 * n - 1), indexing="ij"))
    a = i * 2 * n + j
    faces = np.concatenate([np.column_stack([a, a + 2 * n, a + 1]), np.column_stack([a + 1, a + 2 * n, a + 2 * n + 1])])
    uv = np.column_stack([around.ravel() * radius, polar.ravel() * radius])
    return Solid(points.astype(np.float32), faces.astype(np.int32), uv.astype(np.float32), texture)
