"""The page and its events. Which handler listens to what, in which queue, with which progress shown where."""

from collections.abc import Sequence
from typing import Any, Final

import gradio as gr

from ctl.web import api, handlers, page, text
from ctl.web.queues import DRAWING, MODEL, PLUMBING
from ctl.web.samples import Sample
from ctl.web.service import ExplainService

QUEUE_SIZE: Final = 24
READ_THEME: Final = "() => document.body.classList.contains('dark') ? 'dark' : 'light'"
CACHE_SWEEP: Final = (600, 3600)  # seconds: every, older than


def build_app(service: ExplainService, samples: Sequence[Sample], devices: Sequence[str]) -> gr.Blocks:
    """The whole page, ready for `launch`."""
    with gr.Blocks(title=text.TITLE, analytics_enabled=False, delete_cache=CACHE_SWEEP, fill_width=True) as app:
        header = text.header(service.engine.checkpoint, service.engine.notices)
        shown = page.lay_out(header, samples, devices, service.default)
        _connect_inputs(service, list(samples), shown)
        _connect_results(service, shown)
        api.add_endpoints(service)
        app.unload(handlers.make_on_leave(service))
        app.load(None, None, [shown.theme], js=READ_THEME)
    app.queue(max_size=QUEUE_SIZE, api_open=False)
    return app


def _connect_inputs(service: ExplainService, samples: list[Sample], shown: page.Page) -> None:
    inputs = shown.inputs
    inputs.samples.select(handlers.make_on_sample(samples, inputs), None, [inputs.clip, inputs.status], **PLUMBING)
    inputs.clip.change(handlers.make_on_clip(inputs), inputs.clip, [inputs.preview], **PLUMBING)
    buttons = [inputs.run, inputs.cancel]
    started = inputs.run.click(handlers.make_on_start(inputs), None, buttons, **PLUMBING, show_progress="hidden")
    running = started.then(
        handlers.make_on_run(service, shown),
        {inputs.clip, inputs.kind, inputs.checkpoint, inputs.estimator, inputs.device},
        [shown.selection, shown.facts, shown.people, inputs.status],
        show_progress_on=[inputs.status],
        api_visibility="private",
        **MODEL,
    )
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
        shown.selection,
        [shown.selection],
        api_visibility="private",
        show_progress="hidden",
    )


def _connect_results(service: ExplainService, shown: page.Page) -> None:
    """A new selection sets the controls, then fills all tabs at once; later each control redraws its own part."""
    runs, selection, theme = service.runs, shown.selection, shown.theme
    graph, adjacency, cam, numbers = shown.graph, shown.adjacency, shown.cam, shown.numbers
    chosen = selection.change(
        handlers.make_on_selection(runs, shown),
        selection,
        [
            graph.scale,
            graph.layer,
            adjacency.frame,
            adjacency.scale,
            adjacency.layer,
            adjacency.source,
            cam.reference,
        ],
        show_progress="hidden",
        **PLUMBING,
    )
    matrix_controls = [adjacency.frame, adjacency.scale, adjacency.layer, adjacency.term]
    parts: tuple[tuple[handlers.Handler, list[Any], list[Any], list[Any], dict[str, Any]], ...] = (
        # handler, what it always reads, controls that redraw it, what it fills, queue
        (handlers.make_on_graph(runs, graph), [], [graph.scale, graph.layer], [graph.video], DRAWING),
        (
            handlers.make_on_adjacency(runs, adjacency),
            [theme],
            matrix_controls,
            [adjacency.matrix, adjacency.links],
            DRAWING,
        ),
        (
            handlers.make_on_cross(runs, adjacency),
            [theme],
            [adjacency.frame, adjacency.source],
            [adjacency.cross, adjacency.cross_links],
            DRAWING,
        ),
        (handlers.make_on_cam(runs, cam), [], [cam.reference], [cam.strip, cam.video], MODEL),
        (handlers.make_on_gallery(runs, shown), [], [], [shown.gallery.hits], DRAWING),
        (
            handlers.make_on_numbers(runs, shown),
            [theme],
            [],
            [numbers.timings, numbers.embedding, numbers.details, numbers.files],
            DRAWING,
        ),
    )
    for handler, always, controls, outputs, queue in parts:
        options: dict[str, Any] = {"api_visibility": "private", "show_progress_on": outputs[:1], **queue}
        inputs = [selection, *always, *controls]
        chosen.success(handler, inputs, outputs, **options)
        if controls:
            gr.on([c.input for c in controls], handler, inputs, outputs, trigger_mode="always_last", **options)
