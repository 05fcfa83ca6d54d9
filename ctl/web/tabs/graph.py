"""Graph tab: who listens to whom in one frame, to explore, and the clip with the same graph on it."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from ctl.explain.graph_script import SCRIPT, STYLE
from ctl.skeleton import Scale
from ctl.web import text, views
from ctl.web.queues import DRAWING
from ctl.web.tabs.common import (
    Selection,
    Values,
    Visit,
    choose_last,
    looping_video,
    middle,
    named,
    pairs,
    redraw,
    shown_person,
)


@dataclass(frozen=True, eq=False)
class GraphTab:
    """One scale and layer: a frame to explore, and the video."""

    frame: gr.Slider
    scale: gr.Radio
    layer: gr.Radio
    explorer: gr.HTML
    video: gr.Video

    @property
    def controls(self) -> tuple[gr.Slider, gr.Radio, gr.Radio]:
        """Those that the Adjacency tab has too."""
        return self.frame, self.scale, self.layer


def lay_out() -> GraphTab:
    frame = gr.Slider(1, 2, value=1, step=1, label="Frame", elem_id="graph-frame")
    with gr.Row():
        scale = gr.Radio(pairs(text.SCALES), value="s1", label="Scale", min_width=260, scale=3, elem_id="graph-scale")
        layer = gr.Radio([1, 2], value=2, label="Layer", min_width=120, scale=1)
    gr.HTML(text.hints(text.EXPLAIN_EXPLORER))
    explorer = gr.HTML(css_template=STYLE, js_on_load=SCRIPT, apply_default_css=False, elem_id="explorer")
    gr.HTML(text.hints(text.EXPLAIN_GRAPH))
    video = looping_video("Key-point graph", "graph-video")
    return GraphTab(frame, scale, layer, explorer, video)


def offer(tab: GraphTab, choices: views.Choices) -> Values:
    """What another person changes in the controls."""
    return {
        tab.frame: middle(choices.frames),
        tab.scale: named(text.SCALES, choices.scales),
        tab.layer: choose_last(choices.layers),
    }


def connect(tab: GraphTab, visit: Visit, chosen: gr.events.Dependency, linked: tuple[Any, ...]) -> None:
    """`linked`: another tab's frame, scale and layer, which this tab follows."""

    def explore(selection: Selection | None, frame: int, scale: Scale | None, layer: int | None) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            return {tab.explorer: views.explorer(run, person, scale, layer, frame - 1)}

    def film(selection: Selection | None, scale: Scale | None, layer: int | None) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            return {tab.video: views.graph_video(run, person, scale, layer) if scale and layer else None}

    for frame, scale, layer in (tab.controls, linked):
        first = (chosen,) if frame is tab.frame else ()
        redraw(first, [frame, scale, layer], explore, [visit.selection, frame, scale, layer], [tab.explorer], DRAWING)
        redraw(first, [scale, layer], film, [visit.selection, scale, layer], [tab.video], DRAWING)
