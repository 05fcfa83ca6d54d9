"""adjacency.html: every graph of a trace on one self-contained page."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from html import escape
from typing import Any, Final

import numpy as np
from plotly.offline import get_plotlyjs

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
        f"<script>{_SCRIPT}</script>\n"
    )
    return page(f"Adjacency: {source}", body, _STYLE, scripts)


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

_STYLE = """
form { display: flex; flex-wrap: wrap; gap: .75rem 1.5rem; align-items: end; margin: 1rem 0 }
label { display: grid; gap: .2rem; font-size: .875rem; color: var(--muted) }
select { font: inherit; padding: .35rem .5rem; color: var(--text); background: var(--surface);
  border: 1px solid var(--line); border-radius: .35rem }
input { accent-color: var(--accent); width: 12rem; height: 2rem; margin: 0 }
.scroll { overflow-x: auto }
#plot { min-width: 40rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .25rem 1.25rem .25rem 0; border-bottom: 1px solid var(--surface) }
td:last-child, th:last-child { text-align: right }
"""

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

_SCRIPT = """
const data = JSON.parse(document.getElementById("data").textContent);
const [graph, term, frame, shown, links] = ["graph", "term", "frame", "shown", "links"].map(
  id => document.getElementById(id));
const dark = matchMedia("(prefers-color-scheme: dark)");

function draw() {
  const crossScale = graph.value in data.views;
  term.disabled = crossScale;
  const view = data.views[crossScale ? graph.value : `${graph.value}_${term.value}`];
  const same = view.values.length === 1, at = same ? 0 : +frame.value;
  frame.disabled = same;
  shown.value = same ? "(the same in all)" : data.frames[at];
  const {heat_map, layout} = view.plots[dark.matches ? "dark" : "light"];
  Plotly.react("plot", [{...heat_map, z: view.values[at]}], layout, {responsive: true, displaylogo: false});
  links.replaceChildren(...view.links[at].map(cells => {
    const row = document.createElement("tr");
    row.append(...cells.map(text => Object.assign(document.createElement("td"), {textContent: text})));
    return row;
  }));
}

[graph, term, frame].forEach(control => control.addEventListener("input", draw));
dark.addEventListener("change", draw);
draw();
"""
