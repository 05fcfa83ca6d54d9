"""A miniature MARS with the true names: two training persons, two test persons, a distractor and junk."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from ctl.data import load_benchmark
from ctl.data.benchmark import TrackletFiles
from ctl.data.mars import NEEDS
from ctl.errors import InputError
from tests.data.trees import touch

TRAIN = (("0001C1T0001", 3, 1, 1), ("0001C2T0001", 2, 1, 2), ("0007C6T0002", 2, 7, 6))
TEST = (
    ("00-1C1T0001", 2, -1, 1),
    ("0000C2T0001", 2, 0, 2),
    ("0002C1T0001", 2, 2, 1),  # query
    ("0002C3T0001", 3, 2, 3),  # query
    ("0002C3T0002", 2, 2, 3),
    ("0004C5T0001", 2, 4, 5),  # query that has no other tracklet
)
QUERIES = (3, 4, 6)  # MATLAB counts from 1


def write_part(root: Path, part: str, tracklets: tuple[tuple[str, int, int, int], ...]) -> None:
    names: list[str] = []
    rows = []
    for stem, frames, person, camera in tracklets:
        files = [f"{stem}F{number:03d}.jpg" for number in range(1, frames + 1)]
        rows.append((len(names) + 1, len(names) + frames, person, camera))
        names += files[::-1]  # the order of the list is not the order of time
        touch(root / f"bbox_{part}" / stem[:4], files)
    (root / "info" / f"{part}_name.txt").write_text("\n".join(names) + "\n")
    table = np.array(rows, dtype=np.int32 if part == "train" else np.float64)
    savemat(root / "info" / f"tracks_{part}_info.mat", {f"track_{part}_info": table})


@pytest.fixture
def mars(tmp_path: Path) -> Path:
    (tmp_path / "info").mkdir()
    write_part(tmp_path, "train", TRAIN)
    write_part(tmp_path, "test", TEST)
    savemat(tmp_path / "info" / "query_IDX.mat", {"query_IDX": np.array([QUERIES], dtype=np.uint16)})
    return tmp_path


def who(tracklets: tuple[TrackletFiles, ...]) -> list[tuple[int, int]]:
    return [(tracklet.person, tracklet.camera) for tracklet in tracklets]


def test_gallery_is_the_whole_test_part_with_queries_distractors_and_junk(mars: Path) -> None:
    benchmark = load_benchmark("mars", mars)
    (split,) = benchmark.splits
    assert who(split.train) == [(1, 1), (1, 2), (7, 6)]
    assert who(split.query) == [(2, 1), (2, 3), (4, 5)]
    assert who(split.gallery) == [(-1, 1), (0, 2), (2, 1), (2, 3), (2, 3), (4, 5)]
    assert set(split.query) <= set(split.gallery)
    assert "queries included" in benchmark.protocol


def test_queries_can_be_dropped_from_the_gallery_and_the_protocol_says_so(mars: Path) -> None:
    benchmark = load_benchmark("mars", mars, drop_queries=True)
    (split,) = benchmark.splits
    assert who(split.query) == [(2, 1), (2, 3), (4, 5)]
    assert who(split.gallery) == [(-1, 1), (0, 2), (2, 3)]
    assert "taken out of the gallery" in benchmark.protocol


def test_frames_are_existing_files_in_the_order_of_their_names(mars: Path) -> None:
    (split,) = load_benchmark("mars", mars).splits
    assert [frame.name for frame in split.train[0].frames] == [f"0001C1T0001F00{i}.jpg" for i in (1, 2, 3)]
    assert [frame.name for frame in split.gallery[0].frames] == [f"00-1C1T0001F00{i}.jpg" for i in (1, 2)]
    assert all(frame.is_file() for tracklet in (*split.train, *split.gallery) for frame in tracklet.frames)


@pytest.mark.parametrize("part", NEEDS)
def test_what_is_missing_is_named(mars: Path, part: str) -> None:
    path = mars / part
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(InputError, match=f"lacks {part}"):
        load_benchmark("mars", mars)


def test_lists_that_contradict_each_other_are_refused(mars: Path) -> None:
    names = mars / "info" / "train_name.txt"
    names.write_text(names.read_text().replace("0001C2T0001F002.jpg", "0003C2T0001F002.jpg"))
    with pytest.raises(InputError, match=r"tracks_train_info.mat: the row \[4, 5, 1, 2\]"):
        load_benchmark("mars", mars)


def test_a_query_number_beyond_the_table_is_refused(mars: Path) -> None:
    savemat(mars / "info" / "query_IDX.mat", {"query_IDX": np.array([[3, 7]])})
    with pytest.raises(InputError, match=r"query_IDX.mat names tracklets"):
        load_benchmark("mars", mars)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"not MATLAB" * 50, "not a .mat file", id="garbage"),
        pytest.param(None, "no variable query_IDX", id="other variable"),
    ],
)
def test_a_damaged_table_is_named(mars: Path, content: bytes | None, message: str) -> None:
    path = mars / "info" / "query_IDX.mat"
    if content is None:
        savemat(path, {"queries": np.array([[1]])})
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=f"query_IDX.mat.*{message}"):
        load_benchmark("mars", mars)


def test_only_mars_has_queries_to_drop(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="only MARS"):
        load_benchmark("folder", tmp_path, drop_queries=True)


def test_an_unknown_data_set_and_an_absent_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no data set 'duke': choose one of walkers, mars"):
        load_benchmark("duke", tmp_path)
    with pytest.raises(InputError, match=r"there is no folder .*nowhere"):
        load_benchmark("mars", tmp_path / "nowhere")
