"""Cosine distances, and k-reciprocal re-ranking in bounded memory. numpy and scipy only.

Source: Zhong, Zheng, Cao & Li, "Re-ranking Person Re-identification with k-reciprocal Encoding", CVPR 2017 (equation
numbers below). Assumed, as in its authors' code: distances are squared Euclidean (of unit
vectors: twice the cosine distance) and are divided by the largest of their row; a neighbourhood holds the probe itself
besides its k neighbours; k1 / 2 rounds half to even.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
from scipy import sparse

from ctl.evaluate.ranking import smallest

_NUMBERS_AT_ONCE: Final = 1 << 22
"""float64 numbers of a block of distances: 32 MB."""


def cosine_distance(query: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """1 − cosine of unit vectors: (Q, D) and (G, D) -> (Q, G) float32 in 0..2.

    The products are formed in float64 and rounded, so that equal tracklets are equally far, wherever they stand.
    """
    return np.concatenate([block for _, block in _distance_blocks(query, gallery)])


def _distance_blocks(left: np.ndarray, right: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows of `cosine_distance`, a few at a time."""
    columns = right.astype(np.float64).T
    step = max(1, _NUMBERS_AT_ONCE // columns.shape[1])
    for start in range(0, len(left), step):
        rows = slice(start, min(start + step, len(left)))
        yield rows, (1 - left[rows].astype(np.float64) @ columns).clip(0, 2).astype(np.float32)


def rerank(query: np.ndarray, gallery: np.ndarray, *, k1: int = 20, k2: int = 6, weight: float = 0.3) -> np.ndarray:
    """Distances that also count how much of their neighbourhoods two tracklets share.

    Memory: the result, one block of distances, and sparse rows of some hundred numbers per tracklet.

    Args:
        query, gallery: (Q, D) and (G, D) float32, rows of unit length.
        k1: size of the neighbourhoods.
        k2: how many neighbours' encodings are averaged (local query expansion).
        weight: λ, of the original distance; 1 ranks as without re-ranking.
    Returns:
        (Q, G) float32, smaller is more alike.
    """
    everyone = np.concatenate([query, gallery])
    nearest, largest = _nearest(everyone, k1 + 1)
    members = _expanded_reciprocal(nearest, k1)  # R*(p, k1), Eq. 5
    encoding = _encode(everyone, members, largest)  # V, Eq. 7 with 1/0 membership softened by distance
    average = _indicator(nearest[:, :k2]) / min(k2, nearest.shape[1])
    encoding = (average @ encoding).tocsr()  # Eq. 11
    Q = len(query)
    columns = encoding[Q:].tocsc()  # who of the gallery has a neighbour, and how strongly
    final = np.empty((Q, len(gallery)), np.float32)
    for rows, block in _distance_blocks(query, gallery):
        for q, distances in enumerate(block, start=rows.start):
            shared = _shared(encoding, q, columns)
            jaccard = 1 - shared / (2 - shared)  # Eq. 10: rows sum to 1, so max sums to 2 − Σ min
            final[q] = (1 - weight) * jaccard + weight * distances / largest[q]  # Eq. 12
    return final


def _nearest(embeddings: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Each row's nearest rows, itself first: (N, min(N, count)) int64; and (N,) distance to its farthest."""
    N = len(embeddings)
    nearest, largest = np.empty((N, min(N, count)), np.int64), np.empty(N, np.float32)
    for rows, block in _distance_blocks(embeddings, embeddings):
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] = -1
        for i, distances in enumerate(block, start=rows.start):
            nearest[i], largest[i] = smallest(distances, count), distances.max()
    return nearest, largest.clip(np.finfo(np.float32).tiny)


def _indicator(neighbours: np.ndarray) -> sparse.csr_array:
    """(N, k) numbers -> (N, N) sparse, 1 where a row names a column."""
    N, k = neighbours.shape
    rows = np.repeat(np.arange(N), k)
    return sparse.csr_array((np.ones(N * k, np.float32), (rows, neighbours.ravel())), shape=(N, N))


def _reciprocal(nearest: np.ndarray, k: int) -> sparse.csr_array:
    """R(p, k) of Eq. 2, (N, N) 0/1: pairs that are among each other's k nearest."""
    forward = _indicator(nearest[:, : k + 1])
    return forward.multiply(forward.T).tocsr()


def _expanded_reciprocal(nearest: np.ndarray, k1: int) -> sparse.csr_array:
    """R*(p, k1) of Eq. 5, (N, N) 0/1: with the half-size sets of members that lie for the most part within R."""
    reciprocal, half = _reciprocal(nearest, k1), _reciprocal(nearest, round(k1 / 2))
    size = half.sum(axis=1)  # (N,) |R(q, k1/2)|
    overlap = (reciprocal @ half.T).multiply(reciprocal).tocoo()  # |R(p, k1) ∩ R(q, k1/2)| for q in R(p, k1)
    enough = overlap.data > 2 / 3 * size[overlap.col]
    chosen = sparse.csr_array(
        (overlap.data[enough] > 0, (overlap.row[enough], overlap.col[enough])), shape=reciprocal.shape
    )
    return ((reciprocal + chosen.astype(np.float32) @ half) > 0).tocsr()


def _encode(embeddings: np.ndarray, members: sparse.csr_array, largest: np.ndarray) -> sparse.csr_array:
    """V of Eq. 7, (N, N) float32, rows sum to 1: e^−d of the members, d as a share of the row's largest distance."""
    pairs = members.tocoo()
    weights = np.empty(pairs.nnz, np.float32)
    step = max(1, _NUMBERS_AT_ONCE // embeddings.shape[1])
    for start in range(0, pairs.nnz, step):
        part = slice(start, start + step)
        left, right = pairs.row[part], pairs.col[part]
        cosine = np.einsum("nd,nd->n", embeddings[left], embeddings[right])
        weights[part] = np.exp(-(1 - cosine).clip(0, 2) / largest[left])
    encoding = sparse.csr_array((weights, (pairs.row, pairs.col)), shape=members.shape)
    return sparse.diags_array(1 / encoding.sum(axis=1)) @ encoding


def _shared(encoding: sparse.csr_array, row: int, columns: sparse.csc_array) -> np.ndarray:
    """(G,) Σ min(V_row, V_g) over the columns, for every g of the gallery."""
    own = slice(encoding.indptr[row], encoding.indptr[row + 1])
    shared = np.zeros(columns.shape[0], np.float32)
    for column, strength in zip(encoding.indices[own], encoding.data[own], strict=True):
        rows = slice(columns.indptr[column], columns.indptr[column + 1])
        shared[columns.indices[rows]] += np.minimum(columns.data[rows], strength)
    return shared
