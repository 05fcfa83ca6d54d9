"""Graph tab: the graph on the playing person, to explore, and a video of it to take along."""

from dataclasses import dataclass

import gradio as gr

from ctl.draw.browser import script, style_sheet
from ctl.draw.graph_view import SCRIPTS, SHEETS
from ctl.skeleton import Scale
from ctl.web import text, views
from ctl.web.queues import DRAWING, EXPLORING
from ctl.web.tabs.common import Selection, Values, Visit, looping_video, pairs, redraw, shown_person


@dataclass(frozen=True, eq=False)
class GraphTab:
    """All scales and layers to explore, and a video of one of them, which is made when its panel is opened."""

    explorer: gr.HTML
    film: gr.Accordion
    scale: gr.Radio
    layer: gr.Radio
    video: gr.Video


def lay_out() -> GraphTab:
    explorer = gr.HTML(
        css_template=style_sheet(*SHEETS),
        js_on_load=script(*SCRIPTS),
        apply_default_css=False,
        elem_id="explorer",
    )
    with gr.Accordion(text.FILM, open=False, elem_id="film") as film:
        with gr.Row():
            scale = gr.Radio(pairs(text.SCALES), value="s1", label="Scale", min_width=260, scale=3)
            layer = gr.Radio([1, 2], value=2, label="Layer", min_width=120, scale=1)
        video = looping_video("Key-point graph", "graph-video")
    return GraphTab(explorer, film, scale, layer, video)


def offer(tab: GraphTab, choices: views.Choices) -> Values:
    """What another person changes: the graphs that there are videos of."""
    scales = [(text.SCALES[scale], scale) for scale in choices.scales]
    return {
        tab.scale: gr.Radio(scales, value=next(iter(choices.scales), None)),
        tab.layer: gr.Radio(list(choices.layers), value=max(choices.layers, default=None)),
        tab.film: gr.Accordion(open=False),
        tab.video: None,
    }


def connect(tab: GraphTab, visit: Visit) -> None:
    def explore(selection: Selection | None) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            return {tab.explorer: views.explorer(run, person)}

    def film(selection: Selection | None, scale: Scale | None, layer: int | None) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            return {tab.video: views.graph_video(run, person, scale, layer) if scale and layer else None}

    redraw(visit.lines["graph"], (), explore, [visit.selection], [tab.explorer], EXPLORING)
    given = [visit.selection, tab.scale, tab.layer]
    redraw(None, [tab.scale, tab.layer], film, given, [tab.video], DRAWING)
    tab.film.expand(film, given, [tab.video], api_visibility="private", **DRAWING)
