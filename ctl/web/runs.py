"""What the page remembers of its visitors: the newest results, each under a random id, for an hour at most.

The browser holds the id alone. Arrays stay here; pictures and videos go to a folder that belongs to one run and that
goes with it. The bytes held are bounded, so that many visitors can't fill the memory.
"""

import math
import os
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from ctl.draw.footage import Footage
from ctl.errors import InputError
from ctl.explain.evidence import Evidence
from ctl.explain.faithfulness import Faithfulness
from ctl.gallery import Gallery, clip_sha256
from ctl.pipeline import Engine
from ctl.types import Analysis

MAX_AGE_S: Final = 3600.0
MAX_BYTES: Final = 1 << 30
SWEEP_EVERY_S: Final = 600.0


class CamOf(NamedTuple):
    """Which Grad-CAM map: of whom, towards what.

    Args:
        person: id of the tracklet.
        reference: gallery key of the other tracklet; "" is the person's own embedding.
        on_hit: whether it lies on the frames of the other tracklet.
    """

    person: int
    reference: str
    on_hit: bool = False


@dataclass(frozen=True, eq=False)
class Run:
    """One analysed clip.

    Args:
        id: random, not to be guessed.
        clip: the clip itself, kept in `folder`.
        analysis: what was found.
        engine: the models it was found with, for what is computed later (Grad-CAM).
        folder: private to this run.
        born: `time.monotonic()` when it was added.
        checks: how true those maps are that were checked already.
        films: id of a tracklet -> the person as the browser plays them.
        filming: held while one of them is made, so that none is made twice.
        evidences: place of a person -> what they bring into a match.
        cams: (T, h, w) in 0..1 of those maps that were asked for already; they are small beside a clip's matrices.
        shows: who each person is, in their order, by the gallery's names; empty where that isn't known.
        against: what its people are compared with, where that isn't everybody's gallery: a second clip.
    """

    id: str
    clip: Path
    analysis: Analysis
    engine: Engine
    folder: Path
    born: float
    cams: dict[CamOf, np.ndarray]
    shows: tuple[str, ...] = ()
    against: Gallery | None = None
    checks: dict[CamOf, Faithfulness] = field(default_factory=dict)
    films: dict[int, Footage] = field(default_factory=dict)
    filming: threading.Lock = field(default_factory=threading.Lock, repr=False)
    evidences: dict[int, Evidence] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the clip, by which galleries name its people; read once."""
        return clip_sha256(self.clip)

    def evidence(self, person: int) -> Evidence:
        """What a person, by their place, brings into a match; computed once."""
        if person not in self.evidences:
            self.evidences[person] = self.engine.evidence(self.analysis.people[person])
        return self.evidences[person]

    def file(self, name: str, write: Callable[[Path], object]) -> Path:
        """Path of a file of this run, written when it is first asked for. `write` fills the path that it is given."""
        path = self.folder / name
        if not path.exists():
            draft = path.with_stem(f"{path.stem}-{secrets.token_hex(4)}")  # two requests may ask at once
            write(draft)
            draft.replace(path)
        return path

    def text(self, name: str, make: Callable[[], str]) -> str:
        """Content of a text file of this run, made when it is first asked for."""
        return self.file(name, lambda path: path.write_text(make(), encoding="utf-8")).read_text(encoding="utf-8")


class RunStore:
    """The runs, newest last, with a bound on age and on bytes. Those of samples last, and are shared by all.

    Args:
        root: folder that the runs' own folders are made in.
        max_age_s: seconds after which a run is forgotten and its folder removed.
        max_bytes: of all runs' arrays; the oldest go first, the newest always stays.
    """

    def __init__(self, root: Path, max_age_s: float = MAX_AGE_S, max_bytes: int = MAX_BYTES) -> None:
        self.root, self.max_age_s, self.max_bytes = root, max_age_s, max_bytes
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._lasting: dict[str, Run] = {}
        self._lock = threading.Lock()

    def add(
        self,
        clip: Path,
        analysis: Analysis,
        engine: Engine,
        cams: Mapping[tuple[int, str], np.ndarray] | None = None,
        checks: Mapping[tuple[int, str], Faithfulness] | None = None,
        *,
        shows: tuple[str, ...] = (),
        against: Gallery | None = None,
        lasting: bool = False,
    ) -> Run:
        """Remember a result, its clip, and maps and checks that are known already, under a new id.

        Args:
            shows, against: as of `Run`.
            lasting: whether it stays as long as the process, whatever its age, and counts for no bound.
        """
        run_id = secrets.token_urlsafe(16)
        folder = self.root / run_id
        folder.mkdir(mode=0o700)
        maps_by_place = {CamOf(*place): maps for place, maps in (cams or {}).items()}
        checks_by_place = {CamOf(*place): check for place, check in (checks or {}).items()}
        kept = _keep(clip, folder)
        run = Run(
            run_id, kept, analysis, engine, folder, time.monotonic(), maps_by_place, shows, against, checks_by_place
        )
        with self._lock:
            (self._lasting if lasting else self._runs)[run_id] = run
        self.sweep()
        return run

    def get(self, run_id: str) -> Run:
        """Raises InputError where the run is no longer, or never was, held."""
        self.sweep()
        with self._lock:
            run = self._lasting.get(run_id) or self._runs.get(run_id)
        if run is None:
            raise InputError("This result is no longer kept: press Run again.")
        return run

    def sweep(self) -> None:
        """Forget what is too old or too much, and remove its folder."""
        with self._lock:
            oldest_birth = time.monotonic() - self.max_age_s
            kept_bytes = sum(size_in_bytes(run.analysis) for run in self._runs.values())
            gone = []
            for run in list(self._runs.values()):
                last_one = len(self._runs) == 1
                if run.born >= oldest_birth and (kept_bytes <= self.max_bytes or last_one):
                    break
                gone.append(self._runs.pop(run.id))
                kept_bytes -= size_in_bytes(run.analysis)
        for run in gone:
            shutil.rmtree(run.folder, ignore_errors=True)

    def sweep_forever(self, every_s: float = SWEEP_EVERY_S) -> None:
        """Sweep in the background, so that results go even when nobody comes."""

        def loop() -> None:
            while True:
                time.sleep(every_s)
                self.sweep()

        threading.Thread(target=loop, name="sweep-runs", daemon=True).start()


def size_in_bytes(value: object) -> int:
    """Bytes of all arrays in nested dataclasses, dicts and tuples."""
    if isinstance(value, np.ndarray):
        stored = [length for length, stride in zip(value.shape, value.strides, strict=True) if stride]  # not broadcast
        return value.itemsize * math.prod(stored)
    if isinstance(value, dict):
        return sum(map(size_in_bytes, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(size_in_bytes, value))
    if is_dataclass(value):
        return sum(size_in_bytes(getattr(value, field.name)) for field in fields(value))
    return 0


def _keep(clip: Path, folder: Path) -> Path:
    """The clip inside the run's folder, so that it lives as long as the run, and no longer."""
    kept = folder / f"clip{clip.suffix.lower()}"
    try:
        os.link(clip, kept)
    except OSError:  # another file system
        shutil.copyfile(clip, kept)
    return kept
