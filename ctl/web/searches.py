"""A search of the gallery: who is searched for, where, and what was found, as the page shows it.

A query is named by a *token*: a tracklet's key in the gallery, or "run:ID:PLACE" of a person that was just analysed.
"""

import re
from dataclasses import dataclass
from html import escape
from typing import Final

import numpy as np
import torch

from ctl.draw.bars import bars_html
from ctl.draw.page import chance_text, image_tag, number
from ctl.errors import InputError
from ctl.gallery import TOP_K, Filter, Gallery, tracklet_key
from ctl.types import Calibration, Hit, PersonAnalysis, Ranking
from ctl.web import text
from ctl.web.answers import PRIOR, chance
from ctl.web.runs import Run, RunStore

BINS: Final = 40

_RUN: Final = re.compile(r"run:([\w-]+):(\d+)")


@dataclass(frozen=True)
class Search:
    """What the controls of the Gallery tab ask for.

    Args:
        queries: tokens of clips that show one person.
        cameras, without_cameras: only these, none of these; empty asks for nothing.
        top_k: hits at most.
        at_least: smallest similarity that counts, -1..1.
    """

    queries: tuple[str, ...]
    cameras: tuple[str, ...] = ()
    without_cameras: tuple[str, ...] = ()
    top_k: int = TOP_K
    at_least: float = -1.0


@dataclass(frozen=True, eq=False)
class Found:
    """Hits, and (n,) float32 similarities of all n tracklets that counted, highest first."""

    hits: Ranking
    similarities: torch.Tensor


def key_of(run: Run, person: PersonAnalysis) -> str:
    """The key that a person of a run has, or would have, in a gallery."""
    return tracklet_key(run.digest, person.tracklet.id)


def token_of(run: Run, place: int) -> str:
    """Names a person of a run as a query."""
    return f"run:{run.id}:{place}"


def search(runs: RunStore, gallery: Gallery, wanted: Search) -> Found:
    """Rank a gallery. What is searched for is never among the hits.

    Raises InputError where nothing is asked for, a run is no longer kept, the gallery has no such key, or clips were
    embedded by another checkpoint.
    """
    if not wanted.queries:
        raise InputError("Choose at least one clip to search for.")
    embeddings = dict(_query(runs, gallery, token) for token in wanted.queries)
    query = torch.stack(list(embeddings.values()))
    where = Filter(frozenset(wanted.cameras), frozenset(wanted.without_cameras), without_keys=frozenset(embeddings))
    return Found(
        gallery.search(query, wanted.top_k, wanted.at_least, where) if len(gallery) else (),
        gallery.similarities(query, where) if len(gallery) else torch.zeros(0),
    )


def _query(runs: RunStore, gallery: Gallery, token: str) -> tuple[str, torch.Tensor]:
    """Key and embedding of a token."""
    if (named := _RUN.fullmatch(token)) is None:
        (record,) = gallery.records([token])
        return token, record.embedding
    run = runs.get(named[1])
    if run.engine.checkpoint.sha256 != gallery.checkpoint_sha256:
        raise InputError("These clips were embedded by different checkpoints: search for one of them at a time.")
    person = run.analysis.people[int(named[2])]
    return key_of(run, person), torch.from_numpy(person.embedding)


def hit_label(hit: Hit) -> str:
    """A hit in one line."""
    return f"#{hit.rank} · {hit.similarity:.3f} · {hit.person} · camera {hit.camera}"


def hits_html(hits: Ranking, gallery: Gallery, calibration: Calibration | None, *, trained: bool) -> str:
    """The hits with their pictures, best first, each with buttons to compare it and to search for it."""
    warning = "" if trained else text.notes([text.WARNING])
    if not hits:
        return warning + text.hints(text.NO_HITS)
    records = gallery.records([hit.key for hit in hits])
    items = "".join(
        f"<li>{image_tag(record.picture, f'Rank {hit.rank}: {hit.person}')}"
        f"<b>#{hit.rank} · {number(hit.similarity)}</b>{_chance(hit, calibration)}"
        f"<span>{escape(hit.person)}</span><span>camera {escape(hit.camera)}</span>"
        f"{_button('compare', 'Compare', hit)}{_button('search', 'Search', hit)}</li>"
        for hit, record in zip(hits, records, strict=True)
    )
    return f'{warning}<ol class="ctl-hits">{items}</ol>'


def _chance(hit: Hit, calibration: Calibration | None) -> str:
    likely = chance(hit.similarity, calibration)
    return "" if likely is None else f"<span>probability {chance_text(likely)}</span>"


def _button(action: str, word: str, hit: Hit) -> str:
    name = escape(f"{word}: rank {hit.rank}, {hit.person}")
    return f'<button type="button" data-action="{action}" data-key="{hit.key}" aria-label="{name}">{word}</button>'


HITS_SCRIPT: Final = """
element.addEventListener("click", event => {
  const button = event.target.closest("button[data-key]");
  if (button) trigger("select", {action: button.dataset.action, key: button.dataset.key});
});
"""
"""Body of a function of Gradio's `element` and `trigger`."""


def threshold_meaning(at_least: float, calibration: Calibration | None) -> str:
    """What a similarity means, as a sentence of HTML."""
    if calibration is None:
        return "How likely a similarity is to be the same person isn't known: this checkpoint has no calibration."
    likely = chance_text(float(calibration.probability(at_least, PRIOR)))
    meaning = (
        "Move “Similarity at least” to see what a similarity means."
        if at_least <= -1
        else f"A pair of similarity {number(at_least, 2)} shows one person with probability <b>{likely}</b>, if half "
        "of all pairs do."
    )
    return f"{meaning} {escape(calibration.holds_for)}"


def histogram(similarities: torch.Tensor, at_least: float) -> str:
    """How similar all tracklets are that counted, as HTML; the threshold as a line."""
    counts, edges = np.histogram(similarities.numpy(), bins=BINS, range=(-1, 1))
    words = [
        f"{number(low, 2)} to {number(high, 2)}: {count} tracklets"
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    title = f"Similarity of all {len(similarities)} tracklets; the highest bar is {counts.max()}"
    return bars_html(counts, title, (number(-1, 0), "similarity", "1"), words, (1 + at_least) / 2)
