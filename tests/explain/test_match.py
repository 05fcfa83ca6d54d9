import io
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load, save

from ctl.errors import InputError
from ctl.explain.composition import compose
from ctl.explain.evidence import Evidence, condensed, from_bytes, gather, to_bytes
from ctl.explain.match import Side, explain_match, in_step
from ctl.inference import relate_tracklet
from ctl.model import CTL
from ctl.types import Keypoints, Tracklet
from tests.explain.nodes import make_model, make_nodes
from tests.explain.traces import HEIGHT, STANDING, WIDTH


def make_evidence(model: CTL, frames: int, seed: int) -> Evidence:
    rng = np.random.default_rng(seed)
    times = np.arange(frames) / 10
    smooth = np.linspace(0, 255, HEIGHT)[None, :, None, None] * rng.uniform(0.3, 1, (frames, 1, 1, 3))
    tracklet = Tracklet(
        id=1,
        crops=np.broadcast_to(smooth, (frames, HEIGHT, WIDTH, 3)).astype(np.uint8),
        boxes=np.zeros((frames, 4), np.float32),
        frames=np.arange(frames),
        times=times,
        detection_scores=np.ones(frames, np.float32),
    )
    xy = (STANDING + rng.normal(0, 3, (frames, 17, 2))).astype(np.float32)
    scores = rng.uniform(0.2, 1, (frames, 17)).astype(np.float32)
    run = relate_tracklet(model, make_nodes(frames, model.config.channels, seed))
    return gather(tracklet, Keypoints(xy, scores), run, compose(model, run))


def total(values: dict[str, np.ndarray]) -> float:
    return float(sum(part.sum() for part in values.values()))


@pytest.mark.parametrize("changes", [{}, {"bn_neck": True}, {"graph": "none"}, {"fused_scales": ("s1",)}])
def test_each_side_adds_up_to_the_similarity_by_frame_and_by_part(changes: dict) -> None:
    model = make_model(**changes)
    match = explain_match(make_evidence(model, 7, 1), make_evidence(model, 4, 2))
    embeddings = [relate_tracklet(model, make_nodes(frames, seed=seed)).embedding for frames, seed in ((7, 1), (4, 2))]
    assert match.similarity == pytest.approx(float(embeddings[0].astype(float) @ embeddings[1]), abs=1e-6)
    for side, frames in ((match.query, 7), (match.hit, 4)):
        assert len(side.moments) == frames
        assert side.moments.sum() + side.shift == pytest.approx(match.similarity, abs=1e-6)
        assert total(side.parts) + side.shift == pytest.approx(match.similarity, abs=1e-6)


def test_a_tracklet_is_wholly_like_itself() -> None:
    evidence = make_evidence(make_model(), 6, 1)
    match = explain_match(evidence, evidence, probability=0.9)
    assert match.similarity == pytest.approx(1, abs=1e-6)
    assert match.probability == 0.9
    for scale, values in match.alike.items():
        np.testing.assert_allclose(values, 1, atol=1e-6, err_msg=scale)
    assert all(mine == theirs for mine, theirs in match.pairs)


def test_alike_is_the_cosine_of_one_parts_mean_features() -> None:
    model = make_model()
    match = explain_match(make_evidence(model, 6, 1), make_evidence(model, 3, 2))
    with torch.inference_mode():
        one, other = (
            relate_tracklet(model, make_nodes(frames, seed=seed)).refined for frames, seed in ((6, 1), (3, 2))
        )
    for scale, count in (("s1", 17), ("s2", 10), ("s3", 5)):
        for part in range(count):
            mine, theirs = (run[scale][:, :, part].reshape(-1, 16).mean(dim=0).numpy() for run in (one, other))
            wanted = mine @ theirs / (np.linalg.norm(mine) * np.linalg.norm(theirs))
            assert match.alike[scale][part] == pytest.approx(wanted, abs=1e-5)


