"""Film one tracklet: pose people, set them into the empty view by depth, cut boxes out as a detector would.

All people are rendered alone, so that the depths say who hides whom; the place behind them was rendered once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter

from ctl.walkers.camera import Camera
from ctl.walkers.figure import Figure
from ctl.walkers.path import Path
from ctl.walkers.plan import TrackletPlan
from ctl.walkers.render import Layer, Model, Stage
from ctl.walkers.sensor import JPEG_BLOCK, compress, expose
from ctl.walkers.settings import CROP, FRAMES_PER_SECOND, Hardness
from ctl.walkers.view import CONTACT_LOSS, View, cast_on_ground

STAGE: Final = (512, 640)
"""Width and height of the stage in pixels: room for the largest region at the lowest oversampling."""

THICKNESS_M: Final = np.array(
    [0.05, 0.05, 0.05, 0.08, 0.08] + 2 * [0.13] + 2 * [0.08] + 2 * [0.07] + 2 * [0.17] + 4 * [0.1]
)
"""(17,) how far behind the surface of the body or its clothes a joint may lie and still count as seen."""

_SUBSET: Final = 3  # of the vertices, enough to find boxes and shadows

Region = tuple[int, int, int, int]
"""Left, top, width, height in pixels of a camera's picture; may reach outside it."""


@dataclass(frozen=True, eq=False)
class Shot:
    """One frame of a tracklet.

    Args:
        moment: number of the sampled moment, from 0.
        crop: (256, 128, 3) uint8.
        joints: (17, 3) float32: x and y in pixels of the crop, and 1 if the joint is seen, 0 if it is hidden or
            outside the crop.
    """

    moment: int
    crop: np.ndarray
    joints: np.ndarray


class Actor:
    """A figure on the stage."""

    def __init__(self, figure: Figure) -> None:
        self.figure = figure
        self.model = Model(figure.pieces, smooth=True)


class Walk:
    """An actor's whole way through a tracklet, in the world."""

    def __init__(self, actor: Actor, path: Path, times: np.ndarray) -> None:
        figure = actor.figure
        poses = figure.poses(path.phase + path.speed * times / figure.stride_m)
        self.actor = actor
        self.places, headings = path.at(times)  # (T, 2), (T,)
        turns = np.stack([np.cos(headings), np.sin(headings)], axis=-1).astype(np.float32)
        self.points = [_stand(piece, turns, self.places) for piece in poses.points]  # per piece (T, V, 3)
        self.joints = _stand(poses.joints, turns, self.places)  # (T, 17, 3)

    def sparse(self, moment: int) -> np.ndarray:
        """(V', 3) some of the points at one moment."""
        return np.concatenate([piece[moment, ::_SUBSET] for piece in self.points])

    def take_place(self, moment: int) -> Model:
        """The actor's model, posed for one moment."""
        self.actor.model.pose([piece[moment] for piece in self.points])
        return self.actor.model


