"""Clips that programs send: as files, or as addresses to fetch them from, which MCP clients do.

An address counts as an upload: no larger, from a public host only, and what is wrong with it is said in one sentence.
(Gradio's own fetching knows no bound, and refuses the addresses of files that were just uploaded to a local app.)
"""

import secrets
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import gradio as gr
import httpx
from gradio_client.utils import is_http_url_like  # type: ignore[import-untyped]
from safehttpx import AsyncSecureTransport, async_validate_url  # type: ignore[import-untyped]

from ctl.errors import InputError
from ctl.video.limits import LIMITS
from ctl.web.tabs.common import told_to_the_visitor

PATIENCE_S: Final = 30.0
_UPLOADED: Final = "/gradio_api/file="


def take_addresses(box: gr.File) -> gr.File:
    """A file box that also takes an address, in this module's way. (A subclass would: for each, Gradio writes a stub
    beside its source.)"""
    keep = box.async_move_resource_to_block_cache

    async def move(url_or_file_path: str | Path | None) -> str | None:
        where = str(url_or_file_path or "")
        if not is_http_url_like(where):
            return await keep(url_or_file_path)
        cache = Path(box.GRADIO_CACHE)
        with told_to_the_visitor():
            path = await clip_at(where, cache)
        box.temp_files.add(str(path))
        return str(path)

    box.async_move_resource_to_block_cache = move  # type: ignore[method-assign]
    return box


async def clip_at(url: str, cache: Path) -> Path:
    """The file that an address stands for. Arguments and errors as `fetch`."""
    return uploaded_before(url, cache) or await fetch(url, cache)


def uploaded_before(url: str, cache: Path) -> Path | None:
    """The file that an address of this app's own uploads stands for; None for all others."""
    _, mark, name = urlsplit(url).path.partition(_UPLOADED)
    path = Path(unquote(name)).resolve()
    return path if mark and path.is_relative_to(cache.resolve()) and path.is_file() else None


async def fetch(
    url: str, cache: Path, megabytes: int = LIMITS.megabytes, transport: httpx.AsyncBaseTransport | None = None
) -> Path:
    """Download a clip.

    Args:
        url: http or https; it isn't followed elsewhere.
        cache: folder that the file goes to, in a folder of its own, under the name that the address ends with.
        megabytes: (10⁶ bytes) a larger file is given up, and leaves nothing.
        transport: None goes to public hosts only.
    Raises:
        InputError: the address can't be fetched, or the file is too large.
    """
    parts = urlsplit(url)
    name = "".join(c for c in Path(unquote(parts.path)).name if c.isalnum() or c in "._- ").lstrip(".") or "clip"
    path = cache / secrets.token_hex(16) / name[-100:]
    path.parent.mkdir(parents=True)
    size = 0
    try:
        transport = transport or AsyncSecureTransport(await async_validate_url(parts.hostname or ""))
        async with (
            httpx.AsyncClient(transport=transport, timeout=PATIENCE_S) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != 200:
                raise InputError(f"{url} can't be fetched: it answers {response.status_code}.")
            with path.open("wb") as file:
                async for some in response.aiter_bytes():
                    size += len(some)
                    if size > megabytes * 10**6:
                        raise InputError(f"{name} is larger than {megabytes} MB: cut it shorter.")
                    file.write(some)
    except (InputError, ValueError, httpx.HTTPError) as error:
        path.unlink(missing_ok=True)
        path.parent.rmdir()
        if isinstance(error, InputError):
            raise
        raise InputError(f"{url} can't be fetched: send the file itself, or an address that everybody can.") from error
    return path
