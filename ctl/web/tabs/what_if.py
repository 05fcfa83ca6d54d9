"""What if tab: the loaded model with something switched off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import gradio as gr

from ctl.config import TopologyTerm
from ctl.draw.browser import style_sheet
from ctl.explain.what_if import Setting
from ctl.skeleton import Scale
from ctl.web import text, views
from ctl.web.queues import ALTERING
from ctl.web.tabs.common import Selection, Values, Visit, redraw, shown_person


@dataclass(frozen=True, eq=False)
class WhatIfTab:
    """Switches, and what they move."""

    terms: gr.CheckboxGroup
    window: gr.Checkbox
    scales: gr.CheckboxGroup
    answer: gr.HTML


def lay_out() -> WhatIfTab:
    gr.HTML(text.hints(text.EXPLAIN_WHAT_IF))
    with gr.Row():
        terms = gr.CheckboxGroup([], label="Terms of Eq. 2", min_width=260, elem_id="terms")
        scales = gr.CheckboxGroup([], label="Scales that reach s3 (Eq. 7)", min_width=200, elem_id="scales")
        window = gr.Checkbox(True, label="Frames hear each other (window)", min_width=200, elem_id="window")
    answer = gr.HTML(css_template=style_sheet("what_if"), apply_default_css=False, elem_id="what-if")
    return WhatIfTab(terms, window, scales, answer)


def offer(tab: WhatIfTab, full: Setting) -> Values:
    """What another run changes in the switches: what its model has, all but one switched on, so that there is an
    effect to see."""
    last = next(reversed((*full.fused_scales, *full.topology)), "")
    kept = Setting(
        tuple(term for term in full.topology if term != last),
        full.across_frames,
        tuple(scale for scale in full.fused_scales if scale != last),
    )
    return {
        tab.terms: gr.CheckboxGroup([(text.TERMS[term], term) for term in full.topology], value=list(kept.topology)),
        tab.window: gr.Checkbox(value=full.across_frames, interactive=full.across_frames),
        tab.scales: gr.CheckboxGroup(
            [(text.SCALES[scale], scale) for scale in full.fused_scales], value=list(kept.fused_scales)
        ),
    }


def connect(tab: WhatIfTab, visit: Visit) -> None:
    def answer(
        selection: Selection | None, terms: Sequence[TopologyTerm], window: bool, scales: Sequence[Scale]
    ) -> Iterator[Values]:
        with shown_person(visit.service, selection) as (run, person):
            for answer in views.what_if(run, person, Setting(tuple(terms), window, tuple(scales))):
                yield {tab.answer: answer}

    switches = [tab.terms, tab.window, tab.scales]
    redraw(visit.lines["what-if"], switches, answer, [visit.selection, *switches], [tab.answer], ALTERING)
