"""What is kept of a sample is what the engine finds in it, and the page needs nothing else to show it."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from ctl import precomputed
from ctl.checkpoint import load_checkpoint
from ctl.errors import InputError
from ctl.explain.faithfulness import RANDOM_MAPS, SHARES
from ctl.explain.what_if import full_setting
from ctl.files import ROOT
from ctl.pipeline import Engine
from ctl.precomputed import CHECKS, SUFFIX, Precomputed, precompute, read_precomputed, write_precomputed
from ctl.types import Analysis
from ctl.web import views
from ctl.web.runs import RunStore
from ctl.web.service import AnalyzeRequest, ExplainService, Models

pytestmark = pytest.mark.slow

SAMPLES = ROOT / "assets" / "samples"
RESULTS = SAMPLES / "results"
CROP, SCENE = SAMPLES / "man-lab1.mp4", SAMPLES / "lab.mp4"
HITS = 2
"""Best hits whose maps are kept here: each is a pass over all frames and back."""

CLIPS = [pytest.param(CROP, id="crop"), pytest.param(SCENE, id="scene")]


@pytest.fixture(scope="module")
def folder(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        for clip, hits in ((CROP, HITS), (SCENE, 0)):
            patch.setattr(precomputed, "REFERENCES", hits)
            write_precomputed(made, engine, clip)
    return made


@pytest.fixture(scope="module")
def found(analysis: Analysis, scene: Analysis) -> dict[Path, Analysis]:
    return {CROP: analysis, SCENE: scene}


@pytest.fixture
def idle(engine: Engine) -> Iterator[Engine]:
    """An engine whose backbone, estimator and detector mustn't run."""

    def refuse(*call: object) -> None:
        raise AssertionError("a large network ran")

    class Idle:
        def __init__(self, name: str) -> None:
            self.name = name

        __call__ = refuse

    hook = engine.model.backbone.register_forward_pre_hook(refuse)
    estimator, detector = Idle(engine.estimator.name), Idle(engine.detector.name)
    yield replace(engine, estimator=estimator, detector=detector)  # type: ignore[arg-type]
    hook.remove()


def read(folder: Path, engine: Engine, clip: Path) -> Precomputed:
    kept = read_precomputed(folder, engine, clip)
    assert kept is not None
    return kept


def close(got: dict[str, np.ndarray], want: dict[str, np.ndarray], atol: float) -> None:
    assert list(got) == list(want)
    for name, values in want.items():
        assert got[name].dtype == values.dtype
        np.testing.assert_allclose(got[name], values, atol=atol, err_msg=name)


@pytest.mark.parametrize("clip", CLIPS)
def test_what_is_read_is_what_the_engine_finds(
    clip: Path, folder: Path, idle: Engine, found: dict[Path, Analysis]
) -> None:
    got, want = read(folder, idle, clip).analysis, found[clip]
    assert (got.video.__dict__, got.kind, got.dropped) == (want.video.__dict__, want.kind, want.dropped)
    assert got.checkpoint is idle.checkpoint
    assert len(got.people) == len(want.people) >= (1 if want.kind == "crop" else 2)
    for one, other in zip(got.people, want.people, strict=True):
        assert one.tracklet.id == other.tracklet.id
        for name in ("boxes", "frames", "times", "detection_scores"):
            np.testing.assert_array_equal(getattr(one.tracklet, name), getattr(other.tracklet, name))
        difference = np.abs(one.tracklet.crops.astype(int) - other.tracklet.crops)
        assert difference.mean() < 4, "JPEG"
        np.testing.assert_array_equal(one.trace.keypoints.xy, other.trace.keypoints.xy)
        np.testing.assert_array_equal(one.trace.keypoints.scores, other.trace.keypoints.scores)
        assert float(one.embedding @ other.embedding) > 0.9999
        assert [hit.key for hit in one.ranking[:5]] == [hit.key for hit in other.ranking[:5]]
        similarities = [[hit.similarity for hit in ranking] for ranking in (one.ranking, other.ranking)]
        np.testing.assert_allclose(*similarities, atol=1e-3)
        close(one.trace.adjacency, other.trace.adjacency, 1e-3)
        close(one.trace.cross_scale, other.trace.cross_scale, 1e-3)
        close(one.trace.nodes, other.trace.nodes, 5e-3)
        close(one.trace.refined, other.trace.refined, 5e-3)
        np.testing.assert_allclose(one.trace.parts, other.trace.parts, atol=5e-3)


