"""Everybody's gallery and each visitor's own: who finds what, and for how long."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ctl.errors import InputError
from ctl.gallery import GalleryEntry, MemoryGallery, Record, open_store, to_thumbnail
from ctl.web import galleries
from ctl.web.galleries import Galleries

SHA = "a" * 64
PICTURE = to_thumbnail(np.zeros((8, 4, 3), np.uint8))


def record(number: int, person: str) -> Record:
    return Record(GalleryEntry(f"{number:012x}/1", person, "hall"), torch.eye(4)[number % 4], PICTURE)


@pytest.fixture
def base() -> MemoryGallery:
    return MemoryGallery.empty(SHA).add([record(0, "everybody's")])


def people(held: Galleries, own: str = "") -> list[str]:
    return [entry.person for entry in held.read(own).entries]


def test_each_visitor_finds_their_own_beside_everybodys(base: MemoryGallery) -> None:
    held = Galleries(base)
    ann = held.add([record(1, "Ann")])
    ben = held.add([record(1, "Ben")])
    assert held.add([record(2, "Ann's friend")], ann) == ann != ben
    assert people(held, ann) == ["everybody's", "Ann", "Ann's friend"]
    assert people(held, ben) == ["everybody's", "Ben"]
    assert people(held) == ["everybody's"]


def test_what_is_there_already_changes_nothing(base: MemoryGallery) -> None:
    held = Galleries(base)
    ann = held.add([record(1, "Ann")])
    for number in (0, 1):
        with pytest.raises(InputError, match="already"):
            held.add([record(2, "Cat"), record(number, "Bea")], ann)
    assert people(held, ann) == ["everybody's", "Ann"]


def test_gallery_is_forgotten_when_it_is_not_used(base: MemoryGallery, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter((0.0, 9.0, 18.0, 29.0))
    monkeypatch.setattr(galleries.time, "monotonic", lambda: next(clock))
    held = Galleries(base, max_age_s=10)
    ann = held.add([record(1, "Ann")])
    for _ in range(2):
        assert people(held, ann) == ["everybody's", "Ann"]
    with pytest.raises(InputError, match="no longer kept"):
        held.read(ann)


def test_neither_one_visitor_nor_many_fill_the_memory(base: MemoryGallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(galleries, "MAX_TRACKLETS", 2)
    monkeypatch.setattr(galleries, "MAX_GALLERIES", 2)
    held = Galleries(base)
    ann = held.add([record(1, "Ann"), record(2, "Ann")])
    with pytest.raises(InputError, match="holds 2 tracklets at most"):
        held.add([record(3, "Ann")], ann)
    ben, cat = held.add([record(1, "Ben")]), held.add([record(1, "Cat")])
    with pytest.raises(InputError, match="no longer kept"):
        held.read(ann)
    assert (people(held, ben)[1:], people(held, cat)[1:]) == (["Ben"], ["Cat"])


def test_own_galleries_have_a_bound_in_bytes_together(base: MemoryGallery, monkeypatch: pytest.MonkeyPatch) -> None:
    def heavy(number: int, kilobytes: int) -> Record:
        return Record(GalleryEntry(f"{number:012x}/1", "x", "hall"), torch.eye(4)[0], b"", bytes(1000 * kilobytes))

    monkeypatch.setattr(galleries, "MAX_BYTES", 100_000)
    held = Galleries(base)
    ann, ben, cat = (held.add([heavy(1, 30)]) for _ in range(3))
    held.read(ann)
    dan = held.add([heavy(1, 30)])  # for whom Ben, not read for the longest, has to go
    with pytest.raises(InputError, match="no longer kept"):
        held.read(ben)
    assert [len(held.read(own)) for own in (ann, cat, dan)] == [2, 2, 2]
    held.add([heavy(2, 60)], ann)
    for own in (cat, dan):
        with pytest.raises(InputError, match="no longer kept"):
            held.read(own)
    eve = held.add([heavy(1, 101)])  # the newest stays, alone
    assert len(held.read(eve)) == 2
    with pytest.raises(InputError, match="no longer kept"):
        held.read(ann)


def test_embeddings_and_thumbnails_count_too(base: MemoryGallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(galleries, "MAX_BYTES", 2 * (4 * 4 + 10))
    for jpeg, evidence, kept in ((b"j" * 10, b"", True), (b"j" * 11, b"", False), (b"j" * 5, b"e" * 6, False)):
        held = Galleries(base)
        first = held.add([Record(GalleryEntry(f"{1:012x}/1", "x", "hall"), torch.eye(4)[0], jpeg, evidence)])
        held.add([Record(GalleryEntry(f"{1:012x}/1", "x", "hall"), torch.eye(4)[0], b"j" * 10)])
        if kept:
            assert len(held.read(first)) == 2
        else:
            with pytest.raises(InputError, match="no longer kept"):
                held.read(first)


def test_kept_gallery_is_everybodys_and_sees_what_others_write(base: MemoryGallery, tmp_path: Path) -> None:
    store = open_store(tmp_path / "known", SHA)
    store.replace(base)
    held = Galleries(base, store)
    assert held.add([record(1, "Ann")]) == ""
    open_store(tmp_path / "known").update(lambda gallery: gallery.add([record(2, "from elsewhere")]))
    assert people(held) == ["everybody's", "Ann", "from elsewhere"]
    with pytest.raises(InputError, match="no longer kept"):
        held.read("guess")


def test_a_visitor_changes_their_own_gallery_alone(base: MemoryGallery) -> None:
    held = Galleries(base)
    ann = held.add([record(1, "Ann"), record(2, "Ann's friend")])
    assert held.update(lambda gallery: gallery.rename(["000000000001/1"], person="Anna"), ann) == ann
    held.update(lambda gallery: gallery.remove(["000000000002/1"]), ann)
    assert [entry.person for entry in held.shelf(ann).entries] == ["Anna"]
    assert people(held, ann) == ["everybody's", "Anna"]
    with pytest.raises(InputError, match="can't be changed from here"):
        held.update(lambda gallery: gallery.remove(["000000000000/1"]), ann)
    assert people(held) == ["everybody's"]
    assert not held.kept
    assert len(held.shelf()) == 0


def test_a_gallery_is_held_until_it_is_forgotten(base: MemoryGallery) -> None:
    held = Galleries(base, max_age_s=0.0)
    ann = held.add([record(1, "Ann")])
    assert held.holds("")
    assert not held.holds("somebody else's")
    assert not held.holds(ann)
    assert not Galleries(base).holds(ann)


def test_a_gallery_on_disk_is_everybodys_shelf(base: MemoryGallery, tmp_path: Path) -> None:
    held = Galleries(base, open_store(tmp_path / "kept", SHA))
    assert held.kept
    assert held.update(lambda gallery: gallery.add([record(1, "Ann")])) == ""
    assert [entry.person for entry in held.shelf().entries] == ["Ann"]
    assert [entry.person for entry in Galleries(base, open_store(tmp_path / "kept", SHA)).shelf().entries] == ["Ann"]
