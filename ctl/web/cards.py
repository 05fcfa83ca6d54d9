"""The answer as HTML: who is in the clip, moving, and the nearest known people as cards. Knows nothing of gradio."""

from collections.abc import Sequence
from functools import partial
from html import escape
from typing import Final

import numpy as np

from ctl.draw.moving import moving_picture, spread
from ctl.draw.overlay import draw_graph, strength_range
from ctl.draw.page import chance_text, image_tag, number
from ctl.draw.palette import side_of
from ctl.explain.reading import centre_block, finest_graph, matrices, node_positions
from ctl.gallery import Gallery
from ctl.pipeline import ANALYSIS_FPS
from ctl.results import CLOCKLESS_FPS
from ctl.skeleton import part_names, physical_adjacency
from ctl.types import Calibration, Hit, PersonAnalysis, Ranking, Tracklet
from ctl.video.reader import open_clip
from ctl.web import text
from ctl.web.answers import PRIOR, chance
from ctl.web.runs import Run

CARDS: Final = 6
PORTRAIT_HEIGHT: Final = 232
FRAME_HEIGHT: Final = 400
FACE_HEIGHT: Final = 88
CARD_HEIGHT: Final = 112
CERTAIN_ENOUGH: Final = 0.5
"""Smallest calibrated probability of a hit that the page presents as the person."""

_TICK: Final = '<circle cx="8" cy="8" r="8"/><path d="M4 8.5l3 3 5-6"/>'
_CROSS: Final = '<rect width="16" height="16" rx="3"/><path d="M5 5l6 6M11 5l-6 6"/>'


def portrait_html(run: Run, place: int) -> str:
    """The person, moving, with the finest graph on the body."""
    person = run.analysis.people[place]

    def draw() -> str:
        chosen = spread(len(person.tracklet))
        fps = (run.analysis.video.fps or CLOCKLESS_FPS) * len(chosen) / len(person.tracklet)
        return moving_picture(
            _with_graph(person, chosen), fps, PORTRAIT_HEIGHT, "The person, with the graph of the body"
        )

    number_of = person.tracklet.id
    several = len(run.analysis.people) > 1
    caption = f"Person {number_of}" if several else escape(run.analysis.video.source)
    return f"<figure>{run.text(f'portrait-{number_of}.html', draw)}<figcaption>{caption}</figcaption></figure>"


def _with_graph(person: PersonAnalysis, chosen: Sequence[int]) -> list[np.ndarray]:
    """Some of a person's crops, (H, W, 3) uint8 RGB, with the body's edges by their learned strength."""
    scale, layer = finest_graph(person.trace)
    xy, scores = node_positions(person.trace.keypoints, scale)
    physical = physical_adjacency(scale)
    weights = np.broadcast_to(physical, (len(xy), *physical.shape))
    if layer is not None:
        weights = centre_block(matrices(person.trace, scale, layer), scale)
    draw = partial(
        draw_graph,
        physical=physical,
        sides=[side_of(name) for name in part_names(scale)],
        strengths=strength_range(weights, physical),
        links=0,
    )
    return [draw(person.tracklet.crops[t], xy[t], scores[t], weights[t]) for t in chosen]


def people_html(run: Run, place: int) -> str:
    """Everybody in a scene, to choose from: framed in the picture that shows the most of them, and as thumbnails."""
    tracklets = [person.tracklet for person in run.analysis.people]
    shown = busiest_frame(tracklets)
    video = run.analysis.video
    boxes = "".join(
        _box(tracklet, number_of, place, (video.width, video.height), shown)
        for number_of, tracklet in enumerate(tracklets)
    )
    faces = "".join(
        f'<button type="button" class="ctl-pick" data-place="{number_of}" aria-pressed="{_said(number_of == place)}">'
        f"{image_tag(tracklet.crops[len(tracklet) // 2], '', FACE_HEIGHT)}<span>Person {tracklet.id}</span></button>"
        for number_of, tracklet in enumerate(tracklets)
    )
    picture = run.text(f"frame-{shown}.html", partial(_frame, run, shown))
    return (
        f'<div class="ctl-scene"><div class="ctl-frame">{picture}{boxes}</div>'
        f'<div class="ctl-faces" role="group" aria-label="People in the clip">{faces}</div></div>'
    )