def test_maps_are_kept_of_the_clip_itself_and_of_the_best_hits(
    folder: Path, engine: Engine, found: dict[Path, Analysis]
) -> None:
    (person,) = found[CROP].people
    keys = [hit.key for hit in person.ranking[:HITS]]
    cams = read(folder, engine, CROP).cams
    assert list(cams) == [(1, key) for key in sorted(["", *keys])]
    hit = engine.gallery.records(keys[:1])[0].embedding.numpy()
    for key, target in (("", None), (keys[0], hit)):
        np.testing.assert_allclose(cams[1, key], engine.grad_cam(person.tracklet.crops, target), atol=1e-3)
    people = found[SCENE].people
    assert {person for person, _ in read(folder, engine, SCENE).cams} == {person.tracklet.id for person in people}


def test_questions_about_a_sample_need_no_backbone(folder: Path, idle: Engine) -> None:
    person = read(folder, idle, SCENE).analysis.people[1]
    answer = idle.what_if(person, full_setting(idle.model.config), "x")
    assert {change.share for change in answer.changes} == {0.0}
    assert idle.evidence(person).embedding == pytest.approx(person.embedding, abs=1e-5)


def test_a_busy_engine_is_not_waited_for(folder: Path, idle: Engine) -> None:
    with idle.lock:
        person = read(folder, idle, CROP).analysis.people[0]
        idle.what_if(person, full_setting(idle.model.config), "x")


def test_another_copy_of_the_network_does_where_the_engines_own_runs_elsewhere(folder: Path, engine: Engine) -> None:
    own = read(folder, engine, CROP).analysis.people[0]
    broken = replace(engine, model=type(engine.model)(engine.model.config), relating=load_checkpoint()[0])
    kept = read_precomputed(folder, broken, CROP)
    assert kept is not None
    np.testing.assert_array_equal(kept.analysis.people[0].embedding, own.embedding)


def test_only_the_very_clip_and_the_very_models_will_do(folder: Path, engine: Engine, tmp_path: Path) -> None:
    class Named:
        name = "another"

    others = (
        replace(engine, checkpoint=replace(engine.checkpoint, sha256="0" * 64)),
        replace(engine, estimator=Named()),
        replace(engine, detector=Named()),
    )
    assert [read_precomputed(folder, other, CROP) for other in others] == [None] * 3
    assert read_precomputed(folder, engine, SAMPLES / "man-lab2.mp4") is None
    (tmp_path / CROP.name).write_bytes((SAMPLES / "man-lab2.mp4").read_bytes())
    assert read_precomputed(folder, engine, tmp_path / CROP.name) is None
    (tmp_path / CROP.name).write_bytes(CROP.read_bytes())
    assert read_precomputed(folder, engine, tmp_path / CROP.name) is not None, "wherever it lies"


