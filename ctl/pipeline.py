"""A clip in, an `Analysis` out. `Engine.analyze` reads like the data flow: people, key-points, graphs, ranking."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import Final, Self

import numpy as np
import torch

from ctl.checkpoint import load_checkpoint
from ctl.errors import InputError
from ctl.explain.composition import compose
from ctl.explain.evidence import Evidence, from_bytes, gather
from ctl.explain.faithfulness import Faithfulness, faithfulness
from ctl.explain.gradcam import grad_cam
from ctl.explain.match import Match, explain_match
from ctl.explain.what_if import Answer, Setting, moves, what_if
from ctl.gallery import (
    TOP_K,
    Filter,
    Gallery,
    Record,
    clip_sha256,
    open_for,
    tracklet_key,
)
from ctl.inference import Extracted, extract, frames_at_once, nodes_of, relate_tracklet, to_tensor
from ctl.keypoints.base import MOVENET, KeypointEstimator
from ctl.keypoints.load import load_estimator
from ctl.keypoints.undistorted import look, true_width
from ctl.model import CTL
from ctl.people.detect import MULTIPOSE, Detector, load_detector
from ctl.people.find import Seen, find_people
from ctl.progress import Progress, Step
from ctl.runtime import Backend, choose_device, release_memory, runs_onnx
from ctl.types import Analysis, CheckpointInfo, ClipKind, PersonAnalysis, Ranking, Tracklet
from ctl.video.reader import open_clip

ANALYSIS_FPS: Final = 10.0
"""Frames per second that are analysed: a walking person changes little in a tenth of a second."""

LONG: Final = 200
"""Frames of a clip above which the detector gives its memory back before the graphs are made: they too need much then,
and a sixth of a second, which it takes to get it again for the next clip, is little."""


@dataclass(frozen=True, eq=False)
class Engine:
    """Loaded models and a gallery. Calls that see pictures take the lock: Grad-CAM hooks into the backbone meanwhile.

    >>> from ctl.files import ROOT
    >>> engine = Engine.load()
    >>> man = engine.analyze(ROOT / "assets/samples/man-lab1.mp4").people[0]
    >>> [hit.person for hit in man.ranking[:3]]
    ['man (lab)', 'man (lab)', 'man (lab)']
    >>> again = engine.analyze(ROOT / "assets/samples/man-lab2.mp4").people[0]
    >>> match = engine.match(man, again)
    >>> abs(match.similarity - float(man.embedding @ again.embedding)) < 1e-5
    True

    Args:
        model: in evaluation mode, on `device`.
        relating: the same network for questions that start from nodes: `model` itself, or, if that can run in a
            worker only, a copy on the CPU.
        checkpoint: where its weights came from.
        estimator, detector: on `device`.
        gallery: tracklets that clips are ranked against, embedded by this checkpoint.
        device: where the models run.
        mixed: bfloat16 on CUDA; False keeps float32.
        notices: sentences for the user about what was loaded.
    """

    model: CTL
    relating: CTL
    checkpoint: CheckpointInfo
    estimator: KeypointEstimator
    detector: Detector
    gallery: Gallery
    device: torch.device
    mixed: bool = True
    notices: tuple[str, ...] = ()
    lock: Lock = field(default_factory=Lock, repr=False)

    @classmethod
    def load(
        cls,
        checkpoint: str | Path | None = None,
        estimator: str = MOVENET,
        device: str = "auto",
        gallery: str | Path | None = None,
        mixed: bool = True,
        detector: str = MULTIPOSE,
        *,
        backend: Backend = "auto",
        new_gallery: bool = False,
    ) -> Self:
        """Load everything that analysing a clip needs.

        Args:
            checkpoint: folder, Hub id or id@revision; None is $CTL_CHECKPOINT or the bundled one.
            estimator: "movenet-thunder", or a ViTPose folder, Hub id or id@revision.
            device: "auto" is CUDA if there is one, else the CPU; or a name that torch knows.
            gallery: folder, or URL of a Qdrant collection; None is the demo gallery that the project ships.
            mixed: bfloat16 on CUDA.
            detector: "movenet-multipose", or a D-FINE folder, Hub id or id@revision.
            backend: what runs the heavy networks, see `ctl.runtime.BACKENDS`.
            new_gallery: whether a gallery that isn't there is an empty one, and not an error.
        Raises:
            InputError, HubError: something can't be loaded; the message names it and the remedy.
        """
        where = choose_device(device)
        onnx = runs_onnx(backend, where)
        model, info = load_checkpoint(checkpoint, where)
        if onnx:
            model.backbone.run_in_onnx()
        ranked_against, notices = open_for(info, gallery, new_gallery)
        return cls(
            model=model,
            relating=model,
            checkpoint=info,
            estimator=load_estimator(estimator, where, onnx=onnx),
            detector=load_detector(detector, where, onnx=onnx),
            gallery=ranked_against,
            device=where,
            mixed=mixed,
            notices=tuple(n for n in (info.notice, *notices) if n),
        )

    def analyze(
        self,
        clip: Path,
        kind: ClipKind | None = None,
        on_step: Step | None = None,
        on_seen: Seen | None = None,
    ) -> Analysis:
        """Find the people of a clip, extract the features of each, and rank the gallery for each.

        Args:
            clip: video file, folder or zip of frames.
            kind: one person's crops, or a scene; None looks.
            on_step: called with the share done, 0..1, and a label; may raise to cancel.
            on_seen: as `find_people` calls it.
        Raises:
            InputError: the clip can't be used, or nobody is in it.
        """
        step = on_step or (lambda done, label: None)
        start = perf_counter()
        step(0.0, "Finding people")
        with open_clip(clip, max_fps=ANALYSIS_FPS) as frames:
            people_found = find_people(
                frames,
                self.detector,
                self.model.config.image_size,
                min_frames=self.model.config.clip_length,
                kind=kind,
                on_progress=lambda share: step(0.5 * share, "Finding people"),
                on_seen=on_seen,
            )
            video = replace(frames.info, notices=(*frames.info.notices, *people_found.notices))
        if video.frames > LONG:
            release_memory()
        timings = {"people": perf_counter() - start}

        extracted = self.extract(
            people_found.tracklets,
            lambda share: step(0.5 + 0.45 * share, "Key-points and graphs"),
        )
        timings |= extracted.timings_s

        step(0.95, "Ranking the gallery")
        start = perf_counter()
        digest = clip_sha256(clip)
        people = tuple(
            PersonAnalysis(
                tracklet, own.trace, own.embedding, self.rank(own.embedding, tracklet_key(digest, tracklet.id))
            )
            for tracklet, own in zip(people_found.tracklets, extracted.features, strict=True)
        )
        timings["ranking"] = perf_counter() - start
        return Analysis(video, people_found.kind, people, people_found.dropped, self.checkpoint, timings)

    def extract(self, tracklets: Sequence[Tracklet], on_progress: Progress) -> Extracted:
        """Key-points, graphs and embedding of tracklets: the part that needs the model's device."""
        crops, aspects = [tracklet.crops for tracklet in tracklets], [tracklet.aspect for tracklet in tracklets]
        with self.lock:
            return extract(self.model, self.estimator, crops, aspects, mixed=self.mixed, on_progress=on_progress)

    def rank(self, embedding: np.ndarray, key: str) -> Ranking:
        """The gallery's nearest tracklets to an embedding (D,), without the query itself if the gallery holds it."""
        return self.gallery.search(torch.from_numpy(embedding), TOP_K, where=Filter(without_keys=frozenset({key})))

    def grad_cam(
        self, crops: np.ndarray, reference: np.ndarray | None = None, aspect: float | None = None
    ) -> np.ndarray:
        """Where in the frames a person's similarity to a reference comes from.

        Args:
            crops: (T, H, W, 3) uint8 RGB of the person's tracklet.
            reference: (D,) embedding of another tracklet; None explains the person's own embedding.
            aspect: width over height of what the crops show; without it, that of the crops.
        Returns:
            (T, h, w) float32, 0..1, one normalisation for the whole tracklet.
        """
        with self.lock:
            frames, logits = self._with_heatmaps(crops, aspect)
            return grad_cam(self.model, frames, logits, None if reference is None else torch.from_numpy(reference))

    def evidence(self, person: PersonAnalysis) -> Evidence:
        """What a person of an analysis by this engine brings into a match: two of them go to `explain_match`."""
        graphs = relate_tracklet(self.relating, nodes_of(person.trace))
        return gather(person.tracklet, person.trace.keypoints, graphs, compose(self.relating, graphs))

    def match(
        self,
        query: PersonAnalysis,
        hit: PersonAnalysis | Record,
        rival: np.ndarray | None = None,
        query_evidence: Evidence | None = None,
    ) -> Match:
        """Why a person and somebody else are similar.

        Args:
            query: of an analysis by this engine.
            hit: another such person, or a tracklet of a gallery that this engine's checkpoint embedded.
            rival: (D,) embedding of a third tracklet, over which the hit's lead is explained.
            query_evidence: `evidence` of the query, if it is at hand: it is most of the work.
        Raises:
            InputError: the gallery kept nothing to explain the tracklet by, or that is damaged.
        """
        if isinstance(hit, PersonAnalysis):
            evidence, embedding = self.evidence(hit), hit.embedding
        elif hit.evidence:
            evidence, embedding = from_bytes(hit.evidence), hit.embedding.numpy()
        else:
            raise InputError(f"{hit.entry.person} was enrolled without what explains a match: enrol the clip again.")
        calibration, similarity = self.checkpoint.calibration, float(query.embedding @ embedding)
        probability = None if calibration is None else float(calibration.probability(similarity))
        return explain_match(query_evidence or self.evidence(query), evidence, probability, rival)

    def what_if(self, person: PersonAnalysis, setting: Setting, key: str) -> Answer:
        """What the model with less makes of a person, and how their ranking moves.

        Args:
            person: of an analysis by this engine.
            setting: what is left; `full_setting` says what there is.
            key: the query's own, as for `rank`.
        Raises:
            InputError: the model hasn't got what the setting asks for.
        """
        answer = what_if(self.relating, person.trace, person.embedding, setting)
        return replace(answer, moves=moves(self.rank(person.embedding, key), self.rank(answer.embedding, key)))

    def faithfulness(
        self,
        person: PersonAnalysis,
        cam: np.ndarray,
        reference: np.ndarray,
        on_progress: Progress | None = None,
    ) -> Faithfulness:
        """How true a map of `grad_cam` is, beside random ones.

        Args:
            person: of an analysis by this engine.
            cam: (T, h, w), the map shown.
            reference: (D,) embedding that the map explains the similarity to.
            on_progress: called with the share done, 0..1; may raise to cancel.
        """
        with self.lock:
            frames, logits = self._with_heatmaps(person.tracklet.crops, person.tracklet.aspect)
            return faithfulness(self.model, frames, logits, cam, reference, on_progress=on_progress)

    def _with_heatmaps(self, crops: np.ndarray, aspect: float | None) -> tuple[torch.Tensor, torch.Tensor]:
        """Frames (T, 3, H, W) and heat maps (T, 17, h, w) on the device. The caller holds the lock."""
        frames = to_tensor(crops, self.device)
        height, width = crops.shape[1:3]
        width = width if aspect is None else true_width(height, aspect)
        with torch.inference_mode():
            some = frames.split(frames_at_once(self.device))
            return frames, torch.cat([look(self.estimator, few, width).logits for few in some]).clone()


def analyze(
    clip: str | Path,
    *,
    kind: ClipKind | None = None,
    checkpoint: str | Path | None = None,
    estimator: str = MOVENET,
    device: str = "auto",
    gallery: str | Path | None = None,
) -> Analysis:
    """Analyse one clip with freshly loaded models. For several clips keep an `Engine`, which explains the options.

    >>> from ctl.files import ROOT
    >>> analysis = analyze(ROOT / "assets/samples/man-lab1.mp4")
    >>> person = analysis.people[0]
    >>> person.trace.adjacency["A_s1_l1"].shape == (len(person.tracklet), 51, 51)  # 17 joints in a window of 3 frames
    True
    """
    return Engine.load(checkpoint, estimator, device, gallery).analyze(Path(clip), kind)
