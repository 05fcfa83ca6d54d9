"""What shows somebody: a sample, a link, a stop of the tour, a run of the visitor's own clip, another person of it.

Every maker returns the function that Gradio calls; expected trouble reaches the visitor as one sentence.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

import gradio as gr
import numpy as np

from ctl.people.find import Seen
from ctl.web import text, views
from ctl.web.links import Link, read_link
from ctl.web.page import Page
from ctl.web.runs import Run
from ctl.web.samples import OPENING
from ctl.web.searches import Search, search, token_of
from ctl.web.service import ExplainService, StoppedError
from ctl.web.tabs import clip, graph, tour, what_if
from ctl.web.tabs.common import Handler, Selection, Values, shown_person, told_to_the_visitor
from ctl.web.tabs.gallery import hit_of_rank


def show(page: Page, run: Run, own: str, link: Link) -> Values:
    """Fill everything that belongs to one person, for `Page.showing`; the tabs follow by themselves.

    Args:
        own: id of the visitor's own gallery.
        link: person, tab and rank to show; its sample names the run's clip, "" for a visitor's own.
    """
    values = _answer(page, run, own, link)
    _, place, _ = values[page.visit.selection]
    return values | page.answer.pictures_of(run, place)


def _answer(page: Page, run: Run, own: str, link: Link) -> Values:
    """`show` without the pictures of the person."""
    place = min(link.person, len(run.analysis.people)) - 1
    gallery = page.visit.service.gallery_of(run, own)
    hits = search(page.visit.service.runs, gallery, Search((token_of(run, place),))).hits
    compared = hit_of_rank(hits, link.rank)
    choices = views.choices(run, place)
    now = time.monotonic_ns()
    sample = page.strip.named(link.sample)
    return {
        page.visit.selection: (run.id, place, now),
        page.visit.shown: str(now),
        page.strip.sample: link.sample,
        page.destination: link.destination,
        page.tabs: gr.Tabs(selected=link.tab) if link.tab else gr.Tabs(),
        **page.answer.of(run, place, hits, gallery, compared, sample.note if sample else ""),
        **page.followers.offer(hits, None, "", compared),
        **what_if.offer(page.what_if, choices.full),
        **graph.offer(page.graph, choices),
    }


def make_on_sample(page: Page) -> Handler:
    """A sample's picture: show what is stored of it, in place of a clip."""

    def on_sample(own: str, event: gr.EventData) -> Values:
        return {page.clip.clip: None, page.clip.status: "", **_show_sample(page, own, Link(event.sample))}

    return on_sample


def make_on_link(page: Page) -> Handler:
    """The page was opened: show the sample that its address names, or the one that it opens on. A clip may have been
    dropped already, and stays."""
    names = frozenset(sample.name for sample in page.strip.samples)

    def on_link(own: str, query: str) -> Values:
        return _show_sample(page, own, read_link(query, names, OPENING))

    return on_link


def make_on_stop(page: Page) -> Handler:
    """Another stop of the tour: its sample, tab, frame and switches; or its end."""

    def on_stop(own: str, event: gr.EventData) -> Values:
        number = int(event.stop)
        if not 0 <= number < len(tour.STOPS):
            return {page.tour.walk: tour.closed_html()}
        return _show_sample(page, own, tour.STOPS[number].link) | {page.tour.walk: tour.stop_html(number)}

    return on_stop


def _show_sample(page: Page, own: str, link: Link) -> Values:
    """What is stored of a sample; where nothing is, it is run as a clip."""
    sample = page.strip.named(link.sample)
    assert sample is not None, "only samples on offer are asked for"
    with told_to_the_visitor():
        run = page.visit.service.sample(sample.clip, sample.shows)
        if run is not None:
            return show(page, run, own, link) | {page.pending: ""}
    return {
        page.clip.clip: str(sample.clip),
        page.strip.sample: link.sample,
        page.destination: link.destination,
        page.pending: link.sample,
    }


def make_on_run(service: ExplainService, page: Page) -> Handler:
    """Run: show a first frame at once, then whom the detector sees, and in the end who it may be."""
    panel = page.clip

    def on_run(values: Values, request: gr.Request, progress: gr.Progress = gr.Progress()) -> Iterator[Values]:
        own, sample, destination = (values[box] for box in (page.visit.own, page.pending, page.destination))
        visitor = request.session_hash or ""
        with told_to_the_visitor():
            first, beside = clip.requests_of(panel, service.default, values)
            yield {
                page.answer.people: gr.HTML(visible=False),
                page.answer.portrait: clip.first_frame_html(first.clip),
                page.answer.answer: f"<h2>{text.WORKING}</h2>",
                page.answer.facts: "",
            }
            step = clip.Telling(progress)

            def analyze(on_seen: Seen) -> Run:
                if beside is not None:
                    return service.compare(first, beside, visitor, step)
                return service.analyze(first, visitor, step, on_seen=on_seen)

            try:
                with _beside(analyze) as (looks, running):
                    for image, boxes in looks:
                        yield {page.answer.portrait: clip.seen_html(image, boxes)}
                        step.again()
                    run = running.result()
            except StoppedError:
                yield {page.answer.answer: f"<h2>{text.CANCELLED}</h2>", panel.status: text.hints(text.CANCELLED)}
                return
        views.film_ahead(run, 0)
        seconds = sum(run.analysis.timings_s.values())
        tab, _, rank = destination.partition("/")
        link = Link(sample, "match" if beside is not None else tab, int(rank or 1))
        values = _answer(page, run, own, link)
        yield values | {
            page.answer.pictured: values[page.visit.shown],
            panel.status: text.hints(f"Done in {seconds:.1f} s."),
        }

    return on_run


@contextmanager
def _beside(analyze: Callable[[Seen], Run]) -> Iterator[tuple[Iterator[tuple[np.ndarray, np.ndarray]], Future[Run]]]:
    """An analysis in a thread of its own: what is seen until it ends, and the run."""
    seen = SimpleQueue[Any]()
    with ThreadPoolExecutor(1, "analysis") as thread:
        running = thread.submit(copy_context().run, analyze, lambda *look: seen.put(look))
        running.add_done_callback(lambda _: seen.put(None))
        yield iter(seen.get, None), running


def make_on_leave(service: ExplainService) -> Any:
    """The visitor closed the page: nobody waits for the run any more."""

    def on_leave(request: gr.Request) -> None:
        service.cancel(request.session_hash or "")

    return on_leave


def make_on_person(page: Page) -> Handler:
    """A person's box or thumbnail: show the answer and the tabs for this person."""

    def on_person(selection: Selection, own: str, sample: str, event: gr.EventData) -> Values:
        here = (selection[0], int(event.place), 0)
        with shown_person(page.visit.service, here) as (run, place):
            return show(page, run, own, Link(sample, person=place + 1))

    return on_person
