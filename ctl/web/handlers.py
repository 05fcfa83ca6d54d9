"""What happens on each event of the page: component values -> service and views -> component values.

No model and no drawing here. Every maker returns the function that Gradio calls; expected trouble reaches the visitor
as one sentence.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ctl.errors import CTLError, InputError
from ctl.explain.palette import ThemeName
from ctl.explain.reading import Term
from ctl.skeleton import Scale
from ctl.types import ClipKind
from ctl.web import text, views
from ctl.web.page import AdjacencyTab, CamTab, GraphTab, Inputs, Page
from ctl.web.runs import Run, RunStore
from ctl.web.samples import Sample
from ctl.web.service import AnalyzeRequest, ExplainService, Models, StoppedError

Values = dict[Any, Any]
Handler = Callable[..., Any]
Selection = tuple[str, int]
PLAYABLE = (".mp4", ".webm", ".mov", ".m4v")


@contextmanager
def told_to_the_visitor() -> Iterator[None]:
    """Expected trouble becomes the page's error message; a bug stays a bug, without its insides shown."""
    try:
        yield
    except CTLError as error:
        raise gr.Error(str(error), title="This didn't work", print_exception=False) from error


def request_of(
    default: Models, clip: str | None, kind: str, checkpoint: str = "", estimator: str = "", device: str = ""
) -> AnalyzeRequest:
    """Component values as a request; what is left empty is taken from `default`.

    Raises InputError where the clip is missing or the kind is unknown.
    """
    if clip is None:
        raise InputError("Choose a sample or drop a clip first.")
    kinds: dict[str, ClipKind | None] = {"auto": None, "crop": "crop", "scene": "scene"}
    if kind not in kinds:
        raise InputError(f"No clip kind {kind!r}: choose one of {', '.join(kinds)}.")
    models = Models(
        checkpoint.strip() or default.checkpoint, estimator.strip() or default.estimator, device or default.device
    )
    return AnalyzeRequest(Path(clip), kinds[kind], models)


def make_on_run(service: ExplainService, page: Page) -> Handler:
    """Run: analyse the clip, say what was found, offer its people."""
    inputs = page.inputs

    def on_run(values: Values, request: gr.Request, progress: gr.Progress = gr.Progress()) -> Values:
        with told_to_the_visitor():
            asked = request_of(
                service.default,
                *(
                    values[box]
                    for box in (inputs.clip, inputs.kind, inputs.checkpoint, inputs.estimator, inputs.device)
                ),
            )
            try:
                run = service.analyze(asked, request.session_hash or "", lambda done, label: progress(done, desc=label))
            except StoppedError:
                return {inputs.status: text.hints(text.CANCELLED)}
        seconds = sum(run.analysis.timings_s.values())
        several = len(run.analysis.people) > 1
        return {
            page.selection: (run.id, 0),
            page.facts: text.summary(run.analysis, run.engine.notices),
            page.people: gr.Gallery(views.people(run), visible=several, selected_index=0),
            inputs.status: text.hints(f"Done in {seconds:.1f} s."),
        }

    return on_run


def make_on_start(inputs: Inputs) -> Handler:
    """Run was pressed: only Cancel can be pressed now."""
    return lambda: {inputs.run: gr.Button(interactive=False), inputs.cancel: gr.Button(interactive=True)}


def make_on_end(inputs: Inputs) -> Handler:
    """A run ended, well or not."""
    return lambda: {inputs.run: gr.Button(interactive=True), inputs.cancel: gr.Button(interactive=False)}


def make_on_cancel(service: ExplainService, inputs: Inputs) -> Handler:
    """Cancel: stop the run at its next step."""

    def on_cancel(request: gr.Request) -> Values:
        service.cancel(request.session_hash or "")
        return {**make_on_end(inputs)(), inputs.status: text.hints(text.CANCELLED)}

    return on_cancel


def make_on_leave(service: ExplainService) -> Callable[[gr.Request], None]:
    """The visitor closed the page: nobody waits for the run any more."""

    def on_leave(request: gr.Request) -> None:
        service.cancel(request.session_hash or "")

    return on_leave


def make_on_sample(samples: list[Sample], inputs: Inputs) -> Handler:
    """A sample's thumbnail: take its clip."""

    def on_sample(event: gr.SelectData) -> Values:
        sample = samples[event.index]
        return {inputs.clip: str(sample.clip), inputs.status: text.hints(escape(sample.note))}

    return on_sample


def make_on_clip(inputs: Inputs) -> Handler:
    """A clip was dropped, chosen or removed: show it where the browser can play it."""

    def on_clip(clip: str | None) -> Values:
        playable = clip is not None and clip.lower().endswith(PLAYABLE)
        return {inputs.preview: gr.Video(clip if playable else None, visible=playable)}

    return on_clip


