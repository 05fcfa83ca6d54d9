"""Numbers tab: timings, embedding, JSON and files."""

from dataclasses import dataclass

import gradio as gr

from ctl.web import text, views
from ctl.web.queues import DRAWING
from ctl.web.tabs.common import Selection, Values, Visit, redraw, shown_person


@dataclass(frozen=True, eq=False)
class NumbersTab:
    """What was computed, to read and to take away."""

    timings: gr.Dataframe
    embedding: gr.HTML
    details: gr.JSON
    files: gr.File


def lay_out() -> NumbersTab:
    gr.HTML(text.line(text.EXPLAIN_FILES))
    files = gr.File(label="Files", file_count="multiple", interactive=False, elem_id="files")
    timings = gr.Dataframe(headers=text.TIMING_HEADERS, label="Timings", interactive=False, elem_id="timings")
    with gr.Accordion("Embedding and analysis.json", open=False, elem_id="all-numbers"):
        embedding = gr.HTML(apply_default_css=False, elem_id="embedding-plot")
        details = gr.JSON(label="analysis.json, long arrays shortened", max_height=420, elem_id="details")
    return NumbersTab(timings, embedding, details, files)


def connect(tab: NumbersTab, visit: Visit) -> None:
    def show(selection: Selection | None) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            return {
                tab.timings: views.timing_rows(run),
                tab.embedding: views.embedding(run, person),
                tab.details: views.details(run),
            }

    def pack(selection: Selection | None) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            return {tab.files: [str(file) for file in views.files(run, person)]}

    line = visit.lines["numbers"]
    redraw(line, [], show, [visit.selection], [tab.timings, tab.embedding, tab.details], DRAWING)
    redraw(line, [], pack, [visit.selection], [tab.files], DRAWING)
