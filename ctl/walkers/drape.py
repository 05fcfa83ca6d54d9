"""Cloth that hangs: rings around the trunk that the legs push out from below. Skirts, dresses, shirt tails, coats.

A ring is the convex outline around the trunk (or what hangs from above it) and both legs at its height, which is how a
taut cloth lies. Above the hips rings move with the spine; below they hang from the pelvis, and the legs of a moment ago
count too, so that the hem follows late. Assumed: no other dynamics; hems of walkers in a street move little else.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ctl.walkers.anatomy import ALPHA, TRUNK, Anatomy, hull_radius, trunk_slice, trunk_x
from ctl.walkers.body import COUNT, bone, read_template

ROW: Final = 0.045
"""Metres between rings."""
LAYER: Final = 0.008
"""Metres between one garment and the next."""
INSET: Final = 0.008
"""Metres by which a tube's first ring hides below what it hangs from."""


@dataclass(frozen=True, eq=False)
class Drape:
    """A hanging tube of R rings with K points each, from the top down.

    Args:
        z: (R,) heights at rest; x: (R,) middle; theta: (R, K) angles from the front, left positive;
        reach: (R, DIRECTIONS) support of the outline at rest; folds: (R, K) metres outwards;
        loose: (R,) 0 where the ring moves with the spine (shares `weights` (R, B)) to 1 where it hangs;
        ease: metres between leg and cloth;
        leg_radius: as in `Anatomy`; heads: (7, 3) pelvis, then thigh, shank, foot of left and right, at rest.
    """

    z: np.ndarray
    x: np.ndarray
    theta: np.ndarray
    reach: np.ndarray
    folds: np.ndarray
    loose: np.ndarray
    weights: np.ndarray
    ease: float
    leg_radius: np.ndarray
    heads: np.ndarray

    def place(self, transforms: np.ndarray, before: np.ndarray) -> np.ndarray:
        """(T, R K, 3) float32 points under bone transforms now and a moment before, each (T, B, 3, 4)."""
        circle = np.stack((np.cos(self.theta), np.sin(self.theta)), axis=-1)
        mixed = np.einsum("rb,tbij->trij", self.weights, transforms)
        fixed = np.einsum("trij,rkj->trki", mixed[..., :3], self.at_rest()) + mixed[:, :, None, :, 3]
        hanging = self.loose > 0
        if not hanging.any():
            return fixed.reshape(len(transforms), -1, 3).astype(np.float32)
        frame, origin = heading(transforms[:, bone("pelvis")], self.heads[0])
        drop = self.heads[0, 2] - self.z[hanging]
        reach = np.maximum(
            np.maximum(self.reach[hanging], self.legs(transforms, frame, origin, drop, hanging)),
            self.legs(before, *heading(before[:, bone("pelvis")], self.heads[0]), drop, hanging) - 0.01,
        )
        radius = hull_radius(reach, self.theta[hanging]) + self.folds[hanging]
        flat = (self.x[hanging] - self.heads[0, 0])[:, None, None] * (1, 0) + radius[..., None] * circle[hanging]
        lowered = np.broadcast_to(-drop[:, None, None], (*radius.shape, 1))
        hung = np.einsum("tij,trkj->trki", frame, np.concatenate((flat, lowered), axis=-1)) + origin[:, None, None]
        share = self.loose[hanging][:, None, None]
        fixed[:, hanging] = (1 - share) * fixed[:, hanging] + share * hung
        return fixed.reshape(len(transforms), -1, 3).astype(np.float32)

    def at_rest(self) -> np.ndarray:
        """(R, K, 3) points at rest."""
        radius = hull_radius(self.reach, self.theta) + self.folds
        flat = self.x[:, None] + radius * np.cos(self.theta), radius * np.sin(self.theta)
        return np.stack((*flat, np.broadcast_to(self.z[:, None], radius.shape)), axis=-1)

    def legs(
        self, transforms: np.ndarray, frame: np.ndarray, origin: np.ndarray, drop: np.ndarray, rows: np.ndarray
    ) -> np.ndarray:
        """(T, R', DIRECTIONS) support of both legs at depths below the pelvis, about each ring's middle."""
        names = ("thigh", "shank", "foot")
        result = np.full((len(transforms), len(drop), len(ALPHA)), -np.inf)
        for first, side in ((1, "L"), (4, "R")):
            on = transforms[:, [bone(f"{name}.{side}") for name in names]]
            placed = np.einsum("tnij,nj->tni", on[..., :3], self.heads[first : first + 3]) + on[..., 3]
            hip, knee, ankle = np.moveaxis(np.einsum("tji,tnj->tni", frame, placed - origin[:, None]), 1, 0)
            upper = np.clip((hip[:, None, 2] + drop) / (hip - knee)[:, None, 2], 0, 1)
            lower = np.clip((knee[:, None, 2] + drop) / np.maximum(knee - ankle, 0.05)[:, None, 2], 0, 1)
            center = (
                hip[:, None] + upper[..., None] * (knee - hip)[:, None] + lower[..., None] * (ankle - knee)[:, None]
            )
            tilt = np.linalg.norm(ankle - knee, axis=1) / np.maximum((knee - ankle)[:, 2], 0.05)
            slant = np.where(lower > 0, np.minimum(tilt, 1.6)[:, None], 1.0)  # a slanting shank is longer cut level
            thick = np.interp(upper + lower, *self.leg_radius) * slant + self.ease
            away = center[..., :2] - ((self.x[rows] - self.heads[0, 0])[:, None] * (1, 0))
            result = np.maximum(result, away @ np.stack((np.cos(ALPHA), np.sin(ALPHA))) + thick[..., None])
        return result


