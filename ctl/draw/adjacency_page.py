"""adjacency.html: every graph of a trace on one self-contained page."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any, Final

import numpy as np
from plotly.offline import get_plotlyjs

from ctl.draw.browser import script, style_sheet
from ctl.draw.matrices import (
    Link,
    Plot,
    adjacency_plot,
    cross_scale_plot,
    strongest_cross_scale,
    strongest_links,
)
from ctl.draw.page import page
from ctl.draw.palette import THEMES, ThemeName
from ctl.explain.reading import TERM_NAMES, cross_scale, cross_scale_sources, graphs, matrices
from ctl.types import Trace

MAX_FRAMES: Final = 12
"""Frames on the page, evenly spaced where the tracklet has more. trace.npz holds them all."""


def adjacency_html(trace: Trace, source: str) -> str:
    """A page with one heat map and its strongest links; the reader picks graph, term and frame.

    Args:
        trace: of the tracklet.
        source: name of the clip, for the heading.
    """
    T = len(trace.keypoints.xy)
    frames: list[int] = np.unique(np.linspace(0, T - 1, min(T, MAX_FRAMES)).round().astype(int)).tolist()
    names, views = {}, {}
    for scale, layer in graphs(trace):
        names[f"{scale}_l{layer}"] = f"{scale}, layer {layer}"
        for term in TERM_NAMES:
            views[f"{scale}_l{layer}_{term}"] = _view(
                matrices(trace, scale, layer, term),
                frames,
                partial(adjacency_plot, trace, scale, layer, term),
                partial(strongest_links, trace, scale, layer, term),
            )
    for scale in cross_scale_sources(trace):
        names[f"{scale}_s3"] = f"{scale} to s3"
        views[f"{scale}_s3"] = _view(
            cross_scale(trace, scale),
            frames,
            partial(cross_scale_plot, trace, scale),
            partial(strongest_cross_scale, trace, scale),
        )
    if not views:
        return page(f"Adjacency: {source}", f"<h1>Learned adjacency</h1><p>{_NONE}</p>")
    body = _BODY.format(
        source=escape(source),
        shown=f"{len(frames)} of {T} frames" if len(frames) < T else f"{T} frames",
        graphs=_options(names),
        terms=_options(TERM_NAMES),
        last=len(frames) - 1,
    )
    data = json.dumps({"frames": frames, "views": views}, separators=(",", ":"))  # nothing in it comes from outside
    scripts = (
        f"<script>{get_plotlyjs()}</script>\n"
        f'<script type="application/json" id="data">{data}</script>\n'
        f"<script>{script('adjacency')}</script>\n"
    )
    return page(f"Adjacency: {source}", body, style_sheet("adjacency"), scripts)


def _view(
    every: np.ndarray,
    frames: Sequence[int],
    plot: Callable[[ThemeName], Plot],
    links: Callable[[int], list[Link]],
) -> dict[str, Any]:
    """What the script needs to show one matrix: the plot without numbers in each theme, then numbers by frame.

    A matrix that is the same in all frames is written once.
    """
    kept = frames if (every != every[0]).any() else frames[:1]
    return {
        "plots": {theme: plot(theme) for theme in THEMES},
        "values": [every[frame].astype(float).round(5).tolist() for frame in kept],
        "links": [[(link.receiver, link.sender, f"{link.value:.3f}") for link in links(frame)] for frame in kept],
    }


def _options(names: Mapping[Any, str]) -> str:
    return "".join(f'<option value="{escape(value)}">{escape(name)}</option>' for value, name in names.items())


_NONE = "This model has no graph layers and no cross-scale weights, so there is nothing to show."


_BODY = """<h1>Learned adjacency</h1>
<p class="muted">{source} · {shown}</p>
<p>Each row is a body part that receives, each column one that sends. A window of several frames has a block for each
pair of them: t is the frame itself, t−1 the one before. The graph layers use the sum of the three terms.</p>
<form onsubmit="return false">
<label>Graph<select id="graph">{graphs}</select></label>
<label>Term<select id="term">{terms}</select></label>
<label><span>Frame <output id="shown"></output></span>
<input id="frame" type="range" min="0" max="{last}" value="0"></label>
</form>
<div class="scroll"><div id="plot"></div></div>
<h2>Strongest links</h2>
<div class="scroll"><table><thead><tr><th>receives</th><th>sends</th><th>value</th></tr></thead>
<tbody id="links"></tbody></table></div>"""