def _stand(points: np.ndarray, turns: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Turn points (T, V, 3) by angles of cosine and sine (T, 2) and move them along the ground by places (T, 2)."""
    c, s = turns[:, :1], turns[:, 1:]
    x, y, z = np.moveaxis(points, -1, 0)
    moved = places.astype(np.float32)
    return np.stack([c * x - s * y + moved[:, :1], s * x + c * y + moved[:, 1:], z], axis=-1)


def film(
    stage: Stage,
    view: View,
    plan: TrackletPlan,
    actor: Actor,
    extras: Sequence[Actor],
    hardness: Hardness,
    rng: np.random.Generator,
) -> list[Shot]:
    """Film a tracklet: at most `plan.wanted` shots, fewer if the person is hidden or missed too often.

    `extras` are the actors of `plan.extras`, in their order.
    """
    times = np.arange(plan.moments) / FRAMES_PER_SECOND
    person = Walk(actor, plan.path, times)
    passers_by = [Walk(extra, way.path, times) for extra, way in zip(extras, plan.extras, strict=True)]
    shots: list[Shot] = []
    for moment in range(plan.moments):
        missed = rng.random() < hardness.missed_share
        bad = 3.0 if rng.random() < hardness.bad_box_share else 1.0
        jitter = bad * rng.normal(0, 1, 4) * np.array([hardness.box_shift] * 2 + [hardness.box_scale] * 2)
        noise = np.random.default_rng(rng.integers(2**63))
        if missed or len(shots) == plan.wanted:
            continue
        shot = _shoot(stage, view, person, passers_by, moment, plan, np.clip(jitter, -0.25, 0.25), noise, hardness)
        if shot is not None:
            shots.append(shot)
    return shots


def _shoot(
    stage: Stage,
    view: View,
    person: Walk,
    others: Sequence[Walk],
    moment: int,
    plan: TrackletPlan,
    jitter: np.ndarray,
    noise: np.random.Generator,
    hardness: Hardness,
) -> Shot | None:
    """One frame; None if too little of the person is visible to be detected."""
    camera = view.camera
    pixels, _ = camera.project(person.sparse(moment))
    body = np.array([*pixels.min(axis=0), *pixels.max(axis=0)])
    box = detector_box(body if plan.part is None else _part_of(body, plan.part), jitter, camera)
    region = _region_around(body, box)
    k = _oversampling(region)
    near = [walk for walk in others if _may_touch(walk, moment, region, camera)]
    layers = [
        stage.render([walk.take_place(moment)], view.light_at(*walk.places[moment]), camera, region, k)
        for walk in (person, *near)
    ]
    empty, depth = _backdrop(view, region, [walk.sparse(moment) for walk in (person, *near)])
    light, visible, nearest = composite(layers, empty, depth, k)
    alone = np.isfinite(layers[0].depth)
    if visible.sum() < hardness.min_visible * alone.sum():
        return None
    exposed = expose(light, camera.sensor, _off_axis(camera, region), plan.gains(moment), noise)
    picture = compress(exposed, camera.sensor.jpeg)
    crop = _cut(picture, box - [region[0], region[1]] * 2)
    joints = _find_joints(camera, person.joints[moment], box, region, k, nearest)
    return Shot(moment, crop, joints)


def detector_box(body: np.ndarray, jitter: np.ndarray, camera: Camera) -> np.ndarray:
    """The box that a detector gives for a body's own box (left, top, right, bottom), within the picture.

    Jitter is (4,): shift along x and y and growth of width and height, in parts of the box's size. Assumed: boxes are
    10 % larger than the body, and at least 0.42 times as wide as high, as those of pedestrian detectors are.
    """
    centre, size = (body[:2] + body[2:]) / 2, 1.1 * (body[2:] - body[:2])
    size[0] = max(size[0], 0.42 * size[1])
    centre, size = centre + jitter[:2] * size, size * (1 + jitter[2:])
    box = np.concatenate([centre - size / 2, centre + size / 2])
    limits = np.array([camera.width, camera.height] * 2)
    return np.clip(box, 0, limits)


def _part_of(body: np.ndarray, part: tuple[float, float, float, float]) -> np.ndarray:
    """A part, in parts of a box (left, top, right, bottom), as a box of its own."""
    low, size = body[:2], body[2:] - body[:2]
    return np.concatenate([low + size * part[:2], low + size * part[2:]])


def _region_around(body: np.ndarray, box: np.ndarray) -> Region:
    """Whole JPEG blocks that hold both boxes and a rim."""
    low, high = np.minimum(body[:2], box[:2]), np.maximum(body[2:], box[2:])
    rim = 4 + 0.04 * (high - low)
    left, top = (np.floor((low - rim) / JPEG_BLOCK) * JPEG_BLOCK).astype(int)
    right, bottom = (np.ceil((high + rim) / JPEG_BLOCK) * JPEG_BLOCK).astype(int)
    return int(left), int(top), int(right - left), int(bottom - top)


def _oversampling(region: Region) -> int:
    """Samples along each side of a pixel: as many as the stage allows, and more for a small person."""
    return max(1, min(4, 288 // region[3], STAGE[0] // region[2]))


def _may_touch(walk: Walk, moment: int, region: Region, camera: Camera) -> bool:
    """Whether somebody can be in the region, by their box; people at or behind the camera can't."""
    pixels, depth = camera.project(walk.sparse(moment))
    if depth.min() < 1.0:
        return False
    (left, top), (right, bottom) = pixels.min(axis=0), pixels.max(axis=0)
    shadow_room = 0.5 * (bottom - top)
    inside_x = right + shadow_room > region[0] and left - shadow_room < region[0] + region[2]
    return bool(inside_x and bottom + shadow_room > region[1] and top < region[1] + region[3])


def _backdrop(view: View, region: Region, people: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Light (h, w, 3) and depth (h, w) of the empty view with people's shadows on its ground; edges repeat outside."""
    left, top, width, height = region
    camera, sun = view.camera, view.scene.light.sun
    rows = np.clip(np.arange(top, top + height), 0, camera.height - 1)[:, None]
    columns = np.clip(np.arange(left, left + width), 0, camera.width - 1)
    metre = camera.focal / camera.distance_m
    cast = np.zeros((height, width), np.float32)
    contact = np.zeros((height, width), np.float32)
    for points in people:
        cast = np.maximum(cast, _splat(camera, cast_on_ground(points, sun), region, 0.03 * metre))
        soles = points[points[:, 2] < 0.25] * np.array([1, 1, 0], np.float32)
        contact = np.maximum(contact, _splat(camera, soles, region, 0.07 * metre))
    ground = view.ground[rows, columns]
    kept = (1 - view.shadow[rows, columns]) * (1 - cast * ground)
    sunlit, shaded = view.sunlit[rows, columns], view.shaded[rows, columns]
    light = (shaded + (sunlit - shaded) * kept[..., None]) * (1 - CONTACT_LOSS * contact * ground)[..., None]
    return light, view.depth[rows, columns]


def _splat(camera: Camera, points: np.ndarray, region: Region, blur_px: float) -> np.ndarray:
    """How densely ground points (V, 3) cover each pixel of a region: (h, w) float32, 0..1, soft-edged."""
    left, top, width, height = region
    pixels, _ = camera.project(points)
    x, y = (pixels - [left, top]).astype(int).T
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    count = np.bincount(y[inside] * width + x[inside], minlength=width * height).reshape(height, width)
    soft = gaussian_filter(np.minimum(count, 2).astype(np.float32), max(blur_px, 0.8), truncate=3)
    return 1 - np.exp(-3 * soft)


def composite(
    layers: Sequence[Layer], empty: np.ndarray, depth: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Set rendered people into an empty view.

    Args:
        layers: k times as fine as the view; the first is the one whose visibility is asked for.
        empty: (h, w, 3) float32; depth: (h, w) float32 metres.
        k: oversampling.
    Returns:
        light (h, w, 3) float32, 0..1; where the first layer is what is seen, (h k, w k) bool; depth of what is seen.
    """
    height, width = depth.shape
    nearest = np.repeat(np.repeat(depth, k, axis=0), k, axis=1)
    colour = np.zeros((height * k, width * k, 3), np.uint8)
    covered = np.zeros(nearest.shape, bool)
    visible = covered
    for number, layer in enumerate(layers):
        wins = layer.depth < nearest
        nearest = np.where(wins, layer.depth, nearest)
        colour[wins] = layer.colour[wins]
        covered = covered | wins
        visible = wins if number == 0 else visible & ~wins
    sums = np.add.reduceat(
        np.add.reduceat(colour, range(0, height * k, k), axis=0, dtype=np.uint16),
        range(0, width * k, k),
        axis=1,
        dtype=np.uint16,
    )
    share = covered.reshape(height, k, width, k).mean(axis=(1, 3), dtype=np.float32)
    light = sums.astype(np.float32) / (255 * k * k) + (1 - share)[..., None] * empty
    return light, visible, nearest


def _off_axis(camera: Camera, region: Region) -> np.ndarray:
    """(h, w) float32: squared distance from the picture's centre, 1 in its corners."""
    left, top, width, height = region
    x = (np.arange(left, left + width, dtype=np.float32) + 0.5) * 2 / camera.width - 1
    y = (np.arange(top, top + height, dtype=np.float32) + 0.5) * 2 / camera.height - 1
    return (x**2 + (y**2)[:, None]) / 2


def _cut(picture: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Cut a box (left, top, right, bottom) out of a picture and resize it to the size of crops."""
    height, width = CROP
    image = Image.fromarray(picture)
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC, box=tuple(box)))


def _find_joints(
    camera: Camera, joints: np.ndarray, box: np.ndarray, region: Region, k: int, nearest: np.ndarray
) -> np.ndarray:
    """(17, 3): joints (17, 3) of the world in pixels of the crop, and whether each is seen."""
    pixels, depth = camera.project(joints)
    size = box[2:] - box[:2]
    xy = (pixels - box[:2]) / size * [CROP[1], CROP[0]]
    inside = ((xy >= 0) & (xy < [CROP[1], CROP[0]])).all(axis=1)
    column, row = ((pixels - region[:2]) * k).astype(int).T
    rows, columns = nearest.shape
    surface = nearest[np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)]
    seen = inside & (depth - surface < THICKNESS_M)
    return np.column_stack([xy, seen]).astype(np.float32)
