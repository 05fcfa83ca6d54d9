"""Grad-CAM tab: where the model looks when it compares the clip with a reference, and whether that map is true."""

from collections.abc import Iterator
from dataclasses import dataclass

import gradio as gr

from ctl.draw.browser import script, style_sheet
from ctl.draw.cam_view import SCRIPTS, SHEETS
from ctl.web import text, views
from ctl.web.queues import DRAWING, MODEL
from ctl.web.tabs.common import Selection, Values, Visit, looping_video, redraw, shown_person


@dataclass(frozen=True, eq=False)
class CamTab:
    """A map, on request as files, and how much the similarity depends on what it marks."""

    reference: gr.Dropdown
    maps: gr.HTML
    check: gr.Button
    verdict: gr.HTML
    film: gr.Accordion
    strip: gr.Image
    video: gr.Video


def lay_out() -> CamTab:
    reference = gr.Dropdown(
        [text.ITSELF], value="", label="What makes it similar to", elem_id="reference", allow_custom_value=True
    )
    gr.HTML(text.hints(text.EXPLAIN_CAM))
    maps = gr.HTML(
        css_template=style_sheet(*SHEETS), js_on_load=script(*SCRIPTS), apply_default_css=False, elem_id="cam-maps"
    )
    gr.HTML(text.hints(text.EXPLAIN_CHECK))
    check = gr.Button("Is this map true?", elem_id="check-map")
    verdict = gr.HTML(css_template=style_sheet("faithfulness"), apply_default_css=False, elem_id="verdict")
    with gr.Accordion(text.CAM_FILES, open=False) as film:
        strip = gr.Image(
            label="Frames",
            show_label=False,
            interactive=False,
            buttons=["download", "fullscreen"],
            elem_id="cam-strip",
            elem_classes="ctl-strip",
        )
        video = looping_video("Grad-CAM", "cam-video")
    return CamTab(reference, maps, check, verdict, film, strip, video)


def connect(tab: CamTab, visit: Visit) -> None:
    def show(selection: Selection | None, own: str, reference: str) -> Iterator[Values]:
        with shown_person(visit.service, selection) as (run, person):
            gallery = visit.service.gallery_of(run, own)
            verdict = views.known_verdict(run, person, reference)
            closed = {tab.film: gr.Accordion(open=False), tab.strip: None, tab.video: None, tab.verdict: verdict}
            for maps in views.grad_cam(run, person, gallery, reference):
                yield {tab.maps: maps, **closed}
                closed = {}

    def files(selection: Selection | None, own: str, reference: str) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            strip, video = views.grad_cam_files(run, person, visit.service.gallery_of(run, own), reference)
            return {tab.strip: strip, tab.video: video}

    def check(selection: Selection | None, own: str, reference: str, progress: gr.Progress = gr.Progress()) -> Values:
        with shown_person(visit.service, selection) as (run, person):
            gallery = visit.service.gallery_of(run, own)
            progress(0.0, desc="Taking cells away")
            verdict = views.verdict(
                run, person, gallery, reference, lambda share: progress(share, desc="Taking cells away")
            )
            return {tab.verdict: verdict}

    given = [visit.selection, visit.own, tab.reference]
    filled = [tab.maps, tab.verdict, tab.film, tab.strip, tab.video]
    redraw(visit.lines["cam"], (), show, given, filled, MODEL)
    tab.film.expand(files, given, [tab.strip, tab.video], api_visibility="private", **DRAWING)
    tab.check.click(check, given, [tab.verdict], show_progress_on=[tab.verdict], api_visibility="private", **MODEL)
