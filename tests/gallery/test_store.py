"""Where galleries are kept: folders and Qdrant servers behind one small interface, and what goes wrong there."""

import socket
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from qdrant_client import models

from ctl.errors import InputError
from ctl.gallery import GalleryFolder, MemoryGallery, Record, open_store
from ctl.gallery.layout import EVIDENCE_BYTES, JPEG_BYTES
from ctl.gallery.qdrant import BATCH
from tests.gallery.cases import OTHER_SHA256, SHA256, entry, evidence, key, people, record, records, some_embeddings
from tests.gallery.qdrant_server import QdrantServer

pytestmark = pytest.mark.filterwarnings("ignore:Api key is used")


def gallery() -> MemoryGallery:
    return MemoryGallery.empty(SHA256).add(records(some_embeddings()))


def test_place_says_what_keeps_it(tmp_path: Path) -> None:
    assert isinstance(open_store(tmp_path), GalleryFolder)
    assert isinstance(open_store(str(tmp_path)), GalleryFolder)


@pytest.mark.parametrize("place", ["folder", "server"])
def test_a_gallery_is_made_changed_and_read_anew(place: str, tmp_path: Path, qdrant_server: QdrantServer) -> None:
    where = tmp_path / "mine" if place == "folder" else f"{qdrant_server.url}/mine"
    with pytest.raises(InputError, match="python -m ctl gallery build"):
        open_store(where).read()
    assert len(open_store(where, SHA256).read()) == 0
    open_store(where, SHA256).update(lambda held: held.add([record(1, torch.ones(7))]))
    open_store(where).update(lambda held: held.rename([key(1)], person="zoe"))
    assert people(open_store(where).read()) == [(key(1), "zoe", "c1")]
    with pytest.raises(InputError, match="not by cdcdcdcdcdcd…: rebuild it"):
        open_store(where, OTHER_SHA256).update(lambda held: held.remove([key(1)]))
    open_store(where, OTHER_SHA256).replace(MemoryGallery.empty(OTHER_SHA256).add(records(some_embeddings(D=5))))
    assert open_store(where).read().entries == tuple(entry(n) for n in range(1, 13))
    assert open_store(where).read().checkpoint_sha256 == OTHER_SHA256
    assert len(open_store(where).read().search(torch.ones(5), top_k=99)) == 12
    found = open_store(where).read().records([key(n) for n in range(1, 13)])
    assert [held.evidence for held in found] == [evidence(n) for n in range(1, 13)]


def test_searches_on_a_server_ask_for_no_pictures(qdrant_server: QdrantServer) -> None:
    held = open_store(f"{qdrant_server.url}/mine", SHA256).update(lambda held: held.add(records(some_embeddings())))
    del qdrant_server.requests[:]
    held.search(torch.ones(7))
    assert [request.split("/")[-1] for request in qdrant_server.requests] == ["exists", "mine", "query"]
    (point,) = qdrant_server.engine.scroll("mine", limit=1)[0]
    assert point.payload is not None
    assert set(point.payload) == {"key", "person", "camera", "added", "jpeg", "evidence"}


def heavy(number: int) -> Record:
    return replace(record(number, torch.ones(2048)), jpeg=b"j" * JPEG_BYTES, evidence=b"e" * EVIDENCE_BYTES)


def test_only_records_are_heavy_and_no_request_is_larger_than_a_server_takes(qdrant_server: QdrantServer) -> None:
    held = open_store(f"{qdrant_server.url}/mine", SHA256).read().add([heavy(number) for number in range(1, BATCH + 2)])
    assert 20e6 < max(asked for asked, _ in qdrant_server.sizes) < 25e6  # of 32 MB
    del qdrant_server.sizes[:]
    assert len(held.entries) == len(held.search(torch.ones(2048))) == len(held.similarities(torch.ones(2048)))
    assert key(1) in held.rename([key(2)], person="zoe").remove([key(3)])
    assert max(map(max, qdrant_server.sizes)) < 100_000
    (found,) = held.records([key(1)])
    assert (found.jpeg, found.evidence) == (heavy(1).jpeg, heavy(1).evidence)


def test_collection_of_before_there_was_evidence_is_read_as_one_without(qdrant_server: QdrantServer) -> None:
    held = open_store(f"{qdrant_server.url}/mine", SHA256).update(lambda held: held.add(records(some_embeddings())))
    ids = [point.id for point in qdrant_server.engine.scroll("mine", limit=12)[0]]
    qdrant_server.engine.delete_payload("mine", ["evidence"], ids)
    assert [found.evidence for found in held.records([key(1), key(2)])] == [b"", b""]


def test_other_peoples_collections_are_left_alone(qdrant_server: QdrantServer) -> None:
    qdrant_server.engine.create_collection("shop", models.VectorParams(size=3, distance=models.Distance.COSINE))
    for store in (open_store(f"{qdrant_server.url}/shop"), open_store(f"{qdrant_server.url}/shop", SHA256)):
        with pytest.raises(InputError, match="'shop' is not a gallery: choose another name"):
            store.update(lambda held: held.remove([]))
        with pytest.raises(InputError, match="'shop' is not a gallery"):
            store.replace(gallery())
    assert qdrant_server.engine.collection_exists("shop")


def test_server_that_refuses_or_is_gone_is_one_sentence(
    qdrant_server: QdrantServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = open_store(f"{qdrant_server.url}/mine", SHA256).update(lambda held: held.add(records(some_embeddings())))
    qdrant_server.refuse = True
    with pytest.raises(InputError, match="Qdrant refused collection 'mine' with status 503"):
        held.search(torch.ones(7))
    qdrant_server.refuse = False
    monkeypatch.setenv("QDRANT_API_KEY", "wrong")
    with pytest.raises(InputError, match="status 401"):
        open_store(f"{qdrant_server.url}/mine").read()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(InputError, match="Qdrant can't be reached for collection 'mine'"):
            open_store(f"http://127.0.0.1:{closed.getsockname()[1]}/mine").read()


@pytest.mark.parametrize("url", ["http://localhost:6333", "https://localhost/", "http:///mine", "http://a/b/c"])
def test_url_without_one_collection_is_refused(url: str) -> None:
    with pytest.raises(InputError, match=r"must be http\(s\)://HOST"):
        open_store(url)


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    with pytest.raises(InputError, match=r"pip install ctl-video-reid\[qdrant\]"):
        open_store("http://localhost:6333/mine").read()
