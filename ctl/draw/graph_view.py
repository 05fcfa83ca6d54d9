"""The graph explorer: a frame with its window beside it, every node a button, and a table with the same links.

`graph_view` gives one fragment of HTML for one graph and frame. `graph.css` dresses it and `graph.js` wakes it up:
hover, click, Tab and arrow keys choose a node. In Gradio the three go into one `gr.HTML(value=…, css_template=…,
js_on_load=…)`; a new value keeps the node that was chosen, and choosing one sends a "select" event with its scale,
number and name.
"""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

import numpy as np

from ctl.draw.browser import script, style_sheet
from ctl.draw.page import number, page, svg_image
from ctl.draw.palette import CASING, GRAPH, NEGATIVE, POSITIVE, SIDES, side_of
from ctl.explain.graph_links import NodeLink, links, window_frames
from ctl.explain.reading import (
    cross_scale_sources,
    finest_graph,
    frame_name,
    graphs,
    matrices,
    node_positions,
    window_of,
)
from ctl.skeleton import Scale, part_count, part_names, physical_adjacency
from ctl.types import Trace

MAX_FRAMES: Final = 12
"""Frames on a page of its own, evenly spaced where the tracklet has more."""

_GAP: Final = 10  # between the frames of a window, in pixels of a crop
_HEAD: Final = 14  # over a frame, for its name
_REACHES: Final = {"frame": "in this frame", "scale": "between scales"}

_LEGEND: Final = f"""<ul class="graph-legend">
<li><svg viewBox="0 0 30 8" aria-hidden="true"><path class="physical" d="M1 4H29" stroke="{GRAPH[3]}" \
stroke-width="3"/></svg>joined by the body</li>
<li><svg viewBox="0 0 30 8" aria-hidden="true"><path class="learned" d="M1 4H29" stroke="{POSITIVE}" \
stroke-width="3"/></svg>learned, positive</li>
<li><svg viewBox="0 0 30 8" aria-hidden="true"><path class="learned" d="M1 4H29" stroke="{NEGATIVE}" \
stroke-width="3"/></svg>learned, negative</li>
<li><svg viewBox="0 0 30 8" aria-hidden="true"><path class="between" d="M1 4H29" stroke="{GRAPH[-1]}" \
stroke-width="3"/></svg>between scales; the square is the other scale's part</li></ul>"""


def graph_view(trace: Trace, crops: np.ndarray, clip_length: int, scale: Scale, layer: int | None, frame: int) -> str:
    """One graph in one frame, as a fragment of HTML that needs `graph.css` and `graph.js`.

    Args:
        trace: of the tracklet.
        crops: (T, H, W, 3) uint8 RGB, which its key-points are in pixels of.
        clip_length: of the model.
        scale, layer: which graph; no layer for a model that has no graph of this scale.
        frame: 0 … T-1.
    Raises:
        ValueError: the trace has no such graph; the message lists those it has.
    """
    T, height, width = crops.shape[:3]
    window = 1 if layer is None else window_of(matrices(trace, scale, layer), scale)
    shown = window_frames(T, clip_length, window, frame)
    found = [links(trace, clip_length, scale, layer, frame, node) for node in range(part_count(scale))]
    strongest = max((abs(link.value) for node in found for link in node if link.reach != "scale"), default=1.0)
    place = _Places(trace, shown, width)
    title = (
        f"{part_count(scale)} nodes of {scale}" + ("" if layer is None else f", layer {layer}") + f", frame {frame + 1}"
    )
    drawing = "".join(
        [
            *(_panel(crops, k, shown, place) for k in range(window)),
            *(_body(scale, shown, place)),
            *(_link_group(node, scale, found[node], strongest, place) for node in range(part_count(scale))),
            *(_node(node, scale, found[node], place) for node in range(part_count(scale))),
        ]
    )
    view_box = f"0 0 {window * (width + _GAP) - _GAP} {height + _HEAD}"
    rows = "".join(_table_body(node, scale, found[node], window) for node in range(part_count(scale)))
    return f"""<div class="graph-view" data-scale="{scale}" style="--casing: {CASING}; --between: {GRAPH[-1]}">
<div class="graph-stage" tabindex="0" role="region" aria-label="The frames of the window">
<svg viewBox="{view_box}" role="group" aria-label="{escape(title)}: choose one to see its strongest links" \
style="--frames: {window}">{drawing}</svg></div>
<div class="graph-side">{_LEGEND}
<p class="graph-said" aria-live="polite"></p>
<div class="graph-scroll" tabindex="0" role="region" aria-label="Links of the chosen node"><table>
<caption>Strongest links of the chosen node</caption><thead><tr><th scope="col">value</th>\
<th scope="col">receives</th><th scope="col">sends</th><th scope="col">where</th>\
<th scope="col">physical</th><th scope="col">mask</th><th scope="col">context</th></tr></thead>
{rows}</table></div></div></div>"""