def test_seen_is_the_lower_score_of_the_two() -> None:
    model = make_model()
    query, hit = make_evidence(model, 3, 1), make_evidence(model, 3, 2)
    scores = query.keypoints.scores.copy()
    scores[:, 9] = 0.05  # the left wrist
    blind = replace(query, part_scores=query.part_scores | {"s1": scores.mean(axis=0)})
    assert explain_match(blind, hit).seen["s1"][9] == pytest.approx(0.05)
    assert explain_match(hit, blind).seen["s1"][9] == pytest.approx(0.05)


def test_the_lead_over_a_rival_adds_up_to_the_difference_of_both_similarities() -> None:
    model = make_model(bn_neck=True)
    query, hit, rival = (make_evidence(model, frames, seed) for frames, seed in ((7, 1), (4, 2), (5, 3)))
    match = explain_match(query, hit, rival=rival.embedding)
    assert match.lead is not None
    wanted = match.similarity - explain_match(query, rival).similarity
    assert abs(wanted) > 1e-3
    assert match.lead.total == pytest.approx(wanted, abs=1e-6)
    assert match.lead.moments.sum() + match.lead.shift == pytest.approx(wanted, abs=1e-6)
    assert explain_match(query, hit).lead is None


def test_models_that_differ_are_refused() -> None:
    one, other = make_evidence(make_model(), 3, 1), make_evidence(make_model(channels=20), 3, 1)
    with pytest.raises(ValueError, match="same model"):
        explain_match(one, other)
    with pytest.raises(ValueError, match="same model"):
        explain_match(one, make_evidence(make_model(fused_scales=("s2",)), 3, 1))


def walking(phases: np.ndarray, shift: float = 0, size: float = 1) -> Keypoints:
    """Somebody who swings one leg forth and the other back, anywhere on the picture."""
    xy = np.repeat(STANDING[None], len(phases), axis=0)
    for joint, sign in ((13, 1), (15, 2), (14, -1), (16, -2)):
        xy[:, joint, 0] += sign * 12 * np.sin(phases)
    return Keypoints(((xy + shift) * size).astype(np.float32), np.ones((len(phases), 17), np.float32))


def test_frames_stand_beside_those_of_the_same_pose() -> None:
    query, hit = np.array([0.0, 0.6, 1.2]), np.array([1.25, -1.0, 0.55, 0.05])
    pairs = in_step(walking(query), walking(hit, shift=20, size=1.7))
    assert pairs == ((0, 3), (1, 2), (2, 0))
    assert len(in_step(walking(np.zeros(30)), walking(hit), count=6)) == 6
    assert [mine for mine, _ in in_step(walking(np.zeros(30)), walking(hit), count=2)] == [0, 29]


def test_a_joint_that_nobody_sees_does_not_count() -> None:
    query, hit = walking(np.array([0.6])), walking(np.array([0.6, 0.3]))
    wild = hit.xy.copy()
    wild[0, 0] += 300  # the nose of the right frame
    seen = hit.scores.copy()
    seen[:, 0] = 0
    assert in_step(query, Keypoints(wild, hit.scores)) == ((0, 1),)
    assert in_step(query, Keypoints(wild, seen)) == ((0, 0),)


def close(one: Side, other: Side, atol: float) -> None:
    for name, values in one.parts.items():
        np.testing.assert_allclose(other.parts[name], values, atol=atol)
    assert other.shift == pytest.approx(one.shift, abs=atol)


