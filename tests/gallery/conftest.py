"""Every kind of gallery, empty: the same tests hold for all."""

import os
import uuid
from collections.abc import Iterator

import pytest
from qdrant_client import QdrantClient

from ctl.gallery import Gallery, MemoryGallery, SessionGallery, open_store
from ctl.gallery.qdrant import QdrantGallery
from tests.gallery.cases import SHA256
from tests.gallery.qdrant_server import API_KEY, QdrantServer

REAL = os.environ.get("CTL_TEST_QDRANT_URL")
"""http://HOST:PORT of a Qdrant server to test on; collections of random names come and go there."""


@pytest.fixture(scope="session")
def qdrant_engine() -> QdrantClient:
    """The embedded engine; a client takes longer to make than most tests to run."""
    return QdrantClient(":memory:")


@pytest.fixture
def qdrant(qdrant_engine: QdrantClient) -> Iterator[QdrantClient]:
    """The embedded engine, without collections."""
    yield qdrant_engine
    for collection in qdrant_engine.get_collections().collections:
        qdrant_engine.delete_collection(collection.name)


@pytest.fixture
def qdrant_server(qdrant: QdrantClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[QdrantServer]:
    monkeypatch.setenv("QDRANT_API_KEY", API_KEY)
    with QdrantServer(qdrant) as server:
        yield server


@pytest.fixture(params=["memory", "session", "qdrant-embedded", "qdrant-http", *(["qdrant-real"] if REAL else [])])
def empty(request: pytest.FixtureRequest) -> Iterator[Gallery]:
    if request.param == "memory":
        yield MemoryGallery.empty(SHA256)
    elif request.param == "session":
        yield SessionGallery(MemoryGallery.empty(SHA256), MemoryGallery.empty(SHA256))
    elif request.param == "qdrant-embedded":
        yield QdrantGallery.open(request.getfixturevalue("qdrant"), "people", SHA256)
    elif request.param == "qdrant-http":
        yield open_store(f"{request.getfixturevalue('qdrant_server').url}/people", SHA256).read()
    else:
        gallery = open_store(f"{REAL}/ctl-test-{uuid.uuid4().hex}", SHA256).read()
        assert isinstance(gallery, QdrantGallery)
        yield gallery
        gallery.emptied(SHA256)
