"""Match tab: why one hit is similar."""

from dataclasses import dataclass

import gradio as gr

from ctl.draw.browser import style_sheet
from ctl.web import text, views
from ctl.web.queues import COMPARING
from ctl.web.tabs.common import Selection, Values, Visit, redraw, shown_person


@dataclass(frozen=True, eq=False)
class MatchTab:
    """The clip beside one hit."""

    hit: gr.Dropdown
    match: gr.HTML


def lay_out() -> MatchTab:
    hit = gr.Dropdown([], label="Compare with", elem_id="hit", allow_custom_value=True)
    gr.HTML(text.hints(text.EXPLAIN_MATCH))
    return MatchTab(
        hit,
        gr.HTML(text.hints(text.NO_MATCH), css_template=style_sheet("match"), apply_default_css=False, elem_id="match"),
    )


def connect(tab: MatchTab, visit: Visit) -> None:
    def show(selection: Selection | None, own: str, hit: str | None) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            if not hit:
                return {tab.match: text.hints(text.NO_MATCH)}
            return {tab.match: views.match(run, person, visit.service.gallery_of(run, own), hit)}

    redraw(visit.lines["match"], (), show, [visit.selection, visit.own, tab.hit], [tab.match], COMPARING)
