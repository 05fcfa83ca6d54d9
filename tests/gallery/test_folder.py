"""A gallery on disk: readers and writers at once, killed writers, damaged files."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ctl.errors import InputError
from ctl.files import ROOT, sha256_of
from ctl.gallery import GalleryFolder, MemoryGallery, clip_sha256, read_gallery
from ctl.gallery import folder as folder_module
from ctl.gallery.layout import EVIDENCE_BYTES
from tests.gallery.cases import OTHER_SHA256, SHA256, evidence, key, people, record, records, some_embeddings

THUMBNAIL = "thumbnails/000000000003-1.jpg"


def make_gallery(embeddings: Tensor) -> MemoryGallery:
    return MemoryGallery.empty(SHA256).add(records(embeddings))


def evidence_file(number: int) -> str:
    return f"evidence/{number:012x}-1-{sha256_of(evidence(number))[:12]}.safetensors"


def files_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_what_was_written_is_what_is_read(tmp_path: Path) -> None:
    gallery = make_gallery(some_embeddings())
    GalleryFolder(tmp_path / "gallery").replace(gallery)
    for found in (read_gallery(tmp_path / "gallery"), GalleryFolder(tmp_path / "gallery", SHA256).read()):
        assert found.entries == gallery.entries
        assert torch.equal(found.embeddings, gallery.embeddings)
        assert found.jpegs == gallery.jpegs
        assert found.evidence == gallery.evidence
        assert found.checkpoint_sha256 == SHA256
    assert torch.equal(load_file(embeddings_file(tmp_path / "gallery"))["embeddings"], gallery.embeddings)


@pytest.mark.parametrize("half", [False, True])
def test_embeddings_are_mapped_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, half: bool) -> None:
    monkeypatch.setattr("ctl.gallery.layout.FLOAT32_TRACKLETS", 11 if half else 99)
    written = make_gallery(some_embeddings())
    GalleryFolder(tmp_path).replace(written)
    found = read_gallery(tmp_path)
    assert torch.equal(found.embeddings, written.embeddings.half() if half else written.embeddings)
    mapped = Path("/proc/self/maps")
    if mapped.exists():
        assert str(embeddings_file(tmp_path)) in mapped.read_text()
    GalleryFolder(tmp_path).update(lambda gallery: gallery.add([record(13, torch.ones(7))]))
    assert torch.equal(found.embeddings, written.embeddings.half() if half else written.embeddings)  # still there
    assert torch.equal(read_gallery(tmp_path).embeddings[:12], found.embeddings)


def test_gallery_of_many_opens_without_reading_what_is_shown_of_a_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder_module, "HELD", 11)
    written = make_gallery(some_embeddings())
    GalleryFolder(tmp_path).replace(written)
    for spoilt in (tmp_path / THUMBNAIL, tmp_path / EVIDENCE):
        truncate(spoilt)
    found = read_gallery(tmp_path)
    for number in (1, 12):
        (held,), (given,) = (gallery.records([key(number)]) for gallery in (found, written))
        assert (held.entry, held.jpeg, held.evidence) == (given.entry, given.jpeg, given.evidence)
    with pytest.raises(InputError, match=r"000000000003-1.jpg is not a whole JPEG"):
        found.records([key(3)])
    assert found.search(some_embeddings()[2], top_k=1)[0].key == key(3)


def test_gallery_of_many_is_changed_like_one_of_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder_module, "HELD", 1)
    folder = GalleryFolder(tmp_path, SHA256)
    folder.replace(make_gallery(some_embeddings()))
    folder.update(lambda gallery: gallery.remove([key(2)]).add([record(13, torch.ones(7))]))
    found = read_gallery(tmp_path)
    numbers = (1, *range(3, 14))
    assert [entry.key for entry in found.entries] == [key(n) for n in numbers]
    assert tuple(found.evidence) == tuple(evidence(n) for n in numbers)


def test_update_leaves_no_files_of_before(tmp_path: Path) -> None:
    folder = GalleryFolder(tmp_path, SHA256)
    folder.update(lambda gallery: gallery.add(records(some_embeddings())))
    folder.update(lambda gallery: gallery.remove([key(n) for n in range(3, 13)]))
    left = files_in(tmp_path)
    assert left[1].startswith("embeddings-")
    assert [left[0], *left[2:]] == [
        ".lock",
        evidence_file(1),
        evidence_file(2),
        "gallery.json",
        "thumbnails/000000000001-1.jpg",
        "thumbnails/000000000002-1.jpg",
    ]


def test_update_writes_only_what_changed(tmp_path: Path) -> None:
    folder = GalleryFolder(tmp_path, SHA256)
    folder.update(lambda gallery: gallery.add(records(some_embeddings())))
    before = {name: (tmp_path / name).stat().st_ino for name in files_in(tmp_path)}
    folder.update(lambda gallery: gallery.rename([key(3)], person="zoe"))
    after = {name: (tmp_path / name).stat().st_ino for name in files_in(tmp_path)}
    assert {name for name in before if before[name] != after[name]} == {"gallery.json"}


def test_what_killed_writers_left_unfinished_is_removed_by_the_next(tmp_path: Path) -> None:
    folder = GalleryFolder(tmp_path, SHA256)
    folder.replace(make_gallery(some_embeddings()))
    before = files_in(tmp_path)
    for finished in (embeddings_file(tmp_path), *(tmp_path / name for name in before if "/" in name)):
        finished.with_name(f".{finished.name}.x1y2").write_bytes(b"half")
    (tmp_path / "evidence" / "000000000001-1-0123456789ab.safetensors").write_bytes(b"whole, but not in the index")
    folder.update(lambda gallery: gallery)
    assert files_in(tmp_path) == before


def test_gallery_of_the_format_before_is_read_as_one_without_evidence(tmp_path: Path) -> None:
    folder = GalleryFolder(tmp_path, SHA256)
    folder.replace(make_gallery(some_embeddings()))
    index = json.loads((tmp_path / "gallery.json").read_text())
    change_index(tmp_path, format=1, entries=[{n: e[n] for n in ("key", "person", "camera")} for e in index["entries"]])
    shutil.rmtree(tmp_path / "evidence")
    found = read_gallery(tmp_path)
    assert (found.entries, found.jpegs) == (make_gallery(some_embeddings()).entries, folder.read().jpegs)
    assert found.evidence == (b"",) * 12
    folder.update(lambda gallery: gallery.add([record(13, torch.ones(7))]))
    assert read_gallery(tmp_path).evidence == (*[b""] * 12, evidence(13))
    assert json.loads((tmp_path / "gallery.json").read_text())["format"] == 2


def test_failed_change_leaves_the_gallery_as_it_was(tmp_path: Path) -> None:
    folder = GalleryFolder(tmp_path, SHA256)
    folder.replace(make_gallery(some_embeddings()))
    with pytest.raises(InputError, match="no tracklet"):
        folder.update(lambda gallery: gallery.remove([key(1)]).remove([key(1)]))
    assert len(folder.update(lambda gallery: gallery.remove([key(1)]))) == 11  # and the lock is free


def test_reader_sees_what_another_wrote(tmp_path: Path) -> None:
    mine, theirs = GalleryFolder(tmp_path, SHA256), GalleryFolder(tmp_path)
    assert len(mine.read()) == 0
    mine.replace(make_gallery(some_embeddings()))
    assert len(theirs.read()) == 12
    mine.update(lambda gallery: gallery.remove([key(1)]))
    assert len(theirs.read()) == 11
    assert theirs.read() is theirs.read()


def test_reader_whose_files_a_writer_replaces_in_the_middle_reads_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = GalleryFolder(tmp_path)
    folder.replace(make_gallery(some_embeddings()))
    look, overtaken = folder_module._require_size, []

    def look_late(path: Path, most: int) -> None:
        if path.name.startswith("embeddings-") and not overtaken:
            overtaken.append(path)
            GalleryFolder(tmp_path).replace(make_gallery(some_embeddings(5)))
        look(path, most)

    monkeypatch.setattr(folder_module, "_require_size", look_late)
    assert len(read_gallery(tmp_path)) == 5
    assert not overtaken[0].exists()


def test_empty_gallery_is_kept_too(tmp_path: Path) -> None:
    GalleryFolder(tmp_path).replace(MemoryGallery.empty(SHA256))
    assert len(read_gallery(tmp_path)) == 0


def test_gallery_of_other_weights_is_not_changed(tmp_path: Path) -> None:
    GalleryFolder(tmp_path).replace(make_gallery(some_embeddings()))
    with pytest.raises(InputError, match="not by cdcdcdcdcdcd…: rebuild it"):
        GalleryFolder(tmp_path, OTHER_SHA256).update(lambda gallery: gallery.add([record(13, torch.ones(7))]))
    assert len(read_gallery(tmp_path)) == 12


def test_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="python -m ctl gallery build"):
        GalleryFolder(tmp_path / "nowhere").update(lambda gallery: gallery)
    (tmp_path / "photos").mkdir()
    with pytest.raises(InputError, match=r"gallery.json can't be read"):
        GalleryFolder(tmp_path / "photos").update(lambda gallery: gallery)
    assert [path.name for path in tmp_path.rglob("*")] == ["photos"]


def test_folder_that_a_writer_was_killed_in_is_still_new(tmp_path: Path) -> None:
    folder = GalleryFolder(tmp_path, SHA256)
    folder.replace(make_gallery(some_embeddings()))
    (tmp_path / "gallery.json").rename(tmp_path / ".gallery.json.x1y2")
    assert len(folder.read()) == 0


def test_folder_of_other_things_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"isn't a gallery and holds holiday\.jpg"):
        GalleryFolder(tmp_path, SHA256).update(lambda gallery: gallery)
    assert files_in(tmp_path) == ["holiday.jpg"]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Folder, and what was seen there, of many processes at once."""
    folder = tmp_path_factory.mktemp("many")
    command = [sys.executable, "-m", "tests.gallery.processes", str(folder)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=300)
    return folder, json.loads(done.stdout)


