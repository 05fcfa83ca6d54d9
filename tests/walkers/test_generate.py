"""A whole small set on disk: layout, the same bytes every time, and on again after kill -9."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctl.data import load_benchmark
from ctl.errors import InputError
from ctl.skeleton import JOINTS
from ctl.walkers.contact_sheet import CELL, contact_sheet
from ctl.walkers.generate import generate
from ctl.walkers.settings import Hardness, Settings

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
SMALL = Settings(
    seed=7,
    train_identities=1,
    test_identities=1,
    train_cameras=(1, 2),
    test_cameras=(1, 2),
    frames=(3, 4),
    hardness=Hardness(resolutions=((320, 240),), person_px=(50.0, 60.0)),
)
IN_A_PROCESS = """
from pathlib import Path
from ctl.walkers.generate import generate
from tests.walkers.test_generate import SMALL
if __name__ == "__main__":
    generate(SMALL, Path({root!r}), workers=1)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set made in one go by two processes."""
    root = tmp_path_factory.mktemp("walkers") / "whole"
    generate(SMALL, root, workers=2)
    return root


def files_of(root: Path) -> dict[str, bytes]:
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in root.rglob("*") if file.is_file()}


def test_layout_is_complete(whole: Path) -> None:
    files = files_of(whole)
    folders = {Path(name).parent.as_posix() + "/" + Path(name).name.split("_")[0] for name in files if "/" in name}
    assert folders == {
        *(f"train/0001/c{camera}/t{k}" for camera in (1, 2) for k in (1, 2)),
        *(f"query/0002/c{camera}/t1" for camera in (1, 2)),
        *(f"gallery/0002/c{camera}/t2" for camera in (1, 2)),
    }
    frames = [name for name in files if name.endswith(".jpg")]
    assert len(files) == len(frames) + 2
    for folder in folders:
        assert 3 <= sum(name.startswith(folder + "_") for name in frames) <= 4
    for name in frames:
        with Image.open(whole / name) as image:
            assert (image.size, image.mode, image.format) == ((128, 256), "RGB", "JPEG")


def test_it_reads_as_a_benchmark_with_different_people_to_train_and_to_test_on(whole: Path) -> None:
    (split,) = load_benchmark("walkers", whole).splits
    parts = {"train": split.train, "query": split.query, "gallery": split.gallery}
    assert {part: [(t.person, t.camera) for t in tracklets] for part, tracklets in parts.items()} == {
        "train": [(1, 0), (1, 0), (1, 1), (1, 1)],
        "query": [(2, 0), (2, 1)],
        "gallery": [(2, 0), (2, 1)],
    }


def test_keypoints_name_every_frame(whole: Path) -> None:
    keypoints = json.loads((whole / "keypoints.json").read_text())
    assert set(keypoints) == {file.relative_to(whole).as_posix() for file in whole.rglob("*.jpg")}
    joints = np.array(list(keypoints.values()))
    assert joints.shape[1:] == (len(JOINTS), 3)
    assert set(np.unique(joints[..., 2])) <= {0, 1}
    seen = joints[joints[..., 2] == 1]
    assert len(seen) > 0.3 * joints[..., 0].size
    assert (seen[:, :2] >= 0).all()
    assert (seen[:, 0] <= 128).all()
    assert (seen[:, 1] <= 256).all()


def test_meta_says_how_to_make_the_set_again(whole: Path) -> None:
    meta = json.loads((whole / "meta.json").read_text())
    assert meta["settings"] == json.loads(json.dumps(SMALL.to_json()))
    assert meta["frames"] == len(list(whole.rglob("*.jpg")))
    assert meta["tracklets"] == 8
    assert set(meta["cameras"]) == {"c1", "c2"}
    assert set(meta["persons"]) == {"0001", "0002"}
    assert {"vtk", "numpy"} <= set(meta["versions"])


def test_killed_and_resumed_equals_unbroken_with_any_number_of_processes(whole: Path, tmp_path: Path) -> None:
    root = tmp_path / "killed"
    command = subprocess.Popen([sys.executable, "-c", IN_A_PROCESS.format(root=str(root))], cwd=ROOT)
    try:
        wait_for(lambda: len(list(root.glob(".unfinished/*_t*.json"))) >= 2)
    finally:
        command.send_signal(signal.SIGKILL)
        command.wait()
    assert not (root / "meta.json").exists()
    wait_for(lambda: not processes_that_mention(str(root)))
    finished = next(root.rglob("t1_*.jpg"))
    kept = {file: file.stat().st_mtime_ns for file in root.rglob("*.jpg")}
    generate(SMALL, root, workers=2)
    assert files_of(root) == files_of(whole)
    assert finished.stat().st_mtime_ns == kept[finished], "finished tracklets are not made again"


def test_a_finished_set_is_left_as_it_is(whole: Path) -> None:
    before = {file: file.stat().st_mtime_ns for file in whole.rglob("*")}
    assert generate(SMALL, whole)["tracklets"] == 8
    assert {file: file.stat().st_mtime_ns for file in whole.rglob("*")} == before


def test_another_set_is_not_mixed_in(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="made with other settings"):
        generate(replace(SMALL, seed=8), whole)
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(InputError, match="is not empty"):
        generate(SMALL, tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_contact_sheet_has_a_row_per_person_and_marks_joints(whole: Path, tmp_path: Path) -> None:
    contact_sheet(whole, tmp_path / "plain.png", frames=3)
    contact_sheet(whole, tmp_path / "joints.png", frames=3, joints=True)
    with Image.open(tmp_path / "plain.png") as plain, Image.open(tmp_path / "joints.png") as joints:
        assert plain.size == (4 * (3 * CELL[0] + 4), 2 * (CELL[1] + 2))
        changed = np.abs(np.asarray(plain, int) - np.asarray(joints, int)).max(axis=2) > 40
    assert changed[: CELL[1], : 3 * CELL[0]].any()
    with pytest.raises(InputError, match="holds no set"):
        contact_sheet(tmp_path / "nowhere", tmp_path / "none.png")


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def processes_that_mention(text: str) -> list[str]:
    """Command lines of living processes, where the system tells them."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_text()
        except OSError:
            continue
        if text in line and file.parent.name != str(os.getpid()):
            found.append(line)
    return found
