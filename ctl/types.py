"""The frozen values that pass between stages. Arrays are numpy outside the model, tensors inside it.

Alphabet: B clips, T frames, N nodes of a frame, C channels, D embedding, S scales, τ window.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np

ClipKind = Literal["crop", "scene"]

UNTRAINED: Final = "untrained graph layers: rankings are not meaningful"
"""Said wherever the result of an untrained checkpoint is shown."""


@dataclass(frozen=True, eq=False)
class VideoInfo:
    """What was decoded from a clip, and what was left out of it.

    Args:
        source: name of the clip as the user knows it (no folder).
        width, height: pixels of a frame after its orientation flag is applied.
        fps: frames per second of the *analysed* frames; 0 if the source has no clock (a folder of pictures).
        frames: number of analysed frames.
        duration: seconds from the first to the end of the last analysed frame; 0 without a clock.
        notices: sentences for the user about what was cut or thinned out; empty if nothing was.
    """

    source: str
    width: int
    height: int
    fps: float
    frames: int
    duration: float
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Keypoints:
    """Joints of one person over T frames.

    Args:
        xy: (T, 17, 2) float32, x and y in pixels of the picture that the docstring of the giver names.
        scores: (T, 17) float32 in 0..1, the estimator's score that the joint is there.
    """

    xy: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        frames = len(self.xy)
        _expect(self.xy, (frames, 17, 2), "xy")
        _expect(self.scores, (frames, 17), "scores")


@dataclass(frozen=True, eq=False)
class Tracklet:
    """One person over time, cut out of a clip. The order is that of the clip.

    Args:
        id: number of the person within the clip, from 1.
        crops: (T, H, W, 3) uint8 RGB, resized to the model's input.
        boxes: (T, 4) float32, what was cut out: x, y, width, height in source pixels; may reach outside the frame.
        frames: (T,) int64, index of each frame among the *analysed* frames of the clip.
        times: (T,) float64, seconds from the start of the clip.
        detection_scores: (T,) float32 in 0..1, the detector's score that the box holds a person; 1 for a cropped clip.
    """

    id: int
    crops: np.ndarray
    boxes: np.ndarray
    frames: np.ndarray
    times: np.ndarray
    detection_scores: np.ndarray

    def __post_init__(self) -> None:
        count = len(self.crops)
        if self.crops.ndim != 4 or self.crops.shape[-1] != 3 or self.crops.dtype != np.uint8:
            raise ValueError(f"crops must be (T, H, W, 3) uint8, got {self.crops.shape} {self.crops.dtype}")
        _expect(self.boxes, (count, 4), "boxes")
        _expect(self.frames, (count,), "frames")
        _expect(self.times, (count,), "times")
        _expect(self.detection_scores, (count,), "detection_scores")

    def __len__(self) -> int:
        return len(self.crops)

    @property
    def aspect(self) -> float:
        """Width over height of what was cut out, whatever shape the crops have; the median over the frames."""
        return float(np.median(self.boxes[:, 2] / self.boxes[:, 3]))


@dataclass(frozen=True, eq=False)
class Hit:
    """One line of a ranking.

    Args:
        rank: from 1.
        key: the gallery's own name of the tracklet, unique in it.
        person, camera: as the gallery records them.
        similarity: cosine of query and gallery embedding, -1..1.
    """

    rank: int
    key: str
    person: str
    camera: str
    similarity: float


Ranking = tuple[Hit, ...]


@dataclass(frozen=True, eq=False)
class Trace:
    """What the model did with one tracklet of T frames, as numpy on the CPU: displays read nothing else, and questions
    that are asked later start from its `whole` and `nodes`.

    Row = the node that receives, column = the node that sends. In a τ-frame window node `k·N + n` is part n of the
    window's k-th frame; the centre frame is k = τ // 2.

    Args:
        keypoints: joints in pixels of the crop.
        adjacency: "A_s1_l1" and so on, and its terms "Ap_…", "Am_…", "Ac_…" -> (T, τN, τN) float32, no self-loops.
        cross_scale: "A_s1_s3" and "A_s2_s3" -> (T, 5, N) float32, rows sum to 1.
        whole: (T, C) float32, V_g of Eq. 1.
        nodes: "s1", "s2", "s3" -> (T, N, C) float32, V_s of Eq. 1: the part features before any graph layer.
        refined: "s1", "s2", "s3" -> (T, N, C) float32, after the graph layers.
        parts: (T, 5, C) float32, V_p of Eq. 7.
    """

    keypoints: Keypoints
    adjacency: dict[str, np.ndarray]
    cross_scale: dict[str, np.ndarray]
    whole: np.ndarray
    nodes: dict[str, np.ndarray]
    refined: dict[str, np.ndarray]
    parts: np.ndarray

    def matrices(self) -> dict[str, np.ndarray]:
        """The matrices that nodes hear each other by, "A_…" of `adjacency` and `cross_scale`, without their terms."""
        sums = {name: values for name, values in self.adjacency.items() if name.startswith("A_")}
        return sums | self.cross_scale


@dataclass(frozen=True)
class Calibration:
    """How a similarity becomes the probability that two tracklets show the same person.

    p = 1 / (1 + e^−(slope · similarity + intercept)) for pairs of which half are the same person, that is, for a prior
    of 1/2. The prior matters: of a gallery of a hundred people at most one is the right one, so there a pair that
    "looks the same with probability 0.9" is most likely still a stranger.

    Args:
        slope, intercept: of the log odds; the slope is above 0.
        fitted_on: data set and number of persons.
    """

    slope: float
    intercept: float
    fitted_on: str

    def probability(self, similarity: np.ndarray | float, prior: float = 0.5) -> np.ndarray:
        """That two tracklets show the same person.

        Args:
            similarity: (...) cosine, −1..1, of embeddings by the calibrated checkpoint.
            prior: what the probability is before looking, between 0 and 1: 1/2 for a pair picked out to be compared;
                with a gallery of n people one of whom is the person searched for, 1/n.
        Returns:
            (...) float64 in 0..1.
        """
        log_odds = self.slope * np.asarray(similarity, np.float64) + self.intercept + np.log(prior / (1 - prior))
        return np.exp(-np.logaddexp(0, -log_odds))  # the logistic function, written so that nothing overflows

    @property
    def holds_for(self) -> str:
        """Where its probabilities hold, in words."""
        made_up = "; on real clips, where strangers look more alike to the model, they come out too high"
        return f"Fitted on {self.fitted_on}{made_up if self.fitted_on.startswith('walkers') else ''}."


@dataclass(frozen=True, eq=False)
class CheckpointInfo:
    """Where the weights came from.

    Args:
        id: folder name or Hub id.
        revision: commit of a Hub checkpoint; None for a folder.
        sha256: of model.safetensors.
        trained: whether the graph layers were trained; if not, every output says so.
        config: the model part of config.json.
        notice: a sentence for the user, e.g. that the Hub could not be reached; "" if all is well.
        calibration: of its similarities; None if none was fitted.
    """

    id: str
    revision: str | None
    sha256: str
    trained: bool
    config: dict[str, Any]
    notice: str = ""
    calibration: Calibration | None = None


@dataclass(frozen=True, eq=False)
class PersonAnalysis:
    """All that was found out about one tracklet.

    Args:
        tracklet: the crops and where they were cut.
        trace: what the model did.
        embedding: (D,) float32, V_f^a as the model gives it, mean over the tracklet's clips, L2-normalised.
        ranking: the gallery's nearest tracklets, best first.
    """

    tracklet: Tracklet
    trace: Trace
    embedding: np.ndarray
    ranking: Ranking


@dataclass(frozen=True, eq=False)
class Analysis:
    """The result of one clip: what the CLI writes and the app shows.

    Args:
        video: the decoded clip.
        kind: whether it was taken as one person's crops or as a scene.
        people: best first: longest tracklet, then highest mean detection score.
        dropped: sentences, one per tracklet that was left out, with the reason.
        checkpoint: the weights used.
        timings_s: stage -> seconds, in the order they ran.
    """

    video: VideoInfo
    kind: ClipKind
    people: tuple[PersonAnalysis, ...]
    dropped: tuple[str, ...]
    checkpoint: CheckpointInfo
    timings_s: dict[str, float] = field(default_factory=dict)


def _expect(array: np.ndarray, shape: tuple[int, ...], name: str) -> None:
    if array.shape != shape:
        raise ValueError(f"{name} must be {shape}, got {array.shape}")
