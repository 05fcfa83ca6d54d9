"""The scripts and style sheets beside the drawing modules: well formed, shipped, and safe to put into a page."""

import re
import subprocess
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest
from playwright._impl._driver import compute_driver_executable

from ctl.draw.browser import FOLDER, script, style_sheet

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted(path.stem for path in FOLDER.glob("*.js"))
SHEETS = sorted(path.stem for path in FOLDER.glob("*.css"))


@pytest.mark.parametrize("name", SCRIPTS)
def test_script_is_javascript(name: str) -> None:
    """By the Node that comes with Playwright."""
    node, _ = compute_driver_executable()
    check = subprocess.run([node, "--check", FOLDER / f"{name}.js"], capture_output=True, text=True, check=False)
    assert check.returncode == 0, check.stderr


@pytest.mark.parametrize("text", [*map(script, SCRIPTS), *map(style_sheet, SHEETS)], ids=[*SCRIPTS, *SHEETS])
def test_file_holds_nothing_that_a_page_would_trip_over(text: str) -> None:
    assert not re.search("</(script|style)", text), "it would end the tag that the file is put into"
    assert "{{" not in text, "Gradio would take it for a template"
    assert not re.search(r"https?://(?!www\.w3\.org/)", text), "pages fetch nothing"
    assert max(map(len, text.splitlines())) <= 120
    assert text.count("{") == text.count("}")


def test_wheel_takes_them_along() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    files = [path for path in FOLDER.iterdir() if path.suffix not in (".py", "") and path.is_file()]
    assert files
    assert all(any(fnmatch(path.name, pattern) for pattern in data["ctl.draw"]) for path in files)
