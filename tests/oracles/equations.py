"""Equations 1 to 9 of the paper as slow loops over numpy scalars and vectors, for one clip in evaluation mode.

Nothing here is shared with `ctl`: body parts are typed out again, and weights come in as plain arrays. A weight matrix
is (out, in). `bn` is a tuple (mean, variance, gain, bias) with the epsilon of 1e-5 that batch norm uses.
"""

import math

import numpy as np

PARTS_S2 = [[0, 1, 2, 3, 4], [5, 6, 11, 12], [5, 7], [6, 8], [7, 9], [8, 10], [11, 13], [12, 14], [13, 15], [14, 16]]
PARTS_S3 = [[0, 1, 2, 3, 4, 5, 6, 11, 12], [5, 7, 9], [6, 8, 10], [11, 13, 15], [12, 14, 16]]
S2_WITHIN_S3 = [[0, 1], [2, 4], [3, 5], [6, 8], [7, 9]]


def relu(x):
    return np.array([value if value > 0 else 0.0 for value in np.ravel(x)]).reshape(np.shape(x))


def batch_norm(x, bn):
    mean, variance, gain, bias = bn
    return np.array([(x[c] - mean[c]) / math.sqrt(variance[c] + 1e-5) * gain[c] + bias[c] for c in range(len(x))])


def matvec(weight, x):
    return np.array([sum(weight[o, i] * x[i] for i in range(len(x))) for o in range(len(weight))])


def softmax(values):
    top = max(values)
    exps = [math.exp(value - top) for value in values]
    return [value / sum(exps) for value in exps]


def unit_rows(matrix):
    return np.array([row / math.sqrt(sum(v * v for v in row)) for row in matrix])