def damage(content: bytes, case: str) -> bytes:
    if case == "cut off":
        return content[: len(content) // 2]
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    arrays = load(content)
    if case == "no metadata":
        return save(arrays)
    name = f"1/{case.split()[-1]}"
    value = {"without": None, "short": arrays[name][:-1], "empty": arrays[name][:0]}[case.split()[0]]
    return save({key: values for key, values in (arrays | {name: value}).items() if values is not None}, header)


@pytest.mark.parametrize(
    "case", ["cut off", "no metadata", "without boxes", "short nodes", "empty crop/3", "short xy", "short cam/"]
)
def test_a_damaged_file_is_named_in_one_sentence(case: str, folder: Path, engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "man-lab1.safetensors"
    file.write_bytes(damage((folder / file.name).read_bytes(), case))
    with pytest.raises(InputError, match=r"man-lab1\.safetensors, what was kept of man-lab1\.mp4, is damaged") as told:
        read_precomputed(tmp_path, engine, CROP)
    assert "\n" not in str(told.value)


def test_checks_of_other_models_are_left_out_and_damaged_ones_are_named(
    folder: Path, engine: Engine, tmp_path: Path
) -> None:
    shutil.copy(folder / "man-lab1.safetensors", tmp_path)
    checks, kept = tmp_path / "man-lab1.checks.json", (RESULTS / "man-lab1.checks.json").read_text(encoding="utf-8")
    checks.write_text(kept, encoding="utf-8")
    found = read_precomputed(tmp_path, engine, CROP)
    assert found is not None
    assert set(found.checks) == {(1, "")}
    checks.write_text(kept.replace(engine.checkpoint.sha256, "0" * 64), encoding="utf-8")
    found = read_precomputed(tmp_path, engine, CROP)
    assert found is not None
    assert found.checks == {}
    for damaged in (kept[:-40], kept.replace('"road"', '"rode"')):
        checks.write_text(damaged, encoding="utf-8")
        with pytest.raises(InputError, match=r"man-lab1\.checks\.json, what was kept of man-lab1\.mp4, is damaged"):
            read_precomputed(tmp_path, engine, CROP)


def test_the_same_clip_gives_the_same_bytes(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precomputed, "REFERENCES", 0)
    assert precompute(engine, CROP) == precompute(engine, CROP)


def test_the_page_shows_a_sample_without_a_large_network(
    folder: Path, idle: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = ExplainService(Models(device="cpu"), lambda models: idle, RunStore(tmp_path), samples=folder)
    start = time.process_time()
    run = service.analyze(AnalyzeRequest(CROP, None, service.default))
    assert time.process_time() - start < 1
    assert service.runs.get(run.id) is run
    monkeypatch.setattr(Engine, "grad_cam", None)
    for key in ("", run.analysis.people[0].ranking[HITS - 1].key):
        assert "cam-view" in next(views.grad_cam(run, 0, idle.gallery, key))
        strip, video = views.grad_cam_files(run, 0, idle.gallery, key)
        assert strip.stat().st_size > 10_000 < video.stat().st_size
    assert "report-1.html" in {file.name for file in views.files(run, 0)}, "with Grad-CAM"


@pytest.mark.parametrize(
    ("kind", "models"),
    [
        pytest.param("scene", Models(device="cpu"), id="kind"),
        pytest.param(None, Models("weights/ctl-walkers", device="cpu"), id="models"),
    ],
)
def test_a_sample_asked_for_differently_is_analysed(
    kind: str | None,
    models: Models,
    folder: Path,
    engine: Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class AnalysedError(Exception):
        pass

    def analyze(*arguments: object) -> None:
        raise AnalysedError

    service = ExplainService(Models(device="cpu"), lambda models: engine, RunStore(tmp_path), samples=folder)
    monkeypatch.setattr(Engine, "analyze", analyze)
    with pytest.raises(AnalysedError):
        service.analyze(AnalyzeRequest(CROP, kind, models))  # type: ignore[arg-type]
    assert service.analyze(AnalyzeRequest(CROP, "crop", service.default)).analysis.kind == "crop"


@pytest.mark.skipif(not RESULTS.is_dir(), reason="no results are shipped")
def test_shipped_results_are_those_of_the_shipped_samples_and_models(engine: Engine) -> None:
    samples = json.loads((SAMPLES / "samples.json").read_text())
    shown = [SAMPLES / sample["file"] for sample in samples if sample["shown"]]
    assert [clip.name for clip in shown if read_precomputed(RESULTS, engine, clip) is None] == []
    assert {file.name for file in RESULTS.iterdir()} == {
        f"{clip.stem}{end}" for clip in shown for end in (SUFFIX, CHECKS)
    }
    for clip in shown:
        found = read_precomputed(RESULTS, engine, clip)
        assert found is not None
        assert set(found.checks) == {(person.tracklet.id, "") for person in found.analysis.people}
        for check in found.checks.values():
            assert check.deletion.random.shape == check.insertion.random.shape == (RANDOM_MAPS, len(SHARES))
            assert check.deletion.shown[0] == check.insertion.shown[-1], "nothing is taken away, all is brought back"
            assert check.deletion.shown[0] > max(check.deletion.shown[-1], check.insertion.shown[0])
