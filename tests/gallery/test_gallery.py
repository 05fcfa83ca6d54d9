"""The gallery: its search against slow loops, and files that survive a crash and say when they are damaged."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ctl.errors import InputError
from ctl.gallery import Gallery, GalleryEntry, clip_sha256, tracklet_key
from ctl.types import CheckpointInfo

ROOT = Path(__file__).resolve().parent.parent
SHA256 = "ab" * 32


def entry(number: int, person: str = "ann", camera: str = "c1") -> GalleryEntry:
    return GalleryEntry(f"{number:012x}/1", person, camera)


def picture(number: int) -> np.ndarray:
    """(256, 128, 3) uint8, one grey."""
    return np.full((256, 128, 3), number * 10, dtype=np.uint8)


def make_gallery(embeddings: Tensor) -> Gallery:
    gallery = Gallery.empty(SHA256)
    for number, embedding in enumerate(embeddings, start=1):
        gallery = gallery.add(entry(number, f"person {number}", f"c{number % 3}"), embedding, picture(number))
    return gallery


def some_embeddings(G: int = 12, D: int = 7) -> Tensor:
    return torch.randn(G, D, generator=torch.Generator().manual_seed(0))


def ranked_by_loops(query: list[float], rows: list[list[float]]) -> list[tuple[int, float]]:
    """(row, cosine), best first, equal ones in row order; shares nothing with the gallery."""

    def cosine(a: list[float], b: list[float]) -> float:
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        return dot / (sum(x * x for x in a) ** 0.5 * sum(y * y for y in b) ** 0.5)

    found = [(row, cosine(query, values)) for row, values in enumerate(rows)]
    return sorted(found, key=lambda pair: -pair[1])


def test_search_ranks_as_loops_do() -> None:
    rows = some_embeddings()
    gallery = make_gallery(rows)
    for query in some_embeddings(5):
        hits = gallery.search(3.7 * query, top_k=12)
        wanted = ranked_by_loops(query.tolist(), rows.tolist())
        assert [hit.key for hit in hits] == [entry(row + 1).key for row, _ in wanted]
        np.testing.assert_allclose([hit.similarity for hit in hits], [cosine for _, cosine in wanted], atol=1e-6)
        assert [hit.rank for hit in hits] == list(range(1, 13))


def test_hit_carries_what_the_gallery_records() -> None:
    rows = some_embeddings()
    hit = make_gallery(rows).search(rows[4], top_k=1)[0]
    assert (hit.rank, hit.key, hit.person, hit.camera) == (1, "000000000005/1", "person 5", "c2")
    assert hit.similarity == pytest.approx(1)


@pytest.mark.parametrize("width", [2, 512, 2048])
def test_equal_embeddings_keep_the_order_they_were_added_in(width: int) -> None:
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(3, width, generator=generator)[torch.randint(3, (101,), generator=generator)]
    embeddings = torch.nn.functional.normalize(rows, dim=1)
    gallery = Gallery(SHA256, tuple(entry(n) for n in range(101)), embeddings, (b"",) * 101)
    hits = gallery.search(torch.randn(width, generator=generator), top_k=101)
    assert len({hit.similarity for hit in hits}) == 3
    for before, after in pairwise(hits):
        assert before.similarity > after.similarity or before.key < after.key


def test_search_leaves_out_what_is_excluded_and_stops_at_top_k() -> None:
    rows = some_embeddings()
    gallery = make_gallery(rows)
    everything = [hit.key for hit in gallery.search(rows[0], top_k=12)]
    without = gallery.search(rows[0], top_k=4, exclude={everything[0], everything[2], "ffffffffffff/1"})
    assert [hit.key for hit in without] == [everything[1], *everything[3:6]]
    assert [hit.rank for hit in without] == [1, 2, 3, 4]


def test_empty_gallery_finds_nothing() -> None:
    assert Gallery.empty(SHA256).search(torch.ones(5)) == ()


@pytest.mark.parametrize("query", [torch.zeros(7), torch.full((7,), torch.nan), torch.ones(1, 7)])
def test_query_without_a_direction_is_refused(query: Tensor) -> None:
    with pytest.raises(ValueError, match="must be \\(D,\\), finite and not zero"):
        make_gallery(some_embeddings()).search(query)


def test_query_of_another_width_says_how_to_rebuild() -> None:
    with pytest.raises(InputError, match="embeddings of 7 numbers, the checkpoint gives 8: rebuild it"):
        make_gallery(some_embeddings()).search(torch.ones(8))


def test_gallery_of_other_weights_is_refused() -> None:
    gallery = make_gallery(some_embeddings())
    gallery.require(CheckpointInfo("ours", None, SHA256, True, {}))
    with pytest.raises(InputError, match="python -m ctl gallery build"):
        gallery.require(CheckpointInfo("theirs", None, "cd" * 32, True, {}))


def test_add_and_remove_leave_the_old_gallery_as_it_was() -> None:
    rows = some_embeddings()
    gallery = make_gallery(rows)
    smaller = gallery.remove([entry(2).key, entry(12).key])
    assert len(gallery) == 12
    assert [e.key for e in smaller.entries] == [entry(n).key for n in (1, *range(3, 12))]
    np.testing.assert_array_equal(smaller.embeddings[1], gallery.embeddings[2])
    assert smaller.thumbnail(entry(3).key)[0, 0, 0] == pytest.approx(30, abs=2)
    assert entry(2).key not in smaller
    again = smaller.add(entry(2), rows[1], picture(2))
    assert again.search(rows[1], top_k=1)[0].key == entry(2).key
    assert len(gallery.remove([e.key for e in gallery.entries])) == 0


def test_what_add_and_remove_cannot_do_is_named() -> None:
    gallery = make_gallery(some_embeddings())
    with pytest.raises(InputError, match="holds 000000000001/1 already, as person 1"):
        gallery.add(entry(1), torch.ones(7), picture(1))
    with pytest.raises(InputError, match="no tracklet 'ffffffffffff/1'"):
        gallery.remove(["ffffffffffff/1"])
    with pytest.raises(InputError, match="no tracklet"):
        gallery.thumbnail("ffffffffffff/1")


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


def test_what_was_saved_is_what_is_loaded(tmp_path: Path) -> None:
    gallery = make_gallery(some_embeddings())
    gallery.save(tmp_path / "gallery")
    loaded = Gallery.load(tmp_path / "gallery")
    assert loaded.entries == gallery.entries
    assert torch.equal(loaded.embeddings, gallery.embeddings)
    assert loaded.jpegs == gallery.jpegs
    assert loaded.checkpoint_sha256 == SHA256
    for e in gallery.entries:
        assert (tmp_path / "gallery" / e.thumbnail).is_file()
    shown = loaded.thumbnail(entry(7).key)
    assert (shown.shape, shown.dtype) == ((192, 96, 3), np.uint8)
    np.testing.assert_allclose(shown, 70, atol=2)


def test_second_save_leaves_no_files_of_the_first(tmp_path: Path) -> None:
    gallery = make_gallery(some_embeddings())
    gallery.save(tmp_path)
    gallery.remove([entry(n).key for n in range(3, 13)]).save(tmp_path)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert left[0].startswith("embeddings-")
    assert left[1:] == ["gallery.json", "thumbnails/000000000001-1.jpg", "thumbnails/000000000002-1.jpg"]


def test_empty_gallery_is_kept_too(tmp_path: Path) -> None:
    Gallery.empty(SHA256).save(tmp_path)
    assert len(Gallery.load(tmp_path)) == 0


CRASH = """
import os, shutil, sys
from pathlib import Path
from ctl.gallery import Gallery

