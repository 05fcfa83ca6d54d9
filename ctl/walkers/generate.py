"""Make a whole set: people to processes, tracklets to disk, and on again after an interruption.

Layout of ROOT, the `folder` layout with a training part:
    train/<person>/<camera>/t<k>_<moment>.jpg      "train/0001/c1/t1_0007.jpg"; persons 4 digits, k from 1
    query/<person>/<camera>/t1_<moment>.jpg        the first tracklet of each test person and camera
    gallery/<person>/<camera>/t2_<moment>.jpg      the others
    keypoints.json     {"<path of frame>": [[x, y, visible] * 17]}, COCO order, pixels of the crop, visible 0 or 1
    meta.json          seed, versions, settings, cameras, persons; written last, so a set that has it is whole
Moments are sampled at FRAMES_PER_SECOND; numbers that are missing were missed by the detector.

Every tracklet's draws follow from (seed, person, camera, tracklet) alone, so neither the number of processes nor an
interruption changes a byte. While a set is being made, `.unfinished/` holds one record per finished tracklet.
"""

import json
import shutil
from dataclasses import asdict, dataclass, replace
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from ctl.errors import InputError, require_packages
from ctl.files import read_json, to_json, write_atomic
from ctl.processes import available_cores, run_beside
from ctl.walkers.figure import Figure
from ctl.walkers.film import STAGE, Actor, Shot, film
from ctl.walkers.look import Look, sample_look, similar_look
from ctl.walkers.plan import EXTRAS, plan_tracklet
from ctl.walkers.render import Stage
from ctl.walkers.sensor import jpeg_bytes
from ctl.walkers.settings import Settings
from ctl.walkers.view import View, make_camera, make_view, place_of

VERSION: Final = 2
"""Raised whenever the same settings give other pictures than before."""

QUALITY: Final = 90
_UNFINISHED: Final = ".unfinished"
_ATTEMPTS: Final = 6


@dataclass(frozen=True, slots=True)
class Take:
    """One tracklet of a set: who, where, which."""

    part: str
    person: int
    camera: int
    number: int

    @property
    def folder(self) -> str:
        return f"{self.part}/{self.person:04d}/c{self.camera}"

    @property
    def record(self) -> str:
        return f"{_UNFINISHED}/{self.person:04d}_c{self.camera}_t{self.number}.json"


def takes_of(settings: Settings, person: int) -> list[Take]:
    """All tracklets of a person, 1 and up; training persons come first."""
    train = person <= settings.train_identities
    cameras = settings.train_cameras if train else settings.test_cameras
    chance = np.random.default_rng([settings.seed, 6, person]).random(len(cameras))
    sure = np.sort(chance)[:2][-1]  # two cameras at least
    seen = [camera for camera, p in zip(cameras, chance, strict=True) if p <= max(settings.seen_share, sure)]
    tracklets = (train and settings.train_tracklets) or settings.tracklets
    numbers = range(1, tracklets + 1)
    part = {k: "train" if train else "query" if k == 1 else "gallery" for k in numbers}
    return [Take(part[k], person, camera, k) for camera in seen for k in numbers]


def look_of(settings: Settings, person: int) -> Look:
    """Who a person is. The first of each group is dressed at random, the others much the same."""
    first = 1 if person <= settings.train_identities else settings.train_identities + 1
    leader = person - (person - first) % settings.hardness.look_alikes
    look = sample_look(np.random.default_rng([settings.seed, 4, leader]))
    return look if person == leader else similar_look(look, np.random.default_rng([settings.seed, 5, person]))


