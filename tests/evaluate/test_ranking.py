"""CMC and mAP: worked by hand, against slow loops, and against numbers that deep-person-reid gives."""

import json
from pathlib import Path

import numpy as np
import pytest

from ctl.errors import InputError
from ctl.evaluate import cmc_map
from ctl.evaluate.ranking import rank_gallery, smallest
from tests.evaluate.cases import golden_inputs

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))


def ranking_as_loops(distance, query_ids, gallery_ids, query_cameras, gallery_cameras):
    """Average precision, rank of the first match and ranked rows of every query, one comparison at a time."""
    results = []
    for q in range(len(query_ids)):
        rows = []
        for g in range(len(gallery_ids)):
            own = gallery_ids[g] == query_ids[q] and gallery_cameras[g] == query_cameras[q]
            if gallery_ids[g] != -1 and not own:
                rows.append(g)
        rows.sort(key=lambda g: (distance[q][g], g))
        precisions, first = [], 0
        for rank, g in enumerate(rows, start=1):
            if gallery_ids[g] == query_ids[q]:
                precisions.append((len(precisions) + 1) / rank)
                first = first or rank
        results.append((sum(precisions) / len(precisions) if precisions else None, first, rows))
    return results


def test_a_ranking_worked_by_hand():
    """Person 1, camera 0, searches a gallery of eight.

    Five are ranked: a match, a distractor, another person, a match, and another person who is as far away as that match
    but stands later in the gallery.
    """
    gallery = [  # distance, person, camera
        (0.7, 1, 2),  # match, tied with the last but one
        (0.1, -1, 1),  # junk: not ranked
        (0.2, 1, 0),  # same person, same camera: not ranked
        (0.3, 1, 1),  # match
        (0.4, 0, 1),  # distractor: ranked, wrong
        (0.5, 2, 0),  # other person of the query's camera: ranked, wrong
        (0.7, 3, 1),  # tied, but later in the gallery
        (0.9, -1, 0),
    ]
    distance, persons, cameras = zip(*gallery, strict=True)
    cmc, mean_ap = cmc_map([distance], [1], persons, [0], cameras, ranks=5)
    assert cmc.tolist() == [1, 1, 1, 1, 1]
    assert mean_ap == pytest.approx((1 / 1 + 2 / 4) / 2)

    later = rank_gallery([distance[::-1]], [1], persons[::-1], [0], cameras[::-1])  # now the other stands first
    assert later.average_precision.tolist() == pytest.approx([(1 / 1 + 2 / 5) / 2])
    assert later.nearest[0].tolist() == [4, 3, 2, 1, 7, -1, -1, -1, -1, -1]
    np.testing.assert_array_equal(later.distance[0, :6], np.float32([0.3, 0.4, 0.5, 0.7, 0.7, np.nan]))


def test_queries_without_a_match_are_left_out_or_missed():
    distance = [[0.1, 0.2, 0.3], [0.1, 0.2, 0.3], [0.3, 0.1, 0.2]]
    query_ids, query_cameras = [1, 2, 3], [0, 0, 0]  # 1 is second; 2 is there in its own camera only; 3 is nowhere
    gallery_ids, gallery_cameras = [0, 1, 2], [1, 1, 0]
    arguments = (distance, query_ids, gallery_ids, query_cameras, gallery_cameras)
    assert [cmc_map(*arguments, ranks=3)[0].tolist(), cmc_map(*arguments)[1]] == [[0, 1, 1], 0.5]
    cmc, mean_ap = cmc_map(*arguments, ranks=3, unmatched="miss")
    np.testing.assert_allclose(cmc, [0, 1 / 3, 1 / 3])
    assert mean_ap == pytest.approx(0.5 / 3)
    assert rank_gallery(*arguments).matched.tolist() == [True, False, False]
    with pytest.raises(InputError, match="no query has a match"):
        cmc_map(distance[1:], query_ids[1:], gallery_ids, query_cameras[1:], gallery_cameras)


@pytest.mark.parametrize("levels", [2, 7, 10**6], ids=["hardly-any-order", "many-ties", "few-ties"])
def test_rankings_equal_slow_loops(levels: int) -> None:
    rng = np.random.default_rng(levels)
    Q, G = 40, 150
    distance = rng.integers(0, levels, (Q, G)) / np.float32(levels)
    query_ids, gallery_ids = rng.integers(1, 14, Q), rng.integers(-1, 12, G)
    query_cameras, gallery_cameras = rng.integers(0, 3, Q), rng.integers(0, 3, G)
    arguments = (distance, query_ids, gallery_ids, query_cameras, gallery_cameras)
    want = ranking_as_loops(*(values.tolist() for values in arguments))
    got = rank_gallery(*arguments, nearest=4)
    assert got.first_match.tolist() == [first for _, first, _ in want]
    assert got.nearest.tolist() == [rows[:4] for _, _, rows in want]
    np.testing.assert_allclose(got.average_precision, [np.nan if ap is None else ap for ap, _, _ in want])
    matched = [(ap, first) for ap, first, _ in want if first]
    assert 0 < len(matched) < Q
    cmc, mean_ap = cmc_map(*arguments)
    np.testing.assert_allclose(cmc, [sum(f <= k for _, f in matched) / len(matched) for k in range(1, 21)])
    assert mean_ap == pytest.approx(sum(ap for ap, _ in matched) / len(matched))


@pytest.mark.parametrize("count", [0, 1, 300, 999, 5000])
def test_the_smallest_come_in_a_stable_order(count: int) -> None:
    values = np.random.default_rng(0).integers(0, 3, 1000).astype(np.float32)
    want = sorted(range(1000), key=lambda place: (values[place], place))[:count]
    assert smallest(values, count).tolist() == want


def test_metrics_equal_those_of_deep_person_reid():
    embeddings, persons, cameras, Q = golden_inputs()
    query, gallery = embeddings[:Q], embeddings[Q:]
    distance = np.linalg.norm(query[:, None] - gallery[None], axis=2)
    cmc, mean_ap = cmc_map(distance, persons[:Q], persons[Q:], cameras[:Q], cameras[Q:])
    np.testing.assert_allclose(cmc, GOLDEN["plain"]["cmc"], atol=1e-6)
    assert mean_ap == pytest.approx(GOLDEN["plain"]["mAP"], abs=1e-6)


def test_a_ranking_without_knowledge_is_chance():
    rng = np.random.default_rng(0)
    Q, G, persons = 400, 3000, 60
    distance = rng.random((Q, G), dtype=np.float32)
    query_ids, gallery_ids = rng.integers(1, persons, Q), rng.integers(1, persons, G)
    _, mean_ap = cmc_map(distance, query_ids, gallery_ids, rng.integers(0, 6, Q), rng.integers(0, 6, G))
    assert mean_ap == pytest.approx(1 / persons, abs=0.003)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"distance": np.zeros((2, 4))}, r"distance must be \(2, 3\), got \(2, 4\)"),
        ({"query_cameras": [0]}, r"query_cameras must be \(2,\), got \(1,\)"),
        ({"gallery_cameras": [0, 1]}, r"gallery_cameras must be \(3,\), got \(2,\)"),
        ({"distance": np.full((2, 3), np.nan)}, "distance holds NaN"),
    ],
)
def test_wrong_input_is_named(change, message):
    arguments = {
        "distance": np.zeros((2, 3)),
        "query_ids": [1, 2],
        "gallery_ids": [1, 2, 3],
        "query_cameras": [0, 0],
        "gallery_cameras": [1, 1, 1],
    }
    with pytest.raises(ValueError, match=message):
        cmc_map(**(arguments | change))
