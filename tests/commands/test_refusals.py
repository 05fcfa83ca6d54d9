"""A command that is refused says why in one line, before it works for long, and leaves nothing behind."""

import resource
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ctl.__main__ import main
from ctl.gallery import read_gallery
from tests.commands.conftest import Command, Inputs, write_clip, write_list

Fails = Callable[..., str]

COMMANDS = ["analyze", "add", "build", "import", "bundle", "report", "plots", "export", "space", "walkers", "train"]


def words(name: str, inputs: Inputs, place: Path, beside: Path) -> tuple[str | Path, ...]:
    """A command that writes to `place`, a file or a folder; what else it needs is made in `beside`."""
    model, seen = ("--checkpoint", inputs.checkpoint), (inputs.clip, "--tracklet", "crop")
    data = ("--dataset", "walkers", "--root", inputs.world, "--heatmaps", beside / "maps")
    steps = ("--table", "5", "--dataset", "walkers", "--root", inputs.world, "--config", inputs.config)
    write_list(beside / "list.json", inputs.clip)
    return {
        "analyze": ("analyze", *seen, *model, "--out", place),
        "add": ("gallery", "add", *seen, "--person", "eva", "--camera", "1", *model, "--gallery", place),
        "build": ("gallery", "build", beside / "list.json", *model, "--gallery", place),
        "import": ("gallery", "import", beside / "known", "--gallery", place),
        "bundle": ("gallery", "export", place, "--gallery", beside / "known"),
        "report": ("evaluate", *data, *model, "--json", place),
        "plots": ("evaluate", *data, *model, "--out", place),
        "export": ("export", "--format", "torch-export", "--checkpoint", inputs.plain, "--out", place),
        "space": ("space", "--out", place),
        "walkers": ("walkers", "--identities", "3", "--cameras", "2", "--workers", "1", "--out", place),
        "train": ("train", inputs.config, "--out", place),
        "ablate": ("ablate", *steps, "--out", place),
    }[name]


