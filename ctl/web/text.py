"""Every sentence of the page, and the few pieces of HTML that hold them. Whatever comes from a visitor is escaped."""

from collections.abc import Sequence
from html import escape
from typing import Final

from ctl.errors import Remedy
from ctl.types import UNTRAINED, Analysis, CheckpointInfo
from ctl.video.limits import LIMITS

TITLE: Final = "CTL Explorer"
DESCRIPTION: Final = "Recognise a person across cameras from a walk of a few seconds, and see why."
"""Also what other sites say of a link to the page."""

PAPER: Final = "https://arxiv.org/abs/2104.08241"

WARNING: Final = f"<b>{UNTRAINED.capitalize()}.</b>"
EXPLAIN_UNTRAINED: Final = (
    f"{WARNING} The backbone knows ImageNet, so hits look alike; edges and matrices show a model at its initialisation."
)
EXPLAIN_LIMITS: Final = (
    "A video of any common kind (mp4, mov, webm, avi, mkv, ts, mpg, wmv, gif), an animated WebP or PNG, or a zip of "
    f"frames, up to {LIMITS.megabytes} MB and 4K. "
    f"The first {LIMITS.seconds:.0f} seconds are used, at most {LIMITS.frames} frames."
)
EXPLAIN_CONSENT: Final = "<b>People in a clip must have agreed to this use.</b>"
EXPLAIN_DELETION: Final = (
    "Clips and results stay on this server, are deleted about an hour after their last use, and train nothing."
)
EXPLAIN_PASTE: Final = "A clip from the clipboard can be pasted anywhere on the page."
NO_GRAPH: Final = "This model has no graph layers: there is nothing to explore."
FILM: Final = "A video of this graph, to download"
CAM_FILES: Final = "This map as picture and video, to download"
EXPLAIN_MATRIX: Final = "Rows receive, columns send. At first what is learned: the sum without the body."
EXPLAIN_CAM: Final = "Bright places raise the similarity most. One scale for the whole clip, so frames can be compared."
EXPLAIN_CHECK: Final = (
    "Takes the marked cells away, and brings them back, and sees whether the similarity follows, next to random maps. "
    "The clip is seen some 110 times: about ten seconds."
)
EXPLAIN_HITS: Final = "The nearest known people, best first: compare one, or search for it in turn."
EXPLAIN_SIMILARITY: Final = (
    "Similarity is the cosine of two embeddings, from -1 to 1. The probability is that both show one person, if half "
    "of all pairs do. The clip itself is never among its own hits."
)
EXPLAIN_QUERIES: Final = "Clips of this visit that show one person can be searched for together."
EXPLAIN_SAME_CAMERA: Final = "Benchmarks leave out the query's own camera."
EXPLAIN_OWN: Final = (
    "Enrol the person shown above, with their consent: yours alone, forgotten after an hour without use."
)
EXPLAIN_EXPORT: Final = "Export your gallery to keep it, and import it again later."
EXPLAIN_KEPT: Final = (
    "Enrol the person shown above, with their consent: it stays on this server's disk, for everybody, until removed."
)
SHELF_HEADERS: Final = ["Person", "Camera", "Key"]
CLASHES: Final = {"refuse": "Refuse the import", "keep": "Keep mine", "replace": "Take the imported one"}
EXPLAIN_MATCH: Final = (
    "Why the model finds a hit similar: the strongest reasons, what the similarity adds up from, then all numbers."
)
NO_MATCH: Final = "There is no hit to compare with: the search found none."
EXPLAIN_WHAT_IF: Final = (
    "Switch parts of the loaded model off, without training it again. What moves is what the model leans on."
)
TERMS: Final = {"physical": "Physical (Ap)", "mask": "Mask (Am)", "context": "Context (Ac)"}
SWITCHES: Final = TERMS | {"window": "Other frames (window)", "s1": "17 joints (s1)", "s2": "10 parts (s2)"}
EXPLAIN_TABLES: Final = "What the paper measured, and what this checkpoint reaches: other data, so never compared."
ENROL: Final = "Enrol this person"
OWN_CAMERA: Final = "own clip"
WORKING: Final = "Looking for people …"
EXPLAIN_FILES: Final = "Everything as files, and how long each stage took."
NO_HITS: Final = "Nothing is ranked: the gallery is empty or was embedded by another checkpoint."

