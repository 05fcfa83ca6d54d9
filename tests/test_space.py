"""The folder of a Space: it runs by itself, from anywhere, and holds what it should."""

import re
import shutil
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

from ctl.__main__ import main
from ctl.errors import InputError
from ctl.space import lay_out, space_requirements
from tests.browser.running import running_app

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT / "assets" / "samples" / "man-lab1.mp4"


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("space") / "explorer"
    assert main(["space", "--out", str(folder)]) == 0
    return folder


@pytest.mark.slow
def test_space_runs_by_itself_from_another_folder(space: Path, tmp_path: Path) -> None:
    """`python app.py` imports the Space's own `ctl`, not the one that is installed or stands in the current folder."""
    marked = space / "ctl" / "web" / "text.py"
    before = marked.read_text(encoding="utf-8")
    try:
        marked.write_text(before.replace('TITLE: Final = "CTL Explorer"', 'TITLE: Final = "The Space"'))
        environment = {"PYTHONDONTWRITEBYTECODE": "1"}
        with running_app(tmp_path / "s", folder=space, cwd=tmp_path, title="The Space", environment=environment) as url:
            answer = Client(url, verbose=False).predict(clip=handle_file(CLIP), kind="crop", api_name="/rank")
    finally:
        marked.write_text(before, encoding="utf-8")
    assert answer["hits"], "the demo gallery is there"


def test_space_holds_what_serves_and_nothing_else(space: Path) -> None:
    top = {entry.name for entry in space.iterdir()}
    assert top == {".gitattributes", "LICENSE", "README.md", "app.py", "assets", "ctl", "requirements.txt", "weights"}
    assert not {"train", "walkers", "bench", "__main__.py"} & {entry.name for entry in (space / "ctl").iterdir()}
    assert (space / "ctl" / "web" / "style.css").is_file()
    assert (space / "assets" / "SOURCES.md").is_file()
    files = [file.relative_to(space) for file in space.rglob("*") if file.is_file()]
    assert not [file for file in files if "__pycache__" in file.parts or file.suffix == ".pyc"]
    assert not [file for file in files if file.suffix == ".py" and file.parts[0] not in ("app.py", "ctl")]


def test_large_and_binary_files_go_through_lfs(space: Path) -> None:
    lfs = set(re.findall(r"^\*(\.\w+) filter=lfs", (space / ".gitattributes").read_text(), flags=re.MULTILINE))
    for file in space.rglob("*"):
        if file.is_file() and file.suffix not in lfs:
            file.read_text(encoding="utf-8")
            assert file.stat().st_size < 10_000_000, "the Hub refuses it outside LFS"


def test_requirements_leave_the_platforms_packages_out(space: Path) -> None:
    own, left = (
        {re.split("[>=<]", line)[0] for line in (folder / "requirements.txt").read_text().splitlines()}
        for folder in (ROOT, space)
    )
    assert own - left == {"gradio", "huggingface_hub"}
    assert space_requirements("Gradio==6\nspaces\nhuggingface-hub[cli]>=1\ngradio_client>=2\n") == "gradio_client>=2\n"


def test_clone_of_a_space_is_replaced_and_keeps_its_history(space: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(space, clone)
    (clone / ".git").mkdir()
    (clone / ".git" / "HEAD").write_text("ref")
    (clone / "ctl" / "gone.py").write_text("")
    lay_out(clone)
    assert (clone / ".git" / "HEAD").read_text() == "ref"
    assert not (clone / "ctl" / "gone.py").exists()


def test_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(InputError, match=r"holds thesis\.tex"):
        lay_out(tmp_path / "out")
    assert [entry.name for entry in (tmp_path / "out").iterdir()] == ["thesis.tex"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
