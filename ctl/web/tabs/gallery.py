"""Gallery tab: whom the model finds. Clips of one person combine, and every hit can be compared or searched for."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import gradio as gr

from ctl.gallery import TOP_K, Gallery
from ctl.types import Ranking
from ctl.web import text
from ctl.web.cards import answer_html
from ctl.web.queues import EACH, PLUMBING, SEARCHING, SHOWING
from ctl.web.runs import Run
from ctl.web.searches import (
    HITS_SCRIPT,
    Search,
    histogram,
    hit_label,
    hits_html,
    search,
    threshold_meaning,
    token_of,
)
from ctl.web.tabs.common import Selection, Values, Visit, shown_person

REMEMBERED: Final = 8
"""Queries that stay on offer."""

Query = tuple[str, str]
"""Label and token."""


@dataclass(frozen=True)
class Searched:
    """What a visitor's searches leave behind.

    Args:
        offered: queries on offer, newest last.
        person: when the person was shown whom the controls are about, as in a `Selection`.
        number: of the newest search; those begun before it count no more.
    """

    offered: tuple[Query, ...] = ()
    person: int = 0
    number: float = 0.0


@dataclass(frozen=True, eq=False)
class GalleryTab:
    """A search and its hits. `number` is set by the browser when a search begins, and rises."""

    searched: gr.State
    number: gr.Number
    queries: gr.CheckboxGroup
    cameras: gr.Dropdown
    without_cameras: gr.Dropdown
    top_k: gr.Slider
    at_least: gr.Slider
    meaning: gr.HTML
    hits: gr.HTML
    histogram: gr.HTML

    @property
    def controls(self) -> list[Any]:
        """In the order of `Search`."""
        return [self.queries, self.cameras, self.without_cameras, self.top_k, self.at_least]


@dataclass(frozen=True, eq=False)
class Followers:
    """What shows the hits besides the tab: the answer over the tabs and the choices of Match and Grad-CAM; the tabs
    themselves; and what a link asked for."""

    answer: gr.HTML
    hit: gr.Dropdown
    reference: gr.Dropdown
    tabs: gr.Tabs
    destination: gr.Textbox

    def offer(self, hits: Ranking, hit: str | None, reference: str, otherwise: str | None) -> Values:
        """Offer hits to compare. `hit` and `reference` are what is chosen now and stays, where it is on offer;
        `otherwise` is the hit's key that is chosen instead."""
        offered = [(hit_label(ranked), ranked.key) for ranked in hits]
        return {
            self.hit: _offer(offered, hit, otherwise),
            self.reference: _offer([text.ITSELF, *offered], reference, ""),
        }


def hit_of_rank(hits: Ranking, rank: int) -> str | None:
    """Key of a hit; of the last where there are fewer."""
    return hits[min(rank, len(hits)) - 1].key if hits else None


def lay_out() -> GalleryTab:
    searched = gr.State(Searched(), time_to_live=3600)
    number = gr.Number(0, visible="hidden", label="Search")
    gr.HTML(text.line(text.EXPLAIN_HITS, text.EXPLAIN_SIMILARITY))
    hits = gr.HTML(js_on_load=HITS_SCRIPT, elem_id="hits")
    with gr.Accordion("Search again, filter and count", open=False, elem_id="filters"):
        queries = gr.CheckboxGroup([], label="Search for", info=text.EXPLAIN_QUERIES, elem_id="queries")
        with gr.Row():
            cameras = gr.Dropdown([], multiselect=True, label="Only cameras", min_width=200)
            without = gr.Dropdown(
                [], multiselect=True, label="Without cameras", info=text.EXPLAIN_SAME_CAMERA, min_width=200
            )
        with gr.Row():
            top_k = gr.Slider(1, 100, value=TOP_K, step=1, label="Hits at most", min_width=200, elem_id="top-k")
            at_least = gr.Slider(
                -1, 1, value=-1, step=0.01, label="Similarity at least", min_width=200, elem_id="at-least"
            )
        meaning = gr.HTML(elem_id="meaning")
        plot = gr.HTML(apply_default_css=False, elem_id="histogram")
    return GalleryTab(searched, number, queries, cameras, without, top_k, at_least, meaning, hits, plot)


