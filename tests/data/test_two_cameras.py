"""Miniature iLIDS-VID and PRID2011 with the true names."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from ctl.data import load_benchmark
from ctl.data.benchmark import Split
from ctl.errors import InputError
from tests.data.trees import touch

ILIDS = (1, 2, 4, 9, 13, 20)
"""Numbers in the folders' names: there are gaps in the real ones too, so a person's place is not its number."""


@pytest.fixture
def ilids(tmp_path: Path) -> Path:
    for number in reversed(ILIDS):
        for camera in ("cam1", "cam2"):
            names = [f"{camera}_person{number:03d}_{frame:05d}.png" for frame in (301, 20, 111)]
            touch(tmp_path / "i-LIDS-VID" / "sequences" / camera / f"person{number:03d}", names)
    rng = np.random.default_rng(0)
    rows = [rng.permutation(len(ILIDS)) + 1 for _ in range(9)]
    folder = tmp_path / "train-test people splits"
    folder.mkdir()
    savemat(folder / "train_test_splits_ilidsvid.mat", {"ls_set": np.array([(6, 3, 1, 2, 4, 5), *rows], np.uint16)})
    return tmp_path


def folders(split: Split) -> tuple[list[str], ...]:
    """Names of the folders of each part's tracklets."""
    return tuple([t.frames[0].parent.name for t in part] for part in (split.train, split.query, split.gallery))


def test_ilids_tests_the_first_half_of_each_of_ten_splits(ilids: Path) -> None:
    benchmark = load_benchmark("ilids-vid", ilids)
    assert len(benchmark.splits) == 10
    train, query, gallery = folders(benchmark.splits[0])
    # The row 6 3 1 | 2 4 5 names places in the sorted list of folders.
    assert query == gallery == ["person001", "person004", "person020"]
    assert train == ["person002"] * 2 + ["person009"] * 2 + ["person013"] * 2
    assert benchmark.protocol.startswith("mean over the authors' 10 splits")


def test_ilids_searches_camera_1_in_camera_2(ilids: Path) -> None:
    for split in load_benchmark("ilids-vid", ilids).splits:
        assert {t.camera for t in split.query} == {1}
        assert {t.camera for t in split.gallery} == {2}
        assert [t.person for t in split.query] == [t.person for t in split.gallery]
        assert not {t.person for t in split.train} & {t.person for t in split.query}
        assert len(split.query) == 3
        assert len(split.train) == 6


def test_ilids_frames_are_in_the_order_of_their_names(ilids: Path) -> None:
    query = load_benchmark("ilids-vid", ilids).splits[0].query[0]
    assert [frame.name for frame in query.frames] == [f"cam1_person001_{n}.png" for n in ("00020", "00111", "00301")]


@pytest.mark.parametrize(
    "part",
    ["i-LIDS-VID/sequences/cam2", "train-test people splits/train_test_splits_ilidsvid.mat"],
)
def test_ilids_names_what_is_missing(ilids: Path, part: str) -> None:
    shutil.move(ilids / part, ilids / "elsewhere")
    with pytest.raises(InputError, match=f"iLIDS-VID at .* lacks {part}"):
        load_benchmark("ilids-vid", ilids)


def test_ilids_names_a_person_whom_one_camera_lacks(ilids: Path) -> None:
    shutil.rmtree(ilids / "i-LIDS-VID/sequences/cam2/person009")
    with pytest.raises(InputError, match="person009 is in one of"):
        load_benchmark("ilids-vid", ilids)


def test_ilids_refuses_splits_of_another_number_of_persons(ilids: Path) -> None:
    for camera in ("cam1", "cam2"):
        shutil.rmtree(ilids / "i-LIDS-VID" / "sequences" / camera / "person009")
    with pytest.raises(InputError, match="each of the 5 persons once"):
        load_benchmark("ilids-vid", ilids)


SHORT = frozenset(range(3, 200, 9))  # 22 persons


@pytest.fixture(scope="module")
def prid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Persons 1 to 202 in both cameras; 22 of the first 200 are seen too shortly by one of them."""
    root = tmp_path_factory.mktemp("prid")
    for camera in ("cam_a", "cam_b"):
        for person in range(1, 203):
            short = person in SHORT and camera == ("cam_a", "cam_b")[person % 2]
            frames = 1 if short else 2
            names = [f"{number:04d}.png" for number in range(1, frames + 1)]
            touch(root / "prid_2011" / "multi_shot" / camera / f"person_{person:04d}", names)
    return root


def test_prid_draws_ten_splits_of_the_178_and_says_so(prid: Path) -> None:
    benchmark = load_benchmark("prid2011", prid)
    assert len(benchmark.splits) == 10
    for phrase in ("drawn here with seed 2011", "178 persons", "not the splits that the literature reports on"):
        assert phrase in benchmark.protocol
    for split in benchmark.splits:
        trained, tested = ({t.person for t in part} for part in (split.train, split.query))
        assert (len(trained), len(tested), len(split.train)) == (89, 89, 178)
        assert trained | tested == set(range(1, 201)) - SHORT
        assert {t.camera for t in split.query} == {0}
        assert {t.camera for t in split.gallery} == {1}
        assert [t.person for t in split.query] == [t.person for t in split.gallery]
    assert len({split.query for split in benchmark.splits}) == 10
    assert benchmark == load_benchmark("prid2011", prid)


def test_prid_takes_the_splits_of_the_file_where_there_is_one(prid: Path) -> None:
    file = prid / "splits_prid2011.json"
    splits = [{"train": ["person_0007", "person_0001"], "test": ["person_0003", "person_0002"]}] * 10
    try:
        file.write_text(json.dumps(splits))
        benchmark = load_benchmark("prid2011", prid)
        file.write_text(json.dumps([{"train": ["person_0001"], "test": ["person_0201"]}]))
        with pytest.raises(InputError, match="names person_0201, who isn't in both"):
            load_benchmark("prid2011", prid)
        file.write_text('{"train": 3}')
        with pytest.raises(InputError, match="must be a JSON list"):
            load_benchmark("prid2011", prid)
    finally:
        file.unlink()
    assert benchmark.protocol == (
        "mean over the 10 splits of splits_prid2011.json; camera A is searched for in camera B"
    )
    assert folders(benchmark.splits[9]) == (
        ["person_0001"] * 2 + ["person_0007"] * 2,
        ["person_0002", "person_0003"],
        ["person_0002", "person_0003"],
    )


def test_prid_names_what_is_missing(tmp_path: Path) -> None:
    touch(tmp_path / "prid_2011/multi_shot/cam_a/person_0001", ["0001.png"])
    with pytest.raises(InputError, match="lacks prid_2011/multi_shot/cam_b"):
        load_benchmark("prid2011", tmp_path)
