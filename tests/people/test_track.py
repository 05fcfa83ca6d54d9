"""The tracker on scenes whose truth is known, and its parts against slow references."""

from itertools import combinations, permutations

import numpy as np
import pytest

from ctl.people.boxes import Detections, covered, grow, iou, suppress
from ctl.people.track import ACCELERATION, FIRST_SPEED, MEASURED, Kalman, Tracker, associate
from ctl.people.trajectory import trajectory_of


def boxes_around(centres, size=(40, 100)) -> np.ndarray:
    centres, size = np.array(centres, dtype=float).reshape(-1, 2), np.array(size)
    return np.concatenate((centres - size / 2, np.tile(size, (len(centres), 1))), axis=1)


def track(looks, seconds=0.2, size=(40, 100)):
    """Follow looks of [(x, y, score), ...]; return for each track its (frame, x, y) triples."""
    tracker = Tracker()
    for number, look in enumerate(looks):
        values = np.array(look, dtype=float).reshape(-1, 3)
        tracker.update(number, number * seconds, Detections(boxes_around(values[:, :2], size), values[:, 2]))
    return [
        [(frame, *(box[:2] + box[2:] / 2)) for frame, box in zip(t.frames, t.boxes, strict=True)]
        for t in tracker.finish()
    ]


def iou_of_pixels(a, b) -> float:
    """IoU of two integer boxes by counting pixels."""

    def cells(box):
        return {(x, y) for x in range(box[0], box[0] + box[2]) for y in range(box[1], box[1] + box[3])}

    union = cells(a) | cells(b)
    return len(cells(a) & cells(b)) / len(union) if union else 0.0


def test_overlap_equals_counting_pixels():
    generator = np.random.default_rng(0)
    a, b = generator.integers(0, 12, (2, 8, 4))
    want = [[iou_of_pixels(x, y) for y in b.tolist()] for x in a.tolist()]
    np.testing.assert_allclose(iou(a.astype(float), b.astype(float)), want)


def test_covered_is_the_share_of_the_first_box():
    inner, outer = np.array([[10.0, 10, 10, 10]]), np.array([[0.0, 0, 15, 40]])
    assert covered(inner, outer)[0, 0] == 0.5
    assert covered(outer, inner)[0, 0] == pytest.approx(50 / 600)


def test_suppression_keeps_the_best_view_of_each_person():
    boxes = np.array([[0, 0, 40, 100], [2, 2, 40, 100], [5, 5, 20, 40], [30, 0, 40, 100]], dtype=float)
    kept = suppress(Detections(boxes, np.array([0.5, 0.9, 0.4, 0.6])), most_iou=0.5, most_covered=0.8)
    np.testing.assert_array_equal(kept.boxes, boxes[[1, 3]])


def best_pairs_by_trying_all(a, b, least_iou) -> float:
    """Largest total overlap over all one-to-one pairings, partial ones included."""
    overlap, best = iou(a, b), 0.0
    for count in range(min(len(a), len(b)) + 1):
        for rows in combinations(range(len(a)), count):
            for columns in permutations(range(len(b)), count):
                values = [overlap[pair] for pair in zip(rows, columns, strict=True)]
                if all(value >= least_iou for value in values):
                    best = max(best, sum(values))
    return best


@pytest.mark.parametrize("seed", range(12))
def test_association_equals_trying_every_pairing(seed):
    generator = np.random.default_rng(seed)
    a = boxes_around(generator.uniform(0, 120, (generator.integers(0, 5), 2)))
    b = boxes_around(generator.uniform(0, 120, (generator.integers(0, 5), 2)))
    pairs = associate(a, b, 0.2)
    overlap = iou(a, b)
    assert all(overlap[pair] >= 0.2 for pair in pairs)
    assert len({row for row, _ in pairs}) == len({column for _, column in pairs}) == len(pairs)
    assert sum(overlap[pair] for pair in pairs) == pytest.approx(best_pairs_by_trying_all(a, b, 0.2))


def test_motion_equals_the_textbook_filter():
    """Kalman 1960 with full 8x8 matrices; the tracker's shares one 2x2 covariance between the four coordinates."""
    height, generator = 100.0, np.random.default_rng(0)
    seen = boxes_around(np.cumsum(generator.normal(6, 2, (10, 2)), axis=0))
    seconds = generator.uniform(0.1, 0.5, 10)
    ours = Kalman(seen[0])
    x = np.concatenate((seen[0, :2] + seen[0, 2:] / 2, seen[0, 2:], np.zeros(4)))
    P = np.diag([(MEASURED * height) ** 2] * 4 + [(FIRST_SPEED * height) ** 2] * 4)
    H = np.eye(4, 8)
    R = np.eye(4) * (MEASURED * height) ** 2
    for box, dt in zip(seen[1:], seconds, strict=False):
        F = np.eye(8) + dt * np.eye(8, k=4)
        G = np.concatenate((np.eye(4) * dt**2 / 2, np.eye(4) * dt)) * ACCELERATION * x[3]
        x, P = F @ x, F @ P @ F.T + G @ G.T
        ours.predict(dt)
        np.testing.assert_allclose(ours.box, [*(x[:2] - x[2:4] / 2), *x[2:4]])
        K = P @ H.T @ np.linalg.inv(H @ P @ H.T + R)
        x, P = x + K @ (np.array([*(box[:2] + box[2:] / 2), *box[2:]]) - H @ x), (np.eye(8) - K @ H) @ P
        ours.update(box)
        np.testing.assert_allclose(ours.state.ravel(), x)


