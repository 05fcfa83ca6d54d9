"""k-reciprocal re-ranking: against slow loops over sets, and against numbers that deep-person-reid gives."""

import json
import math
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from ctl.evaluate import cmc_map
from ctl.evaluate.rerank import cosine_distance, rerank
from tests.evaluate.cases import golden_inputs

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))


def reranked_as_loops(embeddings, queries, k1, k2, weight):
    """Zhong et al. 2017 over Python sets and dictionaries, for all pairs of everyone."""
    N = len(embeddings)
    d = [[sum((a - b) ** 2 for a, b in zip(x, y, strict=True)) for y in embeddings] for x in embeddings]
    d = [[value / max(row) for value in row] for row in d]
    order = [[i, *sorted((j for j in range(N) if j != i), key=lambda j: (d[i][j], j))] for i in range(N)]

    def reciprocal(i, k):
        return {j for j in order[i][: k + 1] if i in order[j][: k + 1]}

    encodings = []
    for i in range(N):
        members = set(reciprocal(i, k1))
        for j in reciprocal(i, k1):
            half = reciprocal(j, round(k1 / 2))
            if len(half & reciprocal(i, k1)) > 2 / 3 * len(half):
                members |= half
        total = sum(math.exp(-d[i][j]) for j in members)
        encodings.append({j: math.exp(-d[i][j]) / total for j in members})
    expanded = []
    for i in range(N):
        near = order[i][:k2]
        expanded.append([sum(encodings[n].get(j, 0) for n in near) / len(near) for j in range(N)])
    final = []
    for q in range(queries):
        row = []
        for g in range(queries, N):
            low = sum(min(a, b) for a, b in zip(expanded[q], expanded[g], strict=True))
            high = sum(max(a, b) for a, b in zip(expanded[q], expanded[g], strict=True))
            row.append((1 - weight) * (1 - low / high) + weight * d[q][g])
        final.append(row)
    return np.array(final)


@pytest.mark.parametrize(("k1", "k2", "weight"), [(20, 6, 0.3), (5, 1, 0.0), (7, 3, 1.0), (200, 6, 0.3)], ids=str)
def test_distances_equal_slow_loops(k1: int, k2: int, weight: float) -> None:
    embeddings, _, _, Q = golden_inputs(queries=8, gallery=50)
    want = reranked_as_loops(embeddings.astype(float).tolist(), Q, k1, k2, weight)
    np.testing.assert_allclose(rerank(embeddings[:Q], embeddings[Q:], k1=k1, k2=k2, weight=weight), want, atol=1e-5)


@pytest.mark.parametrize(("k1", "k2", "weight"), [(20, 6, 0.3), (7, 1, 0.1)])
def test_distances_and_metrics_equal_those_of_deep_person_reid(k1: int, k2: int, weight: float) -> None:
    want = GOLDEN[f"k1={k1} k2={k2} lambda={weight}"]
    embeddings, persons, cameras, Q = golden_inputs()
    kept = np.concatenate([np.arange(Q), Q + (persons[Q:] != -1).nonzero()[0]])
    embeddings, persons, cameras = embeddings[kept], persons[kept], cameras[kept]
    distance = rerank(embeddings[:Q], embeddings[Q:], k1=k1, k2=k2, weight=weight)
    np.testing.assert_allclose(distance[0], want["distance_of_first_query"], atol=2e-5)
    np.testing.assert_allclose(distance.sum(axis=1), want["distance_sums"], atol=2e-3)
    cmc, mean_ap = cmc_map(distance, persons[:Q], persons[Q:], cameras[:Q], cameras[Q:])
    np.testing.assert_allclose(cmc, want["cmc"], atol=1e-6)
    assert mean_ap == pytest.approx(want["mAP"], abs=1e-6)


def test_two_people_and_what_their_neighbourhoods_say_by_hand():
    """Two of a kind point up, two to the right, k1 = 1: each has one neighbour, who returns the favour.

    Everybody's encoding is ½ for themselves and ½ for the twin (distance 0), so twins share all, strangers nothing.
    Strangers are as far as anyone gets: distance 1 of the row's largest.
    """
    up, right = [0, 1], [1, 0]
    final = rerank(np.float32([up]), np.float32([right, up, right]), k1=1, k2=1, weight=0.3)
    np.testing.assert_allclose(final, [[0.7 * 1 + 0.3 * 1, 0, 0.7 * 1 + 0.3 * 1]], atol=1e-6)


def test_equal_tracklets_are_equally_far_wherever_they_stand():
    rng = np.random.default_rng(0)
    everyone = rng.standard_normal((37, 512)).astype(np.float32)
    everyone /= np.linalg.norm(everyone, axis=1, keepdims=True)
    gallery = np.concatenate([everyone, everyone[::-1], everyone])
    distance = cosine_distance(everyone, gallery)
    np.testing.assert_array_equal(distance[:, :37], distance[:, 37:74][:, ::-1])
    np.testing.assert_array_equal(distance[:, :37], distance[:, 74:])
    want = 1 - sum(float(a) * float(b) for a, b in zip(everyone[3], everyone[5], strict=True))
    assert distance[3, 5] == pytest.approx(want, abs=1e-6)


@pytest.mark.slow
def test_memory_stays_far_below_a_matrix_of_everyone():
    rng = np.random.default_rng(0)
    Q, G = 500, 7500
    persons = rng.integers(0, 600, Q + G)
    embeddings = rng.standard_normal((600, 16))[persons] + 0.5 * rng.standard_normal((Q + G, 16))
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)
    tracemalloc.start()
    rerank(embeddings[:Q], embeddings[Q:])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * (Q + G) ** 2, f"{peak / 1e6:.0f} MB"  # half of such a matrix in float32
