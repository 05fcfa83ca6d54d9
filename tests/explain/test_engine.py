"""What the engine explains, on a real clip with the bundled checkpoint."""

from dataclasses import replace

import numpy as np
import pytest

from ctl.enrol.clips import to_record
from ctl.explain.match import explain_match
from ctl.explain.what_if import full_setting
from ctl.files import ROOT
from ctl.gallery import clip_sha256, tracklet_key
from ctl.pipeline import Engine
from ctl.types import PersonAnalysis

SAMPLES = ROOT / "assets" / "samples"
CLIPS = ("man-lab1.mp4", "man-lab2.mp4")


@pytest.fixture(scope="module")
def people(engine: Engine) -> list[PersonAnalysis]:
    return [engine.analyze(SAMPLES / name).people[0] for name in CLIPS]


def test_a_match_adds_up_to_the_similarity_of_the_ranking(engine: Engine, people: list[PersonAnalysis]) -> None:
    query, hit = people
    match = explain_match(engine.evidence(query), engine.evidence(hit))
    key = tracklet_key(clip_sha256(SAMPLES / CLIPS[1]), hit.tracklet.id)
    ranked = next(line.similarity for line in query.ranking if line.key == key)
    assert match.similarity == pytest.approx(float(query.embedding @ hit.embedding), abs=1e-6)
    assert match.similarity == pytest.approx(ranked, abs=1e-3)  # the gallery was embedded on another day's machine
    for side in (match.query, match.hit):
        assert side.moments.sum() + side.shift == pytest.approx(match.similarity, abs=1e-6)
        assert sum(v.sum() for v in side.parts.values()) + side.shift == pytest.approx(match.similarity, abs=1e-6)
        assert len(side.moments) == len(side.evidence.crops)


def test_nothing_switched_off_moves_nothing(engine: Engine, people: list[PersonAnalysis]) -> None:
    person = people[0]
    full = full_setting(engine.model.config)
    key = tracklet_key(clip_sha256(SAMPLES / CLIPS[0]), person.tracklet.id)
    answer = engine.what_if(person, full, key)
    np.testing.assert_array_equal(answer.embedding, person.embedding)
    for name, values in answer.matrices.items():
        kept = person.trace.adjacency | person.trace.cross_scale
        np.testing.assert_array_equal(values, kept[name], err_msg=name)
    assert {change.share for change in answer.changes} == {0.0}
    assert [(move.rank_before, move.key) for move in answer.moves] == [(hit.rank, hit.key) for hit in person.ranking]
    assert all(move.rank_before == move.rank_after for move in answer.moves)
    less = engine.what_if(person, replace(full, topology=("mask", "context"), across_frames=False), key)
    assert less.similarity < 0.999
    assert len(less.moves) >= len(person.ranking)


def test_the_backbone_sees_every_frame_once_whatever_is_asked_afterwards(engine: Engine) -> None:
    seen: list[int] = []
    hook = engine.model.backbone.register_forward_hook(lambda _, given, maps: seen.append(given[0].shape[:2].numel()))
    try:
        people = [engine.analyze(SAMPLES / name).people[0] for name in CLIPS]
        frames = sum(len(person.tracklet) for person in people)
        assert frames % engine.model.config.clip_length, "a clip that has to be filled up"
        assert sum(seen) == frames
        engine.match(*people)
        engine.what_if(people[0], replace(full_setting(engine.model.config), fused_scales=()), "x")
        to_record(engine, people[1], "0" * 64, "man", "lab")
        assert sum(seen) == frames
    finally:
        hook.remove()


def test_a_map_can_be_put_to_the_test(engine: Engine, people: list[PersonAnalysis]) -> None:
    query, hit = people
    cam = np.ones((len(query.tracklet), 16, 8))

    def stop(share: float) -> None:
        if share > 0.02:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        engine.faithfulness(query, cam, hit.embedding, on_progress=stop)
    assert not engine.lock.locked(), "cancelling frees the model"
