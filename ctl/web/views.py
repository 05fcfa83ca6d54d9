"""A run as values that components show: files in the run's folder, figures, rows. Drawing itself is `ctl.explain`'s."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import plotly.graph_objects as go
from PIL import Image

from ctl.explain.adjacency_page import adjacency_html
from ctl.explain.cam_picture import cam_strip, cam_video_frames
from ctl.explain.matrices import (
    Link,
    adjacency_figure,
    cross_scale_figure,
    strongest_cross_scale,
    strongest_links,
)
from ctl.explain.palette import THEMES, ThemeName
from ctl.explain.ranking_page import ranking_html
from ctl.explain.reading import Term, cross_scale_sources, graphs
from ctl.results import CLOCKLESS_FPS, analysis_json, overlay, thumbnails, write_analysis, write_trace
from ctl.skeleton import SCALES, Scale
from ctl.types import Hit
from ctl.video.writer import write_video
from ctl.web import text
from ctl.web.runs import Run

SHORT: Final = 8
"""A list of more numbers than this is shown by its size."""

REFERENCES: Final = 5
"""Hits that Grad-CAM offers to compare with."""


@dataclass(frozen=True)
class Choices:
    """What the controls offer for one person.

    Args:
        scales, layers: of the graphs in the trace; empty for a model without graph layers.
        sources: scales that are fused into s3.
        frames: T.
        references: (label, gallery key) of the hits that Grad-CAM can compare with.
    """

    scales: tuple[Scale, ...]
    layers: tuple[int, ...]
    sources: tuple[Scale, ...]
    frames: int
    references: tuple[tuple[str, str], ...]


def choices(run: Run, person: int) -> Choices:
    """Read from the trace: an ablated model has fewer."""
    found = run.analysis.people[person]
    held = graphs(found.trace)
    return Choices(
        scales=tuple(scale for scale in SCALES if scale in dict(held)),
        layers=tuple(sorted({layer for _, layer in held})),
        sources=cross_scale_sources(found.trace),
        frames=len(found.tracklet),
        references=tuple((hit_label(hit), hit.key) for hit in found.ranking[:REFERENCES]),
    )


def hit_label(hit: Hit) -> str:
    """A hit in one line."""
    return f"#{hit.rank} · {hit.similarity:.3f} · {hit.person} · camera {hit.camera}"


def people(run: Run) -> list[tuple[np.ndarray, str]]:
    """One crop per person, from the middle of the tracklet."""
    tracklets = [person.tracklet for person in run.analysis.people]
    return [(tracklet.crops[len(tracklet) // 2], f"Person {tracklet.id}") for tracklet in tracklets]


def graph_video(run: Run, person: int, scale: Scale, layer: int) -> Path:
    """The person in the clip, with one graph on top."""
    found = run.analysis.people[person]
    return run.file(
        f"graph-{found.tracklet.id}-{scale}-l{layer}.mp4",
        lambda path: write_video(path, overlay(run.clip, run.analysis, found, scale, layer), _fps(run)),
    )


def adjacency(run: Run, person: int, scale: Scale, layer: int, term: Term, frame: int, theme: ThemeName) -> go.Figure:
    """One matrix of Eq. 2 in the window around one frame."""
    return adjacency_figure(run.analysis.people[person].trace, scale, layer, term, frame, theme)


def link_rows(run: Run, person: int, scale: Scale, layer: int, term: Term, frame: int) -> list[list[str]]:
    """The same matrix's strongest entries."""
    return _rows(strongest_links(run.analysis.people[person].trace, scale, layer, term, frame))


def cross_scale(run: Run, person: int, source: Scale, frame: int, theme: ThemeName) -> go.Figure:
    """Which parts of a finer scale each of the five parts reads."""
    return cross_scale_figure(run.analysis.people[person].trace, source, frame, theme)


def cross_rows(run: Run, person: int, source: Scale, frame: int) -> list[list[str]]:
    """The same matrix's strongest entries."""
    return _rows(strongest_cross_scale(run.analysis.people[person].trace, source, frame))


def grad_cam(run: Run, person: int, reference: str) -> tuple[Path, Path]:
    """Where the similarity to a reference comes from, as a strip of frames and as a video.

    Args:
        reference: gallery key; "" is the person's own embedding.
    Raises:
        InputError: the gallery has no such key.
    """
    found, engine = run.analysis.people[person], run.engine
    crops, times = found.tracklet.crops, found.tracklet.times
    target = engine.gallery.records([reference])[0].embedding.numpy() if reference else None
    name = f"cam-{found.tracklet.id}-{reference.replace('/', '-') or 'itself'}"
    maps = np.load(run.file(f"{name}.npy", lambda path: np.save(path, engine.grad_cam(found, target))))
    strip = run.file(f"{name}.png", lambda path: Image.fromarray(cam_strip(crops, maps, times)).save(path))
    video = run.file(f"{name}.mp4", lambda path: write_video(path, cam_video_frames(crops, maps, times), _fps(run)))
    return strip, video


def ranking(run: Run, person: int) -> str:
    """The hits as HTML."""
    hits = run.analysis.people[person].ranking
    pictures = [record.picture for record in run.engine.gallery.records([hit.key for hit in hits])]
    return text.ranking(hits, pictures, trained=run.analysis.checkpoint.trained)


def timing_rows(run: Run) -> list[list[str]]:
    """Seconds of each stage, also per analysed frame."""
    timings, frames = run.analysis.timings_s, run.analysis.video.frames
    rows = {**timings, "total": sum(timings.values())}
    return [[stage, f"{seconds:.2f}", f"{1000 * seconds / frames:.1f}"] for stage, seconds in rows.items()]


def embedding(run: Run, person: int, theme: ThemeName) -> go.Figure:
    """The D numbers of the embedding, as bars."""
    values, look = run.analysis.people[person].embedding, THEMES[theme]
    figure = go.Figure(go.Bar(y=values, marker={"color": look.accent, "line": {"width": 0}}))
    figure.update_layout(
        template="plotly_white" if theme == "light" else "plotly_dark",
        title={"text": f"Embedding: {len(values)} numbers, length 1", "font": {"size": 14}},
        height=220,
        bargap=0,
        margin={"l": 50, "r": 10, "t": 40, "b": 30},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"color": look.text},
    )
    return figure


def details(run: Run) -> Any:
    """analysis.json, short enough for a browser."""
    return shortened(analysis_json(run.analysis))


def trace_file(run: Run) -> Path:
    """trace.npz: every matrix of every person."""
    return run.file("trace.npz", lambda path: write_trace(path, run.analysis))


def files(run: Run, person: int) -> list[Path]:
    """What can be downloaded besides the videos, which have their own buttons."""
    analysis, found = run.analysis, run.analysis.people[person]
    texts: dict[str, Callable[[], str]] = {
        f"adjacency-{found.tracklet.id}.html": lambda: adjacency_html(found.trace, analysis.video.source),
        "ranking.html": lambda: ranking_html(analysis, thumbnails(run.engine.gallery, analysis)),
    }
    pages = [run.file(name, partial(_write_text, make)) for name, make in texts.items()]
    return [run.file("analysis.json", lambda path: write_analysis(path, analysis)), trace_file(run), *pages]


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


def _rows(links: list[Link]) -> list[list[str]]:
    return [[link.receiver, link.sender, f"{link.value:.3f}"] for link in links]


def _fps(run: Run) -> float:
    return run.analysis.video.fps or CLOCKLESS_FPS
