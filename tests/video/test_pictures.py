"""Folders and zips of pictures, the way MARS and iLIDS-VID come."""

import shutil
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctl.errors import InputError
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
        for name in ("escaped 1.png", "root 2.png", "windows 3.PNG", "ü 4.png", "line\nbreak 5.png"):
            archive.writestr(f"../../{name}", picture)
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


@pytest.mark.parametrize("number", [0, 13])
def test_pictures_keep_their_own_size_and_are_shown_at_that_of_the_largest_wherever_it_stands(folder, number):
    picture = np.random.default_rng(0).integers(0, 256, (90, 80, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 8  # it lies on its side
    Image.fromarray(np.rot90(picture, -1)).save(folder / f"F{number}.png", exif=exif)
    clip = open_clip(folder)
    largest = list(clip)[0 if number == 0 else -1]
    np.testing.assert_array_equal(largest.image, picture)
    assert (clip.info.height, clip.info.width) == (90, 80)
    assert clip.info.notices == (
        "The pictures differ in size: boxes and key-points are in pixels of the largest, 80x90.",
    )
    assert largest.at((64, 32)).shape == (64, 32, 3)
    assert largest.at((90, 80)) is largest.image


@pytest.mark.parametrize("packed", [False, True])
def test_pictures_in_several_folders_may_be_several_people(folder, tmp_path, packed):
    people = tmp_path / "people"
    for person in ("anna", "ben"):
        shutil.copytree(folder, people / person / "c1")
    path = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "people")) if packed else people
    with pytest.raises(
        InputError, match=r"in 2 folders \((people/)?anna/c1, (people/)?ben/c1\), which may be several"
    ) as told:
        open_clip(path)
    assert "\n" not in str(told.value)
    assert greys(people / "anna") == greys(folder)


def test_what_systems_leave_in_a_folder_is_no_picture(folder):
    for name in ("@eaDir/F1.png", "__MACOSX/._F1.png", "._F2.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "F12.png", folder / name)
    assert greys(folder) == [number * 10 for number in range(1, 13)]


def test_a_small_zip64_is_read(folder, tmp_path):
    path = tmp_path / "large format.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    data = path.read_bytes()
    at = data.rindex(b"PK\x05\x06")
    files, size, start = struct.unpack_from("<HII", data, at + 10)
    record = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, files, files, size, start)
    locator = struct.pack("<4sIQI", b"PK\x06\x07", 0, at, 1)
    path.write_bytes(data[:at] + record + locator + data[at:])
    assert greys(path) == greys(folder)
    huge = struct.pack("<4sQHHIIQQQQ", b"PK\x06\x06", 44, 45, 45, 0, 0, files, files, 10**9, start)
    path.write_bytes(data[:at] + huge + locator + data[at:])
    with pytest.raises(InputError, match="lists too many files"):
        open_clip(path)
