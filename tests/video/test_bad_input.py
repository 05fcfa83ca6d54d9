"""Whatever is given as a clip, the user gets one clear sentence, and nothing is left behind."""

import struct
import tempfile
import zipfile
import zlib
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from ctl.errors import InputError
from ctl.video.reader import LIMITS, Limits, open_clip


def read_all(path: Path, limits: Limits = LIMITS) -> tuple[str, ...]:
    with open_clip(path, limits=limits) as clip:
        for _ in clip:
            pass
    return clip.info.notices


@pytest.fixture
def refusal(tmp_path, monkeypatch):
    """A function (path, limits) -> the sentence of the InputError; checks that no file appears anywhere it could."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.chdir(scratch)

    def check(path: Path, limits: Limits = LIMITS) -> str:
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(InputError) as caught:
            read_all(path, limits)
        caught.value.__cause__ = caught.value.__context__ = caught.value.__traceback__ = None
        sentence = str(caught.value)
        assert sentence.startswith(path.name) or sentence.split()[0] in zip_names(path), sentence
        assert "\n" not in sentence
        assert sorted(tmp_path.rglob("*")) == before
        assert not open_below(tmp_path)
        return sentence

    return check


def open_below(folder: Path) -> list[str]:
    """Files of a folder that this process holds open, also those without a name any more."""
    files: list[str] = []
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # another thread closed its own
            files.append(str(entry.readlink()))
    return [file for file in files if file.startswith(f"{folder}/")]


def zip_names(path: Path) -> set[str]:
    if path.is_dir():
        return {file.name for file in path.iterdir()}
    return {Path(name).name for name in zipfile.ZipFile(path).namelist()} if zipfile.is_zipfile(path) else set()


def picture_bytes(tmp_path: Path, size: tuple[int, int] = (16, 32), suffix: str = ".png") -> bytes:
    path = tmp_path / f"one{suffix}"
    Image.new("RGB", size, (90, 120, 60)).save(path)
    data = path.read_bytes()
    path.unlink()
    return data


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_missing(tmp_path, refusal):
    assert refusal(tmp_path / "gone.mp4") == "gone.mp4 doesn't exist: check the path."


def test_empty(tmp_path, refusal):
    path = tmp_path / "empty.mp4"
    path.touch()
    assert refusal(path) == "empty.mp4 is empty."


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".avi", ".gif", ".txt"])
def test_not_a_video(tmp_path, refusal, suffix):
    path = tmp_path / f"noise{suffix}"
    path.write_bytes(np.random.default_rng(0).bytes(20_000))
    assert "can't be read as a video" in refusal(path)


def test_only_the_beginning_of_an_mp4_whose_index_is_at_the_end(write_clip, grey_ramp, refusal):
    path = write_clip("cut.mp4", grey_ramp(50))
    path.write_bytes(path.read_bytes()[:1500])
    assert "cut off" in refusal(path)


def test_sound_only(tmp_path, refusal):
    path = tmp_path / "song.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        for number in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 16000, number * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert "holds no picture track" in refusal(path)


def test_pictures_in_an_unknown_coding(write_clip, grey_ramp, refusal):
    path = write_clip("coded.mp4", grey_ramp(5))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzZ"))
    assert "holds no picture track that can be read" in refusal(path)


@pytest.mark.parametrize("suffix", [".mp4", ".gif", ".webm"])
def test_one_frame(write_clip, grey_ramp, refusal, suffix):
    assert "only one frame" in refusal(write_clip(f"one{suffix}", grey_ramp(1)))


def test_no_frame(tmp_path, refusal):
    path = tmp_path / "none.mp4"
    with av.open(str(path), "w", options={"movflags": "empty_moov+default_base_moof"}) as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    assert "no frame" in refusal(path)


def test_packets_that_do_not_decode(write_clip, grey_ramp, refusal):
    path = write_clip("scrambled.mp4", grey_ramp(20))
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = start + struct.unpack_from(">I", data, start - 8)[0] - 8
    data[start:end] = b"\xff" * (end - start)
    path.write_bytes(data)
    assert "no frame" in refusal(path)


def test_still_picture(tmp_path, refusal):
    path = tmp_path / "still.jpg"
    path.write_bytes(picture_bytes(tmp_path, suffix=".jpg"))
    assert "is a still picture" in refusal(path)


def test_too_many_megabytes(write_clip, grey_ramp, refusal):
    path = write_clip("heavy.mp4", grey_ramp(3))
    with path.open("ab") as file:
        file.truncate(101 * 10**6)
    assert refusal(path) == "heavy.mp4 has 101 MB, more than 100 MB: cut or compress it."


def test_too_many_pixels(tmp_path, refusal):
    path = tmp_path / "huge.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 3842, 2160, "yuv420p"
        for number in range(2):
            frame = av.VideoFrame(3842, 2160, "yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert "3842x2160 pixels, more than 3840x2160 (4K)" in refusal(path)


def test_upright_4k_is_within_the_limits():
    Limits().check_size("phone.mp4", 2160, 3840)


@pytest.mark.parametrize(
    "playlist",
    [
        pytest.param("ffconcat version 1.0\nfile secret.mp4\n", id="concat"),
        pytest.param("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nsecret.mp4\n#EXT-X-ENDLIST\n", id="hls"),
    ],
)
def test_a_playlist_dressed_as_a_video_reads_no_other_file(write_clip, grey_ramp, tmp_path, refusal, playlist):
    write_clip("secret.mp4", grey_ramp(5))
    path = tmp_path / "list.mp4"
    path.write_text(playlist)
    assert "can't be read as a video" in refusal(path)


def test_folder_without_pictures(tmp_path, refusal):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "notes.txt").write_text("x")
    assert "folder holds no pictures" in refusal(folder)


def test_zip_without_pictures(tmp_path, refusal):
    assert "holds no pictures" in refusal(pack(tmp_path / "text.zip", {"notes.txt": b"x"}))


def test_zip_of_one_picture(tmp_path, refusal):
    assert "only one frame" in refusal(pack(tmp_path / "one.zip", {"1.png": picture_bytes(tmp_path)}))


def test_broken_zip(tmp_path, refusal):
    path = pack(tmp_path / "broken.zip", {f"{n}.png": picture_bytes(tmp_path) for n in range(5)})
    path.write_bytes(path.read_bytes()[:-40])
    assert "is a broken zip" in refusal(path)


def test_zip_of_a_format_to_come(tmp_path, refusal):
    path = pack(tmp_path / "later.zip", {f"{n}.png": picture_bytes(tmp_path) for n in range(2)})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 6] = 99  # the version needed to read the first file
    path.write_bytes(data)
    assert "broken zip" in refusal(path)


def test_zip_with_a_damaged_picture(tmp_path, refusal):
    data = picture_bytes(tmp_path)
    path = pack(tmp_path / "damaged.zip", {"1.png": data, "2.png": data[:-30], "3.png": data})
    assert "2.png is a damaged picture" in refusal(path)


def test_names_cannot_break_the_sentence(tmp_path):
    name = f"a{'9' * 5000}\n.png"
    path = pack(tmp_path / "names.zip", {name: b"x", "b.png": picture_bytes(tmp_path)})
    with pytest.raises(InputError, match=r"^a9+\?\.png is a damaged picture"):
        read_all(path)


def test_zip_bomb_in_one_file(tmp_path, refusal):
    path = pack(tmp_path / "bomb.zip", {"1.bmp": bytes(40 * 10**6), "2.bmp": b"x"})
    assert path.stat().st_size < 100_000
    assert "unpacks to 40 MB" in refusal(path)


def test_zip_bomb_in_many_files(tmp_path, refusal):
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(51):
            archive.writestr(f"{number}.bmp", b"x")
            archive.infolist()[-1].file_size = 20 * 10**6  # as the directory will say
    assert "unpacks to 1,020 MB" in refusal(path)


def test_zip_that_lies_about_its_sizes(tmp_path, refusal):
    """The central directory says 100 bytes; 40 MB would come out."""
    path = pack(tmp_path / "lie.zip", {"1.bmp": bytes(40 * 10**6), "2.bmp": bytes(100)})
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 100)
    path.write_bytes(data)
    assert "1.bmp is a damaged picture" in refusal(path)


def test_zip_with_a_giant_table_of_contents(tmp_path, refusal):
    path = tmp_path / "names.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(40_000):
            archive.writestr(f"{'n' * 60}{number}.png", b"")
    assert "lists too many files" in refusal(path)


def test_zip_with_more_files_than_the_old_format_can_count(tmp_path, refusal):
    path = tmp_path / "zip64.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(70_000):
            archive.writestr(f"{number:020x}", b"")
    assert "lists too many files" in refusal(path)


def test_picture_bomb(tmp_path, refusal):
    """A png of a few hundred bytes that claims 30000x30000 pixels."""
    data = bytearray(picture_bytes(tmp_path))
    struct.pack_into(">II", data, data.index(b"IHDR") + 4, 30_000, 30_000)
    head = data.index(b"IHDR")
    struct.pack_into(">I", data, head + 17, zlib.crc32(data[head : head + 17]))
    sentence = refusal(pack(tmp_path / "pixels.zip", {"1.png": bytes(data), "2.png": bytes(data)}))
    assert "too many pixels" in sentence or "30000x30000" in sentence


def test_password(tmp_path, refusal):
    path = pack(tmp_path / "locked.zip", {"1.png": picture_bytes(tmp_path), "2.png": picture_bytes(tmp_path)})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "protected by a password" in refusal(path)


def test_a_clip_cut_off_in_the_middle_is_analysed_as_far_as_it_goes(write_clip, tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (100, 48, 64, 3), dtype=np.uint8)
    whole = write_clip("whole.mkv", list(noise))
    path = tmp_path / "half.mkv"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    (notice,) = read_all(path)
    assert notice.startswith("The file is cut off: ")
    assert notice.endswith(" of 4.0 seconds could be read and were analysed.")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n%s\n#EXT-X-ENDLIST\n", "a playlist, which only names videos"),
        (b"ffconcat version 1.0\nfile %s\n", "of another kind"),
        (b"<!doctype html><title>404</title>", "a web page or other text"),
        (b"%PDF-1.7\n" + bytes(999), "a PDF document"),
        (b"ID3\x04" + bytes(999), "sound without pictures"),
    ],
    ids=["playlist", "list-of-files", "page", "document", "sound"],
)
def test_what_is_no_video_is_named(tmp_path, write_clip, grey_ramp, refusal, content, words):
    """A list of files is refused although the file that it names could be read."""
    other = write_clip("other.mp4", grey_ramp(8))
    path = tmp_path / "clip.mp4"
    path.write_bytes(content % str(other).encode() if b"%s" in content else content)
    assert words in refusal(path)
