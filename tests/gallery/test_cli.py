"""`python -m ctl gallery`: what people type, without a model where none is needed."""

from pathlib import Path

import pytest

from ctl.__main__ import main
from ctl.files import ROOT
from ctl.gallery import DEMO_GALLERY, GalleryFolder, MemoryGallery
from tests.gallery.cases import OTHER_SHA256, SHA256, key, records, some_embeddings

SAMPLES = ROOT / "assets" / "samples"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    GalleryFolder(tmp_path / "mine").replace(MemoryGallery.empty(SHA256).add(records(some_embeddings())))
    return tmp_path / "mine"


def gallery(*words: str | Path) -> int:
    return main(["gallery", *map(str, words)])


def test_list_names_everybody(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gallery("list", "--gallery", folder) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[3].split() == [key(4), "person", "0", "camera", "c1"]
    assert said[-1] == f"12 tracklets, 4 people, 3 cameras in {folder}"


def test_rename_and_remove_take_keys_or_a_person(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert gallery("rename", "--of", "person 1", "--person", "ann", "--gallery", folder) == 0
    assert gallery("rename", key(2), key(3), "--camera", "roof", "--gallery", folder) == 0
    entries = {entry.key: entry for entry in GalleryFolder(folder).read().entries}
    assert [entries[key(n)].person for n in (1, 2, 5, 9)] == ["ann", "person 2", "ann", "ann"]
    assert [entries[key(n)].camera for n in (1, 2, 3)] == ["c1", "roof", "roof"]
    capsys.readouterr()
    assert gallery("remove", key(2), "--of", "ann", "--gallery", folder) == 0
    assert capsys.readouterr().out == f"8 tracklets left in {folder}\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        pytest.param(("remove",), "name the tracklets by their keys", id="nothing-chosen"),
        pytest.param(("remove", "--of", "zoe"), "nobody in the gallery is called 'zoe'", id="unknown-person"),
        pytest.param(("rename", key(99), "--person", "zoe"), "no tracklet '000000000063/1'", id="unknown-key"),
        pytest.param(("rename", key(1), "--person", ""), "1 to 100 printable characters", id="empty-name"),
        pytest.param(("import", "nowhere.zip"), "nowhere.zip can't be read", id="no-import"),
    ],
)
def test_trouble_is_one_line_and_changes_nothing(
    words: tuple[str, ...], sentence: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (folder / "gallery.json").read_bytes()
    assert gallery(*words, "--gallery", folder) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert len(said.splitlines()) == 1
    assert (folder / "gallery.json").read_bytes() == before


def test_an_export_is_imported_elsewhere_and_clashes_are_decided(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert gallery("export", tmp_path / "mine.zip", "--gallery", folder) == 0
    new = tmp_path / "new"
    assert gallery("import", tmp_path / "mine.zip", "--gallery", new) == 0
    assert GalleryFolder(new).read().entries == GalleryFolder(folder).read().entries
    assert gallery("rename", key(1), "--person", "zoe", "--gallery", new) == 0
    assert gallery("import", folder, "--gallery", new) == 2
    assert "give --on-clash keep or --on-clash replace" in capsys.readouterr().err
    assert gallery("import", folder, "--gallery", new, "--on-clash", "keep") == 0
    assert GalleryFolder(new).read().entries[0].person == "zoe"
    assert gallery("import", folder, "--gallery", new, "--on-clash", "replace") == 0
    assert GalleryFolder(new).read().entries[-1].person == "person 1"
    GalleryFolder(tmp_path / "other").replace(MemoryGallery.empty(OTHER_SHA256))
    assert gallery("import", folder, "--gallery", tmp_path / "other") == 2


@pytest.mark.slow
def test_search_combines_clips_of_one_person_and_leaves_a_camera_out(capsys: pytest.CaptureFixture[str]) -> None:
    clips = [SAMPLES / f"man-lab{n}.mp4" for n in (1, 2)]
    options = ("--combine", "--tracklet", "crop", "--not-camera", "lab 3", "--top", "4")
    assert gallery("search", *clips, *options) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in said[:2]] == [clip.name for clip in clips]
    demo = {entry.key: entry for entry in GalleryFolder(DEMO_GALLERY).read().entries}
    found = [demo[line.split()[-1]] for line in said[2:]]
    assert len(found) == 4
    assert found[0].person == "man (lab)"
    assert found[0].camera == "lab 4"  # labs 1 and 2 are the queries, 3 is left out
    assert "lab 3" not in {entry.camera for entry in found}