@pytest.mark.slow
def test_update_that_is_killed_at_any_step_leaves_the_old_gallery_or_the_new(many: tuple[Path, dict[str, Any]]) -> None:
    # the embeddings, a new thumbnail, evidence of two and the index are renamed; then four old files are removed
    assert many[1]["steps"] == [[9, "old"]] * 5 + [[9, "new"]] * 4 + [[0, "new"]]


@pytest.mark.slow
def test_two_writers_at_once_lose_nothing_and_a_reader_beside_them_finds_a_whole_gallery(
    many: tuple[Path, dict[str, Any]],
) -> None:
    found = many[1]["two"]
    assert found["numbers"] == [*range(1, 26), *range(1001, 1026)]
    assert found["sizes"] == sorted(found["sizes"])
    assert len(set(found["sizes"])) > 3  # the reader did look while they wrote


@pytest.mark.slow
def test_killed_writers_lose_at_most_the_change_they_did_not_tell_of_and_free_the_lock(
    many: tuple[Path, dict[str, Any]],
) -> None:
    folder, seen = many
    for attempt in seen["killed"]:
        first, last = attempt["first"], attempt["told"][-1]
        assert attempt["found"] in ([*range(first, last + 1)], [*range(first, last + 2)])
    assert all(attempt["unfinished"] for attempt in seen["killed"][1::2])
    assert people(read_gallery(folder / "killed"))[0] == (key(1), "after 16", "c1")
    assert not [name for name in files_in(folder / "killed") if "/." in f"/{name}" and name != ".lock"]


