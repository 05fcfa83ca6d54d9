"""What the views in the browser play: pictures of one person, and numbers that a script can read exactly."""

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from ctl.draw.page import jpeg_uri
from ctl.draw.palette import CASING, GRAPH, NEGATIVE, POSITIVE, SIDES, side_of
from ctl.explain.reading import matrices, node_positions
from ctl.skeleton import Scale, part_names, physical_adjacency
from ctl.types import Keypoints, Trace

Packed = dict[str, Any]
"""An array as JSON: its shape, its numbers as base64, and a step where these are counted in steps."""


@dataclass(frozen=True, eq=False)
class Footage:
    """F frames of a person, as the browser plays them.

    Args:
        pictures: F JPEGs as data URIs, all of one size.
        size: their height and width.
        keypoints: joints of the F frames, in pixels of the pictures.
        boxes: (F, 4) what the model saw of each picture: x, y, width and height in its pixels.
        frames: (F,) places of the frames in the tracklet, rising.
        times: (F,) seconds.
    """

    pictures: tuple[str, ...]
    size: tuple[int, int]
    keypoints: Keypoints
    boxes: np.ndarray
    frames: np.ndarray
    times: np.ndarray

    def thinned(self, most: int) -> "Footage":
        """The same in at most so many frames, evenly spaced."""
        kept = evenly(len(self.frames), most)
        return Footage(
            tuple(self.pictures[place] for place in kept),
            self.size,
            Keypoints(self.keypoints.xy[kept], self.keypoints.scores[kept]),
            self.boxes[kept],
            self.frames[kept],
            self.times[kept],
        )


def evenly(count: int, most: int) -> np.ndarray:
    """At most so many places among `count`, evenly spaced, rising, both ends among them."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


def film(
    pictures: Iterable[np.ndarray], keypoints: Keypoints, boxes: np.ndarray, frames: np.ndarray, times: np.ndarray
) -> Footage:
    """Pictures (H, W, 3) uint8 RGB of one size, with their joints, as footage."""
    uris: list[str] = []
    size = (0, 0)
    for picture in pictures:
        uris.append(jpeg_uri(picture))
        size = picture.shape[0], picture.shape[1]
    return Footage(tuple(uris), size, keypoints, boxes, frames, times)


def film_crops(crops: np.ndarray, keypoints: Keypoints, times: np.ndarray, most: int) -> Footage:
    """A tracklet's crops (T, H, W, 3), which the key-points are in pixels of, in at most so many frames."""
    kept = evenly(len(crops), most)
    joints = Keypoints(keypoints.xy[kept], keypoints.scores[kept])
    boxes = np.tile((0, 0, crops.shape[2], crops.shape[1]), (len(kept), 1))
    return film(crops[kept], joints, boxes, kept, times[kept])


def footage_json(footage: Footage, scales: Sequence[Scale]) -> dict[str, Any]:
    """Footage and the bodies on it, as the scripts read it."""
    height, width = footage.size
    return {
        "pictures": footage.pictures,
        "width": width,
        "height": height,
        "frames": (footage.frames + 1).tolist(),
        "times": footage.times.round(3).tolist(),
        "bodies": {scale: _body_json(footage.keypoints, scale) for scale in scales},
        "colours": {
            "graph": GRAPH,
            "positive": POSITIVE,
            "negative": NEGATIVE,
            "casing": CASING,
            **SIDES,
        },
    }


def _body_json(keypoints: Keypoints, scale: Scale) -> dict[str, Any]:
    xy, scores = node_positions(keypoints, scale)
    names = part_names(scale)
    return {
        "names": names,
        "sides": [side_of(name) for name in names],
        "bones": np.argwhere(np.triu(physical_adjacency(scale))).tolist(),
        "xy": packed(xy),
        "scores": packed(scores),
    }


def rows_of(every: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """Some frames of a (T, …) array; one that is the same in all of them stays one, (1, …)."""
    return every[:1] if not every.strides[0] else every[frames]


def packed(values: np.ndarray) -> Packed:
    """An array for `unpack` of view.js: float32 to the bit."""
    numbers = np.ascontiguousarray(values, "<f4")
    return {"shape": values.shape, "data": base64.b64encode(numbers.tobytes()).decode("ascii")}


def packed_in_steps(values: np.ndarray) -> Packed:
    """The same in half of the room: as whole numbers of steps, 32767 of which are the largest absolute value."""
    step = float(np.abs(values).max(initial=0)) / 32767 or 1.0
    numbers = np.ascontiguousarray(np.rint(values / step), "<i2")
    return {"shape": values.shape, "step": step, "data": base64.b64encode(numbers.tobytes()).decode("ascii")}


def terms_json(trace: Trace, scale: Scale, layer: int, frames: np.ndarray, rows: slice = slice(None)) -> Packed:
    """The terms of Eq. 2 in some frames, for `unpackGraphs` of graph_data.js, which adds them up.

    Args:
        rows: of the window's nodes, those that receive.
    """
    physical, mask, context = (
        rows_of(matrices(trace, scale, layer, term), frames)[:, rows] for term in ("physical", "mask", "context")
    )
    return {"physical": packed(physical), "mask": packed(mask), "context": packed_in_steps(context)}


def view_html(kind: str, data: Mapping[str, Any], label: str) -> str:
    """The place that a script fills, with what it reads: `view.js` and `<kind>.js` find both by their classes."""
    text = escape(json.dumps(data, separators=(",", ":")), quote=False)
    return (
        f'<div class="view {kind}-view" role="group" aria-label="{escape(label)}" style="--casing: {CASING}">'
        f'<pre class="view-data" hidden>{text}</pre><div class="view-room"></div></div>'
    )
