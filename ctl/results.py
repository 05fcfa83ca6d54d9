"""What an analysis leaves on disk: analysis.json, trace.npz, two videos and two pages, in formats others rely on."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np

from ctl.draw.adjacency_view import adjacency_html
from ctl.draw.cam_picture import cam_video_frames
from ctl.draw.footage import Footage, evenly, film
from ctl.draw.overlay import overlay_video_frames
from ctl.draw.ranking_page import ranking_html
from ctl.errors import InputError
from ctl.explain.reading import finest_graph, window_names, window_of
from ctl.files import folder_for_results, to_json
from ctl.gallery import Gallery
from ctl.people.crop import Framing, frame_person, source_views
from ctl.pipeline import ANALYSIS_FPS, Engine
from ctl.skeleton import SCALES, Scale, part_names
from ctl.types import UNTRAINED, Analysis, Keypoints, PersonAnalysis, Tracklet
from ctl.video.writer import write_video

VIDEO_SIDE: Final = 720
FOOTAGE_SIDE: Final = 480
"""Pixels of the longest side of what follows a person: in a video, and in the browser."""

AROUND: Final = 0.04
"""Share of the largest box that is shown on every side of it, beside the room that the box has: the person fills it."""

CLOCKLESS_FPS: Final = 25.0
"""Frames per second of a video made from pictures, which have no clock."""


def source_keypoints(tracklet: Tracklet, keypoints: Keypoints) -> Keypoints:
    """Joints in pixels of the crops -> the same joints in pixels of the source frames."""
    height, width = tracklet.crops.shape[1:3]
    scale = tracklet.boxes[:, None, 2:] / np.array(
        [width, height], np.float32
    )  # (T, 1, 2) source pixels per crop pixel
    return Keypoints(tracklet.boxes[:, None, :2] + keypoints.xy * scale, keypoints.scores)


def analysis_json(analysis: Analysis) -> dict[str, Any]:
    """The content of analysis.json: plain numbers, strings, lists and dicts."""
    checkpoint = analysis.checkpoint
    return {
        "source": analysis.video.source,
        "frames": analysis.video.frames,
        "fps": analysis.video.fps,
        "kind": analysis.kind,
        "notices": [*([] if checkpoint.trained else [UNTRAINED]), *analysis.video.notices, *analysis.dropped],
        "tracklets": [_person_json(person) for person in analysis.people],
        "checkpoint": {
            "id": checkpoint.id,
            "revision": checkpoint.revision,
            "sha256": checkpoint.sha256,
            "trained": checkpoint.trained,
            "config": checkpoint.config,
        },
        "timings_s": {stage: round(seconds, 4) for stage, seconds in analysis.timings_s.items()},
    }


def _person_json(person: PersonAnalysis) -> dict[str, Any]:
    tracklet = person.tracklet
    joints = source_keypoints(tracklet, person.trace.keypoints)
    keypoints = np.concatenate([joints.xy.round(2), joints.scores[..., None].round(4)], axis=-1)
    return {
        "id": tracklet.id,
        "frames": tracklet.frames.tolist(),
        "times_s": tracklet.times.round(4).tolist(),
        "boxes": _numbers(tracklet.boxes.round(2)),
        "keypoints": _numbers(keypoints),
        "embedding": person.embedding.tolist(),
        "ranking": [
            {"rank": h.rank, "person": h.person, "camera": h.camera, "similarity": round(h.similarity, 6), "key": h.key}
            for h in person.ranking
        ],
    }


def _numbers(values: np.ndarray) -> list[Any]:
    """Nested lists without the noise that float32 shows when it is printed as float64."""
    return values.astype(np.float64).round(4).tolist()


def write_analysis(path: Path, analysis: Analysis) -> None:
    """analysis.json."""
    path.write_bytes(to_json(analysis_json(analysis), indent=1))


def write_trace(path: Path, analysis: Analysis) -> None:
    """trace.npz: every matrix of every person."""
    np.savez_compressed(path, allow_pickle=False, **trace_arrays(analysis))


def trace_arrays(analysis: Analysis) -> dict[str, np.ndarray]:
    """The content of trace.npz: every adjacency, plainly named for the first tracklet, "t3_A_s1_l1" for others."""
    arrays: dict[str, np.ndarray] = {}
    for place, person in enumerate(analysis.people):
        prefix = "" if place == 0 else f"t{person.tracklet.id}_"
        arrays |= {
            prefix + name: values for name, values in (person.trace.adjacency | person.trace.cross_scale).items()
        }
    return arrays


def write_csv(path: Path, person: PersonAnalysis) -> None:
    """matrices.zip: what trace.npz holds of one person, as text with names: "A_s1_l1.csv" and so on.

    Rows are `frame,receiver,sender,value`, one for each entry of each frame. Frames count from 1, as on the page; in a
    window, "left knee (t−1)" is the knee in the frame before. The same person gives the same bytes.

    Raises:
        OSError: path can't be written.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, values in (person.trace.adjacency | person.trace.cross_scale).items():
            receivers, senders = _entry_names(name, values)
            rows = "".join(f"#,{receiver},{sender},%.6f\n" for receiver in receivers for sender in senders)
            with archive.open(f"{name}.csv", "w") as file:  # its date is fixed
                file.write(b"frame,receiver,sender,value\n")
                for frame, matrix in enumerate(values, start=1):
                    numbers = (matrix.astype(np.float64).round(6) + 0.0).ravel()  # no zero is negative
                    file.write((rows % tuple(numbers.tolist())).replace("#", str(frame)).encode())