class Studio:
    """What one process keeps between tracklets: the stage, views of cameras, and passers-by."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stage = Stage(*STAGE)
        self.view = lru_cache(maxsize=24)(self._make_view)
        self.extra = lru_cache(maxsize=EXTRAS)(self._make_extra)

    def _make_view(self, camera: int) -> View:
        return make_view(self.settings, camera, self.stage)

    def _make_extra(self, number: int) -> Actor:
        return Actor(Figure(sample_look(np.random.default_rng([self.settings.seed, 7, number]))))

    def shoot(self, take: Take, actor: Actor) -> list[Shot]:
        """Film a tracklet. If too few frames are left, try again, in the end with nothing in the way."""
        settings, figure = self.settings, actor.figure
        view, hardness = self.view(take.camera), settings.hardness
        shots: list[Shot] = []
        for attempt in range(_ATTEMPTS):
            if attempt == _ATTEMPTS - 1:
                hardness = replace(hardness, hidden_share=0.0, crossing_share=0.0, company_share=0.0, missed_share=0.0)
            rng = np.random.default_rng([settings.seed, 8, take.person, take.camera, take.number, attempt])
            speed = figure.stride_m * figure.cycles_per_s * rng.uniform(0.95, 1.05)
            plan = plan_tracklet(view, speed, settings.frames, hardness, rng)
            extras = [self.extra(extra.figure) for extra in plan.extras]
            shots = film(self.stage, view, plan, actor, extras, hardness, rng)
            if len(shots) >= settings.frames[0]:
                break
        return shots


def generate(settings: Settings, root: Path, workers: int | None = None) -> dict[str, Any]:
    """Make a set, or finish one that was interrupted; shows a progress bar on a terminal.

    Args:
        settings: what to make.
        root: folder for it: new, empty, or with an unfinished or finished set of the same settings.
        workers: processes; by default one per core.
    Returns:
        What is in meta.json.
    Raises:
        InputError: root holds something else, or can't be written to; or pyvista or OpenGL isn't there.
    """
    if workers is not None and workers < 1:
        raise InputError(f"rendering needs at least 1 process, got {workers}")
    require_packages("walkers", "pyvista")
    start = {"walkers": VERSION, "settings": settings.to_json(), "versions": _versions()}
    start = json.loads(json.dumps(start))
    if (root / "meta.json").exists():
        return _check_same(read_json(root / "meta.json"), start, root)
    begun = root / _UNFINISHED / "begun.json"
    if begun.exists():
        _check_same(read_json(begun), start, root)
    elif root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise InputError(f"{root} is not empty: choose a new folder for the set")
    else:
        write_atomic(begun, to_json(start))
    try:
        _film_all(settings, root, workers or available_cores())
        return _finish(settings, root, start)
    except OSError as error:
        raise InputError(f"{root} can't be written: {error.strerror}. Run the command again to go on.") from error


def _versions() -> dict[str, str]:
    return {package: version(package) for package in ("numpy", "pillow", "scipy", "vtk")}


def _check_same(meta: dict[str, Any], start: dict[str, Any], root: Path) -> dict[str, Any]:
    for key, value in start.items():
        if meta.get(key) != value:
            raise InputError(f"{root} holds a set made with other {key}: choose a new folder")
    return meta


def _film_all(settings: Settings, root: Path, workers: int) -> None:
    from tqdm import tqdm

    persons = range(1, settings.train_identities + settings.test_identities + 1)
    todo = {person: [t for t in takes_of(settings, person) if not (root / t.record).exists()] for person in persons}
    total = sum(len(takes_of(settings, person)) for person in persons)
    left = sum(map(len, todo.values()))
    if not left:
        return
    jobs = [(settings, takes, root) for takes in todo.values() if takes]
    with tqdm(total=total, initial=total - left, unit="tracklet", disable=None) as bar:
        for ended in run_beside(_film_person, jobs, workers, 1, "renders"):
            bar.update(len(jobs[ended][1]))


_studio_of = cache(Studio)
"""The one studio of a process."""


def _film_person(settings: Settings, takes: list[Take], root: Path) -> None:
    studio = _studio_of(settings)
    actor = Actor(Figure(look_of(settings, takes[0].person)))
    for take in takes:
        write_tracklet(root, take, studio.shoot(take, actor))


def write_tracklet(root: Path, take: Take, shots: list[Shot]) -> None:
    """Write frames, then the record that says that they are whole."""
    folder, joints = root / take.folder, {}
    folder.mkdir(parents=True, exist_ok=True)
    for shot in shots:
        name = f"t{take.number}_{shot.moment:04d}.jpg"
        (folder / name).write_bytes(jpeg_bytes(Image.fromarray(shot.crop), QUALITY))
        joints[f"{take.folder}/{name}"] = [[round(float(x), 1), round(float(y), 1), int(v)] for x, y, v in shot.joints]
    write_atomic(root / take.record, json.dumps(joints).encode())


def _finish(settings: Settings, root: Path, start: dict[str, Any]) -> dict[str, Any]:
    """Put the records together, write meta.json, and clear up."""
    persons = range(1, settings.train_identities + settings.test_identities + 1)
    takes = sorted(
        (t for p in persons for t in takes_of(settings, p)), key=lambda t: (t.part, t.person, t.camera, t.number)
    )
    joints: dict[str, Any] = {}
    for take in takes:
        joints |= read_json(root / take.record)
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(values)}" for name, values in joints.items())
    write_atomic(root / "keypoints.json", f"{{\n{lines}\n}}\n".encode())
    cameras = sorted({*settings.train_cameras, *settings.test_cameras})
    meta = start | {
        "frames": len(joints),
        "tracklets": len(takes),
        "cameras": {f"c{n}": {"place": place_of(settings, n), **make_camera(settings, n).to_json()} for n in cameras},
        "persons": {f"{p:04d}": asdict(look_of(settings, p)) for p in persons},
    }
    write_atomic(root / "meta.json", to_json(meta))
    shutil.rmtree(root / _UNFINISHED)
    return meta
