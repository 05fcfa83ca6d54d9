"""The folder layout, which Walkers shares: any words as names, tracklets by prefix or by folder."""

import shutil
from pathlib import Path

import pytest

from ctl.data import load_benchmark
from ctl.data.benchmark import TrackletFiles
from ctl.errors import InputError
from tests.data.trees import touch


@pytest.fixture
def root(tmp_path: Path) -> Path:
    touch(tmp_path / "query" / "Zoë" / "hall", ["10.jpg", "9.jpg", "notes.txt", ".hidden.jpg"])
    touch(tmp_path / "gallery" / "Zoë" / "yard", ["t1_00001.jpg", "t0_00002.jpg", "t0_00001.jpg", "t10_00001.jpg"])
    touch(tmp_path / "gallery" / "anna 10" / "hall", ["a.PNG"])
    touch(tmp_path / "gallery" / "anna 9" / "hall", ["a.webp", "b.jpeg"])
    touch(tmp_path / "gallery" / ".cache" / "hall", ["a.jpg"])
    return tmp_path


def names(tracklets: tuple[TrackletFiles, ...]) -> list[tuple[int, int, list[str]]]:
    return [(t.person, t.camera, [frame.name for frame in t.frames]) for t in tracklets]


def test_persons_and_cameras_are_numbered_in_the_order_of_their_names(root: Path) -> None:
    (split,) = load_benchmark("folder", root).splits
    # persons: anna 9 = 1, anna 10 = 2, Zoë = 3 by the natural order of letters; cameras: hall = 0, yard = 1
    by_name = {t.frames[0].parent.parent.name: t.person for t in (*split.query, *split.gallery)}
    assert sorted(by_name, key=lambda name: by_name[name]) == ["Zoë", "anna 9", "anna 10"]
    assert sorted(by_name.values()) == [1, 2, 3]
    assert split.query[0].person == by_name["Zoë"]
    assert {t.frames[0].parent.name: t.camera for t in split.gallery} == {"hall": 0, "yard": 1}


def test_a_folder_is_one_tracklet_unless_names_begin_with_a_tracklets_number(root: Path) -> None:
    (split,) = load_benchmark("folder", root).splits
    assert names(split.query) == [(1, 0, ["9.jpg", "10.jpg"])]
    assert names(split.gallery) == [
        (1, 1, ["t0_00001.jpg", "t0_00002.jpg"]),
        (1, 1, ["t1_00001.jpg"]),
        (1, 1, ["t10_00001.jpg"]),
        (2, 0, ["a.webp", "b.jpeg"]),
        (3, 0, ["a.PNG"]),
    ]
    assert split.train == ()


def test_a_training_part_is_read_where_there_is_one(root: Path) -> None:
    touch(root / "train" / "Aaron" / "attic", ["1.jpg"])
    (split,) = load_benchmark("folder", root).splits
    assert names(split.train) == [(1, 0, ["1.jpg"])]
    assert split.query[0].person == 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda root: shutil.rmtree(root / "gallery"), "lacks gallery", id="no gallery"),
        pytest.param(lambda root: shutil.rmtree(root / "query" / "Zoë"), "query is empty", id="nobody"),
        pytest.param(
            lambda root: (shutil.rmtree(root / "query"), touch(root / "query", ["1.jpg"])),
            "query holds pictures and no folders: pictures go into query/<person>/<camera>/",
            id="no person",
        ),
        pytest.param(
            shutil.rmtree,
            r"there is no folder .*: give the folder that holds query/ and gallery/",
            id="no root",
        ),
        pytest.param(
            lambda root: touch(root / "query" / "Bo", ["1.jpg"]),
            "Bo holds pictures and no folders: pictures go into query/<person>/<camera>/",
            id="no camera",
        ),
        pytest.param(
            lambda root: touch(root / "query" / "Bo" / "hall", ["1.heic", "2.gif"]),
            r"Bo.hall holds no pictures \(jpg, jpeg, png, webp, bmp, tif, tiff\)",
            id="unknown extension",
        ),
    ],
)
def test_what_is_wrong_is_said(root: Path, make, message: str) -> None:
    make(root)
    with pytest.raises(InputError, match=message):
        load_benchmark("folder", root)


def test_what_systems_leave_behind_is_nobody(root: Path) -> None:
    before = load_benchmark("folder", root)
    for place in ("query", "query/Zoë", "gallery"):
        for left in ("__MACOSX", "@eaDir", ".Trash"):
            touch(root / place / left / "c1", ["1.jpg"])
        touch(root / place, ["._1.jpg", ".DS_Store"])
    assert load_benchmark("folder", root) == before


def test_walkers_is_the_same_layout_with_a_note_of_how_it_was_made(root: Path) -> None:
    with pytest.raises(InputError, match=r"Walkers at .* lacks meta.json"):
        load_benchmark("walkers", root)
    (root / "meta.json").write_text("{}")
    walkers, folder = load_benchmark("walkers", root), load_benchmark("folder", root)
    assert walkers.splits == folder.splits
    assert (walkers.name, folder.name) == ("walkers", "folder")
