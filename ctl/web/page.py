"""The components of the page and where they stand. No events: `ctl.web.ui` connects them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ctl.explain.reading import TERM_NAMES
from ctl.video.container import SUFFIXES
from ctl.web import text
from ctl.web.samples import Sample
from ctl.web.service import Models


@dataclass(frozen=True, eq=False)
class Inputs:
    """The left column: what to analyse, and with what."""

    clip: gr.File
    preview: gr.Video
    samples: gr.Gallery
    run: gr.Button
    cancel: gr.Button
    status: gr.HTML
    kind: gr.Radio
    checkpoint: gr.Textbox
    estimator: gr.Textbox
    device: gr.Radio


@dataclass(frozen=True, eq=False)
class GraphTab:
    """The clip with the graph of one scale and layer on it."""

    scale: gr.Radio
    layer: gr.Radio
    video: gr.Video


@dataclass(frozen=True, eq=False)
class AdjacencyTab:
    """One adjacency matrix, and one cross-scale matrix, of one frame, each also as its strongest links in words."""

    frame: gr.Slider
    scale: gr.Radio
    layer: gr.Radio
    term: gr.Radio
    matrix: gr.Plot
    links: gr.Dataframe
    source: gr.Radio
    cross: gr.Plot
    cross_links: gr.Dataframe


@dataclass(frozen=True, eq=False)
class CamTab:
    """Where the model looks when it compares the clip with a reference."""

    reference: gr.Dropdown
    strip: gr.Image
    video: gr.Video


@dataclass(frozen=True, eq=False)
class GalleryTab:
    """The nearest tracklets of the gallery."""

    hits: gr.HTML


@dataclass(frozen=True, eq=False)
class NumbersTab:
    """Timings, embedding, JSON and files."""

    timings: gr.Dataframe
    embedding: gr.Plot
    details: gr.JSON
    files: gr.File


@dataclass(frozen=True, eq=False)
class Page:
    """Everything on the page.

    Args:
        selection: (run id, place of the person in it), or None before the first run. Arrays stay on the server.
        theme: "light" or "dark", as the browser shows the page: plots need to know.
    """

    selection: gr.State
    theme: gr.Textbox
    inputs: Inputs
    facts: gr.HTML
    people: gr.Gallery
    graph: GraphTab
    adjacency: AdjacencyTab
    cam: CamTab
    gallery: GalleryTab
    numbers: NumbersTab


def lay_out(header: str, samples: Sequence[Sample], devices: Sequence[str], default: Models) -> Page:
    """Make the components, inside the `gr.Blocks` that is open."""
    selection = gr.State(None, time_to_live=3600)
    theme = gr.Textbox("light", visible="hidden", label="Theme")
    gr.HTML(header)
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=320):
            inputs = _inputs(samples, devices, default)
        with gr.Column(scale=9, min_width=340):
            facts = gr.HTML(text.hints(text.EMPTY))
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
            with gr.Tabs(overflow_behavior="wrap"):
                with gr.Tab("Graph", id="graph"):
                    graph = _graph_tab()
                with gr.Tab("Adjacency", id="adjacency"):
                    adjacency = _adjacency_tab()
                with gr.Tab("Grad-CAM", id="cam"):
                    cam = _cam_tab()
                with gr.Tab("Gallery", id="gallery"):
                    gallery = _gallery_tab()
                with gr.Tab("Numbers", id="numbers"):
                    numbers = _numbers_tab()
    gr.HTML(text.FOOTER)
    return Page(selection, theme, inputs, facts, people, graph, adjacency, cam, gallery, numbers)


def _inputs(samples: Sequence[Sample], devices: Sequence[str], default: Models) -> Inputs:
    clip = gr.File(label="Clip", file_types=[*SUFFIXES, ".zip"], height=130, elem_id="clip")
    preview = gr.Video(
        show_label=False, interactive=False, visible=False, height=200, buttons=[], elem_classes="ctl-video"
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
    with gr.Row():
        run = gr.Button("Run", variant="primary", scale=3, min_width=120, elem_id="run")
        cancel = gr.Button("Cancel", variant="secondary", scale=1, min_width=80, interactive=False, elem_id="cancel")
    status = gr.HTML(elem_id="status")
    with gr.Accordion("Advanced", open=False):
        kind = gr.Radio(_pairs(text.KINDS), value="auto", label="What the clip shows")
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
    return Inputs(clip, preview, thumbnails, run, cancel, status, kind, checkpoint, estimator_box, device)


def _graph_tab() -> GraphTab:
    with gr.Row():
        scale = gr.Radio(_pairs(text.SCALES), value="s1", label="Scale", min_width=260, scale=3, elem_id="graph-scale")
        layer = gr.Radio([1, 2], value=2, label="Layer", min_width=120, scale=1)
    video = _looping_video("Key-point graph", "graph-video")
    gr.HTML(text.hints(text.EXPLAIN_GRAPH))
    return GraphTab(scale, layer, video)


def _adjacency_tab() -> AdjacencyTab:
    frame = gr.Slider(1, 2, value=1, step=1, label="Frame", elem_id="frame")
    with gr.Row():
        scale = gr.Radio(_pairs(text.SCALES), value="s1", label="Scale", min_width=260, scale=3)
        layer = gr.Radio([1, 2], value=2, label="Layer", min_width=120, scale=1)
        term = gr.Radio(_pairs(TERM_NAMES), value="sum", label="Term of Eq. 2", min_width=260, scale=4)
    gr.HTML(text.hints(text.EXPLAIN_MATRIX))
    matrix = gr.Plot(show_label=False, elem_id="adjacency-plot", elem_classes="ctl-matrix")
    links = _link_table("links")
    source = gr.Radio(_pairs(text.SOURCES), value="s1", label="Cross-scale weights (Eq. 5 and 6)")
    cross = gr.Plot(show_label=False, elem_id="cross-plot", elem_classes="ctl-matrix")
    cross_links = _link_table("cross-links")
    return AdjacencyTab(frame, scale, layer, term, matrix, links, source, cross, cross_links)


def _cam_tab() -> CamTab:
    reference = gr.Dropdown([text.ITSELF], value="", label="What makes it similar to", elem_id="reference")
    gr.HTML(text.hints(text.EXPLAIN_CAM))
    strip = gr.Image(
        label="Frames",
        show_label=False,
        interactive=False,
        buttons=["download", "fullscreen"],
        elem_id="cam-strip",
        elem_classes="ctl-strip",
    )
    video = _looping_video("Grad-CAM", "cam-video")
    return CamTab(reference, strip, video)


def _gallery_tab() -> GalleryTab:
    gr.HTML(text.hints(text.EXPLAIN_HITS))
    return GalleryTab(gr.HTML(elem_id="hits"))


def _numbers_tab() -> NumbersTab:
    timings = gr.Dataframe(headers=text.TIMING_HEADERS, label="Timings", interactive=False, elem_id="timings")
    embedding = gr.Plot(label="Embedding", show_label=False, elem_id="embedding-plot")
    files = gr.File(label="Files", file_count="multiple", interactive=False, elem_id="files")
    details = gr.JSON(label="analysis.json, long arrays shortened", max_height=420)
    return NumbersTab(timings, embedding, details, files)


def _looping_video(label: str, elem_id: str) -> gr.Video:
    return gr.Video(
        label=label,
        show_label=False,  # it would cover the video's own title
        interactive=False,
        autoplay=True,
        loop=True,
        height=560,
        buttons=["download"],
        elem_id=elem_id,
        elem_classes="ctl-video",
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


def _pairs(names: Mapping[Any, str]) -> list[tuple[str, Any]]:
    """value -> label, as Gradio's (label, value) choices."""
    return [(label, value) for value, label in names.items()]