@pytest.fixture(scope="module")
def known(inputs: Inputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A gallery; tests take a copy."""
    folder = tmp_path_factory.mktemp("known")
    write_list(folder / "list.json", inputs.clip)
    build = ("gallery", "build", folder / "list.json", "--gallery", folder / "known", "--checkpoint", inputs.checkpoint)
    assert main([str(word) for word in build]) == 0
    return folder / "known"


@pytest.fixture
def beside(inputs: Inputs, known: Path, tmp_path: Path) -> Path:
    """A folder with a gallery, and the list that it was built from."""
    folder = tmp_path / "beside"
    shutil.copytree(known, folder / "known")
    write_list(folder / "list.json", inputs.clip)
    return folder


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """No file can grow longer, as on a disk that is nearly full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*COMMANDS, "ablate"])
def test_where_nothing_can_be_written_it_is_said(
    name: str, inputs: Inputs, beside: Path, tmp_path: Path, fails: Fails
) -> None:
    box = tmp_path / "box"
    box.mkdir()
    (box / "file").write_text("in the way")
    assert "can't be written: Not a directory" in fails(*words(name, inputs, box / "file" / "in" / "it", beside))
    assert [entry.name for entry in box.rglob("*")] == ["file"]
    assert "File name too long" in fails(*words(name, inputs, box / ("n" * 300) / "it", beside))
    assert [entry.name for entry in box.rglob("*")] == ["file"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [(name, 500) for name in COMMANDS if name not in ("walkers", "train", "export")]
    + [(name, 2000) for name in ("analyze", "add", "build", "import")]
    + [pytest.param("export", 500, marks=pytest.mark.slow)],
)
def test_a_full_disk_leaves_nothing_half_written(
    name: str, size: int, inputs: Inputs, beside: Path, tmp_path: Path, fails: Fails, command: Command
) -> None:
    box = tmp_path / "box"
    box.mkdir()
    asked = words(name, inputs, box / "new" / "it", beside)
    if name in ("report", "plots"):
        command(*words(name, inputs, tmp_path / "before", beside))  # heat maps are kept
    with files_of_at_most(size):
        assert "can't be written" in fails(*asked)
    assert list(box.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("size", [500, 2000])
def test_a_full_disk_does_not_hurt_a_gallery_that_is_there(
    size: int, inputs: Inputs, beside: Path, fails: Fails
) -> None:
    before = {file: file.read_bytes() for file in (beside / "known").rglob("*") if file.is_file()}
    again = ("gallery", "build", beside / "list.json", "--gallery", beside / "known", "--checkpoint", inputs.checkpoint)
    write_clip(beside / "clip", seed=1)
    write_list(beside / "list.json", beside / "clip")
    with files_of_at_most(size):
        assert "can't be written" in fails(*again)
    assert {file: file.read_bytes() for file in (beside / "known").rglob("*") if file.is_file()} == before
    assert len(read_gallery(beside / "known")) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(("walkers", "--identities", "1", "--cameras", "2"), "identities", id="walkers"),
        pytest.param(("walkers", "--benchmark", "walkers-v9"), "walkers-v9", id="benchmark"),
        pytest.param(("train", "nowhere.toml"), "nowhere.toml can't be read", id="config"),
        pytest.param(("train", "paper-mars", "--set", "optimiser.learning_rate=1"), "did you mean lr?", id="setting"),
        pytest.param(("train", "paper-mars", "--set", "data.root=nowhere"), "there is no folder nowhere", id="root"),
        pytest.param(("analyze", "nowhere.mp4"), "nowhere.mp4 doesn't exist", id="clip"),
        pytest.param(("evaluate", "--dataset", "folder", "--root", "nowhere"), "no folder nowhere", id="evaluate"),
        pytest.param(("export", "--format", "onnx", "--checkpoint", "./nowhere"), "nowhere", id="export"),
    ],
)
def test_a_bad_setting_leaves_no_folder(words: tuple[str, ...], sentence: str, tmp_path: Path, fails: Fails) -> None:
    assert sentence in fails(*words, "--out", tmp_path / "new" / "it")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "package", "extra"),
    [
        pytest.param(("train", "paper-mars"), "accelerate", "train", id="train"),
        pytest.param(
            ("ablate", "--table", "3", "--config", "paper-mars", "--dataset", "mars", "--root", "."),
            "accelerate",
            "train",
            id="ablate",
        ),
        pytest.param(("evaluate", "--dataset", "mars", "--root", "."), "matplotlib", "train", id="evaluate"),
        pytest.param(("walkers", "--identities", "2", "--cameras", "2"), "pyvista", "walkers", id="walkers"),
    ],
)
def test_packages_that_are_missing_are_named_before_anything_is_done(
    words: tuple[str, ...], package: str, extra: str, tmp_path: Path, fails: Fails, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    said = fails(*words, "--out", tmp_path / "new")
    assert said == f"ctl: this needs {package}: pip install 'ctl-video-reid[{extra}]'\n"
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_refused_does_not_block_the_corrected_one(
    inputs: Inputs, tmp_path: Path, command: Command, fails: Fails
) -> None:
    out = ("--out", tmp_path / "run")
    fails("train", inputs.config, "--set", "batch.persons=50", *out)
    assert not (tmp_path / "run").exists()
    with files_of_at_most(2000):
        stopped = command("train", inputs.config, *out)  # at its first save
    assert stopped.code == 2
    assert "can't be written: File too large" in stopped.err
    assert command("train", inputs.config, "--set", "optimiser.lr=2e-3", *out).code == 0
    assert "holds a run already" in fails("train", inputs.config, *out)


def test_an_export_to_a_folder_is_refused_before_anything_is_computed(tmp_path: Path, fails: Fails) -> None:
    said = fails("export", "--format", "onnx", "--checkpoint", "./nowhere", "--out", tmp_path)
    assert f"{tmp_path} is a folder: give a file with --out" in said
    assert list(tmp_path.iterdir()) == []


def test_gallery_names_that_cannot_be_shown_make_no_gallery(inputs: Inputs, tmp_path: Path, fails: Fails) -> None:
    asked = ("gallery", "add", inputs.clip, "--camera", "1", "--gallery", tmp_path / "new")
    assert "person must be 1 to 100 printable" in fails(*asked, "--person", "line\nbreak")
    assert "doesn't exist" in fails("gallery", "add", "nowhere.mp4", *asked[3:], "--person", "eva")
    assert not (tmp_path / "new").exists()
