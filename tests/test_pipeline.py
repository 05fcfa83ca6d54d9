"""A real clip in, everything out: the engine, the files it writes, and the command line that people type."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
import torch

from ctl.__main__ import main
from ctl.checkpoint import save_checkpoint
from ctl.config import PRESETS, ablation_rows
from ctl.enrol.clips import Row, build_gallery, read_list
from ctl.errors import InputError
from ctl.files import ROOT
from ctl.gallery import DEMO_GALLERY, TOP_K, clip_sha256, read_gallery
from ctl.model import CTL
from ctl.pipeline import Engine
from ctl.results import analysis_json, source_keypoints, trace_arrays, write_results
from ctl.runtime import choose_device
from ctl.types import UNTRAINED, Analysis

SAMPLES = ROOT / "assets" / "samples"
CROP, SCENE = SAMPLES / "man-lab1.mp4", SAMPLES / "lab.mp4"
FILES = {"analysis.json", "trace.npz", "overlay.mp4", "gradcam.mp4", "adjacency.html", "ranking.html"}


def run_cli(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ctl", *map(str, words)]
    env = os.environ | {"OMP_NUM_THREADS": "1"} | environment
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)


def test_a_cropped_clip_is_one_person_filling_the_frame(analysis: Analysis):
    assert analysis.kind == "crop"
    (person,) = analysis.people
    assert person.tracklet.boxes[0].tolist() == [0, 0, analysis.video.width, analysis.video.height]
    joints = person.trace.keypoints
    assert joints.scores[:, 5:].mean() > 0.5  # shoulders to ankles of a clear view
    head, ankles = joints.xy[:, :5, 1].mean(), joints.xy[:, 15:, 1].mean()
    assert head < 0.3 * 256 < 0.7 * 256 < ankles


def test_a_scene_gives_each_person_boxes_and_joints_inside_them(scene: Analysis):
    assert scene.kind == "scene"
    assert len(scene.people) >= 2
    assert [person.tracklet.id for person in scene.people] == list(range(1, len(scene.people) + 1))
    for person in scene.people:
        joints = source_keypoints(person.tracklet, person.trace.keypoints)
        low, high = (
            person.tracklet.boxes[:, None, :2],
            person.tracklet.boxes[:, None, :2] + person.tracklet.boxes[:, None, 2:],
        )
        sure = joints.scores > 0.5
        assert ((joints.xy >= low - 1) & (joints.xy <= high + 1)).all(axis=-1)[sure].all()


def test_people_of_a_scene_are_not_one_and_the_same(scene: Analysis):
    embeddings = np.stack([person.embedding for person in scene.people])
    similarity = embeddings @ embeddings.T
    np.testing.assert_allclose(similarity.diagonal(), 1, atol=1e-5)
    assert similarity[~np.eye(len(similarity), dtype=bool)].max() < 0.995


def test_ranking_leaves_the_query_out_and_puts_the_same_man_first(analysis: Analysis, engine: Engine):
    (person,) = analysis.people
    assert len(person.ranking) == TOP_K < len(engine.gallery)
    assert clip_sha256(CROP)[:12] not in {hit.key.partition("/")[0] for hit in person.ranking}
    assert [hit.person for hit in person.ranking[:3]] == ["man (lab)"] * 3  # three other cameras saw him
    assert [hit.rank for hit in person.ranking] == list(range(1, len(person.ranking) + 1))
    similarities = [hit.similarity for hit in person.ranking]
    assert similarities == sorted(similarities, reverse=True)


def test_grad_cam_has_one_scale_for_the_clip_and_answers_to_the_reference(analysis: Analysis, engine: Engine):
    (person,) = analysis.people
    own = engine.grad_cam(person.tracklet.crops)
    (last,) = engine.gallery.records([person.ranking[-1].key])
    other = engine.grad_cam(person.tracklet.crops, last.embedding.numpy())
    for cams in (own, other):
        assert cams.shape == (len(person.tracklet), 16, 8)
        assert cams.min() >= 0
        assert cams.max() == pytest.approx(1)
    assert (own.max(axis=(1, 2)) < 1).any()
    assert np.abs(own - other).max() > 0.05


def test_analysis_json_has_the_documented_content(scene: Analysis):
    written = json.loads(json.dumps(analysis_json(scene)))
    assert {"source", "frames", "fps", "tracklets", "checkpoint", "timings_s"} <= set(written)
    assert written["source"] == SCENE.name
    assert UNTRAINED not in written["notices"]
    assert {"id", "revision", "sha256", "config"} <= set(written["checkpoint"])
    for tracklet in written["tracklets"]:
        T = len(tracklet["frames"])
        assert np.shape(tracklet["boxes"]) == (T, 4)
        assert np.shape(tracklet["keypoints"]) == (T, 17, 3)
        assert len(tracklet["embedding"]) == 512
        assert {"rank", "person", "camera", "similarity"} <= set(tracklet["ranking"][0])


def test_trace_arrays_add_up_for_every_tracklet(scene: Analysis):
    arrays = trace_arrays(scene)
    for person in scene.people:
        prefix = "" if person is scene.people[0] else f"t{person.tracklet.id}_"
        T = len(person.tracklet)
        assert arrays[f"{prefix}A_s1_s3"].shape == (T, 5, 17)
        for name, V in (("s1_l1", 51), ("s2_l2", 30), ("s3_l1", 15)):
            terms = [arrays[f"{prefix}{symbol}_{name}"] for symbol in ("Ap", "Am", "Ac")]
            assert arrays[f"{prefix}A_{name}"].shape == (T, V, V)
            np.testing.assert_allclose(arrays[f"{prefix}A_{name}"], sum(terms), atol=1e-6)


def test_results_are_six_files_whose_videos_have_every_frame(analysis: Analysis, engine: Engine, tmp_path: Path):
    out = tmp_path / "new" / "folder"
    files = write_results(engine, CROP, analysis, out)
    assert {file.name for file in files} == FILES == {file.name for file in out.iterdir()}
    for name in ("overlay.mp4", "gradcam.mp4"):
        with av.open(str(out / name)) as video:
            assert video.streams.video[0].codec_context.name == "h264"
            assert sum(1 for _ in video.decode(video=0)) == len(analysis.people[0].tracklet)
    assert UNTRAINED.lower() not in (out / "ranking.html").read_text().lower()
    with np.load(out / "trace.npz", allow_pickle=False) as trace:
        assert "A_s1_l1" in trace


@pytest.mark.slow
@pytest.mark.parametrize(("table", "row"), [("3", "Basel"), ("5", "CS-GCL-s3"), ("5", "CS-GCL(M=2)")])
def test_ablated_models_are_explained_as_far_as_they_go(table: str, row: str, tmp_path: Path):
    config = replace(ablation_rows(table, PRESETS["mobile"])[row], channels=64, relation_width=8)
    torch.manual_seed(0)  # so that its graph is made once for all runs of this test
    save_checkpoint(tmp_path / "model", CTL(config), trained=False)
    engine = Engine.load(tmp_path / "model")
    analysis = engine.analyze(CROP)
    assert {file.name for file in write_results(engine, CROP, analysis, tmp_path / "out")} == FILES
    assert analysis.people[0].ranking == ()
    assert UNTRAINED in analysis_json(analysis)["notices"]
    assert UNTRAINED.lower() in (tmp_path / "out" / "ranking.html").read_text().lower()
    assert any("demo gallery" in notice for notice in engine.notices)


def test_results_that_fail_leave_nothing_behind(analysis: Analysis, engine: Engine, tmp_path: Path):
    with pytest.raises(InputError):
        write_results(engine, tmp_path / "gone.mp4", analysis, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(InputError):
        write_results(engine, tmp_path / "gone.mp4", analysis, tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == [], "a folder that was there stays"


def test_a_name_of_any_bytes_is_written_so_that_files_stay_valid(engine: Engine, tmp_path: Path):
    clip = tmp_path / os.fsdecode(b"M\374ller \n.mp4")
    clip.write_bytes(CROP.read_bytes())
    files = write_results(engine, clip, engine.analyze(clip, "crop"), tmp_path / "out")
    assert json.loads((tmp_path / "out" / "analysis.json").read_bytes())["source"] == "M?ller ?.mp4"
    for file in files:
        if file.suffix == ".html":
            assert "M?ller ?.mp4" in file.read_text(encoding="utf-8")


def test_progress_rises_to_the_end_and_may_cancel(engine: Engine):
    steps: list[tuple[float, str]] = []
    engine.analyze(CROP, on_step=lambda done, label: steps.append((done, label)))
    shares = [done for done, _ in steps]
    assert shares == sorted(shares)
    assert len({label for _, label in steps}) >= 3

    class StoppedError(Exception):
        pass

    def stop(done: float, label: str) -> None:
        if done > 0.4:
            raise StoppedError

    with pytest.raises(StoppedError):
        engine.analyze(CROP, on_step=stop)
    assert not engine.lock.locked()


def test_demo_gallery_belongs_to_the_bundled_checkpoint(engine: Engine):
    assert engine.notices == ()
    assert read_gallery(DEMO_GALLERY).checkpoint_sha256 == engine.checkpoint.sha256


def test_a_gallery_is_built_from_a_list_and_searched(engine: Engine, tmp_path: Path):
    rows = [
        {"file": str(SAMPLES / "man-lab2.mp4"), "person": "him", "camera": "2", "kind": "crop"},
        {"file": str(SCENE), "person": "", "camera": "2"},
    ]
    (tmp_path / "list.json").write_text(json.dumps(rows))
    gallery = build_gallery(engine, read_list(tmp_path / "list.json"), lambda done, label: None)
    assert [(entry.person, entry.camera) for entry in gallery.entries] == [("him", "2")]
    with pytest.raises(InputError, match="no tracklet 7: it has 1"):
        build_gallery(engine, [Row(CROP, "him", "1", "crop", tracklet=7)], lambda done, label: None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("{", "not valid JSON", id="json"),
        pytest.param("[]", "at least one tracklet", id="empty"),
        pytest.param('[{"file": "a.mp4", "person": "x"}]', "row 1: 'camera' is missing", id="camera"),
        pytest.param('[{"file": "a.mp4", "person": "x", "camera": "1", "kind": "dog"}]', "kind must be", id="kind"),
    ],
)
def test_lists_that_cannot_be_used_say_why(text: str, message: str, tmp_path: Path):
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(InputError, match=message):
        read_list(tmp_path / "list.json")


@pytest.mark.slow
def test_public_names_come_without_torch_until_they_are_used():
    code = (
        "import sys, ctl; assert 'torch' not in sys.modules; from ctl import CTL, analyze, load_checkpoint; "
        "import ctl.model; assert CTL is ctl.model.CTL; assert 'gradio' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


@pytest.mark.slow
def test_one_call_analyzes_a_clip(analysis: Analysis):
    import ctl

    (person,) = ctl.analyze(str(CROP)).people
    np.testing.assert_allclose(person.embedding, analysis.people[0].embedding, atol=1e-5)


def test_unknown_device_is_refused():
    with pytest.raises(InputError, match="choose auto or cpu"):
        choose_device("warp")


@pytest.mark.slow
def test_command_line_analyzes_a_clip(tmp_path: Path):
    done = run_cli("analyze", CROP, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {file.name for file in (tmp_path / "out").iterdir()} == FILES
    assert UNTRAINED not in done.stderr
    assert "man (lab)" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(("analyze", "nowhere.mp4"), "nowhere.mp4 doesn't exist", id="missing-clip"),
        pytest.param(("analyze", ROOT / "README.md"), "README.md", id="not-a-video"),
        pytest.param(("analyze", CROP, "--checkpoint", "./nowhere"), "nowhere", id="missing-checkpoint"),
        pytest.param(("analyze", CROP, "--gallery", "nowhere"), "no gallery folder nowhere", id="missing-gallery"),
        pytest.param(("analyze", CROP, "--device", "warp"), "warp", id="device"),
    ],
)
def test_command_line_trouble_is_one_line_and_exit_code_2(
    words: tuple[str | Path, ...], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    assert main([*map(str, words), "--out", str(tmp_path / "out")]) == 2
    error = capfd.readouterr().err
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_the_program_ends_with_that_code(tmp_path: Path):
    done = run_cli("gallery", "list", "--gallery", tmp_path / "nowhere")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_command_line_keeps_a_gallery(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = str(tmp_path / "mine")
    add = ["gallery", "add", str(CROP), "--person", "him", "--camera", "1", "--gallery", folder]
    assert main(add) == 0
    key = capsys.readouterr().out.split()[0]
    assert main(["gallery", "search", str(SAMPLES / "man-lab2.mp4"), "--gallery", folder]) == 0
    assert key in capsys.readouterr().out
    assert main(add) == 2
    assert "already" in capsys.readouterr().err
    assert main(["gallery", "remove", key, "--gallery", folder]) == 0
    assert capsys.readouterr().out.startswith("0 tracklets")
