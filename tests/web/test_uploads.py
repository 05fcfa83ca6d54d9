"""Clips from addresses: bounded, from public hosts, and nobody else's files."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from ctl.errors import InputError
from ctl.web.uploads import fetch, uploaded_before


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """Address of a server of two files: one of two megabytes, and one that names it elsewhere."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "my walk.mp4").write_bytes(b"x" * 2_000_000)
    (folder / "sub").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def get(url: str, cache: Path, megabytes: int = 100, transport: httpx.AsyncBaseTransport | None = None) -> Path:
    """`fetch`, in a thread of its own: a browser of other tests keeps an event loop in this one."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(lambda: asyncio.run(fetch(url, cache, megabytes, transport))).result()


def get_as_if_public(url: str, cache: Path, megabytes: int = 100) -> Path:
    """Without the look at the host's address, so that a server of this machine can stand for a public one."""
    return get(url, cache, megabytes, httpx.AsyncHTTPTransport())


def test_clip_is_fetched_under_its_own_name(served: str, tmp_path: Path) -> None:
    path = get_as_if_public(f"{served}/my%20walk.mp4?token=1", tmp_path / "cache")
    assert path.name == "my walk.mp4"
    assert path.stat().st_size == 2_000_000
    assert path.is_relative_to(tmp_path / "cache")


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        pytest.param("my%20walk.mp4", "my walk.mp4 is larger than 1 MB", id="too-large"),
        pytest.param("nothing.mp4", "it answers 404", id="missing"),
        pytest.param("sub", "it answers 301", id="redirected"),
    ],
)
def test_what_cannot_be_taken_is_told_and_leaves_nothing(served: str, tmp_path: Path, path: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        get_as_if_public(f"{served}/{path}", tmp_path / "cache", megabytes=1)
    assert not list((tmp_path / "cache").iterdir())


def test_private_host_is_not_asked(served: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't be fetched"):
        get(f"{served}/my%20walk.mp4", tmp_path / "cache")


def test_only_an_upload_of_this_app_is_taken_by_its_path(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    for file in (cache / "a" / "my walk.mp4", tmp_path / "secret.mp4"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    base = "http://localhost:7860/gradio_api/file="
    assert uploaded_before(f"{base}{cache}/a/my%20walk.mp4", cache) == cache / "a" / "my walk.mp4"
    for other in (f"{base}{tmp_path}/secret.mp4", f"{base}{cache}/../secret.mp4", f"{base}{cache}/b.mp4", base):
        assert uploaded_before(other, cache) is None
    assert uploaded_before(f"http://localhost:7860{cache}/a/my%20walk.mp4", cache) is None