def nodes(maps, logits):
    """Eq. 1. maps (T, C, H, W), logits (T, 17, h, w) with h, w multiples of H, W -> V_g, V_s1, V_s2, V_s3."""
    T, C, H, W = maps.shape
    h, w = logits.shape[2:]
    v_g, v_1 = np.zeros((T, C)), np.zeros((T, 17, C))
    for t in range(T):
        for y in range(H):
            for x in range(W):
                v_g[t] += maps[t, :, y, x] / (H * W)
        for j in range(17):
            mass = softmax([logits[t, j, y, x] for y in range(h) for x in range(w)])
            for y in range(h):
                for x in range(w):
                    v_1[t, j] += mass[y * w + x] * maps[t, :, y * H // h, x * W // w]
    v_2 = np.array([[sum(v_1[t, j] for j in part) / len(part) for part in PARTS_S2] for t in range(T)])
    v_3 = np.array([[sum(v_1[t, j] for j in part) / len(part) for part in PARTS_S3] for t in range(T)])
    return v_g, v_1, v_2, v_3


def context(x, squeeze_channels, squeeze_time, spread, bias):
    """A^c of Eq. 2, Figure 4a. x (T, N, C) -> (N, N)."""
    T, N, _ = x.shape
    numbers = np.zeros(N)
    for n in range(N):
        for t in range(T):
            numbers[n] += squeeze_time[t] * sum(squeeze_channels * x[t, n])
    return unit_rows((matvec(spread, numbers) + bias).reshape(N, N))


def window(x, t, tau):
    """[X^(τ)]_t: (τN, C), frames t - τ//2 to t + τ//2, zero outside the clip."""
    T, N, C = x.shape
    rows = []
    for frame in range(t - tau // 2, t + tau // 2 + 1):
        rows += [x[frame, n] if 0 <= frame < T else np.zeros(C) for n in range(N)]
    return np.array(rows)


def advanced_context(x, t, tau, squeeze_channels, spread, bias):
    """A^(τ),c of Eq. 3, Figure 4b. x (T, N, C) -> (τN, τN)."""
    numbers = np.array([sum(squeeze_channels * row) for row in window(x, t, tau)])
    return unit_rows((matvec(spread, numbers) + bias).reshape(len(numbers), len(numbers)))


def tiled(block, tau):
    """Eq. 3: the same (N, N) block at each of τ × τ places."""
    N = len(block)
    out = np.zeros((tau * N, tau * N))
    for i in range(tau * N):
        for j in range(tau * N):
            out[i, j] = block[i % N, j % N]
    return out


def normalised(adjacency):
    """D^-1/2 (A + I) D^-1/2 with D the row sum of |A + I|."""
    linked = adjacency + np.eye(len(adjacency))
    degree = [sum(abs(value) for value in row) for row in linked]
    return np.array(
        [[linked[i, j] / math.sqrt(degree[i] * degree[j]) for j in range(len(linked))] for i in range(len(linked))]
    )


def graph_conv(x, adjacencies, weight, tau):
    """Eq. 4 in its own order of operations. x (T, N, C), one (τN, τN) adjacency per frame -> (T, τN, C')."""
    out = []
    for t in range(len(x)):
        a, windowed = normalised(adjacencies[t]), window(x, t, tau)
        aggregated = [sum(a[i, j] * windowed[j] for j in range(len(a))) for i in range(len(a))]
        out.append([relu(matvec(weight, row)) for row in aggregated])
    return np.array(out)


def collapse(messages, weight, bn, tau):
    """(T, τN, C) -> (T, N, C): a (τ × 1) convolution, the BN of each part, ReLU. weight (C, τ, C)."""
    T, V, C = messages.shape
    N = V // tau
    out = np.zeros((T, N, C))
    for t in range(T):
        for n in range(N):
            total = sum(matvec(weight[:, k], messages[t, k * N + n]) for k in range(tau))
            out[t, n] = relu(batch_norm(total, [values[n * C : (n + 1) * C] for values in bn]))
    return out


def relation(x, phi, pair, h, f):
    """r of Eq. 5 for one frame. x (N, C); each embedding is (weight, bn) on its concatenated or subtracted input."""

    def embed(layer, value):
        weight, bn = layer
        return relu(batch_norm(matvec(weight, value), bn))

    rows = []
    for i in range(len(x)):
        p = sum(embed(h, np.concatenate([embed(phi, x[i]), embed(pair, x[j] - x[i])])) for j in range(len(x)))
        rows.append(embed(f, np.concatenate([x[i], p])))
    return np.array(rows)


def body_prior(sources, targets, strength):
    """(M, N): `strength` where every joint of the source part is one of the target part's."""
    return [
        [strength * all(joint in target for joint in source) for source in sources.values()]
        for target in targets.values()
    ]


def cross_scale_adjacency(r_source, r_target, prior, sharpness=None):
    """Last line of Eq. 5: (M, N), each target part spreads a weight of 1 over the source parts.

    With a sharpness, that many times the cosine stands for the inner product.
    """

    def product(m, i):
        if sharpness is None:
            return sum(m * i)
        lengths = math.sqrt(sum(m * m)) * math.sqrt(sum(i * i))
        return sharpness * sum(m * i) / lengths if lengths else 0.0

    return np.array(
        [
            softmax([product(m, i) + row[n] for n, i in enumerate(r_source)])
            for m, row in zip(r_target, prior, strict=True)
        ]
    )


def cross_scale_conv(adjacency, x, weight, norm=None):
    """Eq. 6 for one frame: (M, N), (N, C) -> (M, C); with a norm of each part and channel before σ, if there is one."""
    mapped = [matvec(weight, row) for row in x]
    sums = [sum(a[n] * mapped[n] for n in range(len(x))) for a in adjacency]
    if norm is not None:
        C = len(weight)
        sums = [batch_norm(s, [values[m * C : (m + 1) * C] for values in norm]) for m, s in enumerate(sums)]
    return np.array([relu(s) for s in sums])


def fused_parts(x_3, x_13, x_23, alpha):
    """Eq. 7."""
    out = np.zeros_like(x_3)
    for index in np.ndindex(x_3.shape):
        out[index] = x_3[index] + alpha * (x_13[index] + x_23[index])
    return out


def clip_features(v_g, v_p, g_c):
    """The three branches of section 3.5. v_g (T, C), v_p (T, 5, C), g_c five (run, C) -> V_f^g, V_f^a, V_f^c."""
    T = len(v_g)
    whole, added, aligned = 0.0, 0.0, 0.0
    for t in range(T):
        whole = whole + v_g[t] / T
        added = added + (sum(v_p[t, n] for n in range(5)) + v_g[t]) / T
        aligned = aligned + (np.concatenate([matvec(g_c[n], v_p[t, n]) for n in range(5)]) + v_g[t]) / T
    return whole, added, aligned


def diversity(v_p):
    """Eq. 8 for one clip. v_p (T, P, C)."""
    T, P, _ = v_p.shape
    pooled = unit_rows(np.array([sum(v_p[t, p] for t in range(T)) / T for p in range(P)]))
    return sum((sum(pooled[i] * pooled[j]) - (i == j)) ** 2 for i in range(P) for j in range(P))


def batch_hard_triplet(features, identities, margin):
    total = 0.0
    for a in range(len(features)):
        distances = [math.sqrt(sum((features[a] - other) ** 2)) for other in features]
        positive = max(d for d, who in zip(distances, identities, strict=True) if who == identities[a])
        negative = min(d for d, who in zip(distances, identities, strict=True) if who != identities[a])
        total += max(0.0, positive - negative + margin)
    return total / len(features)


def smoothed_cross_entropy(logits, identities, epsilon):
    total = 0.0
    for row, identity in zip(logits, identities, strict=True):
        for k, p in enumerate(softmax(row)):
            target = epsilon / len(row) + (1 - epsilon if k == identity else 0)
            total -= target * math.log(p)
    return total / len(logits)