def test_waiting_for_a_writer_that_does_not_finish_ends_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ctl.gallery.folder.PATIENCE_S", 0.1)
    folder = GalleryFolder(tmp_path, SHA256)
    with pytest.raises(InputError, match="is being written by another process: try again later"):
        folder.update(lambda gallery: GalleryFolder(tmp_path, SHA256).update(lambda inner: inner))


EVIDENCE = evidence_file(3)


def change_index(folder: Path, **values: object) -> None:
    index = json.loads((folder / "gallery.json").read_text())
    (folder / "gallery.json").write_text(json.dumps(index | values))


def drop_key(folder: Path, key: str) -> None:
    index = json.loads((folder / "gallery.json").read_text())
    del index[key]
    (folder / "gallery.json").write_text(json.dumps(index))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def embeddings_file(folder: Path) -> Path:
    return next(folder.glob("embeddings-*"))


def swap_embeddings(folder: Path, tensors: dict[str, Tensor]) -> None:
    """Other tensors under a name whose hash is right, so that only what they hold is wrong."""
    embeddings_file(folder).unlink()
    save_file(tensors, folder / "new")
    name = f"embeddings-{clip_sha256(folder / 'new')[:12]}.safetensors"
    (folder / "new").rename(folder / name)
    change_index(folder, embeddings=name)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        pytest.param(lambda f: (f / "gallery.json").unlink(), "gallery.json can't be read", id="no-index"),
        pytest.param(lambda f: truncate(f / "gallery.json"), "gallery.json is not valid JSON", id="index-truncated"),
        pytest.param(lambda f: (f / "gallery.json").write_text("[]"), "must hold a JSON object", id="index-is-a-list"),
        pytest.param(lambda f: change_index(f, format=3), "format must be 1 or 2, got 3", id="format"),
        pytest.param(lambda f: drop_key(f, "checkpoint_sha256"), "'checkpoint_sha256' is missing", id="no-checkpoint"),
        pytest.param(lambda f: change_index(f, entries=[{"key": key(1)}]), "'person' is missing", id="entry-half"),
        pytest.param(lambda f: change_index(f, entries=[None]), "entry 1: must be an object", id="entry-null"),
        pytest.param(lambda f: change_index(f, entries=[]), "must be (0, D) float32", id="no-entries"),
        pytest.param(lambda f: change_index(f, embeddings="../x"), "names its embeddings '../x'", id="path"),
        pytest.param(lambda f: embeddings_file(f).unlink(), "can't be read", id="no-embeddings"),
        pytest.param(lambda f: truncate(embeddings_file(f)), "is damaged: its SHA-256", id="embeddings-truncated"),
        pytest.param(
            lambda f: swap_embeddings(f, {"embeddings": torch.ones(12, 7)}), "must be L2-normalised", id="length"
        ),
        pytest.param(
            lambda f: swap_embeddings(f, {"embeddings": torch.full((12, 7), torch.nan)}), "L2-normalised", id="nan"
        ),
        pytest.param(
            lambda f: swap_embeddings(f, {"other": torch.ones(12, 7)}),
            "must hold one tensor, 'embeddings'",
            id="tensor",
        ),
        pytest.param(lambda f: truncate(f / THUMBNAIL), "000000000003-1.jpg is not a whole JPEG", id="jpeg"),
        pytest.param(lambda f: (f / THUMBNAIL).unlink(), "000000000003-1.jpg can't be read", id="no-jpeg"),
        pytest.param(lambda f: truncate(f / EVIDENCE), f"{EVIDENCE} is damaged: its SHA-256", id="evidence-truncated"),
        pytest.param(lambda f: (f / EVIDENCE).unlink(), f"{EVIDENCE} can't be read", id="no-evidence"),
        pytest.param(
            lambda f: (f / EVIDENCE).write_bytes(bytes(EVIDENCE_BYTES + 1)),
            f"{EVIDENCE} has 1048577 bytes, more than 1048576",
            id="evidence-too-large",
        ),
    ],
)
def test_damaged_gallery_is_one_sentence(tmp_path: Path, spoil: Callable[[Path], object], sentence: str) -> None:
    GalleryFolder(tmp_path).replace(make_gallery(some_embeddings()))
    spoil(tmp_path)
    with pytest.raises(InputError) as error:
        read_gallery(tmp_path)
    assert sentence in str(error.value)
    assert str(error.value).startswith(
        f"gallery {tmp_path} can't be used, rebuild it with `python -m ctl gallery build`"
    )
    assert "\n" not in str(error.value)
