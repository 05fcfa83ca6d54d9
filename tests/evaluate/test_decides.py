"""What decides: against pairs taken one by one, rows read one by one, and models recomputed by hand."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ctl.checkpoint import load_checkpoint, save_checkpoint
from ctl.data import load_benchmark
from ctl.data.benchmark import DISTRACTOR, JUNK, Benchmark, Split, TrackletFiles
from ctl.data.frames import read_frames
from ctl.data.heatmaps import HeatMapCache
from ctl.errors import InputError
from ctl.evaluate import decides, evaluate
from ctl.evaluate.decides import Decides, RelationTally, measure_decides
from ctl.evaluate.decides_table import decides_tables
from ctl.evaluate.report import embed_benchmark, tracklets_to_embed
from ctl.explain.composition import compose, contributions
from ctl.explain.what_if import Setting, what_if
from ctl.inference import TrackletNodes, clip_indices, relate_tracklet, to_tensor
from ctl.keypoints.load import load_estimator
from ctl.model import CTL
from ctl.skeleton import PARTS
from tests.conftest import randomise_
from tests.evaluate.conftest import SIZE
from tests.evaluate.test_report import run
from tests.explain.nodes import make_trace
from weights.make_preview import PREVIEW

pytestmark = pytest.mark.slow

ALL = ("physical", "mask", "context")
BOTH = ("s1", "s2")
LEFT_OF = {
    "physical": Setting(("mask", "context"), True, BOTH),
    "mask": Setting(("physical", "context"), True, BOTH),
    "context": Setting(("physical", "mask"), True, BOTH),
    "window": Setting(ALL, False, BOTH),
    "s1": Setting(ALL, True, ("s2",)),
    "s2": Setting(ALL, True, ("s1",)),
    "s1_s2": Setting(ALL, True, ()),
}


def make_model(**changes: object) -> CTL:
    """16 channels and random layers over ImageNet's features, which tell pictures apart."""
    preview, _ = load_checkpoint(PREVIEW)
    small = replace(preview.config, channels=16, image_size=SIZE, clip_length=3, relation_width=8, bn_neck=True)
    model = CTL(replace(small, **changes))
    for part in (model.extract, model.graphs, model.fuse_scales, model.fuse, model.necks):
        randomise_(part)
    model.backbone.load_state_dict(preview.backbone.state_dict())
    return model.eval()