def outline_at(drape: Drape, z: float) -> np.ndarray:
    """(DIRECTIONS,) support of a tube with its folds at a height at rest; nothing above or below the tube."""
    if not drape.z[-1] - ROW <= z <= drape.z[0]:
        return np.full(len(ALPHA), -np.inf)
    below = int(np.clip(np.searchsorted(-drape.z, -z), 1, len(drape.z) - 1))
    row = np.maximum(drape.reach[below - 1], drape.reach[below])
    return row + drape.folds[below].max()


def heading(pelvis: np.ndarray, head: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotation (T, 3, 3) about the vertical by which the pelvis is turned, and where its head is (T, 3)."""
    yaw = np.arctan2(pelvis[:, 1, 0], pelvis[:, 0, 0])
    frame = np.zeros((len(pelvis), 3, 3))
    frame[:, 0, 0] = frame[:, 1, 1] = np.cos(yaw)
    frame[:, 1, 0], frame[:, 0, 1], frame[:, 2, 2] = np.sin(yaw), -np.sin(yaw), 1
    return frame, np.einsum("tij,j->ti", pelvis[..., :3], head) + pelvis[..., 3]


@dataclass(frozen=True)
class Cut:
    """How a hanging tube is tailored. Metres.

    Args:
        top, hem: heights z at rest; ease: off the body;
        taper: how fast it may narrow downwards, metres per metre: 0 hangs straight, 1 follows the body;
        flare: how fast it widens below the hips; open_top, open_hem: half the gap in front, radians;
        folds: depth of the folds at the hem; count: how many folds.
    """

    top: float
    hem: float
    ease: float
    taper: float = 0.35
    flare: float = 0.0
    open_top: float = 0.0
    open_hem: float = 0.0
    folds: float = 0.0
    count: int = 7


def make_drape(
    anatomy: Anatomy, cut: Cut, inside: tuple[Drape, ...] = (), columns: int = 26
) -> tuple[Drape, np.ndarray]:
    """A tube of a left and a right half, which meet at the back (and in front if closed), and its (F, 3) int32 faces.

    Args:
        inside: tubes that it covers.
    """
    rows = max(3, round((cut.top - cut.hem) / ROW) + 1)
    z = np.linspace(cut.top, cut.hem, rows)
    x = trunk_x(anatomy, np.maximum(z, anatomy.hip))
    reach = np.zeros((rows, len(ALPHA)))
    lowest = anatomy.hip - 0.03 * anatomy.scale  # legs stand apart at rest; walking, they count where they are
    for row, height in enumerate(z):
        own = trunk_slice(anatomy, max(height, lowest)) + cut.ease
        if row:
            step = z[row - 1] - height
            falling = reach[row - 1] - cut.taper * step if height > anatomy.hip else reach[row - 1] + cut.flare * step
            own = np.maximum(own, falling) if height > lowest else falling
        reach[row] = np.maximum.reduce([own, *(outline_at(drape, height) + LAYER for drape in inside)])
    reach[0] -= INSET
    below = np.clip((anatomy.hip - z) / max(anatomy.hip - cut.hem, 0.05), 0, 1)
    gap = cut.open_top + (cut.open_hem - cut.open_top) * np.linspace(0, 1, rows)
    left = gap[:, None] + np.linspace(0, 1, columns // 2) * (np.pi - gap)[:, None]
    theta = np.concatenate((left, -left[:, ::-1]), axis=1)
    folds = cut.folds * below[:, None] * (1 + np.cos(cut.count * theta + np.sin(3 * theta))) / 2
    heads = [anatomy.body.head("pelvis")]
    heads += [anatomy.body.head(f"{name}.{side}") for side in "LR" for name in ("thigh", "shank", "foot")]
    drape = Drape(
        z=z,
        x=x,
        theta=theta,
        reach=reach,
        folds=folds,
        loose=np.clip((anatomy.hip + 0.06 - z) / 0.12, 0, 1),
        weights=trunk_weights(anatomy, z),
        ease=max([cut.ease, *(drape.ease + drape.folds.max() + LAYER for drape in inside)]),
        leg_radius=anatomy.leg_radius,
        heads=np.stack(heads).astype(np.float64),
    )
    column = np.delete(np.arange(columns - 1), columns // 2 - 1)  # the halves meet at the back with their own vertices
    corner = (np.arange(rows - 1)[:, None] * columns + column).reshape(-1)
    a, b, c, d = corner, corner + 1, corner + columns, corner + columns + 1
    return drape, np.concatenate((np.stack((a, c, b), 1), np.stack((b, c, d), 1))).astype(np.int32)


def trunk_weights(anatomy: Anatomy, z: np.ndarray) -> np.ndarray:
    """(R, B) mean share of the trunk's bones in the skin at a height."""
    weights = read_template().weights[:, TRUNK]
    levels = np.linspace(anatomy.crotch, anatomy.neck + 0.1, 24)
    near = np.exp(-(((anatomy.body.points[:, 2] - levels[:, None]) / 0.03) ** 2)) * anatomy.trunk
    mean = near @ weights
    mean /= mean.sum(axis=1, keepdims=True)
    result = np.zeros((len(z), COUNT))
    for column, index in enumerate(TRUNK):
        result[:, index] = np.interp(z, levels, mean[:, column])
    return result