def graph_page(trace: Trace, crops: np.ndarray, clip_length: int, source: str) -> str:
    """The finest graph of a trace, its last layer, on a self-contained page with a slider over the frames.

    Args:
        trace, crops, clip_length: as for `graph_view`.
        source: name of the clip, for the heading.
    """
    if not graphs(trace) and not cross_scale_sources(trace):
        return page(
            f"Graph: {source}", "<h1>Graph</h1><p>This model has no graph layers: there is nothing to show.</p>"
        )
    T = len(crops)
    frames: list[int] = np.unique(np.linspace(0, T - 1, min(T, MAX_FRAMES)).round().astype(int)).tolist()
    scale, layer = finest_graph(trace)
    views = "".join(
        f"<template data-frame={t + 1}>{graph_view(trace, crops, clip_length, scale, layer, t)}</template>"
        for t in frames
    )
    graph = scale if layer is None else f"{scale}, layer {layer}"
    body = f"""<h1>Who listens to whom</h1>
<p class="muted">{escape(source)} · {graph} · {len(frames)} of {T} frames</p>
<p><label>Frame <output id="frame-shown">{frames[0] + 1}</output><br>
<input id="frame" type="range" min="0" max="{len(frames) - 1}" value="0"></label></p>
<div id="graph"></div>{views}"""
    scripts = f"<script>function explore(element, watch) {{{script('graph')}}}\n{script('graph_page')}</script>"
    return page(f"Graph: {source}", body, style_sheet("graph"), scripts)