before, after, folder = map(Path, sys.argv[1:])
old, new = Gallery.load(before), Gallery.load(after)


def die_at(step):
    "End the process, as a kill would, when it renames or removes its step-th file."
    left = [step]

    def hook(event, args):
        if event in ("os.rename", "os.remove"):
            left[0] -= 1
            if left[0] == 0:
                os._exit(9)

    sys.addaudithook(hook)


for step in range(1, 100):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(before, folder)
    child = os.fork()
    if child == 0:
        die_at(step)
        new.save(folder)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = Gallery.load(folder)
    same = lambda other: found.entries == other.entries and found.embeddings.equal(other.embeddings)
    print(step, code, "old" if same(old) else "new" if same(new) else "neither", flush=True)
    if code == 0:
        break
"""


def test_save_that_is_killed_at_any_step_leaves_the_old_gallery_or_the_new(tmp_path: Path) -> None:
    rows = some_embeddings()
    make_gallery(rows[:3]).save(tmp_path / "before")
    make_gallery(rows[:4]).remove([entry(1).key]).save(tmp_path / "after")
    run = subprocess.run(
        [sys.executable, "-c", CRASH, *(str(tmp_path / name) for name in ("before", "after", "folder"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    steps = [line.split() for line in run.stdout.splitlines()]
    # embeddings, three thumbnails and the index are renamed; then two old files are removed
    assert [found for *_, found in steps] == ["old"] * 5 + ["new"] * 3
    assert [code for _, code, _ in steps] == ["9"] * 7 + ["0"]


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
        pytest.param(lambda f: change_index(f, format=2), "format must be 1, got 2", id="format"),
        pytest.param(lambda f: drop_key(f, "checkpoint_sha256"), "'checkpoint_sha256' is missing", id="no-checkpoint"),
        pytest.param(lambda f: change_index(f, entries=[{"key": 1}]), "'person' is missing", id="entry-half"),
        pytest.param(lambda f: change_index(f, entries=[None]), "", id="entry-null"),
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
            lambda f: swap_embeddings(f, {"other": torch.ones(12, 7)}), "'embeddings' is missing", id="tensor"
        ),
        pytest.param(lambda f: truncate(f / entry(3).thumbnail), "000000000003-1.jpg is not a whole JPEG", id="jpeg"),
        pytest.param(lambda f: (f / entry(3).thumbnail).unlink(), "000000000003-1.jpg can't be read", id="no-jpeg"),
    ],
)
def test_damaged_gallery_is_one_sentence(tmp_path: Path, spoil: Callable[[Path], object], sentence: str) -> None:
    make_gallery(some_embeddings()).save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(InputError) as error:
        Gallery.load(tmp_path)
    assert sentence in str(error.value)
    assert str(error.value).startswith(
        f"gallery {tmp_path} can't be used, rebuild it with `python -m ctl gallery build`"
    )
    assert "\n" not in str(error.value)


def test_folder_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="python -m ctl gallery build"):
        Gallery.load(tmp_path / "nowhere")


def test_same_key_twice_is_refused() -> None:
    gallery = make_gallery(some_embeddings()[:2])
    with pytest.raises(InputError, match="keys must differ"):
        replace(gallery, entries=(entry(1), entry(1)))


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


def test_key_of_a_clip_that_is_gone_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone.mp4 can't be read"):
        clip_sha256(tmp_path / "gone.mp4")


def test_embeddings_lie_on_disk_as_one_plain_tensor(tmp_path: Path) -> None:
    gallery = make_gallery(some_embeddings())
    gallery.save(tmp_path)
    assert torch.equal(load_file(embeddings_file(tmp_path))["embeddings"], gallery.embeddings)
