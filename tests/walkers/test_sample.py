"""The committed set in assets/walkers: what its command makes, and a benchmark that evaluation can read."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctl.data import load_benchmark
from ctl.walkers.figure import Figure
from ctl.walkers.film import Actor
from ctl.walkers.generate import VERSION, Studio, look_of, takes_of, write_tracklet
from ctl.walkers.settings import BENCHMARKS

SAMPLE = Path(__file__).resolve().parents[2] / "assets" / "walkers"
SETTINGS = BENCHMARKS["walkers-sample"]
LEVELS = 1.0
"""Mean difference of a crop, of 255, that drivers and processors may make by rounding."""


def pixels(file: Path) -> np.ndarray:
    with Image.open(file) as image:
        return np.asarray(image, float)


@pytest.mark.slow
def test_the_command_makes_the_same_first_person(tmp_path: Path) -> None:
    studio, actor = Studio(SETTINGS), Actor(Figure(look_of(SETTINGS, 1)))
    joints: dict[str, list[list[float]]] = {}
    for take in takes_of(SETTINGS, 1):
        write_tracklet(tmp_path, take, studio.shoot(take, actor))
        joints |= json.loads((tmp_path / take.record).read_text())
    committed = json.loads((SAMPLE / "keypoints.json").read_text())
    assert set(joints) == {name for name in committed if "/0001/" in name}
    for name in joints:
        assert np.abs(pixels(tmp_path / name) - pixels(SAMPLE / name)).mean() < LEVELS, name
    made, kept = (np.array([of[name] for name in joints]) for of in (joints, committed))
    np.testing.assert_allclose(made[..., :2], kept[..., :2], atol=0.15)
    assert (made[..., 2] != kept[..., 2]).mean() < 0.01


def test_meta_names_the_command_and_every_frame_has_joints() -> None:
    meta = json.loads((SAMPLE / "meta.json").read_text())
    frames = {file.relative_to(SAMPLE).as_posix() for file in SAMPLE.glob("*/*/*/*.jpg")}
    assert meta["settings"] == json.loads(json.dumps(SETTINGS.to_json()))
    assert meta["walkers"] == VERSION
    assert len(frames) == meta["frames"]
    assert set(json.loads((SAMPLE / "keypoints.json").read_text())) == frames


def test_every_query_has_its_person_in_another_camera_of_the_gallery() -> None:
    (split,) = load_benchmark("walkers", SAMPLE).splits
    assert split.train == ()
    queries = [(t.person, t.camera) for t in split.query]
    assert len(set(queries)) == len(queries), "one query per person and camera"
    assert {person for person, _ in queries} == set(range(1, 13))
    assert {camera for _, camera in queries} == {0, 1, 2}
    for person, camera in queries:
        assert any(t.person == person and t.camera != camera for t in split.gallery)
    assert all(8 <= len(t.frames) <= 10 for t in (*split.query, *split.gallery))


def test_the_sample_stays_small() -> None:
    assert sum(file.stat().st_size for file in SAMPLE.rglob("*") if file.is_file()) < 2_500_000