def connect(tab: GalleryTab, visit: Visit, changed: Sequence[gr.events.Dependency], followers: Followers) -> None:
    """`changed`: the events after which the gallery is another."""
    service = visit.service

    def remember(selection: Selection | None, searched: Searched) -> Values:
        """Another person: offer to search for them, whether or not the tab is open."""
        with shown_person(service, selection) as (run, place):
            return {tab.searched: _offering(searched, _query_of(run, place))}

    def find(
        selection: Selection | None,
        own: str,
        destination: str,
        hit: str | None,
        reference: str,
        searched: Searched,
        queries: Sequence[str],
        cameras: Sequence[str],
        without: Sequence[str],
        top_k: int,
        at_least: float,
        number: float,
    ) -> Any:
        if number < searched.number:
            return gr.skip()
        with shown_person(service, selection) as (run, place):
            gallery = service.gallery_of(run, own)
            fresh: Values = {}
            if selection is not None and searched.person != selection[2]:
                searched = replace(_offering(searched, _query_of(run, place)), person=selection[2])
                queries, cameras, without = [token_of(run, place)], [], []
                fresh = _begin(tab, searched, gallery, queries)
            wanted = Search(tuple(queries), tuple(cameras or ()), tuple(without or ()), int(top_k), at_least)
            result = search(service.runs, gallery, wanted)
            info = run.analysis.checkpoint
            stays = any(ranked.key == hit for ranked in result.hits)
            compared = hit if stays else hit_of_rank(result.hits, int(destination.partition("/")[2] or 1))
            return {
                **fresh,
                **followers.offer(result.hits, hit, reference, compared),
                followers.answer: answer_html(run, place, result.hits, gallery, compared),
                tab.searched: replace(searched, number=number),
                tab.hits: hits_html(result.hits, gallery, info.calibration, trained=info.trained),
                tab.histogram: histogram(result.similarities, at_least),
                tab.meaning: text.hints(threshold_meaning(at_least, info.calibration)),
            }

    def pick(selection: Selection | None, own: str, searched: Searched, event: gr.EventData) -> Values:
        """A hit's button: compare it, or search for it."""
        with shown_person(service, selection) as (run, _):
            (record,) = service.gallery_of(run, own).records([str(event.key)])
            if event.action == "compare":
                return {followers.hit: record.entry.key, followers.tabs: gr.Tabs(selected="match")}
            query = f"{record.entry.person}, camera {record.entry.camera}", record.entry.key
            searched = _offering(searched, query)
            return {
                tab.searched: searched,
                tab.queries: gr.CheckboxGroup([*searched.offered], value=[record.entry.key]),
            }

    inputs = [
        visit.selection, visit.own, followers.destination, followers.hit, followers.reference,
        tab.searched, *tab.controls, tab.number,
    ]  # fmt: skip
    outputs = [
        tab.hits, tab.histogram, tab.meaning, tab.searched, tab.queries, tab.cameras, tab.without_cameras,
        followers.answer, followers.hit, followers.reference,
    ]  # fmt: skip
    options: dict[str, Any] = {
        "api_visibility": "private", "show_progress_on": [tab.hits], "trigger_mode": "always_last", **SEARCHING
    }  # fmt: skip
    visit.shown.change(
        remember, [visit.selection, tab.searched], tab.searched, show_progress="hidden", api_visibility="private",
        **SEARCHING,
    )  # fmt: skip
    picked = tab.hits.select(
        pick,
        [visit.selection, visit.own, tab.searched],
        [tab.searched, tab.queries, followers.hit, followers.tabs],
        show_progress="hidden",
        api_visibility="private",
        **EACH,
        **SEARCHING,
    )
    picked.success(find, inputs, outputs, js=_NUMBERED, **options)
    for event in changed:  # in turn with samples: one that was chosen meanwhile was ranked in the gallery as it was
        again = event.success(find, inputs, outputs, js=_NUMBERED, **options | SHOWING)
        again.success(lambda: str(time.monotonic_ns()), None, visit.changed, show_progress="hidden", **PLUMBING)
    moved = [visit.lines["gallery"].change, *(control.input for control in tab.controls)]
    gr.on(moved, find, inputs, outputs, js=_NUMBERED, **options)


_NUMBERED: Final = "(...given) => [...given.slice(0, -1), performance.now()]"
"""Numbers a search when it begins."""


def _query_of(run: Run, place: int) -> Query:
    """Searches for a person of a run."""
    number = run.analysis.people[place].tracklet.id
    return f"{run.analysis.video.source}, person {number}", token_of(run, place)


def _offering(searched: Searched, query: Query) -> Searched:
    """With one query more on offer."""
    others = (offered for offered in searched.offered if offered[1] != query[1])
    return replace(searched, offered=(*others, query)[-REMEMBERED:])


def _begin(tab: GalleryTab, searched: Searched, gallery: Gallery, queries: Sequence[str]) -> Values:
    """The controls for another person, who is searched for alone and everywhere."""
    cameras = gr.Dropdown(choices=sorted({entry.camera for entry in gallery.entries}), value=[])
    return {
        tab.queries: gr.CheckboxGroup([*searched.offered], value=[*queries]),
        tab.cameras: cameras,
        tab.without_cameras: cameras,
    }


def _offer(choices: list[tuple[str, str]], chosen: str | None, otherwise: str | None) -> gr.Dropdown:
    """A dropdown's update. What is chosen is not set again while it is on offer: another may have been chosen since.

    The dropdowns allow custom values: Gradio would refuse a choice that was on offer when it was made but isn't now.
    """
    stays = chosen in [value for _, value in choices]
    return gr.Dropdown(choices) if stays else gr.Dropdown(choices, value=otherwise)
