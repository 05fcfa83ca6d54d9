"""Clips of known people into records of a gallery."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import torch

from ctl.errors import InputError
from ctl.explain.evidence import condensed, to_bytes
from ctl.files import read_bytes
from ctl.gallery import GalleryEntry, MemoryGallery, Record, clip_sha256, to_thumbnail, tracklet_key
from ctl.pipeline import Engine
from ctl.progress import Step
from ctl.types import ClipKind, PersonAnalysis


@dataclass(frozen=True)
class Row:
    """One tracklet to enrol.

    Args:
        clip: where it is.
        person, camera: names for it.
        kind: one person's crops, or a scene; None looks.
        tracklet: number of the person within the clip.
    """

    clip: Path
    person: str
    camera: str
    kind: ClipKind | None = None
    tracklet: int = 1

    def __post_init__(self) -> None:
        if self.kind is not None and self.kind not in get_args(ClipKind):
            raise InputError(
                f"{self.clip.name}: kind must be one of {', '.join(get_args(ClipKind))}, got {self.kind!r}"
            )


def read_list(path: Path) -> tuple[Row, ...]:
    """Read a JSON list of {"file", "person", "camera"} with optional "kind" and "tracklet"; other keys are ignored.

    Files are relative to the list; rows whose person is "" are left out. Raises InputError if the list can't be read
    or a row lacks something.
    """
    try:
        rows = json.loads(read_bytes(path))
    except ValueError as error:
        raise InputError(f"{path} is not valid JSON: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise InputError(f"{path} must be a list of at least one tracklet")
    read = (_read_row(path, number, row) for number, row in enumerate(rows, start=1))
    return tuple(row for row in read if row.person)


def _read_row(path: Path, number: int, row: object) -> Row:
    if not isinstance(row, dict):
        raise InputError(f"{path}, row {number}: must be an object")
    for key in ("file", "person", "camera"):
        if not isinstance(row.get(key), str):
            raise InputError(f"{path}, row {number}: {key!r} is missing or not a string")
    tracklet = row.get("tracklet", 1)
    if not isinstance(tracklet, int):
        raise InputError(f"{path}, row {number}: 'tracklet' must be a number, got {tracklet!r}")
    return Row(path.parent / row["file"], row["person"], row["camera"], row.get("kind"), tracklet)


def build_gallery(engine: Engine, rows: Sequence[Row], on_step: Step) -> MemoryGallery:
    """Embed every row, in order, into a new gallery. Raises InputError if a clip lacks its tracklet."""
    records = []
    for done, row in enumerate(rows):
        on_step(done / len(rows), row.clip.name)
        records.append(embed_row(engine, row))
    return MemoryGallery.empty(engine.checkpoint.sha256).add(records)


def embed_row(engine: Engine, row: Row) -> Record:
    """Analyse the row's clip and take its tracklet. Raises InputError if the clip has none of that number."""
    people = {person.tracklet.id: person for person in engine.analyze(row.clip, row.kind).people}
    if row.tracklet not in people:
        numbers = ", ".join(map(str, people))
        raise InputError(f"{row.clip.name} has no tracklet {row.tracklet}: it has {numbers}")
    return to_record(engine, people[row.tracklet], clip_sha256(row.clip), row.person, row.camera)


def to_record(engine: Engine, analysed: PersonAnalysis, clip_digest: str, person: str, camera: str) -> Record:
    """What a gallery keeps of an analysed person; the picture is the tracklet's middle crop.

    Args:
        engine: the one that analysed the person.
        clip_digest: `clip_sha256` of the clip.
        person, camera: names for it.
    """
    tracklet = analysed.tracklet
    entry = GalleryEntry(tracklet_key(clip_digest, tracklet.id), person, camera)
    evidence = to_bytes(condensed(engine.evidence(analysed)))
    thumbnail = to_thumbnail(tracklet.crops[len(tracklet) // 2])
    return Record(entry, torch.from_numpy(analysed.embedding), thumbnail, evidence)
