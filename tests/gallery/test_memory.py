"""What only a gallery in memory promises: it is a value, and equal embeddings are equal."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ctl.errors import InputError
from ctl.gallery import Filter, GalleryEntry, MemoryGallery
from ctl.gallery.entries import Entries
from tests.gallery.cases import SHA256, entry, key, people, record, records, some_embeddings


@pytest.mark.parametrize("width", [2, 512, 2048])
def test_equal_embeddings_keep_the_order_they_were_added_in(width: int) -> None:
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(3, width, generator=generator)[torch.randint(3, (101,), generator=generator)]
    embeddings = torch.nn.functional.normalize(rows, dim=1)
    gallery = MemoryGallery(SHA256, tuple(entry(n) for n in range(101)), embeddings, (b"",) * 101, (b"",) * 101)
    hits = gallery.search(torch.randn(width, generator=generator), top_k=101)
    assert len({hit.similarity for hit in hits}) == 3
    for before, after in pairwise(hits):
        assert before.similarity > after.similarity or before.key < after.key


def test_changes_leave_the_old_gallery_as_it_was() -> None:
    gallery = MemoryGallery.empty(SHA256).add(records(some_embeddings()))
    before = people(gallery)
    gallery.remove([key(1)]).rename([key(2)], person="zoe").add([record(13, torch.ones(7))])
    assert people(gallery) == before
    assert len(gallery.embeddings) == 12


def test_gallery_that_contradicts_itself_is_refused() -> None:
    gallery = MemoryGallery.empty(SHA256).add(records(some_embeddings(2)))
    with pytest.raises(InputError, match="keys must differ"):
        replace(gallery, entries=(entry(1), entry(1)))
    with pytest.raises(InputError, match="L2-normalised"):
        replace(gallery, embeddings=2 * gallery.embeddings)
    with pytest.raises(InputError, match=r"must be \(2, D\) float32"):
        replace(gallery, embeddings=gallery.embeddings[:1])


def test_size_counts_everything_that_grows_with_a_tracklet() -> None:
    empty = MemoryGallery.empty(SHA256)
    one = replace(record(1, torch.ones(7)), jpeg=b"12345", evidence=b"123")
    assert (empty.nbytes, empty.add([one]).nbytes) == (0, 7 * 4 + 5 + 3)


def in_half_precision(gallery: MemoryGallery) -> MemoryGallery:
    return replace(gallery, embeddings=gallery.embeddings.half())


@pytest.mark.parametrize("numbers_at_once", [1, 7, 20, 83, 2**19])
@pytest.mark.parametrize("half", [False, True])
def test_blocks_of_any_size_rank_as_loops_do(monkeypatch: pytest.MonkeyPatch, numbers_at_once: int, half: bool) -> None:
    monkeypatch.setattr("ctl.gallery.memory.BLOCK", numbers_at_once)
    gallery = MemoryGallery.empty(SHA256).add(records(some_embeddings(25)))
    gallery = in_half_precision(gallery) if half else gallery
    for query in torch.nn.functional.normalize(some_embeddings(3, seed=1), dim=1):
        dots = [sum(x * y for x, y in zip(query.tolist(), row, strict=True)) for row in gallery.embeddings.tolist()]
        wanted = sorted(enumerate(dots, start=1), key=lambda pair: -pair[1])
        hits = gallery.search(query, top_k=25)
        assert [hit.key for hit in hits] == [key(number) for number, _ in wanted]
        np.testing.assert_allclose([hit.similarity for hit in hits], [value for _, value in wanted], atol=1e-6)
        assert [hit.key for hit in gallery.search(query, top_k=4)] == [hit.key for hit in hits[:4]]
        np.testing.assert_allclose(gallery.similarities(query), [hit.similarity for hit in hits], atol=1e-6)


@pytest.mark.parametrize("half", [False, True])
def test_equal_embeddings_in_different_blocks_keep_the_order_they_were_added_in(
    monkeypatch: pytest.MonkeyPatch, half: bool
) -> None:
    monkeypatch.setattr("ctl.gallery.memory.BLOCK", 512 * 4)
    gallery = MemoryGallery.empty(SHA256).add(records(some_embeddings(1, 512).expand(10, -1)))
    gallery = in_half_precision(gallery) if half else gallery
    hits = gallery.search(some_embeddings(1, 512, seed=1))
    assert [hit.key for hit in hits] == [key(n) for n in range(1, 11)]
    assert len({hit.similarity for hit in hits}) == 1


def test_half_precision_moves_a_similarity_by_its_rounding_only_and_swaps_none_that_are_further_apart() -> None:
    exact = MemoryGallery.empty(SHA256).add(records(some_embeddings(3000, 512)))
    rounded = in_half_precision(exact)
    for query in some_embeddings(5, 512, seed=1):
        before = {hit.key: hit.similarity for hit in exact.search(query, top_k=3000)}
        after = {hit.key: hit.similarity for hit in rounded.search(query, top_k=3000)}
        moved = max(abs(before[name] - after[name]) for name in before)
        assert 0 < moved < 1e-4  # 2**-11 is the most that any embedding could bring
        order = [before[name] for name in after]
        assert all(first >= second - 2e-4 for first, second in pairwise(order))


def test_half_precision_stays_what_it_is_through_changes() -> None:
    rounded = in_half_precision(MemoryGallery.empty(SHA256).add(records(some_embeddings(5))))
    changed = rounded.add([record(6, torch.ones(7))]).remove([key(1)]).rename([key(2)], person="zoe")
    assert changed.embeddings.dtype == torch.float16
    (held,) = changed.records([key(3)])
    assert held.embedding.dtype == torch.float32
    assert torch.equal(held.embedding.half(), rounded.embeddings[2])


@given(
    *(st.frozensets(st.sampled_from(names)) for names in (("c0", "c1", "c9"), ("c0", "c2"), ("person 0", "person 3"))),
    st.frozensets(st.sampled_from([key(1), key(7), key(12), "f" * 12 + "/1"])),
    st.frozensets(st.sampled_from(["person 2", "person 3", "nobody"])),
)
def test_filter_admits_for_a_search_what_it_admits_alone(
    cameras, without_cameras, people, without_keys, without_people
) -> None:
    where = Filter(cameras, without_cameras, people, without_keys, without_people)
    gallery = MemoryGallery.empty(SHA256).add(records(some_embeddings()))
    found = {hit.key for hit in gallery.search(torch.ones(7), where=where)}
    assert found == {known.key for known in gallery.entries if where.admits(known)}


def test_keys_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctl.gallery.entries._hashes", lambda keys: np.full(len(keys), 7, np.uint64))
    listed = tuple(entry(number) for number in (3, 1, 2))
    gallery = MemoryGallery("", listed, torch.eye(3), (b"",) * 3, (b"",) * 3)
    assert [gallery.records([key(number)])[0].embedding.argmax().item() for number in (1, 2, 3)] == [1, 2, 0]
    assert key(4) not in gallery
    with pytest.raises(InputError, match="keys must differ"):
        MemoryGallery("", (*listed, listed[1]), torch.eye(4), (b"",) * 4, (b"",) * 4)


NAMES = st.sampled_from(["Anna", "Ben", "hall", "é" * 100])
LISTED = st.lists(
    st.builds(GalleryEntry, st.sampled_from([key(n) for n in range(30)] + ["0" * 12 + "/999999999"]), NAMES, NAMES),
    unique_by=lambda listed: listed.key,
)


@given(LISTED, st.data())
def test_entries_in_columns_are_what_they_would_be_in_a_list(listed: list[GalleryEntry], data: st.DataObject) -> None:
    half = len(listed) // 2
    entries = Entries.of(listed[:half]).joined(listed[half:])
    assert entries == listed
    assert entries[::-1] == listed[::-1]
    assert [entries.find(each.key) for each in listed] == [*range(len(listed))]
    odd = ["f" * 12 + "/1", "no key " * 9, "\udc80", *(f"{each.key}{tail}" for each in listed for tail in ("\0", " "))]
    assert [entries.find(name) for name in odd] == [None] * len(odd)
    assert not listed or entries != [each.key for each in listed]
    assert entries.distinct
    assert not listed or not entries.joined(listed[:1]).distinct
    rows = data.draw(st.sets(st.sampled_from(range(len(listed)))) if listed else st.just(set()))
    person, camera = data.draw(st.none() | NAMES), data.draw(st.none() | NAMES)
    names = [name for name in (("person", person), ("camera", camera)) if name[1] is not None]
    wanted = [replace(each, **dict(names)) if row in rows else each for row, each in enumerate(listed)]
    assert entries.renamed(rows, person, camera) == wanted
    assert entries == listed, "it is a value"
    assert entries.take(np.array(sorted(rows), int)) == [listed[row] for row in sorted(rows)]
