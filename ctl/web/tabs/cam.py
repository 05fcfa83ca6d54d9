"""Grad-CAM tab: where the model looks when it compares the clip with a reference, and whether that map is true."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from ctl.draw.browser import style_sheet
from ctl.web import text, views
from ctl.web.queues import MODEL
from ctl.web.tabs.common import Selection, Values, Visit, looping_video, redraw, shown_person


@dataclass(frozen=True, eq=False)
class CamTab:
    """A map, and on request how much the similarity depends on what it marks."""

    reference: gr.Dropdown
    strip: gr.Image
    video: gr.Video
    check: gr.Button
    verdict: gr.HTML


def lay_out() -> CamTab:
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
    video = looping_video("Grad-CAM", "cam-video")
    gr.HTML(text.hints(text.EXPLAIN_CHECK))
    check = gr.Button("Is this map true?", elem_id="check-map")
    verdict = gr.HTML(css_template=style_sheet("faithfulness"), apply_default_css=False, elem_id="verdict")
    return CamTab(reference, strip, video, check, verdict)


def connect(tab: CamTab, visit: Visit, searched: Sequence[gr.events.Dependency]) -> None:
    """`searched`: the events after which the references are known."""

    def show(selection: Selection | None, own: str, reference: str) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            gallery = visit.service.gallery_of(run, own)
            strip, video = views.grad_cam(run, person, gallery, reference)
            return {tab.strip: strip, tab.video: video, tab.verdict: ""}

    def check(selection: Selection | None, own: str, reference: str, progress: gr.Progress = gr.Progress()) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            gallery = visit.service.gallery_of(run, own)
            progress(0.0, desc="Taking cells away")
            found = views.verdict(
                run, person, gallery, reference, lambda share: progress(share, desc="Taking cells away")
            )
            return {tab.verdict: found}

    given = [visit.selection, visit.own, tab.reference]
    redraw(searched, [tab.reference], show, given, [tab.strip, tab.video, tab.verdict], MODEL)
    tab.check.click(check, given, [tab.verdict], show_progress_on=[tab.verdict], api_visibility="private", **MODEL)
