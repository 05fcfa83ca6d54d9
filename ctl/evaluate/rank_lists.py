"""A sheet of rank lists: queries, and their nearest tracklets, right and wrong told apart by colour and by a mark."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ctl.data.benchmark import Split, TrackletFiles
from ctl.data.frames import read_frame
from ctl.draw.palette import INK, MUTED
from ctl.evaluate.ranking import Retrieval
from ctl.evaluate.report import without_junk

RIGHT: Final = "#1a7f37"
WRONG: Final = "#c62828"
THUMBNAIL: Final = (128, 64)
"""Height and width in pixels."""

SCALE: Final = 3
"""A sheet is drawn so much larger and then shrunk, for smooth edges."""

_MARGIN: Final = 8
_TEXT: Final = 42
_GAP: Final = 12  # between the query and its list
_SIDE: Final = 16  # of a mark
_TICK: Final = (((0.2, 0.55), (0.42, 0.77), (0.8, 0.27)),)
_CROSS: Final = (((0.25, 0.25), (0.75, 0.75)), ((0.75, 0.25), (0.25, 0.75)))


@dataclass(frozen=True, eq=False)
class Ranked:
    """One picture of a rank list.

    Args:
        picture: (H, W, 3) uint8 RGB.
        caption: what stands under it.
        right: whether it shows the query's person; None for the query itself.
    """

    picture: np.ndarray
    caption: str
    right: bool | None = None


def rank_lists(split: Split, retrieval: Retrieval, count: int = 10) -> list[list[Ranked]]:
    """Rows for `rank_list_picture`: queries at equal steps from the worst average precision to the best.

    Args:
        split: whose files are read, the middle frame of each tracklet.
        retrieval: of its rankings.
        count: how many queries; fewer if fewer have a match.
    """
    gallery = without_junk(split.gallery)
    queries = retrieval.matched.nonzero()[0]
    queries = queries[retrieval.average_precision[queries].argsort(kind="stable")]
    chosen = np.unique(np.linspace(0, len(queries) - 1, count).round().astype(int))
    lists = []
    for q in queries[chosen]:
        query, precision = split.query[q], retrieval.average_precision[q]
        row = [Ranked(_middle(query), f"AP {precision:.2f}\n{_who(query)}")]
        for g, distance in zip(retrieval.nearest[q], retrieval.distance[q], strict=True):
            if g >= 0:
                caption = f"{distance:.3f}\n{_who(gallery[g])}"
                row.append(Ranked(_middle(gallery[g]), caption, gallery[g].person == query.person))
        lists.append(row)
    return lists


def rank_list_picture(lists: Sequence[Sequence[Ranked]]) -> bytes:
    """A PNG with one row per query: the query on the left, then its nearest with their distances."""
    (h, w), columns = THUMBNAIL, max(len(row) for row in lists)
    size = (columns * (w + _MARGIN) + _MARGIN + _GAP, len(lists) * (h + _TEXT + _MARGIN) + _MARGIN)
    sheet = Image.new("RGB", (size[0] * SCALE, size[1] * SCALE), "white")
    for r, row in enumerate(lists):
        for c, ranked in enumerate(row):
            x, y = _MARGIN + c * (w + _MARGIN) + (_GAP if c else 0), _MARGIN + r * (h + _TEXT + _MARGIN)
            _draw(sheet, x * SCALE, y * SCALE, ranked)
    buffer = io.BytesIO()
    sheet.resize(size, Image.Resampling.LANCZOS).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _draw(sheet: Image.Image, x: int, y: int, ranked: Ranked) -> None:
    h, w = (side * SCALE for side in THUMBNAIL)
    sheet.paste(Image.fromarray(ranked.picture).resize((w, h), Image.Resampling.BICUBIC), (x, y))
    pen = ImageDraw.Draw(sheet)
    colour = MUTED if ranked.right is None else RIGHT if ranked.right else WRONG
    pen.rectangle((x, y, x + w - 1, y + h - 1), outline=colour, width=3 * SCALE)
    foot = (x + w / 2, y + h + 3 * SCALE)
    pen.multiline_text(foot, ranked.caption, INK, ImageFont.load_default(10 * SCALE), anchor="ma", align="center")
    if ranked.right is not None:
        side, left = _SIDE * SCALE, x + w - _SIDE * SCALE
        pen.rectangle((left, y, left + side - 1, y + side - 1), fill=colour)
        for stroke in _TICK if ranked.right else _CROSS:
            pen.line([(left + a * side, y + b * side) for a, b in stroke], "white", 2 * SCALE, joint="curve")


def _middle(tracklet: TrackletFiles) -> np.ndarray:
    return read_frame(tracklet.frames[len(tracklet) // 2], (THUMBNAIL[0] * 2, THUMBNAIL[1] * 2))


def _who(tracklet: TrackletFiles) -> str:
    return f"person {tracklet.person}\ncamera {tracklet.camera}"
