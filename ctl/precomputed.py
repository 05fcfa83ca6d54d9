"""What the backbone and the estimators found in a clip, kept in a file: the clip is then shown at once, and on no GPU.

`<name of the clip>.safetensors` holds for each person the tracklet, its crops as JPEG files, the key-points, the nodes
of Eq. 1 and Grad-CAM maps. The metadata say of which clip, and by which models. Matrices and embedding follow from the
nodes and are computed anew when a file is read, and the ranking is searched anew in the gallery at hand.
`<name of the clip>.checks.json` says how true each person's own map is.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final, get_args

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ctl.errors import InputError
from ctl.explain.faithfulness import Faithfulness, check_from_json, check_json
from ctl.files import write_atomic
from ctl.gallery import clip_sha256, tracklet_key
from ctl.inference import TrackletNodes, nodes_of, relate_tracklet, to_trace
from ctl.jpeg import encode_jpeg, open_jpeg
from ctl.pipeline import Engine
from ctl.skeleton import JOINTS, SCALES, pooling_matrix
from ctl.types import Analysis, ClipKind, Keypoints, PersonAnalysis, Tracklet, VideoInfo

SUFFIX: Final = ".safetensors"
CHECKS: Final = ".checks.json"

REFERENCES: Final = 5
"""Hits to each of which a Grad-CAM map is kept, the best ones."""

JPEG_QUALITY: Final = 85
"""Of crops. They are only shown, and asked for further Grad-CAM maps: what the models found in them is kept as well."""

_FORMAT: Final = 1
_TRACKLET: Final = ("boxes", "frames", "times", "detection_scores")


@dataclass(frozen=True, eq=False)
class Precomputed:
    """A clip that needs no backbone any more.

    Args:
        analysis: as `Engine.analyze` gives it, up to the float16 of the nodes and the JPEG of the crops.
        cams: id of a person and gallery key of a reference, or "" for the person's own embedding, -> (T, h, w) float32
            in 0..1, as `Engine.grad_cam` gives it.
        checks: the same, of those maps that were tried, -> how true they are.
    """

    analysis: Analysis
    cams: dict[tuple[int, str], np.ndarray]
    checks: dict[tuple[int, str], Faithfulness]


@dataclass(frozen=True, eq=False)
class _Kept:
    """What a file holds of one person."""

    tracklet: Tracklet
    keypoints: Keypoints
    nodes: TrackletNodes
    cams: dict[str, np.ndarray]


def precompute(engine: Engine, clip: Path) -> bytes:
    """Analyse a clip, and explain each person's embedding and best hits: the content of a file.

    Args:
        engine: with the gallery whose hits are explained.
        clip: as for `Engine.analyze`.
    Raises:
        InputError: the clip can't be used, or nobody is in it.
    """
    analysis = engine.analyze(clip)
    about = _origin(engine, clip) | {
        "kind": analysis.kind,
        "video": asdict(analysis.video),
        "dropped": analysis.dropped,
        "people": [person.tracklet.id for person in analysis.people],
    }
    arrays = {name: values for person in analysis.people for name, values in _arrays(engine, person)}
    return save(arrays, {"about": json.dumps(about)})


def write_precomputed(folder: Path, engine: Engine, clip: Path) -> Path:
    """Write what `read_precomputed` reads, whole or not at all.

    Returns:
        The file.
    Raises:
        InputError: as `precompute`, or the folder can't be written.
    """
    path = folder / f"{clip.stem}{SUFFIX}"
    write_atomic(path, precompute(engine, clip))
    return path


def read_precomputed(folder: Path, engine: Engine, clip: Path) -> Precomputed | None:
    """What is kept of a clip, if the engine would find the same.

    Args:
        folder: of the files.
        engine: whose gallery is searched.
        clip: to be analysed.
    Returns:
        None if there is no file for a clip of this name and content, or other models made it.
    Raises:
        InputError: the file is damaged, or the clip can't be read.
    """
    path = folder / f"{clip.stem}{SUFFIX}"
    if not path.is_file():
        return None
    origin, start = _origin(engine, clip), perf_counter()
    try:
        with safe_open(path, "numpy") as file:
            about = json.loads(file.metadata()["about"])
            if {name: about[name] for name in origin} != origin:
                return None
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  (it is no dict)
        kept = [_kept(arrays, person, engine.model.config.channels) for person in about["people"]]
        video, kind = _video(about["video"]), _kind(about["kind"])
        dropped = tuple(map(str, about["dropped"]))
    except (SafetensorError, KeyError, ValueError, TypeError, OSError, zlib.error) as error:
        raise InputError(
            f"{path.name}, what was kept of {clip.name}, is damaged: {error}. "
            "Make it again with assets/samples/make_results.py, or remove it."
        ) from error
    timings = {"reading": perf_counter() - start}

    start = perf_counter()
    related = [relate_tracklet(engine.relating, person.nodes) for person in kept]
    timings["graphs"] = perf_counter() - start

    start = perf_counter()
    people = tuple(
        PersonAnalysis(
            person.tracklet,
            to_trace(graphs, person.nodes, person.keypoints),
            graphs.embedding,
            engine.rank(graphs.embedding, tracklet_key(origin["clip"], person.tracklet.id)),
        )
        for person, graphs in zip(kept, related, strict=True)
    )
    timings["ranking"] = perf_counter() - start
    analysis = Analysis(video, kind, people, dropped, engine.checkpoint, timings)
    cams = {(person.tracklet.id, key): values for person in kept for key, values in person.cams.items()}
    return Precomputed(analysis, cams, _read_checks(folder, origin, clip))


def write_checks(folder: Path, engine: Engine, clip: Path) -> Path:
    """Try each person's own map, and keep how true it is beside what `write_precomputed` kept of the clip.

    It takes minutes, and only `assets/samples/make_results.py` asks for it.

    Returns:
        The file.
    Raises:
        InputError: nothing is kept of the clip, or the folder can't be written.
    """
    stored = read_precomputed(folder, engine, clip)
    if stored is None:
        raise InputError(f"nothing is kept of {clip.name} in {folder}: make it with assets/samples/make_results.py.")
    checks = {
        str(person.tracklet.id): engine.faithfulness(person, stored.cams[person.tracklet.id, ""], person.embedding)
        for person in stored.analysis.people
    }
    kept = {"about": _origin(engine, clip), "people": {name: check_json(check) for name, check in checks.items()}}
    path = folder / f"{clip.stem}{CHECKS}"
    write_atomic(path, f"{json.dumps(kept, indent=1)}\n".encode())
    return path


def _read_checks(folder: Path, origin: Mapping[str, Any], clip: Path) -> dict[tuple[int, str], Faithfulness]:
    """Empty where none is kept of this clip by these models. Raises InputError where the file is damaged."""
    path = folder / f"{clip.stem}{CHECKS}"
    if not path.is_file():
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if kept["about"] != origin:
            return {}
        return {(int(person), ""): check_from_json(values) for person, values in kept["people"].items()}
    except (KeyError, ValueError, TypeError, AttributeError, OSError) as error:
        raise InputError(f"{path.name}, what was kept of {clip.name}, is damaged: {error}. Remove it.") from error


def _origin(engine: Engine, clip: Path) -> dict[str, Any]:
    """What a file has to agree with to be of any use."""
    return {
        "format": _FORMAT,
        "clip": clip_sha256(clip),
        "checkpoint": engine.checkpoint.sha256,
        "estimator": engine.estimator.name,
        "detector": engine.detector.name,
    }


def _arrays(engine: Engine, person: PersonAnalysis) -> Iterator[tuple[str, np.ndarray]]:
    """What is kept of one person, by name."""
    tracklet, keypoints = person.tracklet, person.trace.keypoints
    for name in _TRACKLET:
        yield f"{tracklet.id}/{name}", getattr(tracklet, name)
    yield f"{tracklet.id}/xy", keypoints.xy
    yield f"{tracklet.id}/scores", keypoints.scores
    yield f"{tracklet.id}/nodes", _packed(nodes_of(person.trace))
    for t, crop in enumerate(tracklet.crops):
        yield f"{tracklet.id}/crop/{t}", np.frombuffer(encode_jpeg(crop, JPEG_QUALITY, optimize=True), np.uint8)
    keys = [hit.key for hit in person.ranking[:REFERENCES]]
    targets = {record.entry.key: record.embedding.numpy() for record in engine.gallery.records(keys)}
    for key, target in {"": None, **targets}.items():
        yield f"{tracklet.id}/cam/{key}", engine.grad_cam(tracklet.crops, target, tracklet.aspect).astype(np.float16)


def _kept(arrays: Mapping[str, np.ndarray], person: int, channels: int) -> _Kept:
    """Inverse of `_arrays`. Raises KeyError, ValueError, OSError or zlib.error if something is amiss."""
    T, begin = len(arrays[f"{person}/frames"]), f"{person}/cam/"
    crops = np.stack([_picture(arrays[f"{person}/crop/{t}"]) for t in range(T)])
    cams = {
        name.removeprefix(begin): values.astype(np.float32) for name, values in arrays.items() if name.startswith(begin)
    }
    if any(len(values) != T or values.ndim != 3 for values in cams.values()):
        raise ValueError("its Grad-CAM maps don't cover its frames")
    return _Kept(
        tracklet=Tracklet(person, crops, **{name: arrays[f"{person}/{name}"] for name in _TRACKLET}),
        keypoints=Keypoints(arrays[f"{person}/xy"], arrays[f"{person}/scores"]),
        nodes=_unpacked(arrays[f"{person}/nodes"], T, channels),
        cams=cams,
    )


def _packed(nodes: TrackletNodes) -> np.ndarray:
    """V_g and the joints' nodes, of which all others are means, as (n,) uint8.

    They are float16 with time as the last axis; all low bytes come first, then all high bytes, which differ little and
    compress well.
    """
    rows = np.concatenate([nodes.whole.numpy()[:, None], nodes.scales["s1"].numpy()], axis=1)  # (T, 18, C)
    halves = np.ascontiguousarray(np.moveaxis(rows, 0, -1), "<f2")
    return np.frombuffer(zlib.compress(halves.view(np.uint8).reshape(-1, 2).T.tobytes(), 9), np.uint8)


def _unpacked(data: np.ndarray, frames: int, channels: int) -> TrackletNodes:
    """Inverse of `_packed`. Raises ValueError or zlib.error if something is amiss."""
    planes = np.frombuffer(zlib.decompress(data.tobytes()), np.uint8).reshape(2, -1)
    halves = np.ascontiguousarray(planes.T).view("<f2").reshape(1 + len(JOINTS), channels, frames)
    if not np.isfinite(halves).all():
        raise ValueError("its nodes aren't finite")
    rows = torch.from_numpy(np.ascontiguousarray(np.moveaxis(halves, -1, 0), np.float32))  # (T, 18, C)
    whole, joints = rows[:, 0], rows[:, 1:]
    return TrackletNodes(whole, {scale: torch.from_numpy(pooling_matrix(scale)) @ joints for scale in SCALES})  # Eq. 1


def _video(values: dict[str, Any]) -> VideoInfo:
    return VideoInfo(**(values | {"notices": tuple(values["notices"])}))


def _kind(value: str) -> ClipKind:
    for kind in get_args(ClipKind):
        if value == kind:
            return kind
    raise ValueError(f"no clip kind {value!r}")


def _picture(data: np.ndarray) -> np.ndarray:
    with open_jpeg(data.tobytes()) as picture:
        return np.asarray(picture.convert("RGB"))
