"""Reports: worked by hand over splits and policies, intervals that mean what they say, and the command end to end."""

import argparse
import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ctl.checkpoint import load_checkpoint
from ctl.data.benchmark import DISTRACTOR, JUNK, Benchmark, Split, TrackletFiles
from ctl.data.heatmaps import HeatMapCache
from ctl.errors import InputError
from ctl.evaluate import evaluate
from ctl.evaluate.cli import add_evaluate
from ctl.evaluate.intervals import bootstrap, bootstrap_difference
from ctl.evaluate.report import Embedded, Report, score, tracklets_to_embed
from ctl.runtime import OnnxModule


def tracklet(name: str, person: int, camera: int) -> TrackletFiles:
    return TrackletFiles((Path(name),), person, camera)


def at_angles(degrees: dict[TrackletFiles, float]) -> Embedded:
    """Unit vectors in the plane: the further apart the angles, the less alike."""
    turns = np.radians(list(degrees.values()))
    values = np.column_stack([np.cos(turns), np.sin(turns)]).astype(np.float32)
    return Embedded({t: row for row, t in enumerate(degrees)}, values, seconds=1.5)


Q1, Q2, Q3 = (tracklet(f"query{person}", person, camera=0) for person in (1, 2, 3))
G1, G2, OTHER, JUNKED = (
    tracklet("g1", 1, 1),
    tracklet("g2", 2, 1),
    tracklet("other", DISTRACTOR, 1),
    tracklet("junk", JUNK, 1),
)
ANGLES = {Q1: 0, Q2: 90, Q3: 45, G1: 10, G2: 60, OTHER: 85}
"""Query 1 finds g1 first; query 2 finds the distractor first, then g2; query 3 has no match."""


def two_splits() -> Benchmark:
    first = Split((), (Q1, Q2, Q3), (G1, G2, OTHER, JUNKED))
    second = Split((), (Q1, Q3), (G1, OTHER))
    return Benchmark("made-up", "two splits by hand", (first, second))


def test_metrics_counts_and_deviations_by_hand():
    report = score(two_splits(), at_angles(ANGLES))
    assert report.scores.metrics == pytest.approx({"rank1": 0.75, "rank5": 1, "rank10": 1, "rank20": 1, "mAP": 0.875})
    spread = np.std([0.5, 1], ddof=1)
    want = {"rank1": spread, "rank5": 0, "rank10": 0, "rank20": 0, "mAP": spread / 2}
    assert report.scores.deviations == pytest.approx(want)
    np.testing.assert_allclose(report.scores.cmc, [0.75, *[1] * 19])
    assert (report.queries, report.queries_without_match, report.gallery, report.junk) == (2.5, 1, 2.5, 0.5)
    assert report.protocol == "two splits by hand; queries without a match are left out of the means"
    assert (report.rank1, report.mean_ap) == (0.75, 0.875)


def test_queries_without_a_match_may_count_as_missed():
    report = score(two_splits(), at_angles(ANGLES), unmatched="miss")
    assert report.scores.metrics["rank1"] == pytest.approx((1 / 3 + 1 / 2) / 2)
    assert report.scores.metrics["rank20"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert report.scores.metrics["mAP"] == pytest.approx((1.5 / 3 + 1 / 2) / 2)
    assert report.protocol.endswith("queries without a match count as never found")


def test_json_names_what_others_rely_on():
    benchmark = Benchmark("made-up", "by hand", two_splits().splits[:1])
    values = json.loads(json.dumps(score(benchmark, at_angles(ANGLES), reranking=True).to_json()))
    assert {"rank1", "rank5", "rank10", "rank20", "mAP", "intervals", "protocol", "timings_s"} <= values.keys()
    assert (values["queries"], values["gallery"], values["queries_without_match"], values["junk"]) == (3, 3, 1, 1)
    assert isinstance(values["queries"], int)
    assert values["std"] is None
    assert values["reranked"] is True
    assert values["without_reranking"]["rank1"] == 0.5
    assert values["timings_s"].keys() == {"embed", "rank", "rerank"}
    assert values["timings_s"]["embed"] == 1.5
    low, high = values["without_reranking"]["intervals"]["mAP"]
    assert (low, high) == (0.5, 1)  # of two persons, both may be the one or the other


def test_every_tracklet_is_embedded_once_and_junk_never():
    assert tracklets_to_embed(two_splits()) == (Q1, Q2, Q3, G1, G2, OTHER)
    with pytest.raises(InputError, match="no tracklets in its gallery"):
        tracklets_to_embed(Benchmark("made-up", "", (Split((), (Q1,), (JUNKED,)),)))


def test_an_interval_is_as_wide_as_the_binomial_says():
    """200 persons with one query each, 70 % found: ± 1.96 · √(0.7 · 0.3 / 200)."""
    found = (np.arange(200) < 140).astype(float)[:, None]
    (low,), (high,) = bootstrap(found, np.arange(200))
    half = 1.96 * np.sqrt(0.7 * 0.3 / 200)
    assert (0.7 - low, high - 0.7) == pytest.approx((half, half), rel=0.12)


def test_queries_of_one_person_count_as_one():
    """Four queries each that succeed or fail together say no more than one."""
    found = np.repeat(np.arange(50) < 35, 4).astype(float)[:, None]
    (low,), (high,) = bootstrap(found, np.repeat(np.arange(50), 4))
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.7 * 0.3 / 50), rel=0.12)
    np.testing.assert_array_equal(bootstrap(found, np.repeat(np.arange(50), 4)), ([low], [high]))