@pytest.fixture(scope="module")
def model() -> CTL:
    return make_model()


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six persons of much the same colours: no ranking of them is perfect. Tracklets of 1 to 14 frames."""
    rng, root = np.random.default_rng(1), tmp_path_factory.mktemp("alike")
    for person in range(6):
        upper, lower = rng.uniform(70, 190, (2, 3))
        for part, cameras in (("query", "ab"), ("gallery", "bcd")):
            for camera, frames in zip(cameras, (2, 14) if part == "query" else (6, 1, 4), strict=True):
                folder = root / part / f"person{person}" / camera
                folder.mkdir(parents=True)
                light = rng.normal(0, 35, 3)
                for t in range(frames):
                    pixels = np.concatenate([np.broadcast_to(half, (32, 32, 3)) for half in (upper, lower)])
                    noisy = (pixels + light + rng.normal(0, 30, (*SIZE, 3))).clip(0, 255).astype(np.uint8)
                    Image.fromarray(noisy).save(folder / f"{t:03d}.png")
    return root


@pytest.fixture(scope="module")
def two_splits(alike: Path) -> Benchmark:
    """All persons, then half of them among junk and distractors."""
    (whole,) = load_benchmark("folder", alike).splits
    strangers = {5: JUNK, 6: DISTRACTOR}
    gallery = tuple(replace(t, person=strangers.get(t.person, t.person)) for t in whole.gallery)
    return Benchmark("alike", "by hand", (whole, Split((), whole.query[:6], gallery)))


@pytest.fixture(scope="module")
def two_persons(two_splits: Benchmark) -> Benchmark:
    (whole, _) = two_splits.splits
    return replace(two_splits, splits=(replace(whole, query=whole.query[:4], gallery=whole.gallery[:6]),))


@pytest.fixture(scope="module")
def maps(two_splits: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> HeatMapCache:
    cache = HeatMapCache(tmp_path_factory.mktemp("maps"), load_estimator(), SIZE)
    cache.fill(tracklets_to_embed(two_splits))
    return cache


@pytest.fixture(scope="module")
def found(model: CTL, two_splits: Benchmark, maps: HeatMapCache) -> Decides:
    return measure_decides(model, two_splits, maps)[1]


@torch.inference_mode()
def nodes_of(model: CTL, maps: HeatMapCache, tracklet: TrackletFiles) -> TrackletNodes:
    """Of every frame on its own."""
    values = [
        model.extract(model.backbone(to_tensor(frame[None, None], torch.device("cpu"))), torch.from_numpy(logits)[None])
        for frame, logits in zip(read_frames(tracklet, SIZE), maps.read(tracklet)[:, None], strict=True)
    ]
    scales = {s: torch.cat([one.scales[s][0] for one in values]) for s in values[0].scales}
    return TrackletNodes(torch.cat([one.whole[0] for one in values]), scales)


@pytest.fixture(scope="module")
def nodes(model: CTL, two_splits: Benchmark, maps: HeatMapCache) -> dict[TrackletFiles, TrackletNodes]:
    return {tracklet: nodes_of(model, maps, tracklet) for tracklet in tracklets_to_embed(two_splits)}


def is_ranked(query: TrackletFiles, other: TrackletFiles) -> bool:
    return other.person != JUNK and not (other.person == query.person and other.camera == query.camera)


def mean_ap(benchmark: Benchmark, embeddings: dict[TrackletFiles, np.ndarray]) -> float:
    """By its definition, query by query; queries without a match are left out."""
    of_splits = []
    for split in benchmark.splits:
        values = []
        for query in split.query:
            ranked = [other for other in split.gallery if is_ranked(query, other)]
            ranked.sort(key=lambda other: -float(embeddings[query] @ embeddings[other]))
            ranks = [rank for rank, other in enumerate(ranked, 1) if other.person == query.person]
            if ranks:
                values.append(np.mean([(place + 1) / rank for place, rank in enumerate(ranks)]))
        of_splits.append(np.mean(values))
    return float(np.mean(of_splits))


def test_shares_are_the_mean_over_pairs_taken_apart_one_by_one(
    model: CTL, two_splits: Benchmark, nodes: dict[TrackletFiles, TrackletNodes], found: Decides
) -> None:
    embeddings = {tracklet: relate_tracklet(model, values).embedding for tracklet, values in nodes.items()}
    pairs = []
    for split in two_splits.splits:
        for query in split.query:
            composition = compose(model, relate_tracklet(model, nodes[query]))
            for other in split.gallery:
                if is_ranked(query, other) and other.person == query.person:
                    parts = contributions(composition, embeddings[other])
                    pairs.append([*(parts.terms[name].sum() for name in ("whole", "s3", "s2", "s1")), parts.shift])
                    assert sum(pairs[-1]) == pytest.approx(float(embeddings[query] @ embeddings[other]), abs=1e-5)
    means = np.mean(pairs, axis=0)
    assert found.pairs == len(pairs) == 6 * 5 + 3 * 5
    assert found.similarity == pytest.approx(means.sum(), abs=1e-5)
    assert list(found.share) == ["whole", "s3", "s2", "s1", "shift"]
    np.testing.assert_allclose(list(found.share.values()), means / means.sum(), atol=1e-5)
    assert sum(found.share.values()) == pytest.approx(1, abs=1e-12)
    assert min(abs(share) for share in found.share.values()) > 1e-3, "a term that is nothing proves nothing"


def test_relation_is_that_of_rows_read_one_by_one(
    model: CTL, two_splits: Benchmark, maps: HeatMapCache, found: Decides
) -> None:
    for source, sources in ((s, list(PARTS[s].values())) for s in BOTH):
        entropies, largest, hits = [], [], []
        for tracklet in tracklets_to_embed(two_splits):
            frames, logits = to_tensor(read_frames(tracklet, SIZE), torch.device("cpu")), maps.read(tracklet)
            for clip in clip_indices(len(tracklet), 3):
                with torch.inference_mode():
                    trace = model(frames[clip][None], torch.from_numpy(logits[clip])[None], trace=True).trace
                assert trace is not None
                weights = trace.cross_scale[f"{source}_s3"][0].double().numpy()
                for place in range(len(set(clip))):
                    for row, target in zip(weights[place], PARTS["s3"].values(), strict=True):
                        entropies.append(-sum(w * np.log(w) for w in row if w > 0) / np.log(len(row)))
                        largest.append(max(row))
                        hits.append(all(joint in target for joint in sources[int(np.argmax(row))]))
        got = found.relation[f"{source}_s3"]
        frames_of_all = sum(len(tracklet) for tracklet in tracklets_to_embed(two_splits))
        assert len(hits) == 5 * frames_of_all
        assert (got.entropy, got.largest) == pytest.approx((np.mean(entropies), np.mean(largest)), abs=1e-5)
        assert got.same_limb == pytest.approx(np.mean(hits), abs=2 / len(hits))
        on_limb = [sum(set(part) <= set(target) for part in sources) for target in PARTS["s3"].values()]
        assert got.chance == pytest.approx(np.mean(on_limb) / len(sources))


@pytest.mark.parametrize("source", BOTH)
def test_rows_drawn_at_random_hit_the_limb_by_chance(source: str) -> None:
    rng, N = np.random.default_rng(0), len(PARTS[source])
    tally = RelationTally()
    for _ in range(20):
        tally.add((source,), {f"A_{source}_s3": rng.dirichlet(np.full(N, 0.3), (200, 5))})
    got = tally.means()[f"{source}_s3"]
    assert got.same_limb == pytest.approx(got.chance, abs=0.01)
    assert 1 / N < got.largest < 1


def test_even_rows_and_rows_of_one_source_are_the_ends() -> None:
    even, one = RelationTally(), RelationTally()
    even.add(("s2",), {"A_s2_s3": np.full((3, 5, 10), 0.1, np.float32)})
    names = ["head", "left forearm", "right upper arm", "left shank", "left thigh"]  # the right leg hears the left
    chosen = [list(PARTS["s2"]).index(name) for name in names]
    one.add(("s2",), {"A_s2_s3": np.eye(10, dtype=np.float32)[None, chosen]})
    (blind, sharp) = (tally.means()["s2_s3"] for tally in (even, one))
    assert (blind.entropy, blind.largest, blind.chance) == pytest.approx((1, 0.1, 0.2), abs=1e-6)
    assert (sharp.entropy, sharp.largest, sharp.same_limb) == pytest.approx((0, 1, 0.8), abs=1e-6)


def test_map_without_a_thing_is_that_of_rankings_by_what_if(
    model: CTL, two_splits: Benchmark, nodes: dict[TrackletFiles, TrackletNodes], found: Decides
) -> None:
    traces = {tracklet: make_trace(model, values) for tracklet, values in nodes.items()}
    assert list(found.without) == ["full", *LEFT_OF, "parts", "whole"]
    for name, setting in LEFT_OF.items():
        embeddings = {tracklet: what_if(model, *trace, setting).embedding for tracklet, trace in traces.items()}
        assert found.without[name] == pytest.approx(mean_ap(two_splits, embeddings), abs=1e-9), name
    assert len(set(found.without.values())) > 5, "rankings that are all the same prove nothing"


def test_one_side_of_the_sum_alone_is_the_model_recomputed_by_hand(
    model: CTL, two_splits: Benchmark, maps: HeatMapCache, found: Decides
) -> None:
    whole, parts = {}, {}
    for tracklet in tracklets_to_embed(two_splits):
        clips = clip_indices(len(tracklet), 3)
        frames = to_tensor(read_frames(tracklet, SIZE)[clips], torch.device("cpu"))
        with torch.inference_mode():
            output = model(frames, torch.from_numpy(maps.read(tracklet)[clips]), trace=True)
            for kept, clip in ((whole, output.features.whole), (parts, output.parts.sum(dim=2).mean(dim=1))):
                vector = model.necks[1](clip).mean(dim=0).numpy()
                kept[tracklet] = vector / np.linalg.norm(vector)
    assert found.without["parts"] == pytest.approx(mean_ap(two_splits, whole), abs=1e-9)
    assert found.without["whole"] == pytest.approx(mean_ap(two_splits, parts), abs=1e-9)


@pytest.mark.parametrize("unmatched", ["drop", "miss"])
def test_nothing_switched_off_is_the_report(
    model: CTL, two_splits: Benchmark, maps: HeatMapCache, unmatched: str
) -> None:
    first, second = two_splits.splits
    lonely = replace(two_splits, splits=(first, replace(second, query=first.query)))  # persons 5 and 6 have no match
    report = evaluate(model, lonely, maps, unmatched=unmatched)
    assert report.queries_without_match == 2
    _, got = measure_decides(model, lonely, maps, unmatched=unmatched)
    assert got.without["full"] == pytest.approx(report.mean_ap, abs=1e-9)


def test_a_long_track_in_pieces_is_the_same(
    model: CTL, two_splits: Benchmark, maps: HeatMapCache, found: Decides, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decides, "PIECE_FRAMES", 7)  # two clips of three; 14 frames are 6, 6 and 2
    seen: list[float] = []
    _, got = measure_decides(model, two_splits, maps, on_progress=seen.append)
    assert got.without == found.without
    assert got.similarity == pytest.approx(found.similarity, abs=1e-6)
    assert got.share == pytest.approx(found.share, abs=1e-5)
    for name, relation in found.relation.items():
        assert got.relation[name].entropy == pytest.approx(relation.entropy, abs=1e-6)
    assert seen == sorted(seen)
    assert seen[-1] == 1


VARIANTS = {
    "added scales": ({"fusion": "add"}, [*LEFT_OF], []),
    "no graph": ({"graph": "none", "fusion": "add"}, ["s1", "s2", "s1_s2"], []),
    "one finer scale, one term": (
        {"fused_scales": ("s2",), "topology": ("context",)},
        ["context", "window", "s2"],
        ["s2_s3"],
    ),
    "s3 only, frame by frame": ({"fused_scales": (), "window": 1}, ["physical", "mask", "context"], []),
    "no neck, scales in another order": ({"bn_neck": False, "fused_scales": ("s2", "s1")}, [*LEFT_OF], None),
    "early fusion": ({"cross_scale_layers": 2}, [*LEFT_OF], ["s1_s3", "s2_s3"]),
}


@pytest.mark.parametrize(
    ("changes", "switches", "relations"), [pytest.param(*values, id=name) for name, values in VARIANTS.items()]
)
def test_what_a_model_lacks_is_left_out(
    two_persons: Benchmark, maps: HeatMapCache, changes: dict, switches: list[str], relations: list[str] | None
) -> None:
    model = make_model(**changes)
    embedded, got = measure_decides(model, two_persons, maps)
    np.testing.assert_allclose(embedded.values, embed_benchmark(model, two_persons, maps).values, atol=1e-5)
    assert list(got.without) == ["full", *switches, "parts", "whole"]
    assert list(got.relation) == (["s1_s3", "s2_s3"] if relations is None else relations)
    assert sum(got.share.values()) == pytest.approx(1, abs=1e-9)
    assert [name for name, share in got.share.items() if share == 0] == [
        *(scale for scale in ("s2", "s1") if scale not in model.config.fused_scales),
        *(["shift"] if not model.config.bn_neck else []),
    ]
    assert got.without["full"] == pytest.approx(evaluate(model, two_persons, maps).mean_ap, abs=1e-9)


def test_the_command_writes_and_shows_it(
    model: CTL, alike: Path, maps: HeatMapCache, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_checkpoint(tmp_path / "model", model, trained=True)
    common = ("--root", alike, "--checkpoint", tmp_path / "model", "--heatmaps", maps.folder.parent)
    assert run(*common, "--rerank", "--decides", "--json", tmp_path / "report.json") == 0
    report = json.loads((tmp_path / "report.json").read_text())
    values = report["decides"]
    assert values["without"]["full"] == pytest.approx(report["without_reranking"]["mAP"], abs=1e-9)
    assert values["relation"]["s1_s3"].keys() == {"entropy", "largest", "same_limb", "chance"}
    shown = capsys.readouterr().out
    assert decides_tables(values) in shown
    with pytest.raises(InputError, match="leave --feature out"):
        run(*common, "--decides", "--feature", "backbone")


def test_tables_say_what_the_numbers_say() -> None:
    values = {
        "pairs": 12,
        "similarity": 0.5,
        "share": {"whole": 0.6, "s3": 0.3, "s2": 0.08, "s1": 0.04, "shift": -0.02},
        "relation": {"s2_s3": {"entropy": 0.25, "largest": 0.75, "same_limb": 0.4, "chance": 0.2}},
        "without": {"full": 0.9, "s2": 0.875, "whole": 0.91},
    }
    assert decides_tables(values).splitlines() == [
        "Mean similarity of 12 true pairs: 0.500, of which came",
        "",
        "| through | share, % | similarity |",
        "| --- | ---: | ---: |",
        "| whole picture, V_g | 60.0 | 0.3000 |",
        "| 5 parts of s3 | 30.0 | 0.1500 |",
        "| 10 parts of s2 | 8.0 | 0.0400 |",
        "| 17 joints of s1 | 4.0 | 0.0200 |",
        "| shift of the neck | -2.0 | -0.0100 |",
        "",
        "| weights of Eq. 5 | entropy / log N | largest weight | strongest on same limb, % | by chance, % |",
        "| --- | ---: | ---: | ---: | ---: |",
        "| s2 to s3 | 0.25 | 0.75 | 40.0 | 20.0 |",
        "",
        "| switched off, not trained again | mAP, % | change |",
        "| --- | ---: | ---: |",
        "| nothing | 90.0 | +0.0 |",
        "| s2 | 87.5 | -2.5 |",
        "| V_g: parts alone | 91.0 | +1.0 |",
    ]
    assert "Eq. 5" not in decides_tables(values | {"relation": {}})
