"""A visitor's own tracklets over everybody's: searched as one gallery, changed apart."""

import pytest

from ctl.errors import InputError
from ctl.gallery import Filter, MemoryGallery, SessionGallery
from tests.gallery.cases import OTHER_SHA256, SHA256, key, people, record, records, some_embeddings

EMBEDDINGS = some_embeddings()
ALL = records(EMBEDDINGS)


def session() -> SessionGallery:
    """Tracklets 1 to 7 are everybody's, 8 to 12 the visitor's."""
    empty = MemoryGallery.empty(SHA256)
    return SessionGallery(empty.add(ALL[:7]), empty.add(ALL[7:]))


def test_both_parts_are_searched_as_one_gallery() -> None:
    whole = MemoryGallery.empty(SHA256).add(ALL)
    for query in some_embeddings(4, seed=5):
        for where in (Filter(), Filter(cameras=frozenset({"c1"})), Filter(without_keys=frozenset({key(9)}))):
            found, wanted = (gallery.search(query, 5, -0.5, where) for gallery in (session(), whole))
            assert [vars(hit) for hit in found] == [vars(hit) for hit in wanted]
            assert session().similarities(query, where).equal(whole.similarities(query, where))
            assert session().count(where) == whole.count(where)
    assert people(session()) == people(whole)
    for found, given in zip(session().records([key(9), key(2), key(8)]), (ALL[8], ALL[1], ALL[7]), strict=True):
        assert (found.entry, found.jpeg, found.evidence) == (given.entry, given.jpeg, given.evidence)


def test_only_ones_own_can_be_changed() -> None:
    mine = session().rename([key(8)], person="zoe").remove([key(9)])
    assert [entry.key for entry in mine.own.entries] == [key(n) for n in (8, 10, 11, 12)]
    assert mine.own.entries[0].person == "zoe"
    for change in (lambda: mine.remove([key(10), key(1)]), lambda: mine.rename([key(1)], person="zoe")):
        with pytest.raises(InputError, match="000000000001/1 is in everybody's gallery, which can't be changed"):
            change()
    with pytest.raises(InputError, match="in everybody's gallery already, as person 1"):
        mine.add([record(1, EMBEDDINGS[0])])
    with pytest.raises(InputError, match="holds 000000000008/1 already, as zoe"):
        mine.add([record(8, EMBEDDINGS[7])])


def test_two_visitors_do_not_see_each_other() -> None:
    base = session().base
    one, two = (SessionGallery(base, MemoryGallery.empty(SHA256)) for _ in range(2))
    assert len(one.add(ALL[7:])) == 12
    assert len(two) == 7


def test_own_tracklets_of_another_checkpoint_are_refused() -> None:
    with pytest.raises(InputError, match="another checkpoint than the page's"):
        SessionGallery(session().base, MemoryGallery.empty(OTHER_SHA256))