def test_two_people_who_cross_keep_their_numbers():
    """They pass at 70 px/s each, one 12 px in front of the other."""
    looks = [[(100 + 14 * i, 200, 0.8), (380 - 14 * i, 212, 0.7)] for i in range(21)]
    first, second = track(looks)
    assert [x for _, x, _ in first] == [100 + 14 * i for i in range(21)]
    assert [x for _, x, _ in second] == [380 - 14 * i for i in range(21)]


def test_the_order_of_detections_does_not_matter():
    looks = [[(100 + 14 * i, 200, 0.8), (380 - 14 * i, 230, 0.7), (500, 100 + i, 0.6)] for i in range(15)]
    shuffled = [[look[j] for j in np.random.default_rng(i).permutation(3)] for i, look in enumerate(looks)]
    assert sorted(track(shuffled)) == sorted(track(looks))


@pytest.mark.parametrize("missed", [(8,), (8, 9, 10), (8, 9, 10, 11, 12, 13)])
def test_a_walker_missed_for_up_to_a_second_is_found_again(missed):
    looks = [[] if i in missed else [(100 + 14 * i, 200, 0.8)] for i in range(20)]
    (only,) = track(looks)
    assert [frame for frame, *_ in only] == [i for i in range(20) if i not in missed]


def test_someone_gone_for_two_seconds_is_someone_new():
    looks = [[(100, 200, 0.8)] if i < 5 or i >= 15 else [] for i in range(20)]
    assert [len(one) for one in track(looks)] == [5, 5]


def test_a_known_person_is_kept_at_a_low_score():
    """The point of ByteTrack: half hidden people score low, and would be lost without the second stage."""
    looks = [[(100 + 14 * i, 200, 0.15 if 5 <= i < 18 else 0.8)] for i in range(20)]
    assert [len(one) for one in track(looks)] == [20]


def test_a_low_score_alone_starts_nobody():
    assert track([[(100, 200, 0.25)] for _ in range(20)]) == []


def test_a_low_score_does_not_take_a_track_from_a_high_one():
    looks = [[(100 + 14 * i, 200, 0.8), (104 + 14 * i, 204, 0.2)] for i in range(10)]
    (only,) = track(looks)
    assert [x for _, x, _ in only] == [100 + 14 * i for i in range(10)]


def test_a_single_flash_is_nobody():
    assert track([[(100, 200, 0.9)] if i == 4 else [] for i in range(10)]) == []


def test_a_far_walker_seen_in_every_third_look_is_followed():
    """Close looks are 0.6 seconds apart: 1.4 m/s at 1.7 m and 80 px are 40 px from one to the next."""
    (only,) = track([[(100 + 13 * i, 200, 0.5)] if i % 3 == 0 else [] for i in range(30)], size=(32, 80))
    assert len(only) == 10


def test_a_jogger_seen_five_times_a_second_is_followed_from_the_start():
    """3 m/s at 1.7 m and 100 px: 35 px a look, nearly the width of the box."""
    (only,) = track([[(100 + 35 * i, 200, 0.8)] for i in range(10)])
    assert len(only) == 10


def test_between_looks_the_box_is_interpolated_but_long_gaps_stay():
    tracker = Tracker()
    for frame in (0, 2, 4, 14, 16):  # 10 frames per second
        box = boxes_around([(100 + 10 * frame, 200)])
        tracker.update(frame, frame / 10, Detections(box, np.array([0.8])))
    (trajectory,) = [trajectory_of(one, np.arange(20) / 10, bridged_seconds=0.7) for one in tracker.finish()]
    assert trajectory.frames.tolist() == [0, 1, 2, 3, 4, 14, 15, 16]
    np.testing.assert_allclose(trajectory.boxes[:, 0], 80 + 10 * trajectory.frames)
    np.testing.assert_allclose(trajectory.times, trajectory.frames / 10)


def test_smoothing_calms_a_trembling_box():
    generator = np.random.default_rng(0)
    tracker = Tracker()
    for frame in range(40):
        trembling = boxes_around([(100 + 5 * frame, 200)]) + generator.normal(0, 3, (1, 4))
        tracker.update(frame, frame / 5, Detections(trembling, np.array([0.8])))
    (one,) = tracker.finish()
    trajectory = trajectory_of(one, np.arange(40) / 5, bridged_seconds=0.7)
    truth = boxes_around([(100 + 5 * frame, 200) for frame in range(40)])
    assert np.abs(trajectory.boxes - truth).mean() < 0.75 * np.abs(np.array(one.boxes) - truth).mean()


def test_thinned_walks_are_evenly_spread():
    tracker = Tracker()
    for frame in range(100):
        tracker.update(frame, frame / 5, Detections(boxes_around([(100, 200)]), np.array([0.8])))
    trajectory = trajectory_of(tracker.finish()[0], np.arange(100) / 5, 0.7).thinned(12)
    assert trajectory.frames.tolist() == [0, 9, 18, 27, 36, 45, 54, 63, 72, 81, 90, 99]


def test_grown_boxes_keep_their_centre():
    np.testing.assert_allclose(grow(np.array([[10.0, 20, 40, 100]]), 0.5), [[-10, -30, 80, 200]])
