"""Tour tab: samples that are hard for a reason, each with what to look at; and the tables, the paper's and our own."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

import gradio as gr

from ctl.checkpoint import BUNDLED
from ctl.draw.page import image_tag
from ctl.web import text
from ctl.web.samples import Sample
from ctl.web.tables import PAPER, own_tables, tables_html


@dataclass(frozen=True)
class Stop:
    """One stop of the tour: a sample, the tab to open, the rank of the hit to compare, and what to look at."""

    sample: str
    tab: str
    rank: int
    what: str
    look_at: str


STOPS: Final = (
    Stop(
        "man-lab1",
        "match",
        1,
        "Another viewpoint",
        "Four cameras saw the same man. In Match the poses are paired: see which parts stay alike from the other side.",
    ),
    Stop(
        "walker-0002",
        "graph",
        1,
        "Occlusion",
        "Somebody walks by in front. Move the frame: joints behind him have low scores, and learned links (dashed) "
        "carry what other frames saw.",
    ),
    Stop(
        "walker-0010",
        "match",
        1,
        "Look-alikes",
        "Walker 9 wears the same shirt and trousers. The lead in Match says which parts set the hit apart; the "
        "shoes and the head differ.",
    ),
    Stop(
        "walker-0005",
        "gallery",
        1,
        "Few pixels",
        "Far away, dark and blurred. See how much lower the similarities are, and what calibration makes of them.",
    ),
    Stop(
        "street",
        "cam",
        1,
        "A scene",
        "Two people are found and followed. Choose one of them, then ask under Grad-CAM whether its map is true.",
    ),
    Stop(
        "woman-street",
        "what-if",
        1,
        "What the model leans on",
        "Switch off a term, then the window, then a scale: see how far the matrices and the ranking move.",
    ),
)


@dataclass(frozen=True, eq=False)
class TourTab:
    """Stops to choose from."""

    stops: gr.HTML


def lay_out(samples: Sequence[Sample]) -> TourTab:
    gr.HTML(text.hints(text.EXPLAIN_TOUR))
    stops = gr.HTML(_stops(samples), js_on_load=SCRIPT, elem_id="tour")
    own = own_tables(BUNDLED)
    gr.HTML(f"<h2>This checkpoint</h2>{tables_html(own)}" if own else "", apply_default_css=False, elem_id="own-table")
    gr.HTML(f"<h2>The paper</h2>{tables_html(PAPER)}", apply_default_css=False, elem_id="paper-tables")
    return TourTab(stops)


def _stops(samples: Sequence[Sample]) -> str:
    posters = {sample.name: sample.poster for sample in samples}
    items = "".join(
        f"<li>{image_tag(posters[stop.sample], '', 128)}<div><b>{escape(stop.what)}</b><p>{escape(stop.look_at)}</p>"
        f'<button type="button" data-sample="{stop.sample}" data-tab="{stop.tab}" data-rank="{stop.rank}" '
        f'aria-label="Show: {escape(stop.what)}">Show</button></div></li>'
        for stop in STOPS
        if stop.sample in posters
    )
    return f'<ul class="ctl-tour">{items}</ul>'


SCRIPT: Final = """
element.addEventListener("click", event => {
  const button = event.target.closest("button[data-sample]");
  if (button) trigger("select", {...button.dataset});
});
"""
"""Body of a function of Gradio's `element` and `trigger`."""
