"""The app as its users meet it: a process of its own, a real browser, and a place for screenshots."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "assets" / "samples"


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`python app.py` on the first free port. When it's told to stop, it leaves no upload and no result behind."""
    scratch = tmp_path_factory.mktemp("app")
    environment = os.environ | {"TMPDIR": str(scratch), "HF_HUB_OFFLINE": "1"}
    app = subprocess.Popen([sys.executable, "app.py"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert app.stdout is not None
    try:
        line = app.stdout.readline()
        assert line.startswith("CTL Explorer is at http"), line
        yield line.split()[-1]
    finally:
        app.send_signal(signal.SIGTERM)
        app.wait(timeout=30)
    assert app.returncode == 0
    assert not [left for left in scratch.iterdir() if left.name.startswith(("ctl-", "gradio"))]


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """$ARTEFACTS, where CI keeps pictures, or a temporary folder."""
    folder = Path(os.environ.get("ARTEFACTS") or tmp_path_factory.mktemp("screenshots"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
