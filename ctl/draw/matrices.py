"""The strongest entries of adjacency matrices in words. Row = the node that receives, column = the one that sends."""

from typing import NamedTuple

import numpy as np

from ctl.explain.reading import Term, cross_scale, matrices, window_names, window_of
from ctl.skeleton import Scale, part_names
from ctl.types import Trace


class Link(NamedTuple):
    """One entry of a matrix in words."""

    receiver: str
    sender: str
    value: float


def strongest_links(trace: Trace, scale: Scale, layer: int, term: Term, frame: int, count: int = 10) -> list[Link]:
    """The largest |entries| of one frame's window, strongest first; zeros are left out."""
    every = matrices(trace, scale, layer, term)
    names = window_names(scale, window_of(every, scale))
    return _strongest(every[frame], names, names, count)


def strongest_cross_scale(trace: Trace, source: Scale, frame: int, count: int = 10) -> list[Link]:
    """The largest weights from a scale to s3 in one frame, strongest first."""
    return _strongest(cross_scale(trace, source)[frame], part_names("s3"), part_names(source), count)


def _strongest(matrix: np.ndarray, receivers: tuple[str, ...], senders: tuple[str, ...], count: int) -> list[Link]:
    order = np.argsort(-np.abs(matrix), axis=None, kind="stable")[:count]
    places = zip(*np.unravel_index(order, matrix.shape), strict=True)
    return [Link(receivers[i], senders[j], float(matrix[i, j])) for i, j in places if matrix[i, j]]
