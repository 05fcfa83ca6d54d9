"""The page and its events. Which handler listens to what, in which queue, with which progress shown where."""

from collections.abc import Sequence
from typing import Final

import gradio as gr

from ctl.web import api, handlers, page, text
from ctl.web.access import NAME_THE_UNNAMED
from ctl.web.links import DROP_IDLE_BASE, READ_VISIT, RUN_ASKED, WRITE_LINK
from ctl.web.queues import MODEL, PLUMBING
from ctl.web.samples import Sample
from ctl.web.service import ExplainService
from ctl.web.tabs import adjacency, cam, gallery, graph, match, numbers, own, what_if

QUEUE_SIZE: Final = 24
SHOW_RESULTS: Final = """() => {
  if (innerWidth <= 900) document.querySelector("#facts").scrollIntoView({behavior: "smooth"});
}"""
"""On phones and tablets the results stand under the samples: go there. The width is that of style.css."""
CACHE_SWEEP: Final = (600, 3600)  # seconds: every, older than


def build_app(service: ExplainService, samples: Sequence[Sample], devices: Sequence[str]) -> gr.Blocks:
    """The whole page, ready for `launch`."""
    with gr.Blocks(title=text.TITLE, analytics_enabled=False, delete_cache=CACHE_SWEEP, fill_width=True) as app:
        shown = page.lay_out(service, samples, devices)
        _connect_inputs(service, shown)
        opened = _connect_links(app, list(samples), shown)
        _connect_results(shown, opened)
        api.add_endpoints(service)
        app.unload(handlers.make_on_leave(service))
    app.queue(max_size=QUEUE_SIZE, api_open=False)
    return app


def _connect_inputs(service: ExplainService, shown: page.Page) -> None:
    inputs = shown.inputs
    inputs.clip.change(handlers.make_on_clip(inputs), inputs.clip, [inputs.preview], **PLUMBING)
    for another in (inputs.clip.upload, inputs.clip.clear):
        another(lambda: ("", ""), None, [inputs.sample, inputs.asked], show_progress="hidden", **PLUMBING)
    buttons = [inputs.run, inputs.cancel]
    started = inputs.run.click(handlers.make_on_start(inputs), None, buttons, **PLUMBING, show_progress="hidden")
    running = started.then(
        handlers.make_on_run(service, shown),
        {inputs.clip, inputs.kind, inputs.checkpoint, inputs.estimator, inputs.device},
        [shown.visit.selection, shown.facts, shown.people, inputs.status, *shown.offered],
        show_progress_on=[inputs.status],
        api_visibility="private",
        **MODEL,
    )
    running.success(None, None, None, js=SHOW_RESULTS, show_progress="hidden")
    for ended in (running.success, running.failure):  # `then` would leave failures out
        ended(handlers.make_on_end(inputs), None, buttons, show_progress="hidden", **PLUMBING)
    inputs.cancel.click(
        handlers.make_on_cancel(service, inputs),
        None,
        [*buttons, inputs.status],
        cancels=[running],
        show_progress="hidden",
        **PLUMBING,
    )
    shown.people.select(  # queued, because only then does Gradio tell that the selection changed
        handlers.make_on_person(shown),
        shown.visit.selection,
        [shown.visit.selection, *shown.offered],
        api_visibility="private",
        show_progress="hidden",
    )


def _connect_links(app: gr.Blocks, samples: list[Sample], shown: page.Page) -> gr.events.Dependency:
    """Samples are chosen by their thumbnails, by the tour and by the page's own address. Gives the opening of the
    page."""
    inputs = shown.inputs
    search = gr.Textbox("", visible="hidden", label="Address")
    chosen = [inputs.clip, inputs.sample, inputs.asked, inputs.status]
    inputs.samples.select(handlers.make_on_sample(samples, inputs), None, chosen, **PLUMBING)
    for mend in (NAME_THE_UNNAMED, DROP_IDLE_BASE):
        app.load(None, None, None, js=mend)
    opened = app.load(None, None, [shown.visit.theme, search], js=READ_VISIT)
    for asked in (
        opened.then(handlers.make_on_link(samples, inputs), search, chosen, show_progress="hidden", **PLUMBING),
        shown.tour.stops.select(handlers.make_on_stop(samples, inputs), None, chosen, **PLUMBING),
    ):
        asked.then(None, inputs.asked, None, js=RUN_ASKED)
    gr.on([shown.tabs.select, shown.match.hit.change, inputs.sample.change], None, inputs.sample, None, js=WRITE_LINK)
    return opened


def _connect_results(shown: page.Page, opened: gr.events.Dependency) -> None:
    """A new selection fills all tabs at once; later each control redraws its own part."""
    visit = shown.visit
    chosen = visit.selection.change(
        handlers.make_on_selection(shown), shown.inputs.asked, [shown.tabs], show_progress="hidden", **PLUMBING
    )
    graph.connect(shown.graph, visit, chosen)
    searched = gallery.connect(
        shown.gallery,
        visit,
        chosen,
        own.connect(shown.own, visit, opened),
        gallery.Followers(shown.match.hit, shown.cam.reference, shown.tabs, shown.inputs.asked),
    )
    adjacency.connect(shown.adjacency, visit, chosen)
    match.connect(shown.match, visit, searched)
    cam.connect(shown.cam, visit, searched)
    what_if.connect(shown.what_if, visit, chosen)
    numbers.connect(shown.numbers, visit, chosen)
