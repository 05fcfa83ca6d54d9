"""P×K batches as a pure function of seed, step and rank."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from ctl.data.benchmark import TrackletFiles
from ctl.data.sampling import IdentityBatches, draw_frames, draw_tracklets, person_labels
from ctl.errors import InputError


def make_tracklets(persons: int, cameras: int = 3, each: int = 2) -> list[TrackletFiles]:
    return [
        TrackletFiles((Path(f"{person}-{camera}-{number}"),), 10 * person, camera)
        for person in range(1, persons + 1)
        for camera in range(cameras)
        for number in range(each)
    ]


def persons_of(tracklets: list[TrackletFiles], batch: list) -> list[int]:
    return [tracklets[key.tracklet].person for key in batch]


@pytest.mark.parametrize("step", [0, 1, 57, 10**6])
def test_a_batch_is_so_many_persons_side_by_side_with_so_many_clips_each(step: int) -> None:
    tracklets = make_tracklets(30)
    persons = persons_of(tracklets, IdentityBatches(tracklets, persons=8, clips=4, seed=3).batch(step))
    assert len(persons) == 32
    assert [len(set(persons[i : i + 4])) for i in range(0, 32, 4)] == [1] * 8
    assert len(set(persons)) == 8


def test_every_person_comes_once_before_any_comes_again() -> None:
    tracklets = make_tracklets(24)
    batches = IdentityBatches(tracklets, persons=8, clips=1)
    for first in (0, 3, 300):
        seen = Counter(p for batch in batches.steps(first, first + 3) for p in persons_of(tracklets, batch))
        assert seen == {10 * person: 1 for person in range(1, 25)}
    assert persons_of(tracklets, batches.batch(0)) != persons_of(tracklets, batches.batch(3))


def test_nobody_is_left_out_where_persons_do_not_divide_evenly() -> None:
    tracklets = make_tracklets(11, cameras=1, each=1)
    batches = IdentityBatches(tracklets, persons=4, clips=1)
    seen = Counter(p for batch in batches.steps(0, 600) for p in persons_of(tracklets, batch))
    want = 600 * 4 / 11
    assert len(seen) == 11
    assert all(abs(count - want) < 0.15 * want for count in seen.values())


def test_those_most_like_a_person_come_with_them() -> None:
    """Classes 0 to 11 stand on a ring; the most alike are the next ones, and the last places are anybody's."""
    tracklets = make_tracklets(12)
    alike = np.array([[(row + 1) % 12, (row + 2) % 12, (row + 3) % 12, (row + 4) % 12] for row in range(12)])
    batches = IdentityBatches(tracklets, persons=6, clips=1, neighbours=2, alike=alike)
    anchors: Counter[int] = Counter()
    for step in range(6):
        rows = [person // 10 - 1 for person in persons_of(tracklets, batches.batch(step))]
        assert len(set(rows)) == 6
        first = rows[0]
        assert rows[:3] == [first, (first + 1) % 12, (first + 2) % 12]
        second = rows[3]
        free = [row for row in (second, *alike[second].tolist()) if row not in rows[:3]]
        assert rows[3 : 3 + len(free[:3])] == free[:3]
        anchors.update((first, second))
    assert set(anchors) == set(range(12))
    alone = IdentityBatches(tracklets, persons=6, clips=1)
    assert persons_of(tracklets, alone.batch(0)) != persons_of(tracklets, batches.batch(0))


def test_ranks_get_whole_batches_of_different_persons() -> None:
    tracklets = make_tracklets(20)
    ranks = [IdentityBatches(tracklets, persons=4, clips=2, seed=1, rank=rank, ranks=2) for rank in range(2)]
    for step in range(40):
        first, second = (set(persons_of(tracklets, batches.batch(step))) for batches in ranks)
        assert len(first) == len(second) == 4
        assert not first & second


def test_a_step_is_the_same_wherever_one_starts_and_other_seeds_differ() -> None:
    tracklets = make_tracklets(30)
    batches = IdentityBatches(tracklets, seed=5)
    whole = list(batches.steps(0, 20))
    assert list(IdentityBatches(tracklets, seed=5).steps(13, 20)) == whole[13:]
    assert batches.batch(17) == whole[17]
    assert list(IdentityBatches(tracklets, seed=6).steps(0, 20)) != whole


def test_no_two_clips_of_a_run_share_a_seed() -> None:
    tracklets = make_tracklets(16)
    seeds = [
        key.seed
        for rank in range(2)
        for batch in IdentityBatches(tracklets, persons=4, clips=4, rank=rank, ranks=2).steps(0, 50)
        for key in batch
    ]
    assert len(set(seeds)) == len(seeds) == 2 * 50 * 16


def test_too_few_persons_are_named() -> None:
    with pytest.raises(InputError, match="batches of 16 persons need as many to train on: the data set has 15"):
        IdentityBatches(make_tracklets(15), persons=8, ranks=2)


@pytest.mark.parametrize(
    ("by_camera", "count", "cameras", "distinct"),
    [
        pytest.param({1: [0, 1, 2], 2: [3], 5: [4, 5]}, 3, 3, 3, id="one of each camera"),
        pytest.param({1: [0, 1, 2], 2: [3], 5: [4, 5]}, 5, 3, 5, id="then second ones"),
        pytest.param({1: [0], 2: [1]}, 4, 2, 2, id="then again, each as often"),
        pytest.param({7: [4]}, 4, 1, 1, id="a lone tracklet"),
    ],
)
def test_a_persons_clips_prefer_other_cameras_then_other_tracklets(
    by_camera: dict[int, list[int]], count: int, cameras: int, distinct: int
) -> None:
    camera_of = {index: camera for camera, indices in by_camera.items() for index in indices}
    for seed in range(50):
        drawn = draw_tracklets(by_camera, count, np.random.default_rng(seed))
        assert len(drawn) == count
        assert len({camera_of[index] for index in drawn}) == cameras
        assert len(set(drawn)) == distinct
        assert max(Counter(drawn).values()) - min(Counter(drawn).values()) <= (0 if count % distinct == 0 else 1)


def test_frames_are_random_distinct_and_in_the_order_of_time() -> None:
    rng = np.random.default_rng(0)
    draws = np.array([draw_frames(20, 6, rng) for _ in range(2000)])
    assert (np.diff(draws, axis=1) > 0).all()
    share = np.bincount(draws.ravel(), minlength=20) / 2000
    np.testing.assert_allclose(share, 6 / 20, atol=0.05)


def test_short_tracklets_repeat_from_their_start() -> None:
    assert draw_frames(4, 6, np.random.default_rng(0)).tolist() == [0, 1, 2, 3, 0, 1]
    assert draw_frames(1, 3, np.random.default_rng(0)).tolist() == [0, 0, 0]


def test_classes_are_numbered_in_the_order_of_persons() -> None:
    assert person_labels(make_tracklets(3)[::-1]) == {10: 0, 20: 1, 30: 2}
