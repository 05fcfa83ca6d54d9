"""What every gallery must do, whatever it is kept in; searches are checked against slow loops."""

import numpy as np
import pytest
import torch
from torch import Tensor

from ctl.errors import InputError
from ctl.gallery import Filter, Gallery, direction, keys_of, rename_person, require_weights
from tests.gallery.cases import (
    OTHER_SHA256,
    SHA256,
    entry,
    evidence,
    key,
    people,
    ranked_by_loops,
    record,
    records,
    some_embeddings,
)

pytestmark = pytest.mark.filterwarnings("error", "ignore:Api key is used")


@pytest.fixture
def filled(empty: Gallery) -> Gallery:
    return empty.add(records(some_embeddings()))


def test_search_ranks_as_loops_do(filled: Gallery) -> None:
    for query in some_embeddings(5, seed=1):
        hits = filled.search(3.7 * query, top_k=12)
        wanted = ranked_by_loops(query[None], some_embeddings())
        assert [hit.key for hit in hits] == [name for name, _ in wanted]
        np.testing.assert_allclose([hit.similarity for hit in hits], [value for _, value in wanted], atol=1e-6)
        assert [hit.rank for hit in hits] == list(range(1, 13))


def test_several_queries_rank_by_their_mean_similarity_whatever_their_lengths(filled: Gallery) -> None:
    queries = some_embeddings(3, seed=2)
    hits = filled.search(queries * torch.tensor([[0.1], [1.0], [50.0]]), top_k=12)
    wanted = ranked_by_loops(queries, some_embeddings())
    assert [hit.key for hit in hits] == [name for name, _ in wanted]
    shrink = hits[0].similarity / wanted[0][1]  # one factor for all: the length of the mean of unit vectors
    np.testing.assert_allclose([hit.similarity for hit in hits], [shrink * value for _, value in wanted], atol=1e-6)


def test_hit_carries_what_the_gallery_records(filled: Gallery) -> None:
    (hit,) = filled.search(some_embeddings()[4], top_k=1)
    assert (hit.rank, hit.key, hit.person, hit.camera) == (1, key(5), "person 1", "c2")
    assert hit.similarity == pytest.approx(1)


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        pytest.param(Filter(cameras=frozenset({"c1"})), (1, 4, 7, 10), id="one-camera"),
        pytest.param(Filter(cameras=frozenset({"c0", "c1"})), (1, 3, 4, 6, 7, 9, 10, 12), id="two-cameras"),
        pytest.param(Filter(without_cameras=frozenset({"c1", "c2"})), (3, 6, 9, 12), id="without-cameras"),
        pytest.param(Filter(people=frozenset({"person 1", "person 3"})), (1, 3, 5, 7, 9, 11), id="people"),
        pytest.param(
            Filter(without_people=frozenset({"person 0", "person 1"})), (2, 3, 6, 7, 10, 11), id="without-people"
        ),
        pytest.param(
            Filter(without_keys=frozenset({key(1), key(2), "f" * 12 + "/1"})), range(3, 13), id="without-keys"
        ),
        pytest.param(
            Filter(frozenset({"c1"}), frozenset({"c0"}), frozenset({"person 0"}), frozenset({key(10)})), (4,), id="all"
        ),
        pytest.param(Filter(cameras=frozenset({"c9"})), (), id="nothing-left"),
        pytest.param(Filter(cameras=frozenset({"c1"}), without_cameras=frozenset({"c1"})), (), id="contradiction"),
    ],
)
def test_filters_leave_the_ranking_of_the_rest(filled: Gallery, where: Filter, numbers: tuple[int, ...]) -> None:
    query = some_embeddings(1, seed=3)
    wanted = [pair for pair in ranked_by_loops(query, some_embeddings()) if pair[0] in map(key, numbers)]
    assert [hit.key for hit in filled.search(query, top_k=3, where=where)] == [name for name, _ in wanted[:3]]
    values = filled.similarities(query, where)
    np.testing.assert_allclose(values, np.array([value for _, value in wanted]), atol=1e-6)
    assert values.dtype == torch.float32
    assert filled.count(where) == len(numbers)


def test_threshold_keeps_what_reaches_it(filled: Gallery) -> None:
    query = some_embeddings()[0]
    everything = filled.search(query, top_k=12)
    reached = filled.search(query, at_least=everything[3].similarity)
    assert [hit.key for hit in reached] == [hit.key for hit in everything[:4]]
    assert filled.search(-query, at_least=0.999) == ()


def test_empty_gallery_finds_nothing(empty: Gallery) -> None:
    assert empty.search(torch.ones(5)) == ()
    assert empty.similarities(torch.ones(5)).tolist() == []
    assert empty.count(Filter()) == 0
    assert (len(empty), empty.entries, key(1) in empty) == (0, (), False)


@pytest.mark.parametrize("query", [torch.zeros(7), torch.full((7,), torch.nan), torch.ones(1, 1, 7), torch.ones(0, 7)])
def test_query_without_a_direction_is_refused(filled: Gallery, query: Tensor) -> None:
    with pytest.raises(ValueError, match="finite and not zero"):
        filled.search(query)


