"""The endpoints as tools of an MCP server, called with the real client over streamable HTTP."""

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from urllib.request import urlopen

import httpx
import numpy as np
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, ListToolsResult

from tests.browser.running import thinned

CLIP = Path(__file__).resolve().parents[2] / "assets" / "samples" / "man-lab1.mp4"
INLINE = "data:video/mp4;base64," + base64.b64encode(CLIP.read_bytes()).decode()
REQUIRED = {"analyze": {"clip"}, "rank": set(), "explain_match": {"query", "hit"}, "enrol": {"clip", "name", "camera"}}
T = TypeVar("T")


def talk(app_url: str, ask: Callable[[ClientSession], Coroutine[Any, Any, T]]) -> T:
    """One session with the app's MCP server, in a thread of its own: a browser keeps an event loop in this one."""

    async def run() -> T:
        async with (
            streamable_http_client(f"{app_url}gradio_api/mcp/") as (read, write, _),
            ClientSession(read, write) as session,
        ):
            await session.initialize()
            return await ask(session)

    with ThreadPoolExecutor(1) as executor:
        return executor.submit(lambda: asyncio.run(run())).result()


async def ignore(progress: float, total: float | None, message: str | None) -> None:
    """A client that wants to be told of progress, which Gradio answers on another path."""


def call(app_url: str, tool: str, *, told: bool = False, **arguments: Any) -> CallToolResult:
    return talk(app_url, lambda mcp: mcp.call_tool(tool, arguments, progress_callback=ignore if told else None))


def texts(result: CallToolResult) -> list[str]:
    return [content.text for content in result.content if content.type == "text"]


def test_tools_are_the_endpoints_and_every_argument_is_documented(app_url: str) -> None:
    async def ask(mcp: ClientSession) -> ListToolsResult:
        return await mcp.list_tools()

    tools = {tool.name: tool for tool in talk(app_url, ask).tools}
    assert {name: set(tool.inputSchema.get("required", ())) for name, tool in tools.items()} == REQUIRED
    for tool in tools.values():
        assert tool.description
        assert all(argument["description"] for argument in tool.inputSchema["properties"].values())
    assert tools["analyze"].inputSchema["properties"]["kind"]["enum"] == ["auto", "crop", "scene"]


@pytest.mark.parametrize("told", [False, True])
def test_answer_is_json_and_the_file_an_address(app_url: str, told: bool, tmp_path: Path) -> None:
    result = call(app_url, "analyze", told=told, clip=INLINE, kind="crop", frame=2)
    answer, address = texts(result)
    assert not result.isError
    matrices = json.loads(answer)["matrices"]
    (tmp_path / "trace.npz").write_bytes(urlopen(address).read())
    with np.load(tmp_path / "trace.npz") as arrays:
        np.testing.assert_allclose(arrays["A_s1_l1"][1], matrices["A_s1_l1"], atol=1e-5)


def test_clip_uploaded_to_the_app_is_taken_by_its_address(app_url: str) -> None:
    (path,) = httpx.post(f"{app_url}gradio_api/upload", files={"files": (CLIP.name, CLIP.read_bytes())}).json()
    result = call(app_url, "rank", clip=f"{app_url}gradio_api/file={path}", kind="crop", top_k=2)
    (answer,) = texts(result)
    assert [hit["rank"] for hit in json.loads(answer)["hits"]] == [1, 2]


def test_two_clients_do_not_see_each_others_gallery(app_url: str) -> None:
    """Gradio answers all MCP clients in one session of its own, so nothing may hang on the session."""
    walk = "data:application/zip;base64," + base64.b64encode(thinned(CLIP)).decode()
    (enrolled,) = texts(call(app_url, "enrol", clip=walk, name="Al", camera="hall", kind="crop"))
    search: dict[str, Any] = {"clip": INLINE, "kind": "crop", "cameras": ["hall"]}
    (own,) = texts(call(app_url, "rank", **search, gallery=json.loads(enrolled)["gallery"]))
    (others,) = texts(call(app_url, "rank", **search))
    assert [hit["person"] for hit in json.loads(own)["hits"]] == ["Al"]
    assert json.loads(others)["hits"] == []


@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param({"clip": INLINE, "kind": "crop", "person": 9}, "There is no person 9", id="person"),
        pytest.param({"clip": "http://127.0.0.1:9/walk.mp4"}, "127.0.0.1:9/walk.mp4 can't be fetched", id="private"),
        pytest.param({"clip": "http://h.example/gradio_api/file=/etc/passwd"}, "can't be fetched", id="not-uploaded"),
        pytest.param({"clip": "/etc/passwd"}, "Invalid file data format", id="path"),
    ],
)
def test_error_is_one_line(app_url: str, arguments: dict[str, Any], sentence: str, told: bool) -> None:
    result = call(app_url, "analyze", told=told, **arguments)
    (line,) = texts(result)
    assert result.isError
    assert sentence in line
    assert "\n" not in line
