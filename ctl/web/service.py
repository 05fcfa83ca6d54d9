"""Requests in, runs out: which models answer, how a run is stopped, and what is kept. Knows nothing of the page."""

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Final

from ctl.enrol.clips import to_record
from ctl.errors import InputError
from ctl.gallery import Gallery, MemoryGallery, clip_sha256, open_store
from ctl.hub import parse_ref
from ctl.keypoints.base import MOVENET
from ctl.people.find import Seen
from ctl.pipeline import ANALYSIS_FPS, Engine
from ctl.precomputed import Precomputed, read_precomputed
from ctl.progress import Step
from ctl.types import ClipKind
from ctl.video.cut import write_cut
from ctl.web.galleries import Galleries
from ctl.web.runs import Run, RunStore

ENGINES_KEPT: Final = 2


@dataclass(frozen=True)
class Models:
    """Which models answer a request.

    Args:
        checkpoint: folder, Hub id or id@revision; None is the bundled one.
        estimator: "movenet-thunder", or a ViTPose folder, Hub id or id@revision.
        device: "auto", "cpu" or "cuda".
    """

    checkpoint: str | None = None
    estimator: str = MOVENET
    device: str = "auto"


@dataclass(frozen=True)
class AnalyzeRequest:
    """One press of Run.

    Args:
        clip: the video, or zip of frames.
        kind: one person's crops or a scene; None lets the clip decide.
        models: which models answer.
        seconds: from where to where the clip is analysed; None: from its start, as far as the limits allow.
    """

    clip: Path
    kind: ClipKind | None
    models: Models
    seconds: tuple[float, float] | None = None


class StoppedError(Exception):
    """The visitor stopped the run."""


