"""Adjacency tab: one adjacency matrix, and one cross-scale matrix, of one frame, each also as its strongest links."""

from dataclasses import dataclass

import gradio as gr

from ctl.draw.palette import ThemeName
from ctl.explain.reading import TERM_NAMES, Term
from ctl.skeleton import Scale
from ctl.web import text, views
from ctl.web.queues import EXPLORING
from ctl.web.tabs.common import (
    GraphControls,
    Selection,
    Values,
    Visit,
    graph_controls,
    named,
    pairs,
    redraw,
    shown_person,
)


@dataclass(frozen=True, eq=False)
class AdjacencyTab:
    """The matrices of a frame. `node` is the (scale, number) chosen in the graph, whose row and column are marked."""

    controls: GraphControls
    term: gr.Radio
    node: gr.State
    matrix: gr.Plot
    links: gr.Dataframe
    source: gr.Radio
    cross: gr.Plot
    cross_links: gr.Dataframe


def lay_out() -> AdjacencyTab:
    node = gr.State(None, time_to_live=3600)
    with graph_controls("matrix") as controls:
        term = gr.Radio(pairs(TERM_NAMES), value="sum", label="Term of Eq. 2", min_width=260, scale=4)
    gr.HTML(text.hints(text.EXPLAIN_MATRIX))
    matrix = gr.Plot(show_label=False, elem_id="adjacency-plot", elem_classes="ctl-matrix")
    links = _link_table("links")
    source = gr.Radio(pairs(text.SOURCES), value="s1", label="Cross-scale weights (Eq. 5 and 6)")
    cross = gr.Plot(show_label=False, elem_id="cross-plot", elem_classes="ctl-matrix")
    cross_links = _link_table("cross-links")
    return AdjacencyTab(controls, term, node, matrix, links, source, cross, cross_links)


def offer(tab: AdjacencyTab, choices: views.Choices) -> Values:
    """What another person changes in the controls."""
    return tab.controls.offer(choices) | {tab.source: named(text.SOURCES, choices.sources)}


def connect(tab: AdjacencyTab, visit: Visit, chosen: gr.events.Dependency, explorer: gr.HTML) -> None:
    """`explorer`: where a node is chosen."""

    def draw(
        selection: Selection | None,
        theme: ThemeName,
        node: tuple[Scale, int] | None,
        term: Term,
        frame: int,
        scale: Scale | None,
        layer: int | None,
    ) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            if not (scale and layer):
                return {tab.matrix: None, tab.links: []}
            graph = (scale, layer, term, frame - 1)
            marked = node[1] if node and node[0] == scale else None
            return {
                tab.matrix: views.adjacency(run, person, *graph, theme, marked),
                tab.links: views.link_rows(run, person, *graph),
            }

    def draw_cross(selection: Selection | None, theme: ThemeName, source: Scale | None, frame: int) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            if not source:
                return {tab.cross: None, tab.cross_links: []}
            return {
                tab.cross: views.cross_scale(run, person, source, frame - 1, theme),
                tab.cross_links: views.cross_rows(run, person, source, frame - 1),
            }

    def choose(event: gr.EventData) -> Values:
        return {tab.node: (event.scale, event.node)}

    matrix, cross = [tab.matrix, tab.links], [tab.cross, tab.cross_links]
    given = [visit.selection, visit.theme]
    graph, frame = [*tab.controls], tab.controls.frame
    redraw((chosen,), [*graph, tab.term], draw, [*given, tab.node, tab.term, *graph], matrix, EXPLORING)
    redraw((chosen,), [frame, tab.source], draw_cross, [*given, tab.source, frame], cross, EXPLORING)
    explorer.select(choose, None, [tab.node], show_progress="hidden", api_visibility="private").then(
        draw,
        [*given, tab.node, tab.term, *graph],
        matrix,
        show_progress="hidden",
        api_visibility="private",
        **EXPLORING,
    )


def _link_table(elem_id: str) -> gr.Dataframe:
    return gr.Dataframe(
        headers=text.LINK_HEADERS,
        label="Strongest links",
        interactive=False,
        wrap=True,
        max_height=440,
        elem_id=elem_id,
    )
