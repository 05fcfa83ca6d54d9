"""Style, formatting and types hold for the whole tree; the README, the Space header and CI say the same as the code."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check"], id="ruff-check"),
        pytest.param(["ruff", "format", "--check", "--diff"], id="ruff-format"),
        pytest.param(["mypy"], id="mypy", marks=pytest.mark.slow),
    ],
)
def test_tool_finds_nothing(command: list[str]) -> None:
    run = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = next(line for line in README.splitlines() if "-m pytest" in line)
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert command in script.splitlines()


def test_space_header_agrees_with_the_requirements() -> None:
    header = dict(re.findall(r"^(\w+): (.+)$", README.split("---")[1], flags=re.MULTILINE))
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    lowest, below = re.search(r"^gradio>=([\d.]+),<(\d+)$", requirements, flags=re.MULTILINE).groups()  # type: ignore[union-attr]
    version = tuple(int(number) for number in header["sdk_version"].split("."))
    assert tuple(int(number) for number in lowest.split(".")) <= version < (int(below),)
    assert (ROOT / header["app_file"]).is_file()
    assert len(header["short_description"]) <= 60


def test_every_requirement_has_a_lower_and_an_upper_bound() -> None:
    for line in (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines():
        assert re.fullmatch(r"[\w-]+>=[\d.]+,<\d+", line), line