def busiest_frame(tracklets: Sequence[Tracklet]) -> int:
    """Index of the analysed frame in which the most people are seen; of several, the middle one."""
    frames, counts = np.unique(np.concatenate([tracklet.frames for tracklet in tracklets]), return_counts=True)
    best = frames[counts == counts.max()]
    return int(best[len(best) // 2])


def _frame(run: Run, shown: int) -> str:
    with open_clip(run.clip, ANALYSIS_FPS) as frames:
        image = next(frame.image for frame in frames if frame.index == shown)
    return image_tag(image, "A frame of the clip", FRAME_HEIGHT)


def _box(tracklet: Tracklet, number_of: int, place: int, size: tuple[int, int], shown: int) -> str:
    """A button over the person in the frame; nothing where they aren't in it."""
    rows = np.flatnonzero(tracklet.frames == shown)
    if not len(rows):
        return ""
    corners = np.concatenate([tracklet.boxes[rows[0], :2], tracklet.boxes[rows[0], :2] + tracklet.boxes[rows[0], 2:]])
    left, top, right, bottom = (np.clip(corners / np.tile(size, 2), 0, 1) * 100).tolist()
    where = f"left:{left:.2f}%;top:{top:.2f}%;width:{right - left:.2f}%;height:{bottom - top:.2f}%"
    return (
        f'<button type="button" class="ctl-pick" data-place="{number_of}" aria-pressed="{_said(number_of == place)}" '
        f'style="{where}" aria-label="Person {tracklet.id} in the frame"><b>{tracklet.id}</b></button>'
    )


def answer_html(run: Run, place: int, hits: Ranking, gallery: Gallery, chosen: str | None) -> str:
    """One sentence, and the best hits as cards.

    Args:
        hits: best first.
        gallery: that they are from.
        chosen: key of the hit that is compared.
    """
    checkpoint = run.analysis.checkpoint
    best = hits[:CARDS]
    warning = "" if checkpoint.trained else text.notes([text.WARNING])
    records = gallery.records([hit.key for hit in best])
    truth = run.shows[place] if place < len(run.shows) else ""
    enough = None if checkpoint.calibration is None else enough_for(checkpoint.calibration)
    cards = "".join(
        _card(hit, record.picture, checkpoint.calibration, enough, truth, hit.key == chosen)
        for hit, record in zip(best, records, strict=True)
    )
    headline = sentence(best, checkpoint.calibration, pair=run.against is not None)
    return f'{warning}<h2>{headline}</h2><ol class="ctl-cards">{cards}</ol>'


def sentence(hits: Ranking, calibration: Calibration | None, *, pair: bool = False) -> str:
    """What one sees, as safe HTML.

    Args:
        pair: whether two clips were compared, and nobody was searched for.
    """
    if not hits:
        return "Nobody is known to compare with"
    best = hits[0]
    likely = chance(best.similarity, calibration)
    if likely is None:
        return f"Most similar: {escape(best.person)}, similarity {number(best.similarity, 2)}"
    if pair:
        verdict = "one person" if likely >= CERTAIN_ENOUGH else "two people"
        return f"Probably {verdict}: the same person with probability {chance_text(likely)}"
    if likely < CERTAIN_ENOUGH:
        return f"Nobody known is similar enough <small>nearest: {escape(best.person)}, {chance_text(likely)}</small>"
    return f"Most similar: {escape(best.person)} <small>probability {chance_text(likely)}</small>"


def enough_for(calibration: Calibration) -> float:
    """The similarity at which a hit becomes the answer: its probability is then `CERTAIN_ENOUGH`."""
    wanted = np.log(CERTAIN_ENOUGH / (1 - CERTAIN_ENOUGH)) - np.log(PRIOR / (1 - PRIOR))
    return float((wanted - calibration.intercept) / calibration.slope)


def _card(
    hit: Hit, picture: np.ndarray, calibration: Calibration | None, enough: float | None, truth: str, chosen: bool
) -> str:
    likely = chance(hit.similarity, calibration)
    share = f"--share:{max(0.0, hit.similarity):.3f}" + ("" if enough is None else f";--enough:{enough:.3f}")
    chance_line = "" if likely is None else f"<b>{chance_text(likely)}</b>"
    mark = _truth(hit.person == truth) if truth else ""
    return (
        f'<li><button type="button" class="ctl-pick" data-key="{hit.key}" aria-pressed="{_said(chosen)}">'
        f"{image_tag(picture, '', CARD_HEIGHT)}<span class='ctl-name'>{escape(hit.person)}</span>"
        f'<span class="ctl-camera">{escape(hit.camera)}</span>'
        f'<span class="ctl-bar" style="{share}"><i></i></span>'
        f'<span class="ctl-score">{chance_line} {number(hit.similarity, 2)}</span>{mark}</button></li>'
    )


def _truth(same: bool) -> str:
    """Fig. 8b's mark, in shape, colour and words."""
    kind, shape, words = ("same", _TICK, "same person") if same else ("other", _CROSS, "someone else")
    return f'<span class="ctl-truth {kind}"><svg viewBox="0 0 16 16" aria-hidden="true">{shape}</svg>{words}</span>'


def _said(yes: bool) -> str:
    return "true" if yes else "false"