class _Places:
    """Where nodes are on the drawing: the window's frames stand side by side, the centre in the middle."""

    def __init__(self, trace: Trace, shown: Sequence[int | None], width: int) -> None:
        self.keypoints, self.shown, self.step = trace.keypoints, shown, width + _GAP

    def left(self, k: int) -> float:
        return k * self.step

    def of(self, scale: Scale, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(N, 2) places of the nodes in the window's k-th frame, which has to be there, and their (N,) scores."""
        frame = self.shown[k]
        xy, scores = node_positions(self.keypoints, scale)
        return xy[frame] + (self.left(k), _HEAD), scores[frame]

    def ends(self, link: NodeLink) -> tuple[np.ndarray, np.ndarray]:
        """Sender's and receiver's place, (2,) each."""
        centre = len(self.shown) // 2
        (to_scale, to), (from_scale, sender) = link.receiver, link.sender
        return self.of(from_scale, centre + link.offset)[0][sender], self.of(to_scale, centre)[0][to]


def _panel(crops: np.ndarray, k: int, shown: Sequence[int | None], place: _Places) -> str:
    height, width = crops.shape[1:3]
    frame, name = shown[k], frame_name(k, len(shown))
    middle = place.left(k) + width / 2
    end = "begins here" if k < len(shown) // 2 else "ends here"
    if frame is None:
        lines = {10: name, height / 2: "no frame:", height / 2 + 12: "the clip", height / 2 + 24: end}
        words = "".join(f'<text class="head" x="{middle}" y="{y}">{text}</text>' for y, text in lines.items())
        return f'<rect class="absent" x="{place.left(k)}" y="{_HEAD}" width="{width}" height="{height}"/>{words}'
    label = f"frame {frame + 1}" + (f" ({name})" if len(shown) > 1 else "")
    return svg_image(crops[frame], place.left(k), _HEAD) + f'<text class="head" x="{middle}" y="10">{label}</text>'


def _body(scale: Scale, shown: Sequence[int | None], place: _Places) -> Iterator[str]:
    """Thin lines of the body in every frame of the window, and dots where the neighbours' nodes are."""
    for k, frame in enumerate(shown):
        if frame is None:
            continue
        xy, _ = place.of(scale, k)
        for i, j in np.argwhere(np.triu(physical_adjacency(scale))):
            yield f'<path class="bone" fill="none" d="{_line(xy[i], xy[j])}"/>'
        if k != len(shown) // 2:
            yield from (f'<circle class="dot" cx="{x:.1f}" cy="{y:.1f}" r="2"/>' for x, y in xy)


def _link_group(node: int, scale: Scale, found: Sequence[NodeLink], strongest: float, place: _Places) -> str:
    drawn = "".join(_link(link, scale, strongest, place) for link in reversed(found))
    return f'<g class="links" data-node="{node}">{drawn}</g>'


def _link(link: NodeLink, scale: Scale, strongest: float, place: _Places) -> str:
    """One arrow from sender to receiver, bent, so that arrows there and back lie apart; a square ends another scale."""
    start, end = place.ends(link)
    along = end - start
    length = float(np.linalg.norm(along))
    if length < 1:
        start, along, length = end - (0, 14), np.array([0.0, 14.0]), 14.0
    side = np.array([-along[1], along[0]]) / length
    bend = (start + end) / 2 + side * min(12.0, 0.18 * length)
    into = (end - bend) / max(float(np.linalg.norm(end - bend)), 1e-6)
    tip, across = end - 5 * into, np.array([-into[1], into[0]])
    base = tip - 5 * into
    weight = 1.6 if link.reach == "scale" else 1.0 + 2.0 * abs(link.value) / strongest
    kind, colour = _look(link)
    path = f"M{_at(start)}Q{_at(bend)} {_at(base)}"
    head = f"M{_at(tip)}L{_at(base + 3 * across)}L{_at(base - 3 * across)}Z"
    mark = "" if link.reach != "scale" else _square(start if link.receiver[0] == scale else end)
    return (
        f"<g><title>{escape(_sentence(link))}</title>"
        f'<path class="casing" d="{path}" fill="none" stroke-width="{weight + 1.6:.1f}"/>'
        f'<path class="{kind}" d="{path}" fill="none" stroke="{colour}" stroke-width="{weight:.1f}"/>'
        f'<path class="tip" d="{head}" fill="{colour}"/>{mark}</g>'
    )


def _look(link: NodeLink) -> tuple[str, str]:
    """Line style and colour."""
    if link.reach == "scale":
        return "between", GRAPH[-1]
    if link.joined_by_body:
        return "physical", GRAPH[3]
    return "learned", POSITIVE if link.value > 0 else NEGATIVE


def _node(node: int, scale: Scale, found: Sequence[NodeLink], place: _Places) -> str:
    xy, scores = place.of(scale, len(place.shown) // 2)
    name, (x, y) = part_names(scale)[node], xy[node]
    label = f"{name}: {_sentence(found[0])}" if found else f"{name}: no links"
    return (
        f'<g class="node" role="button" tabindex="{-1 if node else 0}" aria-pressed="false" data-node="{node}" '
        f'data-x="{x:.1f}" data-y="{y:.1f}" data-name="{name}" data-said="{escape(_said(name, found))}" '
        f'aria-label="{escape(label)}"><title>{name}, joint score {scores[node]:.2f}</title>'
        f'<circle class="reach" cx="{x:.1f}" cy="{y:.1f}" r="8"/>'
        f'<circle class="ring" cx="{x:.1f}" cy="{y:.1f}" r="6.5"/>'
        f'<circle class="disc" cx="{x:.1f}" cy="{y:.1f}" r="3.6" fill="{SIDES[side_of(name)]}"/></g>'
    )


def _said(name: str, found: Sequence[NodeLink]) -> str:
    """What a screen reader says when a node is chosen: its strongest link of each reach."""
    first = {link.reach: link for link in reversed(found)}
    if not first:
        return f"{name} has no links."
    return f"{name}: " + "; ".join(_sentence(first[reach]) for reach in ("frame", "window", "scale") if reach in first)


def _sentence(link: NodeLink) -> str:
    receiver, sender = link.words
    if link.reach == "scale":
        return f"{receiver} receives {link.value:.2f} from {sender} ({link.sender[0]}), cross-scale weight"
    frames = {0: "", 1: " one frame after", -1: " one frame before"}
    when = frames.get(link.offset, f" {abs(link.offset)} frames {'before' if link.offset < 0 else 'after'}")
    kind = "physical" if link.joined_by_body else "learned"
    return f"{receiver} receives {number(link.value, 2, signed=True)} from {sender}{when}, {kind}"


def _table_body(node: int, scale: Scale, found: Sequence[NodeLink], window: int) -> str:
    name = part_names(scale)[node]
    rows = "".join(_row(link, window) for link in found)
    if not rows:
        rows = f'<tr><td colspan="7">{name}: no links</td></tr>'
    return f'<tbody data-node="{node}" aria-label="{name}">{rows}</tbody>'


def _row(link: NodeLink, window: int) -> str:
    receiver, sender = link.words
    where = _REACHES.get(link.reach) or f"from frame {frame_name(link.offset + window // 2, window)}"
    if link.reach == "scale":
        sender, receiver = f"{sender} ({link.sender[0]})", f"{receiver} (s3)"
    terms = "".join(f"<td>{'' if value is None else number(value, signed=True)}</td>" for value in link.terms)
    value = f"{link.value:.3f}" if link.reach == "scale" else number(link.value, signed=True)
    return f'<tr><th scope="row">{value}</th><td>{receiver}</td><td>{sender}</td><td>{where}</td>{terms}</tr>'


def _square(at: np.ndarray) -> str:
    x, y = at
    return f'<path class="square" d="M{x - 3.5:.1f} {y - 3.5:.1f}h7v7h-7Z"/>'


def _line(start: np.ndarray, end: np.ndarray) -> str:
    return f"M{_at(start)}L{_at(end)}"


def _at(point: np.ndarray) -> str:
    return f"{point[0]:.1f} {point[1]:.1f}"
