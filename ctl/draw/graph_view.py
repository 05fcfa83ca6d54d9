"""The graph explorer: the scales of Fig. 3 side by side on the person, playing, every node a button.

`graph_view` gives the data; `graph.js` (after `view.js`) draws it, so that play, scale, layer, number of links and
threshold answer without asking anybody. In Gradio all go into one `gr.HTML(value=…, css_template=…, js_on_load=…)`;
choosing a node sends a "select" event with its scale, number and name, and tells the other views on the page.
"""

from typing import Any, Final

from ctl.draw.footage import Footage, footage_json, packed, terms_json, view_html
from ctl.explain.reading import cross_scale, cross_scale_sources, graphs, matrices, window_frames, window_of
from ctl.skeleton import SCALES, Scale, part_count
from ctl.types import Trace

MAX_FRAMES: Final = 120
"""Frames that are played, evenly spaced where the tracklet has more."""


SCRIPTS: Final = ("view", "graph_data", "graph_links", "graph_marks", "graph")
SHEETS: Final = ("view", "graph")


def drawn_scales(trace: Trace) -> tuple[Scale, ...]:
    """Scales that have something to show: a graph, or weights to or from another scale."""
    sources = cross_scale_sources(trace)
    drawn = {scale for scale, _ in graphs(trace)} | set(sources) | ({"s3"} if sources else set())
    return tuple(scale for scale in SCALES if scale in drawn)


def graph_view(trace: Trace, footage: Footage, clip_length: int) -> str:
    """All graphs of a trace, as a fragment of HTML that needs `SHEETS` and `SCRIPTS`.

    Args:
        trace: of the tracklet, with at least one of `drawn_scales`.
        footage: of the same tracklet.
        clip_length: of the model.
    """
    scales = drawn_scales(trace)
    names = graphs(trace)
    data = footage_json(footage, scales) | {
        "layers": sorted({layer for _, layer in names}),
        "graphs": {f"{scale}_l{layer}": _rows(trace, footage, clip_length, scale, layer) for scale, layer in names},
        "cross": {scale: packed(cross_scale(trace, scale)[footage.frames]) for scale in cross_scale_sources(trace)},
    }
    return view_html("graph", data, "The graph on the person")


def _rows(trace: Trace, footage: Footage, clip_length: int, scale: Scale, layer: int) -> dict[str, Any]:
    """What the centre frame's nodes receive, term by term: (F, N, τN) each."""
    T, N = len(trace.keypoints.xy), part_count(scale)
    window = window_of(matrices(trace, scale, layer), scale)
    own = slice(window // 2 * N, (window // 2 + 1) * N)
    return {
        "window": window,
        "present": [
            [frame is not None for frame in window_frames(T, clip_length, window, t)] for t in footage.frames.tolist()
        ],
        **terms_json(trace, scale, layer, footage.frames, own),
    }