def _entry_names(matrix: str, values: np.ndarray) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of rows and columns of a matrix of a trace: "A_s1_l1" is (T, τN, τN), "A_s1_s3" is (T, 5, N)."""
    _, source, target, *_ = matrix.split("_")
    scale = next(scale for scale in SCALES if scale == source)
    if target in SCALES:
        return part_names("s3"), part_names(scale)
    nodes = window_names(scale, window_of(values, scale))
    return nodes, nodes


def write_results(engine: Engine, clip: Path, analysis: Analysis, out: Path) -> tuple[Path, ...]:
    """Write all six files, for the first tracklet if a file shows one person.

    They appear together at the end; if anything fails before, nothing does.

    Args:
        engine: that made the analysis.
        clip: that was analysed, read once more for the overlay.
        out: folder, made if it is missing.
    Returns:
        The files.
    Raises:
        InputError: out can't be written.
    """
    person = analysis.people[0]
    fps = analysis.video.fps or CLOCKLESS_FPS
    try:
        with folder_for_results(out), TemporaryDirectory(prefix=".analysis-", dir=out) as folder:
            draft = Path(folder)
            write_analysis(draft / "analysis.json", analysis)
            write_trace(draft / "trace.npz", analysis)
            write_video(draft / "overlay.mp4", overlay(clip, analysis, person, *finest_graph(person.trace)), fps)
            cams = engine.grad_cam(person.tracklet.crops, aspect=person.tracklet.aspect)
            write_video(
                draft / "gradcam.mp4", cam_video_frames(person.tracklet.crops, cams, person.tracklet.times), fps
            )
            (draft / "adjacency.html").write_text(adjacency_html(person, analysis.video.source), encoding="utf-8")
            (draft / "ranking.html").write_text(
                ranking_html(analysis, thumbnails(engine.gallery, analysis)), encoding="utf-8"
            )
            return tuple(file.replace(out / file.name) for file in sorted(draft.iterdir()))
    except OSError as error:
        raise InputError(
            f"{out} can't be written: {error.strerror or error}. Choose another folder with --out."
        ) from error


def overlay(
    clip: Path, analysis: Analysis, person: PersonAnalysis, scale: Scale, layer: int | None
) -> Iterator[np.ndarray]:
    """The person at the source's own resolution with a graph on them, frame by frame.

    Args:
        clip: that was analysed; read once more.
        person: of the analysis.
        scale, layer: which graph; without a layer, the body's own edges.
    Yields:
        (H, W, 3) uint8 RGB, all of one size.
    """
    views, _, keypoints = _source_views(clip, analysis, person, VIDEO_SIDE)
    yield from overlay_video_frames(person.trace, views, scale, layer, times=person.tracklet.times, keypoints=keypoints)


def film_person(clip: Path, analysis: Analysis, person: PersonAnalysis, most: int) -> Footage:
    """The person at the source's own resolution, in at most so many frames, for a browser to play."""
    tracklet, kept = person.tracklet, evenly(len(person.tracklet), most)
    views, framing, keypoints = _source_views(clip, analysis, person, FOOTAGE_SIDE)
    pictures = (view for place, view in enumerate(views) if place in set(kept.tolist()))
    corners = framing.place(np.stack((tracklet.boxes[:, :2], tracklet.boxes[:, :2] + tracklet.boxes[:, 2:]), axis=1))
    boxes = np.concatenate((corners[:, 0], corners[:, 1] - corners[:, 0]), axis=1)  # (T, 4)
    joints = Keypoints(keypoints.xy[kept], keypoints.scores[kept])
    return film(pictures, joints, boxes[kept], kept, tracklet.times[kept])


def _source_views(
    clip: Path, analysis: Analysis, person: PersonAnalysis, longest_side: int
) -> tuple[Iterator[np.ndarray], Framing, Keypoints]:
    """T pictures that follow the person, where they come from, and the joints in pixels of them."""
    tracklet, video = person.tracklet, analysis.video
    framing = frame_person(tracklet, (video.height, video.width), AROUND, longest_side)
    joints = source_keypoints(tracklet, person.trace.keypoints)
    views = source_views(clip, tracklet, framing, ANALYSIS_FPS)
    return views, framing, Keypoints(framing.place(joints.xy), joints.scores)


def thumbnails(gallery: Gallery, analysis: Analysis) -> dict[str, np.ndarray]:
    """Pictures (H, W, 3) uint8 of every gallery tracklet that some person's ranking names."""
    keys = sorted({hit.key for person in analysis.people for hit in person.ranking})
    return {record.entry.key: record.picture for record in gallery.records(keys)}
