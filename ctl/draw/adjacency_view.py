"""Every matrix of a trace, to look at beside the person: what is learned first.

`adjacency_view` gives the data; `adjacency.js` (after `view.js` and `heat.js`) draws it, so that frame, scale, layer,
term and block answer without asking anybody.
"""

from html import escape
from typing import Any, Final

from ctl.draw.browser import calling, style_sheet
from ctl.draw.footage import Footage, film_crops, footage_json, packed, terms_json, view_html
from ctl.draw.graph_view import drawn_scales
from ctl.draw.page import page
from ctl.draw.palette import THEMES, VIRIDIS
from ctl.explain.reading import cross_scale, cross_scale_sources, graphs, matrices, window_of
from ctl.skeleton import Scale
from ctl.types import PersonAnalysis, Trace

MAX_FRAMES: Final = 40
"""Frames that are shown, evenly spaced where the tracklet has more. trace.npz holds them all."""

EXPLAIN: Final = (
    "Each row is a part that receives, each column one that sends. A window holds the frame before, the frame itself "
    "and the frame after: a block for each pair. The layer uses the sum; what is learned is the sum without the body."
)

SCRIPTS: Final = ("view", "graph_data", "heat", "adjacency_person", "adjacency")
SHEETS: Final = ("view", "adjacency")


def adjacency_view(trace: Trace, footage: Footage) -> str:
    """The matrices, as a fragment of HTML that needs `SHEETS` and `SCRIPTS`.

    Args:
        trace: of the tracklet, with at least one of `drawn_scales`.
        footage: of the same tracklet; thinned to `MAX_FRAMES`.
    """
    shown = footage.thinned(MAX_FRAMES)
    data = footage_json(shown, drawn_scales(trace))
    data["colours"] |= {
        "diverging": THEMES["light"].diverging,
        "darkDiverging": THEMES["dark"].diverging,
        "rising": VIRIDIS,
    }
    data |= {
        "graphs": {f"{scale}_l{layer}": _graph(trace, shown, scale, layer) for scale, layer in graphs(trace)},
        "cross": {scale: packed(cross_scale(trace, scale)[shown.frames]) for scale in cross_scale_sources(trace)},
    }
    return view_html("adjacency", data, "Adjacency matrices")


def _graph(trace: Trace, footage: Footage, scale: Scale, layer: int) -> dict[str, Any]:
    return {
        "window": window_of(matrices(trace, scale, layer), scale),
        **terms_json(trace, scale, layer, footage.frames),
    }


def adjacency_html(person: PersonAnalysis, source: str) -> str:
    """adjacency.html: the same on a self-contained page.

    Args:
        person: whose matrices.
        source: name of the clip, for the heading.
    """
    title, trace, T = f"Adjacency: {source}", person.trace, len(person.tracklet)
    if not drawn_scales(trace):
        return page(title, f"<h1>Learned adjacency</h1><p>{_NONE}</p>")
    shown = f"{MAX_FRAMES} of {T} frames" if T > MAX_FRAMES else f"{T} frames"
    footage = film_crops(person.tracklet.crops, trace.keypoints, person.tracklet.times, MAX_FRAMES)
    body = f"""<h1>Learned adjacency</h1>
<p class="muted">{escape(source)} · {shown}</p>
<p>{EXPLAIN}</p>
<main id="adjacency">{adjacency_view(trace, footage)}</main>"""
    return page(title, body, style_sheet(*SHEETS), calling("adjacency", *SCRIPTS))


_NONE: Final = "This model has no graph layers and no cross-scale weights, so there is nothing to show."