def test_a_stored_tracklet_explains_as_the_live_one_but_by_moments() -> None:
    model = make_model(bn_neck=True)
    query, hit = make_evidence(model, 7, 1), make_evidence(model, 20, 2)
    kept = from_bytes(to_bytes(condensed(hit)))
    live, stored = explain_match(query, hit), explain_match(query, kept)
    assert kept.frames == 20
    assert kept.crops.shape == (6, HEIGHT, WIDTH, 3)
    assert np.abs(kept.crops.astype(int) - hit.crops[[2, 6, 9, 12, 15, 18]]).mean() < 3
    np.testing.assert_allclose(kept.times, [0.2, 0.6, 0.9, 1.2, 1.5, 1.8])
    assert stored.similarity == pytest.approx(live.similarity, abs=2e-4)
    close(live.hit, stored.hit, 2e-4)
    close(live.query, stored.query, 2e-4)
    wanted = [
        live.hit.moments[start:end].sum() for start, end in ((0, 4), (4, 8), (8, 11), (11, 14), (14, 17), (17, 20))
    ]
    np.testing.assert_allclose(stored.hit.moments, wanted, atol=2e-4)
    for scale in live.alike:
        np.testing.assert_allclose(stored.alike[scale], live.alike[scale], atol=1e-3)
    assert stored.hit.moments.sum() + stored.hit.shift == pytest.approx(stored.similarity, abs=1e-6)


def test_a_short_tracklet_keeps_every_frame() -> None:
    evidence = make_evidence(make_model(), 4, 1)
    assert len(condensed(evidence).crops) == 4
    assert condensed(evidence).embedding == pytest.approx(evidence.embedding, abs=1e-6)


def test_what_is_kept_is_small() -> None:
    evidence = make_evidence(make_model(channels=512), 60, 1)
    assert len(to_bytes(condensed(evidence))) < 150_000


@pytest.mark.parametrize("break_it", ["cut", "no shares", "other width", "not finite", "moments", "not a picture"])
def test_damaged_bytes_are_refused_in_one_sentence(break_it: str) -> None:
    data = to_bytes(condensed(make_evidence(make_model(), 3, 1)))
    arrays = load(data)
    if break_it == "cut":
        data = data[:-100]
    else:
        if break_it == "no shares":
            del arrays["moment_shares"]
        elif break_it == "other width":
            arrays["shift"] = arrays["shift"][:-1]
        elif break_it == "not finite":
            arrays["part_shares/s3"] = arrays["part_shares/s3"] * np.float16(np.nan)
        elif break_it == "moments":
            arrays["times"] = arrays["times"][:-1]
        else:
            arrays["crops"] = arrays["crops"] * 0
        data = save(arrays)
    with pytest.raises(InputError, match="is damaged"):
        from_bytes(data)


def changed(**values: np.ndarray) -> bytes:
    arrays = load(to_bytes(condensed(make_evidence(make_model(), 3, 1))))
    assert values.keys() <= arrays.keys() | {"part_shares/hat"}
    return save(arrays | values)


def pictures(kind: str, side: int) -> dict[str, np.ndarray]:
    buffer = io.BytesIO()
    Image.new("RGB", (side, side)).save(buffer, kind)
    data = buffer.getvalue() * 3
    return {"crops": np.frombuffer(data, np.uint8), "crop_sizes": np.full(3, len(data) // 3)}


@pytest.mark.parametrize(
    "values",
    [
        partial(pictures, "PNG", 64),
        partial(pictures, "JPEG", 5000),
        partial(pictures, "JPEG", 14_000),
        {"moment_shares": np.full((3, 16), np.nan, np.float16)},
        {"times": np.full(3, np.inf)},
        {"frames": np.array(-5)},
        {"part_shares/hat": np.zeros((1, 16), np.float16)},
        {"part_features/s1": np.zeros((3, 16), np.float16)},
        {"xy": np.zeros((3, 5, 2), np.float32)},
        {"crop_sizes": np.zeros(1000, np.int64)},
    ],
    ids=["png", "large", "bomb", "nan", "endless", "negative", "unknown part", "few parts", "few joints", "many"],
)
def test_what_a_stranger_sends_is_refused_in_one_sentence(
    values: dict[str, np.ndarray] | Callable[[], dict[str, np.ndarray]],
) -> None:
    data = changed(**(values() if callable(values) else values))
    with pytest.raises(InputError, match="is damaged"):
        from_bytes(data)
