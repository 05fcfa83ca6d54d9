"""A miniature LS-VID with the true names; its list of queries is a .mat file of version 7.3, as the original is."""

import os
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from ctl.data import load_benchmark
from ctl.data.matlab import read_matrix
from ctl.errors import InputError
from tests.data.trees import touch

TRAIN = (("tracklet_train/0000/0000_0001_01", 0), ("tracklet_train/0000/0000_0002_11", 0))
TEST = (
    ("tracklet_test/0000/0000_0001_03", 900),
    ("tracklet_test/0000/0000_0001_04", 900),
    ("tracklet_test/0001/0001_0001_15", 901),
)


def write_version_73(path: Path, queries: list[float]) -> None:
    """As MATLAB saves a row vector: 512 bytes of its own, then HDF5 with rows and columns swapped."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        file["query"] = np.array(queries)[:, None]
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created by: a test HDF5 schema 1.00 .".ljust(124))
        raw.write(b"\x00\x02IM")


@pytest.fixture
def ls_vid(tmp_path: Path) -> Path:
    (tmp_path / "list_sequence").mkdir()
    for part, tracklets in (("train", TRAIN), ("test", TEST)):
        lines = [f"{start} {person}" for start, person in tracklets]
        (tmp_path / "list_sequence" / f"list_seq_{part}.txt").write_text("\n".join(lines) + "\n")
        for start, _ in tracklets:
            touch((tmp_path / start).parent, [f"{Path(start).name}_{n:04d}.jpg" for n in (30, 4, 112)] + [".DS_Store"])
    write_version_73(tmp_path / "test" / "data" / "info_test.mat", [2, 3])
    return tmp_path


def test_queries_are_lines_of_the_test_list_and_stay_in_the_gallery(ls_vid: Path) -> None:
    benchmark = load_benchmark("ls-vid", ls_vid)
    (split,) = benchmark.splits
    assert [(t.person, t.camera) for t in split.train] == [(1, 1), (1, 11)]  # person 0 of the list is no distractor
    assert [(t.person, t.camera) for t in split.query] == [(901, 4), (902, 15)]
    assert [(t.person, t.camera) for t in split.gallery] == [(901, 3), (901, 4), (902, 15)]
    assert "queries included" in benchmark.protocol


def test_frames_are_those_of_the_tracklet_in_the_order_of_their_names(ls_vid: Path) -> None:
    (split,) = load_benchmark("ls-vid", ls_vid).splits
    assert [f.name for f in split.train[1].frames] == [f"0000_0002_11_{n}.jpg" for n in ("0004", "0030", "0112")]


def test_names_may_be_any_bytes(ls_vid: Path) -> None:
    before = load_benchmark("ls-vid", ls_vid)
    odd = os.fsdecode(b"M\374ller \xe2\x82\xac")
    (ls_vid / "tracklet_test" / "0000").rename(ls_vid / "tracklet_test" / odd)
    listed = ls_vid / "list_sequence" / "list_seq_test.txt"
    listed.write_bytes(listed.read_bytes().replace(b"tracklet_test/0000/", os.fsencode(f"tracklet_test/{odd}/")))
    root = ls_vid.rename(ls_vid.with_name(f"{odd} set"))
    split = load_benchmark("ls-vid", root).splits[0]
    assert [(t.person, t.camera, len(t)) for t in split.gallery] == [
        (t.person, t.camera, len(t)) for t in before.splits[0].gallery
    ]
    assert all(frame.is_file() for tracklet in split.query for frame in tracklet.frames)


def test_queries_saved_in_an_older_version_are_read_too(ls_vid: Path) -> None:
    savemat(ls_vid / "test" / "data" / "info_test.mat", {"query": np.array([[1.0]])})
    (split,) = load_benchmark("ls-vid", ls_vid).splits
    assert [t.camera for t in split.query] == [3]


def test_a_matrix_is_read_as_matlab_shows_it(tmp_path: Path) -> None:
    shown = np.arange(6).reshape(2, 3)
    savemat(tmp_path / "5.mat", {"m": shown})
    with h5py.File(tmp_path / "73.mat", "w") as file:
        file["m"] = shown.T  # MATLAB counts along columns first
    np.testing.assert_array_equal(read_matrix(tmp_path / "5.mat", "m"), shown)
    np.testing.assert_array_equal(read_matrix(tmp_path / "73.mat", "m"), shown)


def test_without_h5py_the_message_says_how_to_get_it(ls_vid: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(InputError, match=r"info_test.mat is a version 7.3 file.*pip install h5py"):
        load_benchmark("ls-vid", ls_vid)


@pytest.mark.parametrize(
    "part", ["list_sequence/list_seq_train.txt", "list_sequence/list_seq_test.txt", "test/data/info_test.mat"]
)
def test_what_is_missing_is_named(ls_vid: Path, part: str) -> None:
    (ls_vid / part).unlink()
    with pytest.raises(InputError, match=f"lacks {part}"):
        load_benchmark("ls-vid", ls_vid)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("tracklet_test/0009/0009_0001_03 9", "line 4: there are no pictures .*0009_0001_03_", id="absent"),
        pytest.param("tracklet_test/0001/0001_0001_15", "line 4 must be", id="no person"),
    ],
)
def test_a_bad_line_is_named(ls_vid: Path, line: str, message: str) -> None:
    with (ls_vid / "list_sequence" / "list_seq_test.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(InputError, match=f"list_seq_test.txt, {message}"):
        load_benchmark("ls-vid", ls_vid)


@pytest.mark.parametrize("queries", [[0.0, 1.0], [4.0]], ids=["before the first", "after the last"])
def test_a_query_beyond_the_list_is_refused(ls_vid: Path, queries: list[float]) -> None:
    write_version_73(ls_vid / "test" / "data" / "info_test.mat", queries)
    with pytest.raises(InputError, match=r"names tracklets that list_sequence/list_seq_test.txt doesn't have"):
        load_benchmark("ls-vid", ls_vid)
