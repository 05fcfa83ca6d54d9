"""The port that the page is served at."""

import re
import socket
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import httpx
import pytest

from ctl.errors import InputError
from ctl.pipeline import Engine
from ctl.web.runs import RunStore
from ctl.web.samples import read_samples
from ctl.web.server import free_ports, public_address, serve, start
from ctl.web.service import ExplainService, Models

HOST = "127.0.0.2"
"""Gradio asks only whether 127.0.0.1 has a port free, so here it learns too late that one is taken."""


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server((HOST, 0)) as listening:
        yield listening.getsockname()[1]


@pytest.fixture
def service(tmp_path: Path) -> ExplainService:
    def load(models: Models) -> Engine:
        return Engine.load(models.checkpoint, models.estimator, models.device)

    return ExplainService(Models(device="cpu"), load, RunStore(tmp_path))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # uvicorn ends it so
def test_a_port_that_is_taken_at_the_last_moment_is_passed_over(service: ExplainService, taken: int) -> None:
    app = start(service, read_samples(), HOST, chain([taken], free_ports(HOST)))
    assert app is not None
    try:
        assert app.server_port != taken
        assert httpx.get(f"http://{HOST}:{app.server_port}/").status_code == 200
        assert app.server_port not in free_ports(HOST)
    finally:
        app.close()


@pytest.mark.slow
def test_a_preview_has_the_whole_address_of_its_picture(
    service: ExplainService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPACE_HOST", "someone-ctl.hf.space")
    app = start(service, read_samples(), HOST, free_ports(HOST))
    assert app is not None
    try:
        head = httpx.get(f"http://{HOST}:{app.server_port}/").text
        (picture,) = re.findall(r'<meta property="og:image" content="https://someone-ctl\.hf\.space/([^"]+)"', head)
        shown = httpx.get(f"http://{HOST}:{app.server_port}/{picture}")
        assert shown.headers["content-type"] == "image/webp"
    finally:
        app.close()


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, ""),
        ({"GRADIO_ROOT_PATH": "/explorer"}, ""),
        ({"GRADIO_ROOT_PATH": "https://lab.example/explorer/"}, "https://lab.example/explorer/"),
    ],
)
def test_an_address_that_nobody_knows_is_left_out(environment: dict[str, str], address: str) -> None:
    assert public_address(environment) == address


def test_a_host_of_another_machine_has_no_port(service: ExplainService) -> None:
    with pytest.raises(InputError, match=r"192\.0\.2\.1, ports 7860 to 7959, can't be used: choose a free port"):
        serve(service, (), "192.0.2.1", None)
