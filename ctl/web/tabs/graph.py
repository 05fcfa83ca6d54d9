"""Graph tab: who listens to whom in one frame, to explore, and the clip with the same graph on it."""

from dataclasses import dataclass

import gradio as gr

from ctl.draw.browser import script, style_sheet
from ctl.skeleton import Scale
from ctl.web import text, views
from ctl.web.queues import DRAWING, EXPLORING
from ctl.web.tabs.common import (
    GraphControls,
    Selection,
    Values,
    Visit,
    graph_controls,
    looping_video,
    redraw,
    shown_person,
)


@dataclass(frozen=True, eq=False)
class GraphTab:
    """One scale and layer: a frame to explore, and the video."""

    controls: GraphControls
    explorer: gr.HTML
    video: gr.Video


def lay_out() -> GraphTab:
    with graph_controls("graph") as controls:
        pass
    gr.HTML(text.hints(text.EXPLAIN_EXPLORER))
    explorer = gr.HTML(
        css_template=style_sheet("graph"), js_on_load=script("graph"), apply_default_css=False, elem_id="explorer"
    )
    gr.HTML(text.hints(text.EXPLAIN_GRAPH))
    video = looping_video("Key-point graph", "graph-video")
    return GraphTab(controls, explorer, video)


def connect(tab: GraphTab, visit: Visit, chosen: gr.events.Dependency, linked: GraphControls) -> None:
    """`linked`: another tab's controls, which this tab follows."""

    def explore(selection: Selection | None, frame: int, scale: Scale | None, layer: int | None) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            return {tab.explorer: views.explorer(run, person, scale, layer, frame - 1)}

    def film(selection: Selection | None, scale: Scale | None, layer: int | None) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            return {tab.video: views.graph_video(run, person, scale, layer) if scale and layer else None}

    for frame, scale, layer in (tab.controls, linked):
        first = (chosen,) if frame is tab.controls.frame else ()
        redraw(first, [frame, scale, layer], explore, [visit.selection, frame, scale, layer], [tab.explorer], EXPLORING)
        redraw(first, [scale, layer], film, [visit.selection, scale, layer], [tab.video], DRAWING)
