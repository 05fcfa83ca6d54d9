"""Searches of the Gallery tab, with made-up embeddings: who is found, and what is said of it."""

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from ctl.errors import InputError
from ctl.gallery import GalleryEntry, MemoryGallery, Record, to_thumbnail
from ctl.types import Calibration
from ctl.web.runs import RunStore
from ctl.web.searches import Search, histogram, hits_html, search, threshold_meaning

SHA = "a" * 64
PICTURE = to_thumbnail(np.zeros((8, 4, 3), np.uint8))
RUNS = cast(RunStore, SimpleNamespace())  # never asked: every query here is a tracklet of the gallery
CALIBRATION = Calibration(slope=10.0, intercept=-5.0, fitted_on="walkers-v1")


def record(number: int, person: str, camera: str, *embedding: float) -> Record:
    return Record(GalleryEntry(f"{number:012x}/1", person, camera), torch.tensor(embedding), PICTURE)


@pytest.fixture
def gallery() -> MemoryGallery:
    return MemoryGallery.empty(SHA).add(
        [
            record(1, "Ann", "hall", 1, 0, 0),
            record(2, "Ann", "porch", 0, 1, 0),
            record(3, "Ben", "hall", 1, 0.9, 0),
            record(4, "Cat", "porch", 1, 0, 1),
        ]
    )


def key(number: int) -> str:
    return f"{number:012x}/1"


def people(gallery: MemoryGallery, asked: Search) -> list[str]:
    return [hit.person for hit in search(RUNS, gallery, asked).hits]


def test_several_queries_are_searched_for_together_and_are_never_hits(gallery: MemoryGallery) -> None:
    assert people(gallery, Search((key(1),))) == ["Ben", "Cat", "Ann"]
    found = search(RUNS, gallery, Search((key(1), key(2))))
    assert [hit.person for hit in found.hits] == ["Ben", "Cat"]
    mean = torch.tensor([1.0, 1, 0]) / 2**0.5
    wanted = torch.tensor([1.0, 0.9, 0]) / 1.81**0.5 @ mean
    assert found.hits[0].similarity == pytest.approx(float(wanted), abs=1e-6)


def test_cameras_rank_and_threshold_narrow_the_hits_but_the_threshold_not_the_histogram(gallery: MemoryGallery) -> None:
    assert people(gallery, Search((key(1),), cameras=("porch",))) == ["Cat", "Ann"]
    assert people(gallery, Search((key(1),), without_cameras=("porch",))) == ["Ben"]
    assert people(gallery, Search((key(1),), top_k=1)) == ["Ben"]
    found = search(RUNS, gallery, Search((key(1),), at_least=0.5))
    assert [hit.person for hit in found.hits] == ["Ben", "Cat"]
    assert len(found.similarities) == 3
    counts = [int(count) for count in re.findall(r": (\d+) tracklets<", histogram(found.similarities, 0.5))]
    assert (len(counts), sum(counts)) == (40, 3)
    assert [place for place, count in enumerate(counts) if count] == sorted(
        {int(20 * (1 + s)) for s in found.similarities.tolist()}
    )


def test_an_empty_gallery_and_an_empty_query() -> None:
    empty = MemoryGallery.empty(SHA)
    with pytest.raises(InputError, match="at least one clip"):
        search(RUNS, empty, Search(()))
    with pytest.raises(InputError, match="no tracklet"):
        search(RUNS, empty, Search((key(9),)))


def test_cards_carry_names_as_text_and_buttons_with_names_of_their_own(gallery: MemoryGallery) -> None:
    attack = "<img src=x onerror=alert(1)>"
    named = gallery.rename([key(3)], person=attack, camera=attack)
    hits = search(RUNS, named, Search((key(1),))).hits
    cards = hits_html(hits, named, CALIBRATION, trained=True)
    assert attack not in cards
    assert f'data-action="compare" data-key="{key(3)}" aria-label="Compare: rank 1, &lt;img' in cards
    assert "probability" in cards
    assert "probability" not in hits_html(hits, named, None, trained=True)


def test_no_hits_and_untrained_weights_are_said(gallery: MemoryGallery) -> None:
    assert "Nothing is ranked" in hits_html((), gallery, None, trained=True)
    hits = search(RUNS, gallery, Search((key(1),))).hits
    assert "rankings are not meaningful" in hits_html(hits, gallery, None, trained=False)
    assert "rankings are not meaningful" not in hits_html(hits, gallery, None, trained=True)


def test_a_threshold_means_what_calibration_says() -> None:
    said = threshold_meaning(0.5, CALIBRATION)
    assert "similarity 0.50" in said
    assert "<b>50%</b>" in said, "10 · 0.5 − 5 = 0"
    assert "walkers-v1" in said
    assert "&lt;b" in threshold_meaning(0.5, replace(CALIBRATION, fitted_on="<b"))
    assert "isn't known" in threshold_meaning(0.5, None)
    assert "Move" in threshold_meaning(-1.0, CALIBRATION)
    assert "real clips" in threshold_meaning(-1.0, CALIBRATION)
    assert "real clips" not in threshold_meaning(-1.0, replace(CALIBRATION, fitted_on="mars"))
