"""Cloth painted on a metric grid: plain, striped, checked, split, printed and so on."""

from dataclasses import dataclass
from typing import Final

import numpy as np

Colour = tuple[int, int, int]
PATTERNS: Final = (
    "plain", "stripes", "pinstripes", "check", "tartan", "split", "chest", "print", "dots", "flowers", "camouflage",
    "sleeves", "sides", "faded",
)  # fmt: skip
SIZE: Final = 192
"""Pixels of a texture's side."""
OVERLAP: Final = 0.7
"""Radians that a panel shows twice at its seam, so that triangles across it stay whole."""
PANELS: Final = {"body": (0.0, 0.66), "limb": (0.68, 1.0)}
"""Share of the texture's width: what goes round the trunk, and what goes round an arm or a leg."""


@dataclass(frozen=True)
class Cloth:
    """A fabric.

    Args:
        pattern: one of `PATTERNS`; colours: the first is the ground; scale: its period, metres; seed: of its details.
    """

    pattern: str
    colours: tuple[Colour, Colour, Colour]
    scale: float
    seed: int


def panel_u(angle: np.ndarray, panel: str) -> np.ndarray:
    """Texture coordinate of an angle (-pi..pi plus up to `OVERLAP`) within a panel."""
    low, high = PANELS[panel]
    return low + (high - low) * np.minimum((angle + np.pi) / (2 * np.pi + OVERLAP), 1)


def noise(rng: np.random.Generator, rows: int, angle: np.ndarray, cells: int) -> np.ndarray:
    """(rows, W) smooth noise of unit variance with about `cells` bumps each way, without a seam over angles (W,)."""
    fine = upsampling(np.arange(rows) * cells / rows, cells + 4) @ rng.standard_normal((cells + 4, cells))
    place = (angle / (2 * np.pi) * cells) % cells
    turns = [upsampling(place + turn * cells, cells) for turn in (-1, 0, 1)]
    fine = fine @ np.sum(turns, axis=0).T
    return fine / fine.std()


def upsampling(place: np.ndarray, cells: int) -> np.ndarray:
    """(N, cells) matrix that spreads values at 0, 1, ... over places with cubic B-splines."""
    near = np.abs(place[:, None] + 1.5 - np.arange(cells))
    return np.where(near < 1, 2 / 3 - near**2 + near**3 / 2, np.clip(2 - near, 0, None) ** 3 / 6)


def weave(cloth: Cloth, angle: np.ndarray, around: float, up: np.ndarray, panel: str) -> np.ndarray:
    """(h, w, 3) float colours of a cloth.

    Args:
        angle: (w,) radians round the body from the front (or from a limb's outside); around: metres of a full turn;
        up: (h,) metres, 0 at the chest for the trunk and at the top for a limb; panel: "body" or "limb".
    """
    rng = np.random.default_rng(cloth.seed)
    ground, second, third = (np.array(colour, np.float64) for colour in cloth.colours)
    wrapped = (angle + np.pi) % (2 * np.pi) - np.pi
    across, up = np.meshgrid(wrapped / (2 * np.pi) * around, up)
    result = np.broadcast_to(ground, (*across.shape, 3)).copy()
    period = cloth.scale
    u, v = across * round(around / period) / around, up / period

    def lay(mask: np.ndarray, colour: np.ndarray) -> None:
        result[:] += np.clip(mask, 0, 1)[..., None] * (colour - result)

    def blots(cells: int) -> np.ndarray:
        return noise(rng, len(up), angle, cells)

    match cloth.pattern:
        case "stripes":
            lay((v % 1) < 0.5, second)
        case "pinstripes":
            lay((u % 1) < 0.22, second)
        case "check":
            lay(0.5 * (u % 1 < 0.5) + 0.5 * (v % 1 < 0.5), second)
        case "tartan":
            lay(0.5 * (u % 1 < 0.5) + 0.35 * (v % 1 < 0.5), second)
            lay(np.maximum((u + 0.25) % 1 < 0.08, (v + 0.25) % 1 < 0.08), third)
        case "split":
            edge = -0.12 if panel == "body" else -0.3
            lay(up < edge, second)
            lay(np.abs(up - edge) < 0.012, third)
        case "chest" if panel == "body":
            lay(np.abs(up - 0.01) < 0.5 * period, second)
        case "print" if panel == "body":
            lay(badge(rng, across, up, period, blots(20)), second)
        case "dots":
            lay(((u % 1 - 0.5) ** 2 + (v % 1 - 0.5) ** 2) < 0.09, second)
        case "flowers":
            lay(blots(22) > 0.9, second)
            lay(blots(26) > 1.2, third)
        case "camouflage":
            lay(blots(9) > 0.3, second)
            lay(blots(11) > 0.8, third)
        case "sleeves" if panel == "limb":
            lay(np.ones_like(across), second)
        case "sides":
            lay(np.abs(across) < 0.018 if panel == "limb" else np.abs(np.abs(across) - 0.25) < 0.03, second)
        case "faded":
            lay(0.25 + 0.25 * np.cos(across * 18) * np.exp(-(((up + 0.35) / 0.3) ** 2)), second)
    shade = 1 + 0.04 * blots(7) + 0.02 * blots(26)
    return result * shade[..., None]


def badge(rng: np.random.Generator, across: np.ndarray, up: np.ndarray, size: float, blots: np.ndarray) -> np.ndarray:
    """A print on the chest, 0..1: a disc, a block, bars of text or a blot."""
    x, y = across / size, (up + 0.02) / size
    kind = rng.integers(4)
    if kind == 0:
        return (x**2 + y**2 < 1).astype(float) - 0.8 * ((x - 0.3) ** 2 + y**2 < 0.2)
    if kind == 1:
        return ((np.abs(x) < 1) & (np.abs(y) < 0.8)).astype(float) * (0.7 + 0.3 * np.sign(np.sin(9 * x)))
    if kind == 2:
        lines = (np.abs(x) < 1.2) & (np.abs(y) < 0.7) & (y * 3 % 1 < 0.6)
        return lines * (np.sin(31 * x + 7 * np.floor(y * 3)) > -0.4)
    return (blots > 0) & (x**2 + y**2 < 1.2)


def paint(cloth: Cloth, width: float, low: float, high: float, limb_width: float, limb_length: float) -> np.ndarray:
    """(SIZE, SIZE, 3) uint8 texture of a garment, row 0 at the top.

    Args:
        width: metres round the trunk; low, high: metres of the trunk panel's lower and upper edge from the chest;
        limb_width, limb_length: metres round and along an arm or a leg.
    """
    columns = np.arange(SIZE) / (SIZE - 1)
    rows = 1 - np.arange(SIZE) / (SIZE - 1)
    picture = np.zeros((SIZE, SIZE, 3))
    split = round(SIZE * (PANELS["body"][1] + PANELS["limb"][0]) / 2)
    for panel, on, around, up in (
        ("body", slice(0, split), width, low + rows * (high - low)),
        ("limb", slice(split, SIZE), limb_width, (rows - 1) * limb_length),
    ):
        begin, end = PANELS[panel]
        angle = (columns[on] - begin) / (end - begin) * (2 * np.pi + OVERLAP) - np.pi
        picture[:, on] = weave(cloth, angle, around, up, panel)
    return np.clip(picture, 0, 255).astype(np.uint8)
