"""The visitor's own clip: dropped, recorded, pasted or fetched; cut if it is long; compared with a second one; run."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import gradio as gr
import numpy as np

from ctl.draw.page import image_tag
from ctl.draw.picture import draw_boxes
from ctl.errors import InputError
from ctl.options import CLIP_KINDS
from ctl.video.limits import Limits
from ctl.video.reader import SUFFIXES, open_clip
from ctl.web import text
from ctl.web.queues import PLUMBING
from ctl.web.service import AnalyzeRequest, ExplainService, Models
from ctl.web.tabs.common import Handler, Values, pairs, told_to_the_visitor
from ctl.web.uploads import clip_at

PLAYABLE: Final = (".mp4", ".webm", ".mov", ".m4v")
LONG_S: Final = 12.0
"""A clip of more seconds can be cut before it is run."""

WHOLE: Final = Limits(seconds=3600.0, frames=10**6)
LOOK_HEIGHT: Final = 232
TELL_EVERY_S: Final = 0.25


@dataclass(frozen=True, eq=False)
class ClipPanel:
    """What to analyse, and with what.

    `start` and `end`, in seconds, cut a long clip; `second` is a clip to compare it with.
    """

    clip: gr.File
    run: gr.Button
    cancel: gr.Button
    status: gr.HTML
    cut: gr.Column
    preview: gr.Video
    start: gr.Slider
    end: gr.Slider
    camera: gr.Video
    address: gr.Textbox
    fetch: gr.Button
    second: gr.File
    kind: gr.Radio
    checkpoint: gr.Textbox
    estimator: gr.Textbox
    device: gr.Radio

    @property
    def given(self) -> set[Any]:
        """What a run depends on."""
        return {
            self.clip, self.start, self.end, self.second, self.kind, self.checkpoint, self.estimator, self.device,
        }  # fmt: skip


def lay_out(devices: list[str], default: Models) -> ClipPanel:
    gr.HTML(f"<h2>Your own clip</h2>{text.line(text.EXPLAIN_CONSENT, text.EXPLAIN_DELETION, text.EXPLAIN_LIMITS)}")
    with gr.Row(elem_id="drop-and-run", equal_height=True):
        clip = gr.File(
            label="Clip", show_label=False, file_types=[*SUFFIXES], height=96, elem_id="clip", min_width=160, scale=3
        )
        with gr.Column(scale=1, min_width=96, elem_id="run-or-cancel"):
            run = gr.Button("Run", variant="primary", min_width=80, elem_id="run")
            cancel = gr.Button("Cancel", size="sm", min_width=80, interactive=False, elem_id="cancel")
    status = gr.HTML(elem_id="status")
    with gr.Column(visible=False, elem_id="cut") as cut:
        preview = gr.Video(
            label="The clip", show_label=False, interactive=False, height=150, buttons=[], elem_classes="ctl-video"
        )
        with gr.Row():
            start = gr.Slider(0, 1, value=0, step=0.1, label="From second", min_width=130, elem_id="cut-start")
            end = gr.Slider(0, 1, value=1, step=0.1, label="To second", min_width=130, elem_id="cut-end")
    with gr.Accordion("Two clips: one person?", open=False, elem_id="two-clips"):
        second = gr.File(label="Second clip", show_label=False, file_types=[*SUFFIXES], height=96, elem_id="other-clip")
    with gr.Accordion("Record · link · models", open=False, elem_id="more-ways"):
        gr.HTML(text.hints(text.EXPLAIN_PASTE))
        with gr.Row(equal_height=True):
            address = gr.Textbox(
                label="Link to a clip", placeholder="https://…", max_lines=1, scale=3, min_width=160, elem_id="address"
            )
            take = gr.Button("Fetch", scale=1, min_width=80, elem_id="fetch")
        camera = gr.Video(
            label="Record",
            sources=["webcam"],
            include_audio=True,  # to leave it out, Gradio would need a system's ffmpeg
            webcam_options=gr.WebcamOptions(mirror=False),
            height=220,
            elem_id="camera",
        )
        kind = gr.Radio(pairs(text.KINDS), value="auto", label="What the clip shows")
        checkpoint = gr.Textbox(
            value="",
            label="Checkpoint",
            info="A folder, a Hub id or id@revision. Empty: the one loaded at the start.",
            max_lines=1,
        )
        estimator = gr.Textbox(
            value=default.estimator,
            label="Key-points",
            info="movenet-thunder is bundled. Or a ViTPose folder, Hub id or id@revision.",
            max_lines=1,
        )
        device = gr.Radio(devices, value=default.device, label="Device")
    return ClipPanel(
        clip, run, cancel, status, cut, preview, start, end, camera, address, take, second, kind, checkpoint,
        estimator, device,
    )  # fmt: skip


def connect(panel: ClipPanel) -> None:
    """What happens before Run is pressed."""

    def on_clip(clip: str | None) -> Values:
        """Show it where the browser can play it, and offer to cut it where it is long."""
        seconds = seconds_of(clip)
        playable = clip is not None and clip.lower().endswith(PLAYABLE)
        long = seconds > LONG_S
        return {
            panel.cut: gr.Column(visible=long),
            panel.preview: gr.Video(clip if playable and long else None, visible=playable),
            panel.start: gr.Slider(maximum=max(1.0, seconds), value=0),
            panel.end: gr.Slider(maximum=max(1.0, seconds), value=max(1.0, seconds)),
        }

    async def on_address(address: str) -> Values:
        with told_to_the_visitor():
            if not address.strip():
                raise InputError("Paste a link to a clip first.")
            return {panel.clip: str(await clip_at(address.strip(), Path(panel.clip.GRADIO_CACHE)))}

    cutting = [panel.cut, panel.preview, panel.start, panel.end]
    panel.clip.change(on_clip, panel.clip, cutting, show_progress="hidden", **PLUMBING)
    panel.camera.stop_recording(lambda film: film, panel.camera, panel.clip, show_progress="hidden", **PLUMBING)
    gr.on(
        [panel.fetch.click, panel.address.submit],
        on_address,
        panel.address,
        panel.clip,
        show_progress_on=[panel.address],
        api_visibility="private",
    )


def seconds_of(clip: str | None) -> float:
    """How long a clip is, however long it is; 0 where there is none, it has no clock, or it can't be read: Run says
    why."""
    if clip is None:
        return 0.0
    try:
        with open_clip(Path(clip), limits=WHOLE) as frames:
            return round(frames.info.duration, 1)
    except InputError:
        return 0.0


def request_of(
    default: Models,
    clip: str | None,
    kind: str,
    checkpoint: str = "",
    estimator: str = "",
    device: str = "",
    seconds: tuple[float, float] | None = None,
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
    return AnalyzeRequest(Path(clip), CLIP_KINDS[kind], models, seconds)


def requests_of(panel: ClipPanel, default: Models, values: Values) -> tuple[AnalyzeRequest, AnalyzeRequest | None]:
    """What the panel asks for: a clip, and a second one to compare it with. Raises InputError as `request_of`."""
    kind, checkpoint, estimator, device = (
        str(values[box]) for box in (panel.kind, panel.checkpoint, panel.estimator, panel.device)
    )
    clip, second = values[panel.clip], values[panel.second]
    start, end, whole = float(values[panel.start]), float(values[panel.end]), seconds_of(clip)
    if start >= end and whole > LONG_S:
        raise InputError("Nothing is left of the clip: move “From second” before “To second”.")
    part = (start, end) if whole > LONG_S and (start > 0 or end < whole) else None
    return (
        request_of(default, clip, kind, checkpoint, estimator, device, part),
        None if second is None else request_of(default, second, kind, checkpoint, estimator, device),
    )


def buttons_while(running: bool) -> str:
    """JavaScript that lets Cancel be pressed while a clip is run, and Run otherwise: it asks no server."""
    run, cancel = (json.dumps({"__type__": "update", "interactive": may}) for may in (not running, running))
    return f"() => [{run}, {cancel}]"


def make_on_cancel(service: ExplainService, panel: ClipPanel) -> Handler:
    """Cancel: stop the run at its next step."""

    def on_cancel(request: gr.Request) -> Values:
        service.cancel(request.session_hash or "")
        return {
            panel.run: gr.Button(interactive=True),
            panel.cancel: gr.Button(interactive=False),
            panel.status: text.hints(text.CANCELLED),
        }

    return on_cancel


def first_frame_html(clip: Path) -> str:
    """The clip's first frame, to look at until something is seen in it. Raises InputError where it can't be read."""
    with open_clip(clip) as frames:
        return _look_html(next(iter(frames)).image, "The first frame of the clip")


def seen_html(image: np.ndarray, boxes: np.ndarray) -> str:
    """A frame with everybody seen in it, as `Seen` is told of it, to look at while the clip is analysed."""
    return _look_html(draw_boxes(image, boxes), "Whom the detector sees in a frame of the clip")


def _look_html(image: np.ndarray, words: str) -> str:
    return f'<figure class="ctl-look">{image_tag(image, words, LOOK_HEIGHT)}</figure>'


def time_left(done: float, elapsed: float) -> str:
    """How long the rest of a run takes, as its part so far did: " · about 5 s left"; "" where that can't be told.

    Args:
        done: share, 0..1.
        elapsed: seconds.
    """
    if done < 0.05 or elapsed < 0.5:
        return ""
    return f" · about {max(1, round(elapsed * (1 - done) / done))} s left"


class Telling:
    """A step function of a service: it tells the visitor the stage and how long the rest takes, a few times a second.
    To draw more of them costs the processor that computes the next."""

    def __init__(self, progress: gr.Progress) -> None:
        self._progress, self._start = progress, time.perf_counter()
        self._told, self._done, self._label = 0.0, 0.0, ""

    def __call__(self, done: float, label: str) -> None:
        due = label != self._label or time.perf_counter() - self._told >= TELL_EVERY_S
        self._done, self._label = done, label
        if due:
            self.again()

    def again(self) -> None:
        """Tell where it stands: what a handler yields takes that off the page."""
        self._told = time.perf_counter()
        self._progress(self._done, desc=f"{self._label}{time_left(self._done, self._told - self._start)}")
