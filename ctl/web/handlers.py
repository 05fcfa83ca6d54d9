"""What happens in the left column: component values -> service -> component values.

Every maker returns the function that Gradio calls; expected trouble reaches the visitor as one sentence.
"""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from ctl.draw.page import image_tag
from ctl.errors import InputError
from ctl.options import CLIP_KINDS
from ctl.web import text, views
from ctl.web.links import Link, read_link
from ctl.web.page import Inputs, Page
from ctl.web.samples import Sample
from ctl.web.service import AnalyzeRequest, ExplainService, Models, StoppedError
from ctl.web.tabs import graph, what_if
from ctl.web.tabs.common import Handler, Selection, Values, shown_person, told_to_the_visitor

PLAYABLE = (".mp4", ".webm", ".mov", ".m4v")


def request_of(
    default: Models, clip: str | None, kind: str, checkpoint: str = "", estimator: str = "", device: str = ""
) -> AnalyzeRequest:
    """Component values as a request; what is left empty is taken from `default`.

    Raises InputError where the clip is missing or the kind is unknown.
    """
    if clip is None:
        raise InputError("Choose a sample or drop a clip first.")
    if kind not in CLIP_KINDS:
        raise InputError(f"No clip kind {kind!r}: choose one of {', '.join(CLIP_KINDS)}.")
    models = Models(
        checkpoint.strip() or default.checkpoint, estimator.strip() or default.estimator, device or default.device
    )
    return AnalyzeRequest(Path(clip), CLIP_KINDS[kind], models)


def make_on_run(service: ExplainService, page: Page) -> Handler:
    """Run: show a first frame at once, analyse the clip, say what was found, offer its people."""
    inputs = page.inputs

    def on_run(values: Values, request: gr.Request, progress: gr.Progress = gr.Progress()) -> Iterator[Values]:
        with told_to_the_visitor():
            asked = request_of(
                service.default,
                *(
                    values[box]
                    for box in (inputs.clip, inputs.kind, inputs.checkpoint, inputs.estimator, inputs.device)
                ),
            )
            yield {page.facts: image_tag(service.first_look(asked), "The clip's first frame", views.LOOK_HEIGHT)}
            try:
                run = service.analyze(asked, request.session_hash or "", lambda done, label: progress(done, desc=label))
            except StoppedError:
                yield {page.facts: text.hints(text.EMPTY), inputs.status: text.hints(text.CANCELLED)}
                return
        seconds = sum(run.analysis.timings_s.values())
        several = len(run.analysis.people) > 1
        choices = views.choices(run, 0)
        yield {
            page.visit.selection: (run.id, 0),
            **_offer(page, choices),
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


def make_on_leave(service: ExplainService) -> Any:
    """The visitor closed the page: nobody waits for the run any more."""

    def on_leave(request: gr.Request) -> None:
        service.cancel(request.session_hash or "")

    return on_leave


def make_on_clip(inputs: Inputs) -> Handler:
    """A clip was dropped, chosen or removed: show it where the browser can play it."""

    def on_clip(clip: str | None) -> Values:
        playable = clip is not None and clip.lower().endswith(PLAYABLE)
        return {inputs.preview: gr.Video(clip if playable else None, visible=playable)}

    return on_clip


def make_on_sample(samples: list[Sample], inputs: Inputs) -> Handler:
    """A sample's thumbnail: take its clip."""

    def on_sample(event: gr.SelectData) -> Values:
        return _take(samples[event.index], "", inputs)

    return on_sample


def make_on_link(samples: list[Sample], inputs: Inputs) -> Handler:
    """The page was opened with an address: take the sample that it names, if it does."""
    by_name = {sample.name: sample for sample in samples}

    def on_link(query: str) -> Values:
        link = read_link(query, frozenset(by_name))
        return {inputs.asked: ""} if link is None else _take(by_name[link.sample], _asked(link), inputs)

    return on_link


def make_on_stop(samples: list[Sample], inputs: Inputs) -> Handler:
    """A stop of the tour: take its sample."""
    by_name = {sample.name: sample for sample in samples}

    def on_stop(event: gr.EventData) -> Values:
        link = Link(event.sample, event.tab, int(event.rank))
        return _take(by_name[link.sample], _asked(link), inputs)

    return on_stop


def _take(sample: Sample, asked: str, inputs: Inputs) -> Values:
    return {
        inputs.clip: str(sample.clip),
        inputs.sample: sample.name,
        inputs.asked: asked,
        inputs.status: text.hints(escape(sample.note)),
    }


def _asked(link: Link) -> str:
    return f"{link.tab or 'graph'}/{link.rank}"


def make_on_person(page: Page) -> Handler:
    """A person's thumbnail: show the tabs for this person."""

    def on_person(selection: Selection, event: gr.SelectData) -> Values:
        selection = (selection[0], event.index)
        with shown_person(page.visit.service, selection) as (run, person):
            return {page.visit.selection: selection, **_offer(page, views.choices(run, person))}

    return on_person


def make_on_selection(page: Page) -> Handler:
    """Another run or person: open the tab that was asked for. The tabs are filled after that."""

    def on_selection(asked: str) -> Values:
        tab = asked.partition("/")[0]
        return {page.tabs: gr.Tabs(selected=tab) if tab else gr.Tabs()}

    return on_selection


def _offer(page: Page, choices: views.Choices) -> Values:
    """What a person's trace holds, for `Page.offered`. It comes with the selection, so that it never overrules what a
    visitor has chosen since."""
    return {
        **graph.offer(page.graph, choices),
        **what_if.offer(page.what_if, choices.full),
    }
