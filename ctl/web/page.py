"""The components of the page and where they stand. No events: `ctl.web.ui` connects them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ctl.web import filling, text
from ctl.web.samples import Sample
from ctl.web.service import ExplainService
from ctl.web.tabs import (
    adjacency,
    answer,
    cam,
    clip,
    gallery,
    graph,
    match,
    numbers,
    own,
    strip,
    tables,
    tour,
    what_if,
)
from ctl.web.tabs.common import Visit
from ctl.web.tabs.gallery import Followers


@dataclass(frozen=True, eq=False)
class Page:
    """Everything on the page.

    `destination` is "TAB/RANK" of what is shown; `pending` names a sample that has to be run.
    """

    visit: Visit
    strip: strip.Strip
    clip: clip.ClipPanel
    answer: answer.AnswerCard
    destination: gr.Textbox
    pending: gr.Textbox
    tour: tour.TourWalk
    tabs: gr.Tabs
    graph: graph.GraphTab
    adjacency: adjacency.AdjacencyTab
    cam: cam.CamTab
    match: match.MatchTab
    what_if: what_if.WhatIfTab
    gallery: gallery.GalleryTab
    own: own.OwnGallery
    numbers: numbers.NumbersTab

    @property
    def showing(self) -> list[Any]:
        """All that another person changes at once."""
        switches = [self.what_if.terms, self.what_if.window, self.what_if.scales]
        return [
            self.visit.selection, self.visit.shown, self.strip.sample, self.destination, self.tabs, self.match.hit,
            self.cam.reference, *self.answer.shown, self.graph.scale, self.graph.layer, self.graph.film,
            self.graph.video, *switches,
        ]  # fmt: skip

    @property
    def followers(self) -> Followers:
        """What shows the hits of a search besides the Gallery tab."""
        return Followers(self.answer.answer, self.match.hit, self.cam.reference, self.tabs, self.destination)


def lay_out(service: ExplainService, samples: Sequence[Sample], devices: Sequence[str]) -> Page:
    """Make the components, inside the `gr.Blocks` that is open."""
    visit = Visit(
        service,
        gr.State(None, time_to_live=3600),
        gr.Textbox("", visible="hidden", label="Shown"),
        gr.Textbox("", visible="hidden", label="Changed"),
        filling.lay_out(),
        gr.State("", time_to_live=3600),
    )
    destination = gr.Textbox("", visible="hidden", label="Asked for")
    pending = gr.Textbox("", visible="hidden", label="To be run")
    gr.HTML(text.header(service.engine.checkpoint, service.engine.notices), elem_id="head")
    with gr.Row(elem_id="choose", equal_height=False):
        with gr.Column(scale=7, min_width=320, elem_classes="ctl-card", elem_id="strip"):
            offered = strip.lay_out(samples)
            walk = tour.lay_out()
        with gr.Column(scale=4, min_width=320, elem_classes="ctl-card", elem_id="own-clip"):
            panel = clip.lay_out(list(dict.fromkeys((service.default.device, *devices))), service.default)
    card = answer.lay_out()
    with gr.Tabs(overflow_behavior="wrap", elem_id="tabs") as tabs:
        with gr.Tab("Graph", id="graph"):
            graph_tab = graph.lay_out()
        with gr.Tab("Adjacency", id="adjacency"):
            adjacency_tab = adjacency.lay_out()
        with gr.Tab("Grad-CAM", id="cam"):
            cam_tab = cam.lay_out()
        with gr.Tab("Match", id="match"):
            match_tab = match.lay_out()
        with gr.Tab("What if", id="what-if"):
            what_if_tab = what_if.lay_out()
        with gr.Tab("Gallery", id="gallery"):
            gallery_tab = gallery.lay_out()
            own_gallery = own.lay_out(service.galleries.kept)
        with gr.Tab("Numbers", id="numbers"):
            numbers_tab = numbers.lay_out()
        with gr.Tab("Tables", id="tables"):
            tables.lay_out()
    gr.HTML(text.FOOTER)
    return Page(
        visit, offered, panel, card, destination, pending, walk, tabs, graph_tab, adjacency_tab, cam_tab, match_tab,
        what_if_tab, gallery_tab, own_gallery, numbers_tab,
    )  # fmt: skip
