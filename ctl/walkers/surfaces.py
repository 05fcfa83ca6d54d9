"""Procedural pictures of pavements, walls, plants and windows: (h, w, 3) uint8, which may be laid side by side."""

import numpy as np
from scipy.ndimage import gaussian_filter

Colour = tuple[float, float, float]
"""Red, green, blue, 0..1."""


def paint(values: np.ndarray) -> np.ndarray:
    """Floats, 0..1 -> uint8."""
    return (np.clip(values, 0, 1) * 255).astype(np.uint8)


def clouds(rng: np.random.Generator, size: int, grain: float) -> np.ndarray:
    """(size, size) float noise of mean 0 and deviation 1, in blobs of about `grain` pixels; repeats at its edges."""
    noise = gaussian_filter(rng.standard_normal((size, size)), grain, mode="wrap")
    return (noise - noise.mean()) / noise.std()


def mottled(rng: np.random.Generator, colour: Colour, rough: float = 0.05, size: int = 256) -> np.ndarray:
    """Stains large and small, and grains: asphalt, concrete, plaster, grass, foliage, by colour and roughness."""
    tone = 0.5 * clouds(rng, size, 24) + 0.5 * clouds(rng, size, 6) + 0.8 * clouds(rng, size, 0.7)
    hue = clouds(rng, size, 12)[..., None] * np.array([0.25, 0.0, -0.25])
    return paint(np.asarray(colour) * (1 + rough * (tone[..., None] + hue)))


def slabs(rng: np.random.Generator, colour: Colour, rows: int, columns: int, shift: float, joint: Colour) -> np.ndarray:
    """Paving stones or bricks: each with its own tone, joints between, every other row shifted by a part of a stone."""
    size = 256
    y, x = np.mgrid[0:size, 0:size] / size
    row = np.floor(y * rows).astype(int)
    along = x * columns + (row % 2) * shift
    column = np.floor(along).astype(int) % columns
    tones = rng.normal(1.0, 0.08, (rows, columns))[row, column]
    width = 0.05
    in_joint = (np.abs(y * rows - row - 0.5) > 0.5 - width) | (np.abs(along % 1 - 0.5) > 0.5 - width * columns / rows)
    stones = mottled(rng, colour, 0.04, size) / 255 * tones[..., None]
    return paint(np.where(in_joint[..., None], np.asarray(joint), stones))


def planks(rng: np.random.Generator, colour: Colour, count: int = 8) -> np.ndarray:
    """Boards side by side, with grain along them."""
    size = 256
    grain = gaussian_filter(rng.standard_normal((size, size)), (0.8, 30), mode="wrap")
    tones = np.repeat(rng.normal(1.0, 0.1, count), size // count)
    gap = np.arange(size) % (size // count) < 3
    board = np.asarray(colour) * (tones[:, None, None] + 0.8 * grain[..., None])
    return paint(np.where(gap[:, None, None], 0.25 * board, board))


def facade(rng: np.random.Generator, wall: Colour, glass: Colour, floors: int, bays: int, shop: bool) -> np.ndarray:
    """A house front, bottom row last: windows with frames and sills, and on the ground floor doors or shop windows."""
    cell_h, cell_w = 128, 112
    front = mottled(rng, wall, 0.05, 256)
    front = np.tile(front, (floors * cell_h // 256 + 1, bays * cell_w // 256 + 1, 1))[
        : floors * cell_h, : bays * cell_w
    ]
    front = front.copy()
    frame = paint(np.asarray(wall) * rng.uniform(0.5, 1.5))
    for floor in range(floors):
        for bay in range(bays):
            y, x = floor * cell_h, bay * cell_w
            ground = floor == floors - 1
            if ground and shop:
                top, bottom, left, right = 20, 112, 6, cell_w - 6
            elif ground and rng.random() < 0.3:
                top, bottom, left, right = 24, 128, 34, 78
            else:
                top, bottom, left, right = 26, 96, 24, cell_w - 24
            front[y + top - 4 : y + bottom + 4, x + left - 4 : x + right + 4] = frame
            shade = np.linspace(1.25, 0.7, bottom - top)[:, None, None] * rng.uniform(0.6, 1.4)
            front[y + top : y + bottom, x + left : x + right] = paint(np.asarray(glass) * shade)
            middle = x + (left + right) // 2
            front[y + top : y + bottom, middle - 2 : middle + 2] = frame
    return front


def sign(rng: np.random.Generator) -> np.ndarray:
    """A poster: a few coloured blocks and lines, as seen from afar."""
    picture = np.full((128, 96, 3), rng.uniform(0.2, 0.95, 3))
    for _ in range(rng.integers(3, 8)):
        y, x = rng.integers(0, 110), rng.integers(0, 80)
        picture[y : y + rng.integers(4, 50), x : x + rng.integers(10, 70)] = rng.uniform(0.05, 0.95, 3)
    return paint(picture)
