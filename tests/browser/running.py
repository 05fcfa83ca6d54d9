"""The app in a process of its own, and a clip that it doesn't know."""

import io
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from PIL import Image

from ctl.video.reader import open_clip

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running_app(
    scratch: Path,
    *arguments: str,
    folder: Path = ROOT,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    title: str = "CTL Explorer",
) -> Iterator[str]:
    """`python app.py` of a folder, in it or in `cwd`, on the first free port; gives the address.

    When it's told to stop, it leaves nothing in `scratch`.
    """
    scratch.mkdir(exist_ok=True)
    app = subprocess.Popen(
        [sys.executable, str(folder / "app.py"), *arguments],
        cwd=cwd or folder,
        env=os.environ | {"TMPDIR": str(scratch), "HF_HUB_OFFLINE": "1"} | (environment or {}),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert app.stdout is not None
    try:
        line = app.stdout.readline()
        assert line.startswith(f"{title} is at http"), line
        yield line.split()[-1]
    finally:
        app.send_signal(signal.SIGTERM)
        app.wait(timeout=30)
    assert app.returncode == 0
    assert not [left for left in scratch.iterdir() if left.name.startswith(("ctl-", "gradio"))]


@cache
def thinned(clip: Path) -> bytes:
    """A clip that no gallery holds: every second frame of one that is, as a zip."""
    packed = io.BytesIO()
    with open_clip(clip) as frames, zipfile.ZipFile(packed, "w") as archive:
        for frame in list(frames)[::2]:
            picture = io.BytesIO()
            Image.fromarray(frame.image).save(picture, "PNG")
            archive.writestr(f"{frame.index:04}.png", picture.getvalue())
    return packed.getvalue()