CANCELLED: Final = "Stopped."

KINDS: Final = {"auto": "Decide from the clip", "crop": "One person, already cropped", "scene": "A scene"}
CHOOSE_KIND: Final = "What the clip shows"
REMEDIES: Final = {
    Remedy.SAY_CROP: f'if it shows one person cut out, choose "{KINDS["crop"]}" under "{CHOOSE_KIND}"',
    Remedy.SETTLE_CLASH: f'choose "{CLASHES["keep"]}" or "{CLASHES["replace"]}"',
}
SCALES: Final = {"s1": "s1 · 17 joints", "s2": "s2 · 10 parts", "s3": "s3 · 5 parts"}
ITSELF: Final = ("the clip itself", "")
TIMING_HEADERS: Final = ["Stage", "Seconds", "ms per frame"]


def header(checkpoint: CheckpointInfo, loaded: Sequence[str]) -> str:
    """Title, one line on what this is, and what the visitor must know of the models that were loaded."""
    notices = [*([] if checkpoint.trained else [EXPLAIN_UNTRAINED]), *map(escape, loaded)]
    return (
        f'<header class="ctl-header"><h1>{TITLE}</h1>'
        f"<p>{DESCRIPTION} "
        f'After <a href="{PAPER}" target="_blank" rel="noopener">Liu et al., CVPR 2021</a>.</p>'
        f"</header>{notes(notices)}"
    )


def summary(analysis: Analysis, loaded: Sequence[str], note: str = "") -> str:
    """What was analysed, what was cut or dropped, and what the visitor must know of the models that were loaded.

    Args:
        note: one sentence on the clip.
    """
    video, people = analysis.video, len(analysis.people)
    clock = f", {video.duration:.1f} s at {video.fps:.3g} frames/s" if video.fps else ""
    kind = "one person's crops" if analysis.kind == "crop" else f"a scene with {people} {plural(people, 'person')}"
    facts = f"{video.frames} frames of {video.width}×{video.height}{clock}; read as {kind}."
    cut = " ".join(escape(sentence) for sentence in (*video.notices, *analysis.dropped))
    return f"{hints(f'<b>{escape(video.source)}</b> · {escape(note)} {facts} {cut}')}{notes([*map(escape, loaded)])}"


def plural(count: int, word: str) -> str:
    """English for 1 or more of the words used here."""
    return word if count == 1 else {"person": "people"}.get(word, f"{word}s")


def notes(sentences: Sequence[str]) -> str:
    """Sentences of safe HTML as one notice each."""
    return "".join(f'<p class="ctl-note">{sentence}</p>' for sentence in sentences)


def line(sentence: str, *more: str) -> str:
    """One short line of safe HTML on what a tab shows; what else there is to say folds behind an (i)."""
    if not more:
        return hints(sentence)
    rest = "".join(f"<p>{paragraph}</p>" for paragraph in more)
    mark = '<span class="ctl-i" aria-hidden="true">i</span>'
    return f'<details class="ctl-more"><summary>{sentence} {mark}</summary>{rest}</details>'


def hints(*sentences: str) -> str:
    """Quiet lines of safe HTML, beside a component or where a result will be."""
    return "".join(f'<p class="ctl-hint">{sentence}</p>' for sentence in sentences)


FOOTER: Final = (
    '<footer class="ctl-footer"><p>A similarity is not an identity: models of this kind err, and err more on people '
    "they saw less of in training. Not for watching, tracking or judging people.</p>"
    "<p>J. Liu, Z.-J. Zha, W. Wu, K. Zheng, Q. Sun: <cite>Spatial-Temporal Correlation and Topology Learning for "
    "Person Re-Identification in Videos</cite>, CVPR 2021, pp. 4370–4379. This code: Apache-2.0.</p></footer>"
)
