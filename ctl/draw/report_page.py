"""report.html: what a model made of one person of a clip, on one self-contained page, to keep or to hand on."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Final

import numpy as np

from ctl.draw import match_page, ranking_page
from ctl.draw.browser import calling, style_sheet
from ctl.draw.cam_picture import cam_strip
from ctl.draw.footage import film_crops
from ctl.draw.graph_view import SCRIPTS, SHEETS, drawn_scales, graph_view
from ctl.draw.matrices import Link, strongest_cross_scale, strongest_links
from ctl.draw.page import image_tag, notices, number, page
from ctl.explain.match import Match
from ctl.explain.reading import cross_scale_sources, finest_graph
from ctl.types import Analysis, CheckpointInfo, PersonAnalysis, Trace

MAX_FRAMES: Final = 40
"""Frames of the graph, evenly spaced where the tracklet has more: the page travels by mail."""

LIMITS: Final = (
    "A similarity isn't an identity: models of this kind err, and nobody should be named, refused or followed because "
    "of one. Links, maps and shares show what this model computed from these frames, misplaced joints included, not "
    "why two people would look alike to you."
)


def report_html(
    analysis: Analysis,
    person: PersonAnalysis,
    thumbnails: Mapping[str, np.ndarray],
    cams: np.ndarray | None = None,
    match: Match | None = None,
) -> str:
    """The page. It names no date, so the same input gives the same page.

    Args:
        analysis: of the clip.
        person: of the analysis.
        thumbnails: key of a gallery tracklet -> (H, W, 3) uint8 RGB; a hit without one is shown in words only.
        cams: (T, h, w) float in 0..1, Grad-CAM of the person's own embedding; None leaves it out.
        match: of the person and the first hit; None leaves it out.
    """
    title = f"Person {person.tracklet.id} of {analysis.video.source}"
    clip_length = int(analysis.checkpoint.config["clip_length"])
    body = f"""<h1>{escape(title)}</h1>
<p class="muted">{_weights(analysis.checkpoint)}</p>
{notices(analysis.checkpoint, (*analysis.video.notices, *analysis.dropped))}
<p>{_found(analysis, person)}</p>
{_graph(person, clip_length)}
{"" if cams is None else _cam(person, cams)}
<h2>Nearest in the gallery</h2>
<p>{ranking_page.SCORE}</p>
{ranking_page.person_ranking(person, thumbnails)}
{"" if match is None else f"<h2>The first hit</h2>{match_page.match_html(match)}"}
<h2>Limits</h2>
<p>{LIMITS}</p>"""
    styles = style_sheet(*SHEETS, "ranking", "match", "report")
    scripts = calling("graph", *SCRIPTS) if drawn_scales(person.trace) else ""
    return page(title, body, styles, scripts)


def _weights(checkpoint: CheckpointInfo) -> str:
    revision = "" if checkpoint.revision is None else f"@{checkpoint.revision}"
    return f"Checkpoint {escape(checkpoint.id + revision)} · SHA-256 {escape(checkpoint.sha256)}"


def _found(analysis: Analysis, person: PersonAnalysis) -> str:
    video, people, tracklet = analysis.video, len(analysis.people), person.tracklet
    clock = f", {video.duration:.1f} s at {video.fps:.3g} frames per second" if video.fps else ""
    scene = f"a scene with {people} {'person' if people == 1 else 'people'}"
    kind = scene if analysis.kind == "scene" else "one person's crops"
    detection, joint = tracklet.detection_scores.mean(), person.trace.keypoints.scores.mean()
    return (
        f"{video.frames} frames of {video.width}×{video.height}{clock}, read as {kind}. This person is in "
        f"{len(tracklet)} of them, from {tracklet.times[0]:.1f} to {tracklet.times[-1]:.1f} s; mean score of the "
        f"detection {detection:.2f}, of a joint {joint:.2f}."
    )


def _graph(person: PersonAnalysis, clip_length: int) -> str:
    trace, tracklet = person.trace, person.tracklet
    if not drawn_scales(trace):
        return "<h2>Who listens to whom</h2><p>This model has no graph layers: there is nothing to show.</p>"
    footage, frame = film_crops(tracklet.crops, trace.keypoints, tracklet.times, MAX_FRAMES), len(tracklet) // 2
    return f"""<h2>Who listens to whom</h2>
<p>Choose a joint with the pointer, or Tab and arrow keys, to see its strongest links.</p>
<div id="graph">{graph_view(trace, footage, clip_length)}</div>
<h2>Strongest links of frame {frame + 1}, the middle one</h2>
<div class="report-tables">{"".join(_tables(trace, frame))}</div>"""


def _tables(trace: Trace, frame: int) -> Iterator[str]:
    """The sum of Eq. 2 in the graph shown, then the weights of Eq. 6."""
    scale, layer = finest_graph(trace)
    if layer is not None:
        yield _table(f"{scale}, layer {layer}", strongest_links(trace, scale, layer, "sum", frame))
    for source in cross_scale_sources(trace):
        yield _table(f"{source} to s3", strongest_cross_scale(trace, source, frame))


def _table(caption: str, links: list[Link]) -> str:
    rows = "".join(
        f'<tr><td>{link.receiver}</td><td>{link.sender}</td><th scope="row">{number(link.value, signed=True)}</th></tr>'
        for link in links
    )
    return f"""<table><caption>{caption}</caption><thead><tr><th scope="col">receives</th><th scope="col">sends</th>\
<th scope="col">value</th></tr></thead><tbody>{rows}</tbody></table>"""


def _cam(person: PersonAnalysis, cams: np.ndarray) -> str:
    strip = cam_strip(person.tracklet.crops, cams, person.tracklet.times)
    picture = image_tag(strip, "Frames, each over its Grad-CAM map", len(strip))
    return f"""<h2>Where it looked</h2>
<p>Grad-CAM of the person's own embedding: bright places put most into it. One scale for the whole clip.</p>
<div class="report-strip" tabindex="0" role="region" aria-label="Grad-CAM">{picture}</div>"""
