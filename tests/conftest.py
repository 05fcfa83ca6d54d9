"""What several tests start from: random weights, a browser.

Packages that take long to import are imported where they are used: the process that deals tests out to others reads
this file first, while the others wait, and needs none of them.
"""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from functools import cache, partial
from typing import TYPE_CHECKING

import pytest

from ctl.files import ROOT

if TYPE_CHECKING:
    import torch
    from playwright.sync_api import Browser
    from torch import nn

    from ctl.pipeline import Engine
    from ctl.types import Analysis

CHROMIUM_ARGS = (
    "--no-sandbox",  # CI is root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def randomise_(module: nn.Module, seed: int = 0) -> nn.Module:
    """Give every parameter and every batch-norm statistic a value that a mistake would show in; returns the module."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2, generator=generator)
        elif name.endswith("num_batches_tracked"):
            continue
        else:
            spread = tensor.shape[-1] ** -0.5 if tensor.ndim > 1 else 0.5
            tensor.normal_(0, spread, generator=generator)
    return module


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs Chromium, so that nobody has to remember to; run files with long tests first.

    Processes take files in turn: if the short ones come last, none of them is left alone with a long one at the end.
    The very first forks: threads that other tests leave behind break what is forked.
    """
    for item in items:
        if "browser" in getattr(item, "fixturenames", ()) or "browser" in item.path.parent.name:
            item.add_marker("browser")
    long = {item.path for item in items if item.get_closest_marker("browser") or item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path.name != "test_zero_gpu.py", item.path not in long))


def pytest_configure() -> None:
    """An example may take its time: how long says more about what else runs than about the code."""
    from hypothesis import settings

    settings.register_profile("ctl", deadline=None)
    settings.load_profile("ctl")


def pytest_collection_finish() -> None:
    """The modules and tests that are there now stay: the garbage collector need not look at them again and again."""
    gc.collect()
    gc.freeze()


def chromium_path() -> str:
    """The installed Chromium or Chrome; fails the test where there is none."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.fail("no Chromium found: install Debian's package, `apt-get install chromium`")
    return path


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, one for all tests, because a process can hold one Playwright; its own isn't downloaded."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=chromium_path(), args=CHROMIUM_ARGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The bundled models on a CPU, loaded once; leave them as they are."""
    from ctl.pipeline import Engine

    return Engine.load(device="cpu")


@pytest.fixture(scope="session")
def analysis(engine: Engine) -> Analysis:
    """What the engine finds in man-lab1.mp4, a crop."""
    return engine.analyze(ROOT / "assets/samples/man-lab1.mp4")


@pytest.fixture(scope="session")
def scene(engine: Engine) -> Analysis:
    """What the engine finds in lab.mp4, a scene of several people."""
    return engine.analyze(ROOT / "assets/samples/lab.mp4")


@pytest.fixture(autouse=True, scope="session")
def graphs_load_once() -> Iterator[None]:
    """Every engine and most commands load both bundled networks in ONNX Runtime, where nothing can change them."""
    from ctl.keypoints import movenet
    from ctl.keypoints.centernet import load_bundled
    from ctl.people import multipose

    graph = cache(partial(load_bundled, device="cpu", onnx=True))

    def load(name: str, device: str | torch.device, *, onnx: bool = False) -> nn.Module:
        return graph(name) if onnx else load_bundled(name, device)

    with pytest.MonkeyPatch.context() as patch:
        for module in (movenet, multipose):
            patch.setattr(module, "load_bundled", load)
        yield


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """Tests share a machine: neither small tensors nor programs that tests start gain from a second thread."""
    import torch

    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield
