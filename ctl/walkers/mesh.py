"""Surfaces that hang on bones: cut along a line, smoothed, pushed outwards. Numpy alone."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import numpy as np


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles on a body at rest. Every array but `faces` has one row per vertex.

    Args:
        points: (V, 3) float32 metres; weights: (V, B) float32, share of each bone; faces: (F, 3) int32;
        uv: (V, 2) float32, place in the texture, 0..1;
        marks: (V, 3) float32, position on arm and leg as in `Anatomy`, and the side, +1 left or -1 right.
    """

    points: np.ndarray
    weights: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    marks: np.ndarray


def mix(surface: Surface, first: np.ndarray, second: np.ndarray, share: np.ndarray, faces: np.ndarray) -> Surface:
    """New vertices between pairs of old ones: (1 - share) first + share second."""
    s = share[:, None].astype(np.float32)
    arrays = {
        field.name: (1 - s) * getattr(surface, field.name)[first] + s * getattr(surface, field.name)[second]
        for field in fields(surface)
        if field.name != "faces"
    }
    return Surface(**arrays, faces=faces.astype(np.int32))


def pick(surface: Surface, faces: np.ndarray) -> tuple[Surface, np.ndarray]:
    """Only these faces and the vertices they use; also the old index of each vertex."""
    used, compact = np.unique(faces, return_inverse=True)
    arrays = {f.name: getattr(surface, f.name)[used] for f in fields(surface) if f.name != "faces"}
    return Surface(**arrays, faces=compact.reshape(-1, 3).astype(np.int32)), used


def cut(surface: Surface, field: np.ndarray) -> Surface:
    """Keep where a field over the vertices is >= 0; triangles that straddle are cut along the line where it is 0."""
    inside = field >= 0
    count = inside[surface.faces].sum(axis=1)
    whole, two, one = (surface.faces[count == n] for n in (3, 2, 1))
    one, two = turn_to(one, inside), turn_to(two, ~inside)
    V = len(field)
    edges = np.concatenate((one[:, [0, 1]], one[:, [0, 2]], two[:, [1, 0]], two[:, [2, 0]]))  # from inside to outside
    unique, index = np.unique(edges, axis=0, return_inverse=True)
    new = V + index.reshape(-1)
    a, b, c, d = np.split(new, np.cumsum([len(one), len(one), len(two)]))
    faces = np.concatenate(
        (
            whole,
            np.stack((one[:, 0], a, b), axis=1),
            np.stack((two[:, 1], two[:, 2], c), axis=1),
            np.stack((two[:, 2], d, c), axis=1),
        )
    )
    inner, outer = unique.T
    share = field[inner] / np.maximum(field[inner] - field[outer], 1e-12)
    first, second = np.r_[np.arange(V), inner], np.r_[np.arange(V), outer]
    return pick(mix(surface, first, second, np.r_[np.zeros(V), share], faces), faces)[0]


def turn_to(faces: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The same triangles, each starting at its one vertex for which the mask holds."""
    start = mask[faces].argmax(axis=1)
    return np.take_along_axis(faces, (start[:, None] + np.arange(3)) % 3, axis=1)


def join(*surfaces: Surface) -> Surface:
    """One surface of several."""
    starts = np.cumsum([0, *(len(s.points) for s in surfaces)])
    arrays = {
        f.name: np.concatenate([getattr(s, f.name) for s in surfaces]) for f in fields(Surface) if f.name != "faces"
    }
    faces = np.concatenate([s.faces + start for s, start in zip(surfaces, starts, strict=False)])
    return Surface(**arrays, faces=faces.astype(np.int32))


def normals(points: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """(V, 3) unit normals, area-weighted over the faces around a vertex."""
    a, b, c = (points[faces[:, i]] for i in range(3))
    face = np.cross(b - a, c - a)
    total = np.stack(
        [sum(np.bincount(faces[:, i], face[:, axis], len(points)) for i in range(3)) for axis in range(3)], axis=1
    )
    return (total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def neighbour_mean(faces: np.ndarray, count: int) -> tuple[Callable[[np.ndarray], np.ndarray], np.ndarray]:
    """A function from values (V, 3) to the mean over each vertex's neighbours, and which vertices are on the border."""
    edges = np.concatenate((faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]))
    key = np.minimum(*edges.T) * np.int64(count) + np.maximum(*edges.T)
    _, index, uses = np.unique(key, return_index=True, return_counts=True)
    border = np.zeros(count, bool)
    border[edges[index[uses == 1]].ravel()] = True
    pairs = edges[index]
    i, j = np.concatenate((pairs, pairs[:, ::-1])).T
    degree = np.maximum(np.bincount(i, minlength=count), 1)[:, None]

    def mean(values: np.ndarray) -> np.ndarray:
        return np.stack([np.bincount(i, values[j, axis], count) for axis in range(3)], axis=1) / degree

    return mean, border


def smooth(points: np.ndarray, faces: np.ndarray, rounds: int) -> np.ndarray:
    """Take bumps off a surface without shrinking it; its border stays. Source: Taubin 1995 (lambda 0.5, mu -0.53)."""
    mean, border = neighbour_mean(faces, len(points))
    moved = points.astype(np.float64)
    for step in (0.5, -0.53) * rounds:
        moved += step * np.where(border, 0, 1)[:, None] * (mean(moved) - moved)
    return moved.astype(np.float32)


def push(surface: Surface, distance: np.ndarray | float) -> Surface:
    """Move the vertices outwards by metres, along normals that are evened out so that hems stay straight."""
    out = normals(surface.points, surface.faces).astype(np.float64)
    mean, _ = neighbour_mean(surface.faces, len(out))
    for _ in range(2):
        out = (out + mean(out)) / 2
    out /= np.maximum(np.linalg.norm(out, axis=1, keepdims=True), 1e-6)
    return replace(surface, points=(surface.points + out * np.reshape(distance, (-1, 1))).astype(np.float32))


def unwrap(surface: Surface, angle: np.ndarray) -> tuple[Surface, np.ndarray]:
    """Split vertices where an angle jumps from pi to -pi within a triangle, and return angles without the jump."""
    turned = angle[surface.faces]
    across = (np.ptp(turned, axis=1) > np.pi)[:, None] & (turned < 0)
    old = np.unique(surface.faces[across])
    copy = np.full(len(angle), -1)
    copy[old] = len(angle) + np.arange(len(old))
    rows = np.r_[np.arange(len(angle)), old]
    arrays = {f.name: getattr(surface, f.name)[rows] for f in fields(surface) if f.name != "faces"}
    faces = np.where(across, copy[surface.faces], surface.faces).astype(np.int32)
    return Surface(**arrays, faces=faces), np.concatenate((angle, angle[old] + 2 * np.pi))