def make_on_person(page: Page) -> Handler:
    """A person's thumbnail: show the tabs for this person."""

    def on_person(selection: Selection, event: gr.SelectData) -> Values:
        return {page.selection: (selection[0], event.index)}

    return on_person


def make_on_selection(runs: RunStore, page: Page) -> Handler:
    """Another run or person: the controls offer what its trace holds. The tabs are filled after that."""
    adjacency, graph, cam = page.adjacency, page.graph, page.cam

    def on_selection(selection: Selection | None) -> Values:
        with shown_person(runs, selection) as (run, person):
            choices = views.choices(run, person)
        scales = named(text.SCALES, choices.scales)
        return {
            graph.scale: scales,
            graph.layer: choose_last(choices.layers),
            adjacency.frame: gr.Slider(maximum=choices.frames, value=(choices.frames + 1) // 2),
            adjacency.scale: scales,
            adjacency.layer: choose_last(choices.layers),
            adjacency.source: named(text.SOURCES, choices.sources),
            cam.reference: gr.Dropdown([text.ITSELF, *choices.references], value=""),
        }

    return on_selection


def make_on_graph(runs: RunStore, tab: GraphTab) -> Handler:
    """Graph tab: the video of one scale and layer."""

    def on_graph(selection: Selection | None, scale: Scale | None, layer: int | None) -> Values:
        with shown_person(runs, selection) as (run, person):
            video = views.graph_video(run, person, scale, layer) if scale and layer else None
        return {tab.video: video}

    return on_graph


def make_on_adjacency(runs: RunStore, tab: AdjacencyTab) -> Handler:
    """Adjacency tab: one matrix of Eq. 2."""

    def on_adjacency(
        selection: Selection | None, theme: ThemeName, frame: int, scale: Scale | None, layer: int | None, term: Term
    ) -> Values:
        with shown_person(runs, selection) as (run, person):
            if not (scale and layer):
                return {tab.matrix: None, tab.links: []}
            graph = (scale, layer, term, frame - 1)
            return {
                tab.matrix: views.adjacency(run, person, *graph, theme),
                tab.links: views.link_rows(run, person, *graph),
            }

    return on_adjacency


def make_on_cross(runs: RunStore, tab: AdjacencyTab) -> Handler:
    """Adjacency tab: one cross-scale matrix."""

    def on_cross(selection: Selection | None, theme: ThemeName, frame: int, source: Scale | None) -> Values:
        with shown_person(runs, selection) as (run, person):
            if not source:
                return {tab.cross: None, tab.cross_links: []}
            return {
                tab.cross: views.cross_scale(run, person, source, frame - 1, theme),
                tab.cross_links: views.cross_rows(run, person, source, frame - 1),
            }

    return on_cross


def make_on_cam(runs: RunStore, tab: CamTab) -> Handler:
    """Grad-CAM tab: where the similarity to the reference comes from."""

    def on_cam(selection: Selection | None, reference: str) -> Values:
        with shown_person(runs, selection) as (run, person):
            strip, video = views.grad_cam(run, person, reference)
        return {tab.strip: strip, tab.video: video}

    return on_cam


def make_on_gallery(runs: RunStore, page: Page) -> Handler:
    """Gallery tab: the ranked hits."""

    def on_gallery(selection: Selection | None) -> Values:
        with shown_person(runs, selection) as (run, person):
            return {page.gallery.hits: views.ranking(run, person)}

    return on_gallery


def make_on_numbers(runs: RunStore, page: Page) -> Handler:
    """Numbers tab: timings, embedding, JSON, files."""
    tab = page.numbers

    def on_numbers(selection: Selection | None, theme: ThemeName) -> Values:
        with shown_person(runs, selection) as (run, person):
            return {
                tab.timings: views.timing_rows(run),
                tab.embedding: views.embedding(run, person, theme),
                tab.details: views.details(run),
                tab.files: [str(file) for file in views.files(run, person)],
            }

    return on_numbers


@contextmanager
def shown_person(runs: RunStore, selection: Selection | None) -> Iterator[tuple[Run, int]]:
    """The selected run and the person's place in it; expected trouble is told to the visitor."""
    with told_to_the_visitor():
        if selection is None:
            raise InputError("Press Run first.")
        run_id, person = selection
        run = runs.get(run_id)
        if not 0 <= person < len(run.analysis.people):
            raise InputError(f"There is no person {person + 1} in this clip.")
        yield run, person


def named(names: Mapping[Any, str], offered: Sequence[Any]) -> gr.Radio:
    """A radio's update: of the named values, those that are offered; the first is chosen."""
    return gr.Radio([(names[value], value) for value in offered], value=offered[0] if offered else None)


def choose_last(offered: Sequence[int]) -> gr.Radio:
    """A radio's update: the numbers that are offered; the last is chosen."""
    return gr.Radio(list(offered), value=offered[-1] if offered else None)
