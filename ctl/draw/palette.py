"""The colours of all that is drawn or shown: left and right, high and low look the same on every tab and page."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from types import MappingProxyType
from typing import Final, Literal

import numpy as np

Side = Literal["left", "middle", "right"]
ThemeName = Literal["light", "dark"]
ColourScale = tuple[str, ...]
"""Hex colours at equal steps from low to high."""

VIRIDIS: Final[ColourScale] = (
    "#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725",
)  # fmt: skip
"""Values ≥ 0 on a plot: matplotlib's map, perceptually uniform."""

GRAPH: Final[ColourScale] = VIRIDIS[3:]
"""Edge strength on a picture: the part of viridis that stands out from clothes and tarmac."""

MAGMA: Final[ColourScale] = (
    "#000004", "#1d1147", "#51127c", "#832681", "#b73779", "#e75263", "#fc8961", "#fec488", "#fcfdbf",
)  # fmt: skip
"""Grad-CAM: matplotlib's map, perceptually uniform."""

SIDES: Final[Mapping[Side, str]] = MappingProxyType({"left": "#4cc9f0", "middle": "#ffffff", "right": "#ff9f1c"})
"""Nodes on a picture, by the person's own side."""

POSITIVE: Final = "#ff7b72"
NEGATIVE: Final = "#8ab4ff"
"""Learned links on a picture, by the sign of their entry: the hues of the diverging maps."""

CASING: Final = "#0b0e14"
"""Dark rim around every mark on a picture."""


@dataclass(frozen=True)
class Theme:
    """Colours of a page or plot.

    Args:
        accent, second: what can be chosen or is chosen; what stands beside it, such as a hit beside the query.
        same, other: the truth of a hit, where it is known: the same person, another one. Never by colour alone.
        diverging: from negative over the neutral middle to positive.
    """

    background: str
    surface: str
    text: str
    muted: str
    line: str
    accent: str
    second: str
    same: str
    other: str
    notice: str
    notice_text: str
    diverging: ColourScale


THEMES: Final[Mapping[ThemeName, Theme]] = MappingProxyType(
    {
        "light": Theme(
            background="#ffffff",
            surface="#f4f5f7",
            text="#1b1f27",
            muted="#565d6b",
            line="#8a91a0",
            accent="#0b6a62",
            second="#a4480b",
            same="#12703a",
            other="#b3261e",
            notice="#fff1cc",
            notice_text="#5c4200",
            diverging=(
                "#171c42", "#293a8f", "#0b66bd", "#4590b9", "#8eb5c2", "#f0f0ee",
                "#d59d89", "#c46548", "#ac2b24", "#780e28", "#3c0911",
            ),
        ),
        "dark": Theme(
            background="#101319",
            surface="#1b1f28",
            text="#eceef2",
            muted="#a9b0bd",
            line="#6b7280",
            accent="#5eead4",
            second="#fdba74",
            same="#6ee7a0",
            other="#ff9d94",
            notice="#3d3000",
            notice_text="#ffe08a",
            diverging=(
                "#9eb0ff", "#62a6e0", "#3280a6", "#20526a", "#112732", "#190c09",
                "#371000", "#61200b", "#964a36", "#ca7b71", "#ffadad",
            ),
        ),
    }
)  # fmt: skip

INK: Final = THEMES["light"].text
MUTED: Final = THEMES["light"].muted
GRID: Final = "#d5d9e0"
SERIES: Final = ("#0b6a62", "#b3541e")
"""Of plots on white: text, text beside it, lines behind, and what is compared, which also differs in its marks."""


def css_variables(theme: ThemeName, prefix: str = "") -> str:
    """The theme's plain colours as custom properties of CSS: "--background: #…; --notice-text: #…;"."""
    look = THEMES[theme]
    named = {field.name.replace("_", "-"): getattr(look, field.name) for field in fields(look)}
    return " ".join(f"--{prefix}{name}: {colour};" for name, colour in named.items() if isinstance(colour, str))


def rgb(colour: str) -> tuple[int, int, int]:
    """ "#rrggbb" -> red, green, blue in 0..255."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def colours(values: np.ndarray, scale: ColourScale) -> np.ndarray:
    """Look values up in a colour scale.

    Args:
        values: (...) float; 0 is the scale's first colour, 1 its last; values outside are clipped.
        scale: colours at equal steps.
    Returns:
        (..., 3) uint8 RGB.
    """
    return _table(scale)[np.rint(np.clip(values, 0, 1) * 255).astype(np.intp)]


@lru_cache(maxsize=8)
def _table(scale: ColourScale) -> np.ndarray:
    """(256, 3) uint8, the scale's colours with straight lines between them."""
    steps = np.linspace(0, len(scale) - 1, 256)
    channels = np.array([rgb(colour) for colour in scale]).T
    return np.stack([np.rint(np.interp(steps, np.arange(len(scale)), c)) for c in channels], axis=-1).astype(np.uint8)


def side_of(part: str) -> Side:
    """Which side of the person a joint or part is on, by its name in `ctl.skeleton`."""
    word = part.split()[0]
    return "left" if word == "left" else "right" if word == "right" else "middle"