def test_what_two_models_have_in_common_cancels_out_of_their_difference():
    rng = np.random.default_rng(0)
    persons, hard = np.repeat(np.arange(60), 3), rng.random((2, 180))  # persons hard or easy, seeds lucky or not
    assert bootstrap_difference(hard + 0.1, hard, persons) == pytest.approx((0.1, 0.1))
    gained = rng.normal(0.1, 0.2, (1, 180))
    (low,), (high,) = bootstrap(gained.T, persons)
    assert bootstrap_difference(hard[:1] + gained, hard[:1], persons) == pytest.approx((low, high))


def test_seeds_that_disagree_widen_a_difference():
    """Of two seeds that differ by 0 and 1, both draws are the same seed in half of all cases."""
    persons, none = np.arange(50), np.zeros((2, 50))
    assert bootstrap_difference(np.stack([none[0], none[0] + 1]), none, persons) == pytest.approx((0, 1))
    thirds = np.stack([none[0], none[0], none[0] + 1])
    low, high = bootstrap_difference(thirds, np.zeros((3, 50)), persons)
    assert (low, high) == pytest.approx((0, 1))


def test_plain_colours_are_told_apart(checkpoint: Path, benchmark: Benchmark, heatmaps: HeatMapCache) -> None:
    model, _ = load_checkpoint(checkpoint)
    report = evaluate(model, benchmark, heatmaps)
    assert isinstance(report, Report)
    assert report.rank1 == 1
    assert (report.queries, report.gallery, report.queries_without_match) == (6, 6, 0)


def run(*arguments: str | Path) -> int:
    parser = argparse.ArgumentParser()
    add_evaluate(parser.add_subparsers())
    args = parser.parse_args(["evaluate", "--dataset", "folder", *map(str, arguments)])
    return args.run(args)


@pytest.mark.slow
def test_the_command_writes_report_pictures_and_calibration(
    checkpoint: Path, root: Path, heatmaps: HeatMapCache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(checkpoint, tmp_path / "model")
    common = ("--root", root, "--checkpoint", folder, "--heatmaps", heatmaps.folder.parent)
    shutil.copytree(root / "query" / "person0", root / "query" / "person3")  # a fourth, so that halves are of two
    shutil.copytree(root / "gallery" / "person0", root / "gallery" / "person3")
    try:
        files = ("--json", tmp_path / "out" / "report.json", "--out", tmp_path / "out")
        assert run(*common, *files, "--rerank", "--calibrate") == 0
    finally:
        for part in ("query", "gallery"):
            shutil.rmtree(root / part / "person3")
    values = json.loads((tmp_path / "out" / "report.json").read_text())
    _, info = load_checkpoint(folder)
    assert info.calibration is not None
    assert values["calibration"]["slope"] == info.calibration.slope
    assert values["calibration"]["fitted_on"] == "folder, 2 persons"
    assert values["checkpoint"] == {"id": "model", "revision": None, "sha256": info.sha256}
    assert values["rank5"] == 1
    assert "rank1" in capsys.readouterr().out
    pictures = sorted(path.name for path in (tmp_path / "out").glob("*.png"))
    assert pictures == ["cmc.png", "rank-lists.png", "reliability.png"]
    for name in pictures:
        Image.open(io.BytesIO((tmp_path / "out" / name).read_bytes())).verify()


def test_either_backend_gives_the_same_report(
    checkpoint: Path, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, forward = [], OnnxModule.forward
    monkeypatch.setattr(OnnxModule, "forward", lambda *given: seen.append(given[0]) or forward(*given))
    reports = []
    for backend, networks in (("torch", 0), ("auto", 2)):
        maps, file = tmp_path / backend, tmp_path / f"{backend}.json"
        options = ("--checkpoint", checkpoint, "--heatmaps", maps, "--backend", backend, "--decides", "--json", file)
        assert run("--root", root, *options) == 0
        assert len(set(seen)) == networks  # of the estimator and the backbone
        reports.append(json.loads(file.read_text()))
    slow, fast = reports
    assert [fast[name] for name in ("rank1", "mAP", "queries")] == [slow[name] for name in ("rank1", "mAP", "queries")]
    assert fast["decides"]["share"] == pytest.approx(slow["decides"]["share"], abs=1e-4)


def test_a_calibration_needs_a_folder_to_go_to_and_embeddings(root: Path, checkpoint: Path) -> None:
    with pytest.raises(InputError, match="give its folder"):
        run("--root", root, "--calibrate")
    with pytest.raises(InputError, match="leave --feature out"):
        run("--root", root, "--checkpoint", checkpoint, "--calibrate", "--feature", "backbone")
