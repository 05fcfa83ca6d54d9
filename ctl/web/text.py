"""Every sentence of the page, and the few pieces of HTML that hold them. Whatever comes from a visitor is escaped."""

from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from ctl.explain.page import image_tag
from ctl.types import UNTRAINED, Analysis, CheckpointInfo, Ranking
from ctl.video.limits import LIMITS

TITLE: Final = "CTL Explorer"
PAPER: Final = "https://arxiv.org/abs/2104.08241"

WARNING: Final = f"<b>{UNTRAINED.capitalize()}.</b>"
EXPLAIN_UNTRAINED: Final = (
    f"{WARNING} The backbone knows ImageNet, so hits look alike; edges and matrices show a model at its initialisation."
)
EXPLAIN_LIMITS: Final = (
    f"A video (mp4, mov, webm, avi, mkv, gif) or a zip of frames, up to {LIMITS.megabytes} MB and 4K. "
    f"The first {LIMITS.seconds:.0f} seconds are used, at most {LIMITS.frames} frames."
)
EXPLAIN_CONSENT: Final = (
    "<b>People in a clip must have agreed to this use.</b> Clips and results stay on this server, are deleted about an "
    "hour after their last use, and train nothing."
)
EXPLAIN_GRAPH: Final = (
    "The graph that the layer reads, on the person. Colour and width of a bone are its weight; dashed arrows are the "
    "strongest links that the body itself doesn't have. Faint joints have a low score."
)
EXPLAIN_MATRIX: Final = (
    "Rows receive, columns send. A window holds the frame before, the frame itself and the frame after; "
    "the sum of the three terms is what the layer uses."
)
EXPLAIN_CAM: Final = "Bright places raise the similarity most. One scale for the whole clip, so frames can be compared."
EXPLAIN_HITS: Final = (
    "Cosine similarity of the embeddings, from -1 to 1, best first. The clip itself is never among its own hits."
)
NO_HITS: Final = "Nothing is ranked: the gallery is empty or was embedded by another checkpoint."
EMPTY: Final = "Choose a sample or drop a clip, then press <b>Run</b>."
CANCELLED: Final = "Stopped."

KINDS: Final = {"auto": "Decide from the clip", "crop": "One person, already cropped", "scene": "A scene"}
SCALES: Final = {"s1": "s1 · 17 joints", "s2": "s2 · 10 parts", "s3": "s3 · 5 parts"}
SOURCES: Final = {"s1": "s1 → s3", "s2": "s2 → s3"}
LINK_HEADERS: Final = ["Receives", "Sends", "Weight"]
ITSELF: Final = ("the clip itself", "")
TIMING_HEADERS: Final = ["Stage", "Seconds", "ms per frame"]


def header(checkpoint: CheckpointInfo, loaded: Sequence[str]) -> str:
    """Title, one line on what this is, and what the visitor must know of the models that were loaded."""
    notices = [*([] if checkpoint.trained else [EXPLAIN_UNTRAINED]), *map(escape, loaded)]
    return (
        f'<header class="ctl-header"><h1>{TITLE}</h1>'
        "<p>Recognise a person across cameras from a walk of a few seconds, and see why: "
        "the body as a graph, the links the model reads, where it looks, whom it finds. "
        f'After <a href="{PAPER}" target="_blank" rel="noopener">Liu et al., CVPR 2021</a>.</p>'
        f"</header>{notes(notices)}"
    )


def summary(analysis: Analysis, loaded: Sequence[str]) -> str:
    """What was analysed, what was cut or dropped, and what the visitor must know of the models that were loaded."""
    video, people = analysis.video, len(analysis.people)
    clock = f", {video.duration:.1f} s at {video.fps:.3g} frames/s" if video.fps else ""
    kind = "one person's crops" if analysis.kind == "crop" else f"a scene with {people} {plural(people, 'person')}"
    facts = f"{video.frames} frames of {video.width}×{video.height}{clock}; read as {kind}."
    notices = [escape(sentence) for sentence in (*loaded, *video.notices, *analysis.dropped)]
    choose = " Choose a person:" if people > 1 else ""
    return f'<p class="ctl-facts"><b>{escape(video.source)}</b> · {facts}{choose}</p>{notes(notices)}'


def plural(count: int, word: str) -> str:
    """English for 1 or more of the words used here."""
    return word if count == 1 else {"person": "people"}.get(word, f"{word}s")


def notes(sentences: Sequence[str]) -> str:
    """Sentences of safe HTML as one notice each."""
    return "".join(f'<p class="ctl-note">{sentence}</p>' for sentence in sentences)


def hints(*sentences: str) -> str:
    """Quiet lines of safe HTML, beside a component or where a result will be."""
    return "".join(f'<p class="ctl-hint">{sentence}</p>' for sentence in sentences)


def ranking(hits: Ranking, pictures: Sequence[np.ndarray], *, trained: bool) -> str:
    """The hits with their pictures and captions, best first, after a warning where the graph layers are untrained."""
    if not hits:
        return hints(NO_HITS)
    items = "".join(
        f"<li>{image_tag(picture, f'Rank {hit.rank}: {hit.person}')}<b>#{hit.rank} · {hit.similarity:.3f}</b>"
        f"<span>{escape(hit.person)}</span><span>camera {escape(hit.camera)}</span></li>"
        for hit, picture in zip(hits, pictures, strict=True)
    )
    warning = "" if trained else notes([WARNING])
    return f'{warning}<ol class="ctl-hits">{items}</ol>'


FOOTER: Final = (
    '<footer class="ctl-footer"><p>A similarity is not an identity: models of this kind err, and err more on people '
    "they saw less of in training. Not for watching, tracking or judging people.</p>"
    "<p>J. Liu, Z.-J. Zha, W. Wu, K. Zheng, Q. Sun: <cite>Spatial-Temporal Correlation and Topology Learning for "
    "Person Re-Identification in Videos</cite>, CVPR 2021, pp. 4370–4379. This code: Apache-2.0.</p></footer>"
)
