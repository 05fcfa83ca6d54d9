"""From a service to a running server: page and port."""

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from socket import SOCK_STREAM, create_server, getaddrinfo
from typing import Final

import gradio as gr
import torch
from gradio.http_server import INITIAL_PORT_VALUE, TRY_NUM_PORTS

from ctl.errors import InputError
from ctl.files import ROOT
from ctl.video.limits import LIMITS
from ctl.web import text
from ctl.web.api import answer_mcp_in_json
from ctl.web.browser import make_head
from ctl.web.samples import SAMPLES, Sample
from ctl.web.service import ExplainService
from ctl.web.theme import make_css, make_theme
from ctl.web.ui import build_app

SESSIONS: Final = 200
"""Visitors whose state is held at once: a run id each."""

ICON: Final = ROOT / "assets" / "icon.png"
PREVIEW: Final = ROOT / "assets" / "preview.webp"

PORTS: Final = range(INITIAL_PORT_VALUE, INITIAL_PORT_VALUE + TRY_NUM_PORTS)
"""Where a page may be served that wasn't given a port: 100 from 7860, or from GRADIO_SERVER_PORT."""


def devices() -> tuple[str, ...]:
    """What the page offers to run on."""
    return ("auto", "cpu", "cuda") if torch.cuda.is_available() else ("auto", "cpu")


def public_address(environment: Mapping[str, str]) -> str:
    """Where others reach the page, ending in "/", as a Space or `GRADIO_ROOT_PATH` says it; "" where nobody says.

    A preview's picture needs the whole address: who shows it has no page that a shorter one would belong to.
    """
    if host := environment.get("SPACE_HOST"):
        return f"https://{host}/"
    root = environment.get("GRADIO_ROOT_PATH", "")
    return f"{root.rstrip('/')}/" if root.startswith(("http://", "https://")) else ""


def free_ports(host: str) -> Iterator[int]:
    """Those of `PORTS` that nobody listens on at the moment of asking."""
    for port in PORTS:
        try:
            family, _, _, _, address = getaddrinfo(host, port, type=SOCK_STREAM)[0]
            create_server(address[:2], family=family).close()
        except OSError:
            continue
        yield port


def start(service: ExplainService, samples: Sequence[Sample], host: str, ports: Iterable[int]) -> gr.Blocks | None:
    """Serve the page in threads of its own; None where no port can be had.

    Args:
        host: address to listen on.
        ports: the first that can be had is taken. Each gets a page of its own, because another program may take a port
            that was free a moment ago, and an MCP server that failed to start can't be started again.
    """
    for port in ports:
        app = build_app(service, samples, devices())
        try:
            with redirect_stdout(StringIO()):  # of all that Gradio prints, MCP's address alone can't be switched off
                app.launch(
                    server_name=host,
                    server_port=port,
                    theme=make_theme(),
                    css=make_css(),
                    head=make_head(),
                    favicon_path=ICON,
                    footer_links=["api"],
                    allowed_paths=[str(SAMPLES), str(PREVIEW)],
                    max_file_size=LIMITS.megabytes * 10**6,
                    state_session_capacity=SESSIONS,
                    show_error=False,
                    run_history=False,
                    enable_monitoring=False,
                    strict_cors=True,
                    share=False,
                    ssr_mode=False,
                    mcp_server=True,
                    prevent_thread_lock=True,
                    quiet=True,
                )
        except OSError:
            continue
        preview = f"{public_address(os.environ)}gradio_api/file={PREVIEW}"
        previewed = {"thumbnail": preview, "simple_description": text.DESCRIPTION}
        app.config.update(previewed)  # type: ignore[typeddict-item]  # Gradio's page asks for both
        if app.mcp_server_obj is not None:
            answer_mcp_in_json(app.mcp_server_obj)
        return app
    return None


def serve(service: ExplainService, samples: Sequence[Sample], host: str, port: int | None) -> None:
    """Serve the page until the process is told to stop. Raises InputError where the port, or every port, is taken."""
    app = start(service, samples, host, free_ports(host) if port is None else [port])
    if app is None:
        where = f"{host}:{port}" if port else f"{host}, ports {PORTS[0]} to {PORTS[-1]},"
        raise InputError(f"{where} can't be used: choose a free port with --port, or a --host of this machine.")
    print(f"{text.TITLE} is at {app.local_url}", flush=True)
    try:
        while app.is_running:
            time.sleep(0.1)
    finally:
        app.server.should_exit = True  # and don't wait for visitors to close their pages, as `block_thread` would
