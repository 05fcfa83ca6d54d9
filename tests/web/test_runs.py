"""The store of results forgets what is old or too much, with everything it put on disk."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ctl.draw.footage import Footage
from ctl.errors import InputError
from ctl.pipeline import Engine
from ctl.types import Analysis
from ctl.web import views
from ctl.web.runs import Run, RunStore, size_in_bytes

CLIP = Path(__file__).resolve().parents[2] / "assets" / "samples" / "man-lab1.mp4"


def keep(store: RunStore, analysis: Analysis, engine: Engine) -> Run:
    return store.add(CLIP, analysis, engine)


def test_run_is_found_by_its_id_alone(tmp_path: Path, analysis: Analysis, engine: Engine) -> None:
    store = RunStore(tmp_path)
    first, second = keep(store, analysis, engine), keep(store, analysis, engine)
    assert store.get(first.id) is first
    assert first.id != second.id
    assert first.clip.read_bytes() == CLIP.read_bytes()
    assert first.folder.stat().st_mode & 0o777 == 0o700
    with pytest.raises(InputError, match="press Run again"):
        store.get("guessed")


def test_old_run_is_removed_with_its_folder_though_nobody_asks(
    tmp_path: Path, analysis: Analysis, engine: Engine
) -> None:
    store = RunStore(tmp_path, max_age_s=0.2)
    store.sweep_forever(every_s=0.1)
    run = keep(store, analysis, engine)
    deadline = time.monotonic() + 10
    while run.folder.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError):
        store.get(run.id)


def test_oldest_run_makes_room_and_the_newest_stays(tmp_path: Path, analysis: Analysis, engine: Engine) -> None:
    room_for_two = RunStore(tmp_path, max_bytes=int(2.5 * size_in_bytes(analysis)))
    runs = [keep(room_for_two, analysis, engine) for _ in range(3)]
    assert [run.folder.exists() for run in runs] == [False, True, True]

    no_room = RunStore(tmp_path, max_bytes=0)
    assert no_room.get(keep(no_room, analysis, engine).id).folder.exists()


def test_file_is_written_once_and_whole(tmp_path: Path, analysis: Analysis, engine: Engine) -> None:
    run = keep(RunStore(tmp_path), analysis, engine)
    written: list[Path] = []

    def write(path: Path) -> None:
        written.append(path)
        path.write_text("whole")

    assert run.file("a.txt", write) == run.file("a.txt", write)
    assert len(written) == 1
    assert run.file("a.txt", write).read_text() == "whole"

    def fail(path: Path) -> None:
        path.write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        run.file("b.txt", fail)
    assert not (run.folder / "b.txt").exists()


def test_bytes_are_those_that_arrays_hold(analysis: Analysis) -> None:
    stored = np.zeros((3, 4), np.float32)
    assert size_in_bytes({"a": stored, "b": [np.broadcast_to(stored, (1000, 3, 4)), "text"]}) == 2 * stored.nbytes
    without_people = replace(analysis, people=())
    assert size_in_bytes(analysis) > size_in_bytes(without_people) == 0


def test_a_person_is_filmed_once_however_many_ask(
    tmp_path: Path, analysis: Analysis, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, film_person, films = keep(RunStore(tmp_path), analysis, engine), views.film_person, list[Footage]()

    def slowly(*arguments: object) -> Footage:
        time.sleep(0.1)
        films.append(film_person(*arguments))  # type: ignore[arg-type]
        return films[-1]

    monkeypatch.setattr(views, "film_person", slowly)
    views.film_ahead(run, 0)
    with ThreadPoolExecutor(3) as pool:
        shown = list(pool.map(views.footage, [run] * 3, [0] * 3))
    assert len(films) == 1
    assert all(footage is films[0] for footage in shown)
