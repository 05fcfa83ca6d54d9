"""What the tabs share: whom they show, how trouble is told, and a few ways to make components.

A tab has three parts: its components, `lay_out`, which makes them inside the `gr.Blocks` that is open, and `connect`,
which says what fills them. `offer` is what another person changes in its controls before it is filled.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradio as gr

from ctl.errors import CTLError, InputError, Remedy
from ctl.web import text
from ctl.web.runs import Run
from ctl.web.service import ExplainService

Values = dict[Any, Any]
Handler = Callable[..., Any]
Selection = tuple[str, int, int]
"""Run id, place of the person in it, and when it was shown."""


@dataclass(frozen=True, eq=False)
class Visit:
    """What all tabs of a visit have in common.

    Args:
        service: what answers.
        selection: whom the tabs show, or None before the first run. Arrays stay on the server.
        shown: when that was shown, as text: what is shown again fills the tabs again.
        changed: when the gallery became another, as text.
        lines: what each tab is to show, as `ctl.web.filling` sets it.
        own: id of the visitor's own gallery; "" before the first clip is enrolled, or where all is kept on disk.
    """

    service: ExplainService
    selection: gr.State
    shown: gr.Textbox
    changed: gr.Textbox
    lines: Mapping[str, gr.Textbox]
    own: gr.State


@contextmanager
def told_to_the_visitor(words: Mapping[Remedy, str] = text.REMEDIES) -> Iterator[None]:
    """Expected trouble becomes the page's error message; a bug stays a bug, without its insides shown. `words` are what
    remedies are called there."""
    try:
        yield
    except CTLError as error:
        raise gr.Error(error.told(words), title="This didn't work", print_exception=False) from error


@contextmanager
def shown_person(service: ExplainService, selection: Selection | None) -> Iterator[tuple[Run, int]]:
    """The selected run and the person's place in it; expected trouble is told to the visitor."""
    with told_to_the_visitor():
        if selection is None:
            raise InputError("Press Run first.")
        run_id, person, _ = selection
        run = service.runs.get(run_id)
        if not 0 <= person < len(run.analysis.people):
            raise InputError(f"There is no person {person + 1} in this clip.")
        yield run, person


def pairs(names: Mapping[Any, str]) -> list[tuple[str, Any]]:
    """value -> label, as Gradio's (label, value) choices."""
    return [(label, value) for value, label in names.items()]


def looping_video(label: str, elem_id: str) -> gr.Video:
    """A video without sound that plays at once."""
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


def redraw(
    line: gr.Textbox | None,
    controls: Sequence[Any],
    handler: Handler,
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    queue: Mapping[str, Any],
) -> None:
    """Fill components when their tab's line changes, and again when a control is moved."""
    gr.on(
        [*(() if line is None else (line.change,)), *(control.input for control in controls)],
        handler,
        list(inputs),
        list(outputs),
        api_visibility="private",
        show_progress_on=list(outputs[:1]),
        trigger_mode="always_last",
        **queue,
    )
