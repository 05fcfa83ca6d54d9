"""The page and its events. Which handler listens to what, in which queue, with which progress shown where."""

from collections.abc import Sequence
from typing import Any, Final

import gradio as gr

from ctl.web import api, filling, handlers, page, text
from ctl.web.browser import pressing
from ctl.web.links import READ_QUERY, RUN_ASKED, SHOW_STOP, WRITE_LINK
from ctl.web.queues import EACH, MODEL, PLUMBING, SHOWING
from ctl.web.samples import Sample
from ctl.web.service import ExplainService
from ctl.web.tabs import adjacency, answer, cam, clip, gallery, graph, match, numbers, own, what_if
from ctl.web.tabs.strip import SHOW_CHOSEN

QUEUE_SIZE: Final = 200
"""Events that wait at once; a page that opens makes some ten."""

SHOW_RESULTS: Final = """() => document.querySelector("#answer-card").scrollIntoView({block: "nearest"})"""
"""After a run: where the window is small, the answer stands below."""

CACHE_SWEEP: Final = (600, 3600)  # seconds: every, older than


def build_app(service: ExplainService, samples: Sequence[Sample], devices: Sequence[str]) -> gr.Blocks:
    """The whole page, ready for `launch`."""
    with gr.Blocks(title=text.TITLE, analytics_enabled=False, delete_cache=CACHE_SWEEP, fill_width=True) as app:
        shown = page.lay_out(service, samples, devices)
        _connect_clip(service, shown)
        opened = _connect_samples(app, shown)
        _connect_results(shown, opened)
        api.add_endpoints(service)
        app.unload(handlers.make_on_leave(service))
    app.queue(max_size=QUEUE_SIZE, api_open=False)
    return app


def _connect_clip(service: ExplainService, shown: page.Page) -> None:
    """A clip of the visitor's own."""
    panel = shown.clip
    clip.connect(panel)
    for another in (panel.clip.upload, panel.clip.clear):
        another(
            lambda: ("", "", ""),
            None,
            [shown.strip.sample, shown.destination, shown.pending],
            show_progress="hidden",
            **PLUMBING,
        )
    buttons = [panel.run, panel.cancel]
    started = panel.run.click(None, None, buttons, js=clip.buttons_while(running=True), show_progress="hidden")
    running = started.then(
        handlers.make_on_run(service, shown),
        {*panel.given, shown.visit.own, shown.pending, shown.destination},
        [*shown.showing, shown.answer.pictured, panel.status],
        show_progress_on=[panel.status],
        api_visibility="private",
        **MODEL,
    )
    running.success(None, None, None, js=SHOW_RESULTS, show_progress="hidden")
    for ended in (running.success, running.failure):  # `then` would leave failures out
        ended(None, None, buttons, js=clip.buttons_while(running=False), show_progress="hidden")
    panel.cancel.click(
        clip.make_on_cancel(service, panel),
        None,
        [*buttons, panel.status],
        cancels=[running],
        show_progress="hidden",
        **PLUMBING,
    )


def _connect_samples(app: gr.Blocks, shown: page.Page) -> gr.events.Dependency:
    """Samples are chosen by their pictures, by the tour and by the page's own address. Gives the opening of the
    page."""
    search = gr.Textbox("", visible="hidden", label="Address")
    opened = app.load(None, None, search, js=READ_QUERY)
    filled = [*shown.showing, shown.clip.clip, shown.clip.status, shown.pending]
    options: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private", **SHOWING}
    own, sample = shown.visit.own, shown.strip.sample
    chosen = (
        opened.then(handlers.make_on_link(shown), [own, search], filled, **options),
        shown.strip.pictures.select(handlers.make_on_sample(shown), own, filled, **EACH, **options),
        shown.tour.walk.select(handlers.make_on_stop(shown), own, [*filled, shown.tour.walk], **EACH, **options),
    )
    for event in chosen:
        event.success(None, shown.pending, None, js=RUN_ASKED)
    shown.answer.people.select(
        handlers.make_on_person(shown), [shown.visit.selection, own, sample], shown.showing, **EACH, **options
    )
    gr.on([shown.tabs.select, shown.match.hit.change, sample.change], None, sample, None, js=WRITE_LINK)
    sample.change(None, sample, None, js=pressing("#samples button[data-sample]"))
    sample.change(None, sample, None, js=SHOW_CHOSEN)
    return opened


def _connect_results(shown: page.Page, opened: gr.events.Dependency) -> None:
    """What is shown fills the open tab; later each control redraws its own part."""
    visit, tabs, hit, reference = shown.visit, shown.tabs, shown.match.hit, shown.cam.reference
    filling.connect(visit.lines, tabs, visit.shown, visit.changed, hit, reference)
    graph.connect(shown.graph, visit)
    changed = own.connect(shown.own, visit, opened, shown.answer.enrol)
    gallery.connect(shown.gallery, visit, changed, shown.followers)
    answer.connect(shown.answer, visit, hit, reference)
    adjacency.connect(shown.adjacency, visit)
    for view in (shown.graph.explorer, shown.adjacency.matrices):
        view.change(None, None, None, js=SHOW_STOP, show_progress="hidden")
    match.connect(shown.match, visit)
    cam.connect(shown.cam, visit)
    what_if.connect(shown.what_if, visit)
    numbers.connect(shown.numbers, visit)
