"""Gallery tab: whom the model finds. Clips of one person combine, and every hit can be compared or searched for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import gradio as gr

from ctl.draw.palette import ThemeName
from ctl.gallery import TOP_K
from ctl.types import Ranking
from ctl.web import text
from ctl.web.cards import answer_html
from ctl.web.queues import PLUMBING, SEARCHING
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


@dataclass(frozen=True, eq=False)
class GalleryTab:
    """A search and its hits. `known` are the queries on offer, newest last."""

    known: gr.State
    queries: gr.CheckboxGroup
    cameras: gr.Dropdown
    without_cameras: gr.Dropdown
    top_k: gr.Slider
    at_least: gr.Slider
    meaning: gr.HTML
    hits: gr.HTML
    histogram: gr.Plot

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
    asked: gr.Textbox

    def offer(self, hits: Ranking, hit: str | None, reference: str, otherwise: str | None) -> Values:
        """Offer hits to compare. `hit` and `reference` are what is chosen now and stays, where it is on offer;
        `otherwise` is the hit's key that is chosen instead."""
        offered = [(hit_label(one), one.key) for one in hits]
        return {
            self.hit: _offer(offered, hit, otherwise),
            self.reference: _offer([text.ITSELF, *offered], reference, ""),
        }


def hit_of_rank(hits: Ranking, rank: int) -> str | None:
    """Key of a hit; of the last where there are fewer."""
    return hits[min(rank, len(hits)) - 1].key if hits else None


def lay_out() -> GalleryTab:
    known = gr.State([], time_to_live=3600)
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
        plot = gr.Plot(show_label=False, elem_id="histogram")
    return GalleryTab(known, queries, cameras, without, top_k, at_least, meaning, hits, plot)


def connect(
    tab: GalleryTab,
    visit: Visit,
    chosen: gr.events.Dependency,
    changed: Sequence[gr.events.Dependency],
    others: Followers,
) -> tuple[gr.events.Dependency, ...]:
    """`changed`: the events after which the gallery is another. Gives the events after which the hits are known."""
    service = visit.service

    def begin(selection: Selection | None, own: str, known: list[Query]) -> Values:
        """Another person: search for them alone."""
        with shown_person(service, selection) as (run, person):
            tracklet = run.analysis.people[person].tracklet
            query = (f"{run.analysis.video.source}, person {tracklet.id}", token_of(run, person))
            cameras = sorted({entry.camera for entry in service.gallery_of(run, own).entries})
            update = gr.Dropdown(choices=cameras, value=[])
            return _ask(tab, known, query) | {tab.cameras: update, tab.without_cameras: update}

    def find(
        selection: Selection | None,
        own: str,
        theme: ThemeName,
        asked: str,
        hit: str | None,
        reference: str,
        queries: Sequence[str],
        cameras: Sequence[str],
        without: Sequence[str],
        top_k: int,
        at_least: float,
    ) -> Values:
        with shown_person(service, selection) as (run, place):
            gallery = service.gallery_of(run, own)
            wanted = Search(tuple(queries), tuple(cameras or ()), tuple(without or ()), int(top_k), at_least)
            found = search(service.runs, gallery, wanted)
            info = run.analysis.checkpoint
            stays = any(one.key == hit for one in found.hits)
            compared = hit if stays else hit_of_rank(found.hits, int(asked.partition("/")[2] or 1))
            return others.offer(found.hits, hit, reference, compared) | {
                others.answer: answer_html(run, place, found.hits, gallery, compared),
                tab.hits: hits_html(found.hits, gallery, info.calibration, trained=info.trained),
                tab.histogram: histogram(found.similarities, at_least, theme),
                tab.meaning: text.hints(threshold_meaning(at_least, info.calibration)),
            }

    def pick(selection: Selection | None, own: str, known: list[Query], event: gr.EventData) -> Values:
        """A hit's button: compare it, or search for it."""
        with shown_person(service, selection) as (run, _):
            (record,) = service.gallery_of(run, own).records([str(event.key)])
            if event.action == "compare":
                return {others.hit: record.entry.key, others.tabs: gr.Tabs(selected="match")}
            return _ask(tab, known, (f"{record.entry.person}, camera {record.entry.camera}", record.entry.key))

    inputs = [visit.selection, visit.own, visit.theme, others.asked, others.hit, others.reference, *tab.controls]
    outputs = [tab.hits, tab.histogram, tab.meaning, others.answer, others.hit, others.reference]
    options: dict[str, Any] = {"api_visibility": "private", "show_progress_on": [tab.hits], **SEARCHING}
    begun = chosen.success(
        begin,
        [visit.selection, visit.own, tab.known],
        [tab.known, tab.queries, tab.cameras, tab.without_cameras],
        show_progress="hidden",
        **PLUMBING,
    )
    picked = tab.hits.select(
        pick,
        [visit.selection, visit.own, tab.known],
        [tab.known, tab.queries, others.hit, others.tabs],
        show_progress="hidden",
        api_visibility="private",
    )
    moved = [control.input for control in tab.controls]
    return (
        *(event.success(find, inputs, outputs, **options) for event in (begun, picked, *changed)),
        gr.on(moved, find, inputs, outputs, trigger_mode="always_last", **options),
    )


def _offer(choices: list[tuple[str, str]], chosen: str | None, otherwise: str | None) -> gr.Dropdown:
    """A dropdown's update. What is chosen is not set again while it is on offer: another may have been chosen since.

    The dropdowns allow custom values: Gradio would refuse a choice that was on offer when it was made but isn't now.
    """
    stays = chosen in [value for _, value in choices]
    return gr.Dropdown(choices) if stays else gr.Dropdown(choices, value=otherwise)


def _ask(tab: GalleryTab, known: list[Query], query: Query) -> Values:
    """Offer one query more, and search for it alone."""
    offered = [*(one for one in known if one[1] != query[1]), query][-REMEMBERED:]
    return {tab.known: offered, tab.queries: gr.CheckboxGroup(offered, value=[query[1]])}