def test_what_cannot_be_searched_is_named(filled: Gallery) -> None:
    with pytest.raises(InputError, match="embeddings of 7 numbers, the checkpoint gives 8: rebuild it"):
        filled.search(torch.ones(8))
    with pytest.raises(InputError, match="opposite directions"):
        filled.search(torch.stack([torch.ones(7), -torch.ones(7)]))
    with pytest.raises(InputError, match="at least 1, got 0"):
        filled.search(torch.ones(7), top_k=0)


def test_records_come_back_as_they_were_given(filled: Gallery) -> None:
    found = filled.records([key(5), key(3), key(11)])
    for number, held in zip((5, 3, 11), found, strict=True):
        given = record(number, some_embeddings()[number - 1])
        assert held.entry == given.entry
        assert torch.equal(held.embedding, direction(given.embedding))
        assert held.jpeg == given.jpeg
        assert held.evidence == given.evidence
        assert (held.picture.shape, held.picture.dtype) == ((192, 96, 3), np.uint8)
        np.testing.assert_allclose(held.picture, number * 10, atol=2)
    assert filled.records([]) == ()


def test_entries_keep_the_order_they_were_added_in(filled: Gallery) -> None:
    again = filled.remove([key(2)]).add([record(2, torch.ones(7)), record(13, torch.ones(7))])
    assert list(again.entries) == [entry(n) for n in (1, *range(3, 13), 2, 13)]


def evidence_in(gallery: Gallery) -> list[bytes]:
    return [held.evidence for held in gallery.records([entry.key for entry in gallery.entries])]


def test_evidence_stays_with_its_tracklet_through_every_change(filled: Gallery) -> None:
    assert evidence_in(filled) == [evidence(n) for n in range(1, 13)]
    changed = filled.remove([key(2), key(5)]).add([record(13, torch.ones(7)), record(5, torch.ones(7))])
    changed = changed.rename([key(3)], person="zoe", camera="roof")
    assert evidence_in(changed) == [evidence(n) for n in (1, 3, 4, *range(6, 13), 13, 5)]


def test_removed_tracklets_are_gone(filled: Gallery) -> None:
    smaller = filled.remove([key(1), key(12)])
    assert (len(smaller), key(1) in smaller, key(2) in smaller) == (10, False, True)
    wanted = [name for name, _ in ranked_by_loops(torch.ones(1, 7), some_embeddings()) if name not in (key(1), key(12))]
    assert [hit.key for hit in smaller.search(torch.ones(7), top_k=12)] == wanted
    nobody = smaller.remove([entry.key for entry in smaller.entries])
    assert (len(nobody), nobody.search(torch.ones(7))) == (0, ())


def test_renamed_tracklets_keep_all_else(filled: Gallery) -> None:
    before = people(filled)
    changed = filled.rename([key(3)], person="zoe").rename([key(3), key(4)], camera="roof")
    assert people(changed) == [*before[:2], (key(3), "zoe", "roof"), (key(4), "person 0", "roof"), *before[4:]]
    (hit,) = changed.search(some_embeddings()[2], top_k=1, where=Filter(people=frozenset({"zoe"})))
    assert (hit.key, hit.camera) == (key(3), "roof")
    assert people(changed.rename([key(5)])) == people(changed)


def test_person_is_renamed_everywhere_and_may_become_another(filled: Gallery) -> None:
    changed = rename_person(filled, "person 1", "person 2")
    assert sorted(keys_of(changed, "person 2")) == [key(n) for n in (1, 2, 5, 6, 9, 10)]
    with pytest.raises(InputError, match="nobody in the gallery is called 'person 1'"):
        rename_person(changed, "person 1", "ann")


def test_a_change_that_cannot_be_made_changes_nothing(filled: Gallery) -> None:
    before = people(filled)
    with pytest.raises(InputError, match="holds 000000000001/1 already, as person 1"):
        filled.add([record(13, torch.ones(7)), record(1, torch.ones(7))])
    with pytest.raises(InputError, match="keys must differ"):
        filled.add([record(13, torch.ones(7)), record(13, torch.ones(7))])
    with pytest.raises(InputError, match="embeddings of 7 numbers"):
        filled.add([record(13, torch.ones(7)), record(14, torch.ones(6))])
    with pytest.raises(InputError, match="no tracklet 'ffffffffffff/1'"):
        filled.remove([key(1), "f" * 12 + "/1"])
    with pytest.raises(InputError, match="no tracklet 'ffffffffffff/1'"):
        filled.rename([key(1), "f" * 12 + "/1"], person="zoe")
    with pytest.raises(InputError, match="person must be 1 to 100 printable"):
        filled.rename([key(1)], person="")
    with pytest.raises(InputError, match="no tracklet 'ffffffffffff/1'"):
        filled.records(["f" * 12 + "/1"])
    assert people(filled) == before


def test_gallery_of_other_weights_is_refused(empty: Gallery) -> None:
    require_weights(empty, SHA256)
    with pytest.raises(InputError, match="python -m ctl gallery build"):
        require_weights(empty, OTHER_SHA256)


def test_two_hundred_tracklets_go_in_and_out_in_several_requests(empty: Gallery) -> None:
    embeddings = some_embeddings(200, 4)
    full = empty.add(records(embeddings))
    assert [record.entry for record in full.records([key(n) for n in range(200, 0, -1)])] == [
        entry(n) for n in range(200, 0, -1)
    ]
    assert len(full.similarities(torch.ones(4))) == 200