class ExplainService:
    """One per process. Loads models when they are first asked for and keeps the newest.

    Args:
        default: the models that are loaded at the start and always kept.
        load: models -> a loaded engine; raises CTLError.
        runs: where results are kept.
        shared: whether others than this machine's user reach the page; then they name Hub ids only, no folders.
        gallery: folder or URL of the gallery that the page was started with: what visitors enrol is kept there. None:
            it is theirs alone, and goes with them.
        samples: folder of what was computed beforehand of sample clips by the default models.
    """

    def __init__(
        self,
        default: Models,
        load: Callable[[Models], Engine],
        runs: RunStore,
        *,
        shared: bool = False,
        gallery: str | Path | None = None,
        samples: Path | None = None,
    ) -> None:
        self.default, self.runs, self.shared = default, runs, shared
        self._load, self._samples = load, samples
        self._engines: OrderedDict[Models, Engine] = OrderedDict({default: load(default)})
        store = None if gallery is None else open_store(gallery, self.engine.checkpoint.sha256)
        self.galleries = Galleries(self.engine.gallery, store)
        self._stops: dict[str, threading.Event] = {}
        self._shown: dict[Path, Run] = {}
        self._lock = threading.Lock()

    @property
    def engine(self) -> Engine:
        """The engine of the models that were loaded at the start."""
        return self._engines[self.default]

    def analyze(
        self,
        request: AnalyzeRequest,
        visitor: str = "",
        on_step: Step | None = None,
        against: Gallery | None = None,
        on_seen: Seen | None = None,
    ) -> Run:
        """Analyse a clip and keep the result.

        Args:
            visitor: who asks; `cancel` with the same name stops it.
            on_step: called with the share done, 0..1, and what is being done.
            against: as `Run.against`.
            on_seen: as `find_people` calls it.
        Raises:
            InputError: the clip can't be used; HubError: the models can't be fetched.
            StoppedError: the visitor stopped it.
        """
        stop = threading.Event()
        self._stops[visitor] = stop

        def step(done: float, label: str) -> None:
            if stop.is_set():
                raise StoppedError
            if on_step is not None:
                on_step(done, label)

        try:
            step(0.0, "Loading the models")
            engine = self._engine(request.models)
            if (stored := self._precomputed(request)) is not None:
                return self.runs.add(request.clip, stored.analysis, engine, stored.cams, stored.checks, against=against)
            with _cut(request, step) as clip:
                analysis = engine.analyze(clip, request.kind, step, on_seen)
                return self.runs.add(clip, analysis, engine, against=against)
        finally:
            if self._stops.get(visitor) is stop:  # not that of a newer run
                del self._stops[visitor]

    def compare(
        self, request: AnalyzeRequest, second: AnalyzeRequest, visitor: str = "", on_step: Step | None = None
    ) -> Run:
        """Analyse two clips; the run is the first one's, searched in the people of the second alone.

        Raises as `analyze`; InputError also where both are the same clip.
        """
        tell = on_step or (lambda done, label: None)
        beside = self.analyze(second, visitor, lambda done, label: tell(done / 2, f"Second clip: {label.lower()}"))
        if beside.digest == clip_sha256(request.clip):
            raise InputError("Both clips are the same file: drop two different ones to compare.")
        several = len(beside.analysis.people) > 1
        source = beside.analysis.video.source[:80]
        records = [
            to_record(
                beside.engine,
                person,
                beside.digest,
                f"{source}, person {person.tracklet.id}" if several else source,
                "second clip",
            )
            for person in beside.analysis.people
        ]
        against = MemoryGallery.empty(beside.engine.checkpoint.sha256).add(records)
        return self.analyze(request, visitor, lambda done, label: tell((1 + done) / 2, label), against)

    def sample(self, clip: Path, shows: tuple[str, ...] = ()) -> Run | None:
        """The run of a sample clip, one for all visitors, which no model has to compute.

        Args:
            shows: as `Run.shows`.
        Returns:
            None where nothing is kept of the clip that the default models would find.
        Raises:
            InputError: what is kept is damaged.
        """
        with self._lock:
            if clip not in self._shown:
                stored = self._precomputed(AnalyzeRequest(clip, None, self.default))
                if stored is None:
                    return None
                self._shown[clip] = self.runs.add(
                    clip, stored.analysis, self.engine, stored.cams, stored.checks, shows=shows, lasting=True
                )
            return self._shown[clip]

    def gallery_of(self, run: Run, own: str = "") -> Gallery:
        """What a run's people are searched in: everybody's gallery and the visitor's own, if they are still held; or
        where another checkpoint embedded the run, that one's; or the clip that it is compared with."""
        if run.against is not None:
            return run.against
        if run.engine.checkpoint.sha256 != self.engine.checkpoint.sha256:
            return run.engine.gallery
        return self.galleries.read(own if self.galleries.holds(own) else "")

    def cancel(self, visitor: str) -> None:
        """Stop what the visitor has running, at its next step."""
        stop = self._stops.get(visitor)
        if stop is not None:
            stop.set()

    def _precomputed(self, request: AnalyzeRequest) -> Precomputed | None:
        """What was computed beforehand of a sample, where it is what the request would give."""
        if self._samples is None or request.models != self.default or request.seconds is not None:
            return None
        stored = read_precomputed(self._samples, self.engine, request.clip)
        return stored if stored is not None and request.kind in (None, stored.analysis.kind) else None

    def _engine(self, models: Models) -> Engine:
        if self.shared:
            for name in {models.checkpoint, models.estimator} - {None, MOVENET, *astuple(self.default)}:
                parse_ref(str(name))
        with self._lock:
            if models not in self._engines:
                self._engines[models] = self._load(models)
                while len(self._engines) > ENGINES_KEPT:
                    del self._engines[next(key for key in self._engines if key != self.default)]
            return self._engines[models]


@contextmanager
def _cut(request: AnalyzeRequest, on_step: Step) -> Iterator[Path]:
    """The clip that a request is about: the file itself, or the seconds wanted of it, in a file for as long as this
    lasts. Raises InputError where it can't be read, or too little is left."""
    if request.seconds is None:
        yield request.clip
        return
    on_step(0.0, "Cutting")
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / f"{request.clip.stem}.mp4"
        write_cut(request.clip, part, *request.seconds, max_fps=ANALYSIS_FPS)
        yield part
