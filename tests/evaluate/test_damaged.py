"""Frames that are missing or broken: left out and counted when somebody asks, an error otherwise."""

import json
import shutil
from pathlib import Path

import pytest

from ctl.data import load_benchmark
from ctl.data.damaged import leave_out_damaged
from ctl.errors import InputError
from ctl.files import ROOT
from ctl.train.config import DataConfig
from ctl.train.data import load_task
from tests.evaluate.test_report import run

WALKERS = ROOT / "assets" / "walkers"


@pytest.fixture
def holey(tmp_path: Path) -> Path:
    """Four persons of the sample: one frame is gone, one cut short, and a whole tracklet is empty files."""
    root = tmp_path / "set"
    for part in ("query", "gallery"):
        for person in sorted((WALKERS / part).iterdir())[:4]:
            shutil.copytree(person, root / part / person.name)
    shutil.copy(WALKERS / "meta.json", root)
    people = sorted((root / "gallery").iterdir())
    first = sorted(people[0].rglob("*.jpg"))
    first[0].write_bytes(first[0].read_bytes()[:300])
    for frame in sorted(next(people[1].iterdir()).iterdir()):
        frame.write_bytes(b"")
    return root


def test_what_can_not_be_read_is_left_out_and_counted(holey: Path) -> None:
    whole = load_benchmark("folder", holey)
    gone = whole.splits[0].query[0].frames[1]
    gone.unlink()
    found, left_out = leave_out_damaged(whole)
    empty = next(t for t in whole.splits[0].gallery if t.frames[0].stat().st_size == 0)
    assert (left_out.frames, left_out.tracklets) == (len(empty) + 2, 1)
    assert str(gone) in left_out.notice or "damaged picture" in left_out.notice
    before, after = whole.splits[0], found.splits[0]
    assert len(after.query[0]) == len(before.query[0]) - 1
    assert gone not in after.query[0].frames
    assert not [t for t in after.gallery if set(t.frames) & set(empty.frames)]
    again, none = leave_out_damaged(found)
    assert again == found
    assert (none.frames, none.notice) == (0, "")


@pytest.mark.slow
def test_evaluate_says_what_it_left_out_and_else_names_the_option(
    holey: Path, checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--root", holey, "--checkpoint", checkpoint, "--heatmaps", tmp_path / "maps")
    with pytest.raises(InputError, match="leave such frames out with --leave-out-damaged"):
        run(*options)
    assert run(*options, "--leave-out-damaged", "--json", tmp_path / "report.json") == 0
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["left_out"]["tracklets"] == 1
    assert report["left_out"]["frames"] > 2
    assert "missing or damaged frames were left out" in capsys.readouterr().err


def test_training_leaves_them_out_too(holey: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(holey / "gallery", holey / "train")
    config = DataConfig(name="walkers", root=str(holey), leave_out_damaged=True)
    train = load_task(config).train
    assert "were left out" in capsys.readouterr().err
    assert all(frame.stat().st_size > 300 for tracklet in train for frame in tracklet.frames)
    assert sum(map(len, train)) < sum(map(len, load_task(DataConfig(name="walkers", root=str(holey))).train))
