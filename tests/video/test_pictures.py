"""Folders and zips of pictures, the way MARS and iLIDS-VID come."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctl.video.pictures import natural_key
from ctl.video.reader import LIMITS, Limits, open_clip


@pytest.fixture
def folder(tmp_path) -> Path:
    """Twelve pictures whose names sort naturally but not by letter; each one's grey is ten times its number."""
    folder = tmp_path / "person"
    folder.mkdir()
    for number in range(1, 13):
        Image.new("RGB", (32, 64), (number * 10,) * 3).save(folder / f"F{number}.png")
    return folder


def greys(path: Path, limits: Limits = LIMITS) -> list[int]:
    with open_clip(path, limits=limits) as clip:
        return [int(frame.image[0, 0, 0]) for frame in clip]


def test_a_folder_is_read_in_natural_order(folder):
    assert greys(folder) == [number * 10 for number in range(1, 13)]


def test_pictures_have_no_clock_and_are_shown_at_25_frames_per_second(folder):
    with open_clip(folder, max_fps=5) as clip:
        times = [frame.time for frame in clip]
    np.testing.assert_allclose(times, np.arange(12) / 25)
    assert (clip.info.fps, clip.info.duration, clip.info.frames) == (0, 0, 12)
    assert (clip.info.source, clip.info.width, clip.info.height) == ("person", 32, 64)


def test_a_zip_gives_what_its_folder_gives(folder, tmp_path):
    path = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", folder.parent, folder.name))
    assert greys(path) == greys(folder)


def test_junk_and_odd_names_in_a_zip_do_no_harm(folder, tmp_path):
    path = tmp_path / "odd.zip"
    inside = tmp_path / "inside" / "deep"
    inside.mkdir(parents=True)
    picture = (folder / "F3.png").read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../../escaped 1.png", "/root 2.png", "C:\\windows 3.PNG", "a/b/ü 4.png", "line\nbreak 5.png"):
            archive.writestr(name, picture)
        for name in ("__MACOSX/._1.png", ".hidden.png", "a/", "readme.txt", "Thumbs.db"):
            archive.writestr(name, b"junk")
    before = sorted(tmp_path.rglob("*"))
    assert greys(path) == [30] * 5
    assert sorted(tmp_path.rglob("*")) == before
    assert not (tmp_path.parent / "escaped 1.png").exists()


def test_more_pictures_than_the_limit_are_cut_and_it_says_so(folder):
    clip = open_clip(folder, limits=Limits(frames=5))
    assert len(list(clip)) == 5
    assert clip.info.notices == ("Only the first 5 of 12 pictures were analysed.",)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp"])
def test_every_kind_of_picture(tmp_path, suffix):
    for number in range(2):
        Image.new("RGB", (32, 64), (50 + 100 * number,) * 3).save(tmp_path / f"{number}{suffix}")
    np.testing.assert_allclose(greys(tmp_path), [50, 150], atol=2)


def test_photo_orientation_is_applied(tmp_path):
    sideways = Image.new("RGB", (64, 32), (255, 0, 0))
    sideways.paste((0, 0, 255), (32, 0, 64, 32))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned 90 degrees clockwise
    for number in range(2):
        sideways.save(tmp_path / f"{number}.jpg", exif=exif, quality=95)
    frame = next(iter(open_clip(tmp_path)))
    assert frame.image.shape == (64, 32, 3)
    assert frame.image[10, 16, 0] > 200  # red above
    assert frame.image[54, 16, 2] > 200


def test_pictures_of_another_size_are_stretched_to_the_first(folder):
    Image.new("RGB", (90, 90), (200, 200, 200)).save(folder / "F13.png")
    assert {frame.image.shape for frame in open_clip(folder)} == {(64, 32, 3)}


def test_natural_order():
    names = ["f10.jpg", "f9.jpg", "f1.jpg", "g.jpg", "0001C1T0002F003.jpg", "0001C1T0001F010.jpg"]
    want = ["0001C1T0001F010.jpg", "0001C1T0002F003.jpg", "f1.jpg", "f9.jpg", "f10.jpg", "g.jpg"]
    assert sorted(names, key=natural_key) == want
