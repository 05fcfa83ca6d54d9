"""Grad-CAM over the playing person, beside a hit in step: `cam.js` (after `view.js`) lays the map over the frames.

The map is sent as numbers and laid over by the browser, so that its strength can be chosen there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ctl.draw.cam_picture import FAINTEST, OPAQUE, STRENGTH
from ctl.draw.footage import Footage, packed, view_html
from ctl.draw.palette import MAGMA

_LOOK: Final = {"scale": MAGMA, "faintest": FAINTEST, "opaque": OPAQUE, "strength": STRENGTH}

SCRIPTS: Final = ("view", "cam")
SHEETS: Final = ("view", "cam")


@dataclass(frozen=True, eq=False)
class Mapped:
    """A tracklet with its map.

    Args:
        name: what it is called.
        footage: F frames of it.
        maps: (T, h, w) float in 0..1, which `footage.frames` are places in; it covers `footage.boxes`.
    """

    name: str
    footage: Footage
    maps: np.ndarray


def cam_view(query: Mapped, hit: Mapped | None = None, pairs: Sequence[int] = ()) -> str:
    """The maps, as a fragment of HTML that needs `SHEETS` and `SCRIPTS`.

    Args:
        query: that plays.
        hit: beside it, or nothing.
        pairs: for each of the query's frames the hit's frame that is shown with it.
    """
    data = {"query": _side(query), "hit": hit and _side(hit), "pairs": list(pairs), "look": _LOOK}
    return view_html("cam", data, "Grad-CAM")


def _side(mapped: Mapped) -> dict[str, Any]:
    footage = mapped.footage
    height, width = footage.size
    return {
        "name": mapped.name,
        "pictures": footage.pictures,
        "width": width,
        "height": height,
        "frames": (footage.frames + 1).tolist(),
        "times": footage.times.round(3).tolist(),
        "boxes": footage.boxes.astype(float).round(2).tolist(),
        "map": packed(mapped.maps[footage.frames]),
    }
