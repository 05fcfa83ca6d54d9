"""Adjacency tab: every matrix of every frame, beside the person."""

from dataclasses import dataclass

import gradio as gr

from ctl.draw.adjacency_view import SCRIPTS, SHEETS
from ctl.draw.browser import script, style_sheet
from ctl.web import text, views
from ctl.web.queues import EXPLORING
from ctl.web.tabs.common import Selection, Values, Visit, redraw, shown_person


@dataclass(frozen=True, eq=False)
class AdjacencyTab:
    """All scales, layers and terms."""

    matrices: gr.HTML


def lay_out() -> AdjacencyTab:
    gr.HTML(text.hints(text.EXPLAIN_MATRIX))
    return AdjacencyTab(
        gr.HTML(
            css_template=style_sheet(*SHEETS),
            js_on_load=script(*SCRIPTS),
            apply_default_css=False,
            elem_id="matrices",
        )
    )


def connect(tab: AdjacencyTab, visit: Visit) -> None:
    def show(selection: Selection | None) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            return {tab.matrices: views.adjacency(run, person)}

    redraw(visit.lines["adjacency"], (), show, [visit.selection], [tab.matrices], EXPLORING)
