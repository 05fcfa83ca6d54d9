"""Adjacency matrices as Plotly heat maps, and their strongest entries as rows of text.

Row = the node that receives, column = the node that sends. Only plain traces and numbers are used, so that a page with
an older plotly.js draws them too.
"""

from typing import Any, Final, NamedTuple

import numpy as np
import plotly.graph_objects as go

from ctl.draw.palette import THEMES, VIRIDIS, ThemeName
from ctl.explain.reading import TERM_NAMES, Term, cross_scale, frame_name, matrices, window_names, window_of
from ctl.skeleton import Scale, part_count, part_names
from ctl.types import Trace

_ROW: Final = 14  # pixels of a row of the largest matrix, enough for its tick label
_AROUND: Final = 210  # pixels over and under the rows: title, block names, labels


Plot = dict[str, Any]
"""Part of a figure, in plotly.js's own words."""


class Link(NamedTuple):
    """One entry of a matrix in words."""

    receiver: str
    sender: str
    value: float


def adjacency_figure(
    trace: Trace,
    scale: Scale,
    layer: int,
    term: Term,
    frame: int,
    theme: ThemeName = "light",
    node: int | None = None,
) -> go.Figure:
    """One term of one frame's window, (τN, τN), with lines between the frames of the window.

    Colours mean the same in every frame of the clip, and run around 0 where any entry of the clip is negative.

    Args:
        frame: the window's centre, 0 … T-1.
        theme: colours of text and lines; the background is transparent.
        node: number of a node of the centre frame whose row and column are framed; None frames nothing.
    Raises:
        ValueError: the trace has no such graph; the message lists those it has.
    """
    every = matrices(trace, scale, layer, term)
    figure = _figure(adjacency_plot(trace, scale, layer, term, theme), every[frame])
    if node is not None:
        place = window_of(every, scale) // 2 * part_count(scale) + node
        line = {"color": THEMES[theme].accent, "width": 2}
        figure.add_hrect(place - 0.5, place + 0.5, fillcolor="rgba(0,0,0,0)", line=line)
        figure.add_vrect(place - 0.5, place + 0.5, fillcolor="rgba(0,0,0,0)", line=line)
    return figure


def cross_scale_figure(trace: Trace, source: Scale, frame: int, theme: ThemeName = "light") -> go.Figure:
    """How much each part of s3 takes from each part of the source scale, (5, N); rows sum to 1 (Eq. 6).

    Raises:
        ValueError: the model doesn't fuse this scale.
    """
    return _figure(cross_scale_plot(trace, source, theme), cross_scale(trace, source)[frame])


def adjacency_plot(trace: Trace, scale: Scale, layer: int, term: Term, theme: ThemeName) -> Plot:
    """`adjacency_figure` of any frame, without its numbers (`z`)."""
    every = matrices(trace, scale, layer, term)
    window = window_of(every, scale)
    names = window_names(scale, window)
    plot = _heat_map(every, names, names, f"{TERM_NAMES[term]} · {scale} · layer {layer}", theme)
    plot["layout"] |= _frame_marks(part_count(scale), window, theme)
    return plot


def cross_scale_plot(trace: Trace, source: Scale, theme: ThemeName) -> Plot:
    """`cross_scale_figure` of any frame, without its numbers (`z`)."""
    title = f"Cross-scale weights · {source} to s3"
    return _heat_map(cross_scale(trace, source), part_names("s3"), part_names(source), title, theme)


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


def _figure(plot: Plot, matrix: np.ndarray) -> go.Figure:
    return go.Figure([plot["heat_map"] | {"z": matrix}], plot["layout"])


def _heat_map(
    every: np.ndarray, receivers: tuple[str, ...], senders: tuple[str, ...], title: str, theme: ThemeName
) -> Plot:
    look = THEMES[theme]
    limit = float(np.abs(every).max()) or 1.0
    signed = bool((every < 0).any())
    colours = look.diverging if signed else VIRIDIS
    rows = len(receivers)
    axis = {"showgrid": False, "zeroline": False, "ticks": "", "tickfont": {"size": 10}, "automargin": True}
    return {
        "heat_map": {
            "type": "heatmap",
            "x": senders,
            "y": receivers,
            "zmin": -limit if signed else 0.0,
            "zmax": limit,
            "colorscale": [[step / (len(colours) - 1), colour] for step, colour in enumerate(colours)],
            "colorbar": {"thickness": 12, "outlinewidth": 0, "x": 1.04, "tickfont": {"size": 11}},
            "hovertemplate": "%{y} ← %{x}: %{z:.3f}<extra></extra>",
            "xgap": 0.5,
            "ygap": 0.5,
        },
        "layout": {
            "template": "none",
            "height": _AROUND + max(_ROW * rows, 26 * min(rows, 10)),
            "margin": {"l": 100, "r": 10, "t": 70, "b": 100},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"color": look.text, "size": 12},
            "title": {"text": title, "font": {"size": 14}, "x": 0.0, "xref": "container", "pad": {"l": 8}},
            "xaxis": axis | _ticks(senders) | {"title": {"text": "sends", "standoff": 10}, "tickangle": -90},
            "yaxis": axis
            | _ticks(receivers)
            | {"title": {"text": "receives", "standoff": 10}, "autorange": "reversed"},
        },
    }


def _ticks(names: tuple[str, ...]) -> Plot:
    """Short names without the frame, which the blocks' own labels give."""
    short = [name.split(" (")[0].replace("left ", "L ").replace("right ", "R ") for name in names]
    return {"tickmode": "array", "tickvals": list(range(len(names))), "ticktext": short}


def _frame_marks(nodes: int, window: int, theme: ThemeName) -> Plot:
    """Lines between the frames of a window, and their names over the columns and right of the rows."""
    edges = [k * nodes - 0.5 for k in range(1, window)]
    line = {"type": "line", "line": {"color": THEMES[theme].text, "width": 1.5}}
    lines = [line | {"x0": edge, "x1": edge, "y0": 0, "y1": 1, "yref": "paper"} for edge in edges]
    lines += [line | {"y0": edge, "y1": edge, "x0": 0, "x1": 1, "xref": "paper"} for edge in edges]
    names = [
        {"text": frame_name(k, window), "showarrow": False} | place
        for k in range(window if window > 1 else 0)
        for middle in [(k + 0.5) * nodes - 0.5]
        for place in (
            {"x": middle, "y": 1, "yref": "paper", "yanchor": "bottom"},
            {"y": middle, "x": 1, "xref": "paper", "xanchor": "left", "textangle": 90},
        )
    ]
    return {"shapes": lines, "annotations": names}
