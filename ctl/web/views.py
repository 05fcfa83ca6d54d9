"""A run as values that components show: files in the run's folder, figures, rows. Drawing itself is `ctl.draw`'s."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from ctl.draw.adjacency_view import adjacency_html, adjacency_view
from ctl.draw.bars import bars_html
from ctl.draw.cam_picture import cam_strip, cam_video_frames
from ctl.draw.cam_view import Mapped, cam_view
from ctl.draw.faithfulness_view import faithfulness_html
from ctl.draw.footage import Footage, film_crops
from ctl.draw.graph_view import MAX_FRAMES, drawn_scales, graph_view
from ctl.draw.match_page import match_html
from ctl.draw.page import number
from ctl.draw.ranking_page import ranking_html
from ctl.draw.report_page import report_html
from ctl.draw.what_if_page import switches_html, what_if_html
from ctl.errors import CTLError
from ctl.explain.evidence import from_bytes
from ctl.explain.match import in_step
from ctl.explain.reading import graphs
from ctl.explain.what_if import Setting, full_setting, switches
from ctl.gallery import Filter, Gallery
from ctl.progress import Progress
from ctl.results import (
    CLOCKLESS_FPS,
    analysis_json,
    film_person,
    overlay,
    thumbnails,
    write_analysis,
    write_csv,
    write_trace,
)
from ctl.skeleton import SCALES, Scale
from ctl.video.writer import write_video
from ctl.web import text
from ctl.web.runs import CamOf, Run
from ctl.web.searches import key_of

SHORT: Final = 8
"""A list of more numbers than this is shown by its size."""


@dataclass(frozen=True)
class Choices:
    """What the controls offer for one person.

    Args:
        scales, layers: of the graphs in the trace; empty for a model without graph layers.
        full: all that can be switched off.
    """

    scales: tuple[Scale, ...]
    layers: tuple[int, ...]
    full: Setting


def choices(run: Run, person: int) -> Choices:
    """Read from the trace: an ablated model has fewer."""
    drawn = graphs(run.analysis.people[person].trace)
    return Choices(
        scales=tuple(scale for scale in SCALES if scale in dict(drawn)),
        layers=tuple(sorted({layer for _, layer in drawn})),
        full=full_setting(run.engine.model.config),
    )


def explorer(run: Run, person: int) -> str:
    """All graphs in all frames, to explore."""
    trace = run.analysis.people[person].trace
    if not drawn_scales(trace):
        return text.hints(text.NO_GRAPH)
    return graph_view(trace, footage(run, person), run.engine.model.config.clip_length)


def footage(run: Run, person: int) -> Footage:
    """The person as the browser plays them, filmed once."""
    subject = run.analysis.people[person]
    with run.filming:
        if subject.tracklet.id not in run.films:
            run.films[subject.tracklet.id] = film_person(run.clip, run.analysis, subject, MAX_FRAMES)
        return run.films[subject.tracklet.id]


def film_ahead(run: Run, person: int) -> None:
    """Film a person in a thread of its own: whoever asks next waits for less. What fails is told to them."""

    def ahead() -> None:
        with suppress(CTLError):
            footage(run, person)

    Thread(target=ahead, name="filming", daemon=True).start()


def graph_video(run: Run, person: int, scale: Scale, layer: int) -> Path:
    """The person in the clip, with one graph on top."""
    subject = run.analysis.people[person]
    return run.file(
        f"graph-{subject.tracklet.id}-{scale}-l{layer}.mp4",
        lambda path: write_video(path, overlay(run.clip, run.analysis, subject, scale, layer), _fps(run)),
    )


def adjacency(run: Run, person: int) -> str:
    """All matrices of the trace, to look at."""
    trace = run.analysis.people[person].trace
    if not drawn_scales(trace):
        return text.hints(text.NO_GRAPH)
    return adjacency_view(trace, footage(run, person))


def grad_cam(run: Run, person: int, gallery: Gallery, reference: str) -> Iterator[str]:
    """Where the similarity to a reference comes from, on the playing person; and, where what explains the reference was
    kept, on that as well, in step: first without its map, which takes a second or two, and then with it.

    Args:
        reference: key of a tracklet of the gallery; "" is the person's own embedding.
    Raises:
        InputError: the gallery has no such key.
    """
    shown, subject = footage(run, person), run.analysis.people[person]
    query = Mapped(f"Person {subject.tracklet.id}", shown, _cam(run, person, gallery, reference))
    (record,) = gallery.records([reference]) if reference else (None,)
    if record is None or not record.evidence:
        yield cam_view(query)
        return
    evidence = from_bytes(record.evidence)
    crops, name = evidence.crops, f"{record.entry.person}, camera {record.entry.camera}"
    theirs = film_crops(crops, evidence.keypoints, evidence.times, len(crops))
    pairs = [nearest for _, nearest in in_step(subject.trace.keypoints, evidence.keypoints, len(shown.frames))]
    place = CamOf(subject.tracklet.id, reference, on_hit=True)
    if place not in run.cams:
        yield cam_view(query, Mapped(name, theirs, np.zeros((len(crops), 1, 1))), pairs)
        run.cams[place] = run.engine.grad_cam(crops, subject.embedding)
    yield cam_view(query, Mapped(name, theirs, run.cams[place]), pairs)


def grad_cam_files(run: Run, person: int, gallery: Gallery, reference: str) -> tuple[Path, Path]:
    """The same of the person alone, as a strip of frames and as a video. Arguments and errors as there."""
    tracklet = run.analysis.people[person].tracklet
    crops, times = tracklet.crops, tracklet.times
    maps = _cam(run, person, gallery, reference)
    name = f"cam-{tracklet.id}-{reference.replace('/', '-') or 'itself'}"
    strip = run.file(f"{name}.png", lambda path: Image.fromarray(cam_strip(crops, maps, times)).save(path))
    video = run.file(f"{name}.mp4", lambda path: write_video(path, cam_video_frames(crops, maps, times), _fps(run)))
    return strip, video


def verdict(run: Run, person: int, gallery: Gallery, reference: str, on_progress: Progress | None = None) -> str:
    """How true the map of `grad_cam` is, beside random ones. Arguments and errors as there."""
    subject, place = run.analysis.people[person], _place(run, person, reference)
    if place not in run.checks:
        (record,) = gallery.records([reference]) if reference else (None,)
        target = subject.embedding if record is None else record.embedding.numpy()
        maps = _cam(run, person, gallery, reference)
        run.checks[place] = run.engine.faithfulness(subject, maps, target, on_progress)
    return faithfulness_html(run.checks[place])


def known_verdict(run: Run, person: int, reference: str) -> str:
    """The same where it is known already, else nothing."""
    place = _place(run, person, reference)
    return faithfulness_html(run.checks[place]) if place in run.checks else ""


def _place(run: Run, person: int, reference: str) -> CamOf:
    return CamOf(run.analysis.people[person].tracklet.id, reference)


def match(run: Run, person: int, gallery: Gallery, key: str) -> str:
    """The person beside one tracklet of the gallery.

    The rival is the most similar tracklet of somebody else.

    Raises:
        InputError: the gallery has no such key, or nothing was kept to explain it.
    """
    subject, engine = run.analysis.people[person], run.engine
    (record,) = gallery.records([key])
    query = torch.from_numpy(subject.embedding)
    others = Filter(without_people=frozenset({record.entry.person}), without_keys=frozenset({key_of(run, subject)}))
    rivals = gallery.search(query, 1, where=others)
    rival = gallery.records([rivals[0].key])[0].embedding.numpy() if rivals else None
    comparison = engine.match(subject, record, rival, run.evidence(person))
    calibration = engine.checkpoint.calibration
    return match_html(comparison, calibration.holds_for if calibration else "")


def what_if(run: Run, person: int, setting: Setting) -> Iterator[str]:
    """What the model with less makes of the person: first of this setting, and then of each switch alone as well."""
    subject, key = run.analysis.people[person], key_of(run, run.analysis.people[person])
    answer = what_if_html(run.engine.what_if(subject, setting, key))
    overview = run.folder / f"switches-{subject.tracklet.id}.html"
    if not overview.exists():
        yield answer

    def compare(path: Path) -> None:
        alone = switches(full_setting(run.engine.model.config))
        found_by = {text.SWITCHES[name]: run.engine.what_if(subject, less, key) for name, less in alone.items()}
        path.write_text(switches_html(found_by), encoding="utf-8")

    yield run.file(overview.name, compare).read_text(encoding="utf-8") + answer


def _cam(run: Run, person: int, gallery: Gallery, reference: str) -> np.ndarray:
    """(T, h, w) in 0..1, computed once."""
    subject = run.analysis.people[person]
    place = CamOf(subject.tracklet.id, reference)
    if place not in run.cams:
        target = gallery.records([reference])[0].embedding.numpy() if reference else None
        run.cams[place] = run.engine.grad_cam(subject.tracklet.crops, target, subject.tracklet.aspect)
    return run.cams[place]


def timing_rows(run: Run) -> list[list[str]]:
    """Seconds of each stage, also per analysed frame."""
    timings, frames = run.analysis.timings_s, run.analysis.video.frames
    rows = {**timings, "total": sum(timings.values())}
    return [[stage, f"{seconds:.2f}", f"{1000 * seconds / frames:.1f}"] for stage, seconds in rows.items()]


def embedding(run: Run, person: int) -> str:
    """The D numbers of the embedding, as bars."""
    values = run.analysis.people[person].embedding
    low, high = number(values.min()), number(values.max())
    title = f"Embedding: {len(values)} numbers, length 1, from {low} to {high}"
    return bars_html(values, title, ("1", "", str(len(values))))


def details(run: Run) -> Any:
    """analysis.json, short enough for a browser."""
    return shortened(analysis_json(run.analysis))


def trace_file(run: Run) -> Path:
    """trace.npz: every matrix of every person."""
    return run.file("trace.npz", lambda path: write_trace(path, run.analysis))


def files(run: Run, person: int) -> list[Path]:
    """What can be downloaded besides the videos, which have their own buttons.

    The report has Grad-CAM where that was computed already: no model runs here.
    """
    analysis, subject = run.analysis, run.analysis.people[person]
    number, pictures = subject.tracklet.id, partial(thumbnails, run.engine.gallery, analysis)
    cams = run.cams.get(CamOf(number, ""))
    report = "report-without-grad-cam" if cams is None else "report"
    texts: dict[str, Callable[[], str]] = {
        f"{report}-{number}.html": lambda: report_html(analysis, subject, pictures(), cams),
        f"adjacency-{number}.html": lambda: adjacency_html(subject, analysis.video.source),
        "ranking.html": lambda: ranking_html(analysis, pictures()),
    }
    pages = [run.file(name, partial(_write_text, make)) for name, make in texts.items()]
    matrices = run.file(f"matrices-{number}.zip", lambda path: write_csv(path, subject))
    return [run.file("analysis.json", lambda path: write_analysis(path, analysis)), trace_file(run), matrices, *pages]


def shortened(value: Any) -> Any:
    """JSON in which lists of many numbers, and lists of such lists, are replaced by their size."""
    if isinstance(value, dict):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        if value and isinstance(value[0], list | int | float) and np.size(value) > SHORT:
            return f"{' × '.join(map(str, np.shape(value)))} numbers"
        return [shortened(item) for item in value]
    return value


def _write_text(make: Callable[[], str], path: Path) -> None:
    path.write_text(make(), encoding="utf-8")


def _fps(run: Run) -> float:
    return run.analysis.video.fps or CLOCKLESS_FPS
