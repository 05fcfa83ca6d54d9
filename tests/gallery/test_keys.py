"""Names of tracklets, and what an entry may be called."""

import os
import shutil
from pathlib import Path

import pytest

from ctl.errors import InputError
from ctl.gallery import GalleryEntry, clip_sha256, tracklet_key


def test_key_follows_the_content_of_the_clip_and_not_its_place(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"one clip")
    shutil.copy(tmp_path / "a.mp4", tmp_path / "b.mp4")
    (tmp_path / "c.mp4").write_bytes(b"another clip")
    # printf 'one clip' | sha256sum
    assert tracklet_key(clip_sha256(tmp_path / "a.mp4"), 3) == "4ca3bee6fe16/3"
    assert tracklet_key(clip_sha256(tmp_path / "a.mp4"), 3) == tracklet_key(clip_sha256(tmp_path / "b.mp4"), 3)
    assert tracklet_key(clip_sha256(tmp_path / "a.mp4"), 3) != tracklet_key(clip_sha256(tmp_path / "a.mp4"), 4)
    assert tracklet_key(clip_sha256(tmp_path / "a.mp4"), 3) != tracklet_key(clip_sha256(tmp_path / "c.mp4"), 3)


def test_key_of_a_folder_follows_names_and_contents(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    for name in ("2.jpg", "1.jpg"):
        (tmp_path / "a" / name).write_bytes(name.encode())
    shutil.copytree(tmp_path / "a", tmp_path / "b", dirs_exist_ok=True)
    key = tracklet_key(clip_sha256(tmp_path / "a"), 1)
    assert key == tracklet_key(clip_sha256(tmp_path / "b"), 1)
    (tmp_path / "b" / "1.jpg").rename(tmp_path / "b" / "3.jpg")
    assert key != tracklet_key(clip_sha256(tmp_path / "b"), 1)
    (tmp_path / "a" / "1.jpg").write_bytes(b"changed")
    assert key != tracklet_key(clip_sha256(tmp_path / "a"), 1)
    GalleryEntry(key, "ann", "c1")


def test_a_folder_may_hold_names_that_are_no_text(tmp_path: Path) -> None:
    keys = set()
    for name in (b"M\374ller.jpg", b"M\374ller \n.jpg"):
        folder = tmp_path / str(len(keys))
        folder.mkdir()
        (folder / os.fsdecode(name)).write_bytes(b"one picture")
        keys.add(tracklet_key(clip_sha256(folder), 1))
    assert len(keys) == 2


def test_key_of_a_clip_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.mp4 can't be read"):
        clip_sha256(tmp_path / "gone.mp4")


@pytest.mark.parametrize(
    ("key", "person", "camera"),
    [
        pytest.param("../../etc/1", "ann", "c1", id="key-is-a-path"),
        pytest.param("0123456789ab", "ann", "c1", id="key-without-number"),
        pytest.param("0123456789ab/1", "", "c1", id="no-person"),
        pytest.param("0123456789ab/1", "ann", "c\n1", id="camera-with-line-break"),
        pytest.param("0123456789ab/1", "a" * 101, "c1", id="long-person"),
    ],
)
def test_entry_that_cannot_be_shown_is_refused(key: str, person: str, camera: str) -> None:
    with pytest.raises(InputError, match=r"gallery (key|entry)"):
        GalleryEntry(key, person, camera)
