"""Export and import: what goes out comes in, and what a stranger made up stays out."""

import contextlib
import io
import json
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

from ctl.errors import InputError
from ctl.files import sha256_of
from ctl.gallery import GalleryEntry, GalleryFolder, MemoryGallery, Record, merge, read_bundle, to_bundle, write_bundle
from ctl.gallery.layout import unpack
from tests.gallery.cases import OTHER_SHA256, SHA256, evidence, key, people, records, some_embeddings

Files = dict[str, bytes]


def gallery() -> MemoryGallery:
    return MemoryGallery.empty(SHA256).add(records(some_embeddings()))


def same(a: MemoryGallery, b: MemoryGallery) -> bool:
    alike = [getattr(a, of) == getattr(b, of) for of in ("checkpoint_sha256", "entries", "jpegs", "evidence")]
    return all(alike) and torch.equal(a.embeddings, b.embeddings)


def files_of(bundle: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(bundle)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Files, compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def test_what_was_exported_is_what_is_imported(tmp_path: Path) -> None:
    write_bundle(gallery(), tmp_path / "mine.zip")
    assert same(read_bundle(tmp_path / "mine.zip"), gallery())
    assert to_bundle(gallery()) == (tmp_path / "mine.zip").read_bytes()
    GalleryFolder(tmp_path / "folder").replace(gallery())
    assert same(read_bundle(tmp_path / "folder"), gallery())


def test_an_unpacked_export_is_a_gallery_folder_and_empty_galleries_travel_too(tmp_path: Path) -> None:
    write_bundle(gallery(), tmp_path / "mine.zip")
    with zipfile.ZipFile(tmp_path / "mine.zip") as archive:
        archive.extractall(tmp_path / "folder")
    assert same(GalleryFolder(tmp_path / "folder").read(), gallery())
    write_bundle(MemoryGallery.empty(SHA256), tmp_path / "none.zip")
    assert len(read_bundle(tmp_path / "none.zip")) == 0


def index(files: Files, **values: object) -> Files:
    return files | {"gallery.json": json.dumps(json.loads(files["gallery.json"]) | values).encode()}


def embeddings(files: Files, data: bytes) -> Files:
    """Other embeddings under a name whose hash is right, so that only what they hold is wrong."""
    name = f"embeddings-{sha256_of(data)[:12]}.safetensors"
    return index(files, embeddings=name) | {name: data}


def jpeg(side: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((side, side, 3), np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def without_evidence(files: Files) -> Files:
    """The same gallery in the format before."""
    entries = [
        {name: e[name] for name in ("key", "person", "camera")} for e in json.loads(files["gallery.json"])["entries"]
    ]
    kept = {name: content for name, content in files.items() if not name.startswith("evidence/")}
    return index(kept, format=1, entries=entries)


def test_export_of_the_format_before_is_imported_without_evidence(tmp_path: Path) -> None:
    (tmp_path / "old.zip").write_bytes(zipped(without_evidence(files_of(to_bundle(gallery())))))
    assert same(read_bundle(tmp_path / "old.zip"), replace(gallery(), evidence=(b"",) * 12))


def first_entry(**values: object) -> list[dict[str, object]]:
    return [{"key": key(1), "person": "a", "camera": "b"} | values]


def one_entry(files: Files, **values: object) -> Files:
    return embeddings(index(files, entries=first_entry(**values)), save({"embeddings": torch.eye(7)[:1]}))


THUMBNAIL = "thumbnails/000000000001-1.jpg"
EVIDENCE = f"evidence/000000000001-1-{sha256_of(evidence(1))[:12]}.safetensors"
BAD: dict[str, tuple[Callable[[Files], bytes], str]] = {
    "not-a-zip": (lambda f: b"GIF89a", "not a zip file"),
    "cut-off": (lambda f: zipped(f)[:-100], "not a zip file"),
    "flipped-bit": (lambda f: zipped(f).replace(b"\xff\xd9PK", b"\xfe\xd9PK", 1), "Bad CRC-32"),
    "compressed": (lambda f: zipped(f, zipfile.ZIP_DEFLATED), "is compressed or encrypted: unpack it"),
    "no-index": (lambda f: zipped({THUMBNAIL: f[THUMBNAIL]}), "gallery.json is missing"),
    "no-thumbnail": (lambda f: zipped({n: c for n, c in f.items() if n != THUMBNAIL}), f"{THUMBNAIL} is missing"),
    "deep-json": (lambda f: zipped(f | {"gallery.json": b"[" * 10**5}), "not valid JSON"),
    "not-utf8": (lambda f: zipped(f | {"gallery.json": b'{"\xff'}), "not valid JSON"),
    "list": (lambda f: zipped(f | {"gallery.json": b"[]"}), "must hold a JSON object"),
    "format": (lambda f: zipped(index(f, format=9)), "format must be 1 or 2, got 9"),
    "path-in-index": (lambda f: zipped(index(f, embeddings="../../etc/passwd")), "names its embeddings '../../etc"),
    "path-in-key": (lambda f: zipped(index(f, entries=first_entry(key="../../../x/1"))), "gallery key '../../../x/1'"),
    "number-as-name": (lambda f: zipped(index(f, entries=first_entry(person=7))), "'person' is missing or not a str"),
    "script-in-name": (lambda f: zipped(index(f, entries=first_entry(person="a\x1b[2J"))), "printable characters"),
    "entry-is-a-list": (lambda f: zipped(index(f, entries=[[]])), "entry 1: must be an object"),
    "too-many": (lambda f: zipped(index(f, entries=[0] * 100_001)), "lists 100001 tracklets"),
    "key-twice": (
        lambda f: zipped(embeddings(index(f, entries=2 * first_entry()), save({"embeddings": torch.eye(2)}))),
        "keys must differ",
    ),
    "pickle": (lambda f: zipped(embeddings(f, b"\x80\x04\x95" + b"\0" * 20)), "is not a safetensors file"),
    "wrong-hash": (
        lambda f: zipped(
            index(f, embeddings=f"embeddings-{'0' * 12}.safetensors") | {f"embeddings-{'0' * 12}.safetensors": b""}
        ),
        "its SHA-256 isn't the one in its name",
    ),
    "other-tensor": (lambda f: zipped(embeddings(f, save({"x": torch.ones(12, 7)}))), "must hold one tensor"),
    "not-unit": (lambda f: zipped(embeddings(f, save({"embeddings": torch.ones(12, 7)}))), "L2-normalised"),
    "nan": (lambda f: zipped(embeddings(f, save({"embeddings": torch.full((12, 7), torch.nan)}))), "L2-normalised"),
    "integers": (lambda f: zipped(embeddings(f, save({"embeddings": torch.eye(12).int()}))), "must be (12, D) float32"),
    "png-as-jpeg": (lambda f: zipped(f | {THUMBNAIL: b"\x89PNG\r\n\x1a\n"}), "is not a whole JPEG"),
    "no-picture": (
        lambda f: zipped(f | {THUMBNAIL: b"\xff\xd8 not a picture \xff\xd9"}),
        "not a JPEG that can be shown",
    ),
    "half-a-picture": (
        lambda f: zipped(f | {THUMBNAIL: f[THUMBNAIL][:300] + b"\xff\xd9"}),
        "not a JPEG that can be shown",
    ),
    "large-picture": (lambda f: zipped(f | {THUMBNAIL: jpeg(600)}), "larger than 512 pixels"),
    "no-evidence": (lambda f: zipped({n: c for n, c in f.items() if n != EVIDENCE}), f"{EVIDENCE} is missing"),
    "others-evidence": (lambda f: zipped(f | {EVIDENCE: evidence(2)}), "its SHA-256 isn't the one in its name"),
    "heavy-evidence": (lambda f: zipped(f | {EVIDENCE: bytes(2**20 + 1)}), "1048577 bytes, more than 1048576"),
    "path-as-evidence": (
        lambda f: zipped(one_entry(f, evidence="../../etc/x")),
        "names the evidence of 000000000001/1 '../../etc/x'",
    ),
    "list-as-evidence": (lambda f: zipped(one_entry(f, evidence=[])), "names the evidence of 000000000001/1 []"),
    "heavy-picture": (lambda f: zipped(f | {THUMBNAIL: b"\xff\xd8" + b"\0" * 2**20}), "more than 1048576"),
}


@pytest.mark.parametrize(("spoil", "sentence"), BAD.values(), ids=BAD.keys())
def test_import_that_is_not_a_gallery_is_one_sentence(
    tmp_path: Path, spoil: Callable[[Files], bytes], sentence: str
) -> None:
    (tmp_path / "bad.zip").write_bytes(spoil(files_of(to_bundle(gallery()))))
    with pytest.raises(InputError) as error:
        read_bundle(tmp_path / "bad.zip")
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["bad.zip"]


def test_files_that_overlap_to_seem_larger_than_the_archive_are_refused(tmp_path: Path) -> None:
    data = bytearray(to_bundle(gallery()))
    entry = data.index(b"PK\x01\x02")  # of the archive's directory; sizes stand 20 bytes on
    struct.pack_into("<II", data, entry + 20, 2**20, 2**20)
    (tmp_path / "bad.zip").write_bytes(data)
    with pytest.raises(InputError, match="more bytes than the archive"):
        read_bundle(tmp_path / "bad.zip")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        for content in (b"{}", b"[]"):
            archive.writestr("gallery.json", content)
    with pytest.raises(InputError, match="two files of one name"):
        read_bundle(tmp_path / "bad.zip")


def test_one_file_is_not_read_again_and_again(tmp_path: Path) -> None:
    files = files_of(to_bundle(gallery()))
    asked = []

    def read(name: str, most: int) -> bytes:
        asked.append(name)
        return index(files, entries=100_000 * first_entry())[name] if name == "gallery.json" else files[name]

    with pytest.raises(InputError, match="keys must differ"):
        unpack(read)
    assert asked == ["gallery.json"]


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.zip can't be read: No such file"):
        read_bundle(tmp_path / "none.zip")


def test_any_changed_byte_is_refused_or_does_no_harm(tmp_path: Path) -> None:
    whole, generator = to_bundle(gallery()), np.random.default_rng(0)
    directory = whole.index(b"PK\x01\x02")
    for attempt in range(300):
        data = bytearray(whole)
        start = (0, directory)[attempt % 2]
        data[generator.integers(start, len(data))] = generator.integers(256)
        (tmp_path / "bad.zip").write_bytes(data)
        with contextlib.suppress(InputError):
            assert len(read_bundle(tmp_path / "bad.zip")) == 12


def incoming() -> MemoryGallery:
    """Tracklet 1 as we have it, 2 under another name, 13 new."""
    ours = gallery().records([key(1), key(2)])
    renamed = Record(GalleryEntry(key(2), "zoe", "roof"), ours[1].embedding, ours[1].jpeg, b"theirs")
    new = Record(GalleryEntry(key(13), "ann", "c1"), torch.ones(7), ours[0].jpeg, b"Ann's")
    return MemoryGallery.empty(SHA256).add([new, ours[0], renamed])


def test_merge_keeps_or_replaces_what_clashes() -> None:
    ann = (key(13), "ann", "c1")
    ours = people(gallery())
    assert people(merge(gallery(), incoming(), "keep")) == [*ours, ann]
    assert people(merge(gallery(), incoming(), "replace")) == [ours[0], *ours[2:], ann, (key(2), "zoe", "roof")]
    with pytest.raises(InputError, match=r"1 tracklets .* with other names, such as 000000000002/1"):
        merge(gallery(), incoming())


def test_merge_keeps_the_evidence_of_both() -> None:
    ours = list(gallery().evidence)
    assert list(merge(gallery(), incoming(), "keep").evidence) == [*ours, b"Ann's"]
    assert list(merge(gallery(), incoming(), "replace").evidence) == [ours[0], *ours[2:], b"Ann's", b"theirs"]


def test_the_very_same_tracklet_is_no_clash_but_another_embedding_is() -> None:
    twice = merge(gallery(), gallery())
    assert same(twice, gallery())
    turned = MemoryGallery.empty(SHA256).add([Record(gallery().entries[0], torch.ones(7), gallery().jpegs[0])])
    with pytest.raises(InputError, match='say on_clash "keep" or "replace"'):
        merge(gallery(), turned)


def test_import_of_other_weights_is_refused() -> None:
    liar = MemoryGallery.empty(SHA256).add(records(some_embeddings(D=5)))
    for on_clash in ("refuse", "keep", "replace"):
        with pytest.raises(InputError, match="embeddings of 7 numbers, the checkpoint gives 5"):
            merge(gallery(), liar, on_clash)
    with pytest.raises(InputError, match="their embeddings can't be compared"):
        merge(gallery(), MemoryGallery.empty(OTHER_SHA256))
