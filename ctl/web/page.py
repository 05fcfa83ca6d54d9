"""The components of the page and where they stand. No events: `ctl.web.ui` connects them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ctl.video.reader import SUFFIXES
from ctl.web import text
from ctl.web.samples import Sample
from ctl.web.service import ExplainService, Models
from ctl.web.tabs import adjacency, cam, gallery, graph, match, numbers, own, tour, what_if
from ctl.web.tabs.common import Visit, pairs


@dataclass(frozen=True, eq=False)
class Inputs:
    """The left column: what to analyse, and with what. `sample` names the sample that was chosen, "" for another clip;
    `asked` is "TAB/RANK" of a link that is being opened."""

    clip: gr.File
    preview: gr.Video
    samples: gr.Gallery
    sample: gr.Textbox
    asked: gr.Textbox
    run: gr.Button
    cancel: gr.Button
    status: gr.HTML
    kind: gr.Radio
    checkpoint: gr.Textbox
    estimator: gr.Textbox
    device: gr.Radio


@dataclass(frozen=True, eq=False)
class Page:
    """Everything on the page."""

    visit: Visit
    inputs: Inputs
    facts: gr.HTML
    people: gr.Gallery
    tabs: gr.Tabs
    graph: graph.GraphTab
    adjacency: adjacency.AdjacencyTab
    cam: cam.CamTab
    gallery: gallery.GalleryTab
    own: own.OwnGallery
    match: match.MatchTab
    what_if: what_if.WhatIfTab
    numbers: numbers.NumbersTab
    tour: tour.TourTab

    @property
    def offered(self) -> list[Any]:
        """The controls that offer what a person's trace holds."""
        film = [self.graph.scale, self.graph.layer, self.graph.film, self.graph.video]
        return [*film, self.what_if.terms, self.what_if.window, self.what_if.scales]


def lay_out(service: ExplainService, samples: Sequence[Sample], devices: Sequence[str]) -> Page:
    """Make the components, inside the `gr.Blocks` that is open."""
    visit = Visit(
        service,
        gr.State(None, time_to_live=3600),
        gr.Textbox("light", visible="hidden", label="Theme"),
        gr.State("", time_to_live=3600),
    )
    gr.HTML(text.header(service.engine.checkpoint, service.engine.notices))
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=320, elem_classes="ctl-inputs"):
            inputs = _inputs(samples, devices, service.default)
        with gr.Column(scale=9, min_width=340, elem_classes="ctl-results"):
            facts = gr.HTML(text.hints(text.EMPTY), elem_id="facts")
            people = gr.Gallery(
                show_label=False,
                fit_columns=False,
                object_fit="contain",
                allow_preview=False,
                interactive=False,
                visible=False,
                buttons=[],
                elem_id="people",
                elem_classes="ctl-choice",
            )
            with gr.Tabs(overflow_behavior="wrap", elem_id="tabs") as tabs:
                with gr.Tab("Graph", id="graph"):
                    graph_tab = graph.lay_out()
                with gr.Tab("Adjacency", id="adjacency"):
                    adjacency_tab = adjacency.lay_out()
                with gr.Tab("Grad-CAM", id="cam"):
                    cam_tab = cam.lay_out()
                with gr.Tab("Gallery", id="gallery"):
                    gallery_tab = gallery.lay_out()
                    own_gallery = own.lay_out(service.galleries.kept)
                with gr.Tab("Match", id="match"):
                    match_tab = match.lay_out()
                with gr.Tab("What if", id="what-if"):
                    what_if_tab = what_if.lay_out()
                with gr.Tab("Numbers", id="numbers"):
                    numbers_tab = numbers.lay_out()
                with gr.Tab("Tour", id="tour"):
                    tour_tab = tour.lay_out(samples)
    gr.HTML(text.FOOTER)
    return Page(
        visit, inputs, facts, people, tabs, graph_tab, adjacency_tab, cam_tab, gallery_tab, own_gallery, match_tab,
        what_if_tab, numbers_tab, tour_tab,
    )  # fmt: skip


def _inputs(samples: Sequence[Sample], devices: Sequence[str], default: Models) -> Inputs:
    clip = gr.File(label="Clip", file_types=[*SUFFIXES], height=130, elem_id="clip")
    preview = gr.Video(
        label="The clip",
        show_label=False,
        interactive=False,
        visible=False,
        height=200,
        buttons=[],
        elem_classes="ctl-video",
    )
    gr.HTML(text.hints(text.EXPLAIN_LIMITS, text.EXPLAIN_CONSENT))
    thumbnails = gr.Gallery(
        [(sample.poster, sample.title) for sample in samples],
        show_label=False,
        fit_columns=False,
        object_fit="contain",
        allow_preview=False,
        interactive=False,
        buttons=[],
        elem_id="samples",
        elem_classes="ctl-choice",
    )
    sample = gr.Textbox("", visible="hidden", label="Sample")
    asked = gr.Textbox("", visible="hidden", label="Asked for")
    with gr.Row():
        run = gr.Button("Run", variant="primary", scale=3, min_width=120, elem_id="run")
        cancel = gr.Button("Cancel", variant="secondary", scale=1, min_width=80, interactive=False, elem_id="cancel")
    status = gr.HTML(elem_id="status")
    with gr.Accordion("Advanced", open=False):
        kind = gr.Radio(pairs(text.KINDS), value="auto", label=text.CHOOSE_KIND)
        checkpoint = gr.Textbox(
            value="",
            label="Checkpoint",
            info="A folder, a Hub id or id@revision. Empty: the one loaded at the start.",
            max_lines=1,
        )
        estimator_box = gr.Textbox(
            value=default.estimator,
            label="Key-points",
            info="movenet-thunder is bundled. Or a ViTPose folder, Hub id or id@revision.",
            max_lines=1,
        )
        device = gr.Radio(list(dict.fromkeys((default.device, *devices))), value=default.device, label="Device")
    return Inputs(
        clip, preview, thumbnails, sample, asked, run, cancel, status, kind, checkpoint, estimator_box, device
    )
