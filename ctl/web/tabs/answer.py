"""The answer over the tabs: who is in the clip, and who of the known people it may be. A card chooses the hit that is
compared everywhere, a box or a thumbnail the person."""

from dataclasses import dataclass
from typing import Any, Final

import gradio as gr

from ctl.gallery import Gallery
from ctl.types import Ranking
from ctl.web import cards, text, views
from ctl.web.browser import pressing, script
from ctl.web.queues import SHOWING
from ctl.web.runs import Run
from ctl.web.tabs.common import Selection, Values, Visit, shown_person


@dataclass(frozen=True, eq=False)
class AnswerCard:
    """Everybody in a scene; the person whom the tabs show; the nearest known people; what was read.

    `pictured` is a hidden line: when it changes, the pictures of the person shown are drawn. A run sets it with its
    answer, which doesn't wait for them.
    """

    people: gr.HTML
    portrait: gr.HTML
    answer: gr.HTML
    facts: gr.HTML
    enrol: gr.Button
    pictured: gr.Textbox

    @property
    def shown(self) -> list[Any]:
        """What another person changes."""
        return [self.people, self.portrait, self.answer, self.facts]

    def of(self, run: Run, place: int, hits: Ranking, gallery: Gallery, chosen: str | None, note: str = "") -> Values:
        """Who one person may be. Hits, gallery and chosen as for `cards.answer_html`; `note` is a sentence on the
        clip."""
        return {
            self.answer: cards.answer_html(run, place, hits, gallery, chosen),
            self.facts: text.summary(run.analysis, run.engine.notices, note),
        }

    def pictures_of(self, run: Run, place: int) -> Values:
        """One person, moving, and everybody to choose from. They take longer to draw than the answer."""
        several = len(run.analysis.people) > 1
        return {
            self.people: gr.HTML(cards.people_html(run, place) if several else "", visible=several),
            self.portrait: cards.portrait_html(run, place),
        }


def lay_out() -> AnswerCard:
    with gr.Column(elem_id="answer-card", elem_classes="ctl-card"):
        people = gr.HTML(visible=False, js_on_load=script("choose"), elem_id="people", apply_default_css=False)
        with gr.Column(elem_id="person"):
            portrait = gr.HTML(elem_id="portrait", apply_default_css=False)
            enrol = gr.Button(text.ENROL, size="sm", elem_id="enrol-card")
        answer = gr.HTML(js_on_load=script("choose"), elem_id="answer", apply_default_css=False)
        facts = gr.HTML(elem_id="facts")
        pictured = gr.Textbox("", visible="hidden", label="Pictures to be drawn")
    return AnswerCard(people, portrait, answer, facts, enrol, pictured)


def connect(card: AnswerCard, visit: Visit, hit: gr.Dropdown, reference: gr.Dropdown) -> None:
    """A card sets the hit that Match compares and Grad-CAM refers to, without asking the server. Pictures are drawn in
    the queue of samples: those of a run never come after a sample that was chosen meanwhile."""

    def draw(selection: Selection | None) -> Values:
        with shown_person(visit.service, selection) as (run, place):
            views.footage(run, place)  # the open tab waits for it
            return card.pictures_of(run, place)

    card.pictured.change(
        draw,
        visit.selection,
        [card.people, card.portrait],
        show_progress="hidden",
        api_visibility="private",
        **SHOWING,
    )
    hit.change(None, hit, None, js=pressing("#answer button[data-key]"), show_progress="hidden")
    card.answer.select(None, None, [hit, reference], js=_COMPARED, show_progress="hidden")


_COMPARED: Final = """() => {
  const {key} = document.querySelector("#answer button[aria-pressed=true]").dataset;
  return [key, key];
}"""
"""Key of the pressed card's hit, for both."""
