"""The human body as the paper sees it: COCO-17 joints, three scales of parts, and what is physically joined.

One table (`PARTS`) names every part of every scale; everything else follows from it. Paper: section 3.1 and Figure 3.

Assumed: the paper shows the grouping only as a picture; the parts are those a limb-by-limb reading of Figure 3 gives.
At the coarse scales two parts are joined when they share a joint, and head and torso at the neck.
"""

from itertools import combinations
from typing import Final, Literal

import numpy as np

Scale = Literal["s1", "s2", "s3"]
SCALES: Final[tuple[Scale, ...]] = ("s1", "s2", "s3")

JOINTS: Final = (
    "nose",
    "left eye",
    "right eye",
    "left ear",
    "right ear",
    "left shoulder",
    "right shoulder",
    "left elbow",
    "right elbow",
    "left wrist",
    "right wrist",
    "left hip",
    "right hip",
    "left knee",
    "right knee",
    "left ankle",
    "right ankle",
)

BONES: Final = (
    (0, 1), (0, 2), (1, 2), (1, 3), (2, 4), (3, 5), (4, 6),  # head, and head to shoulders
    (5, 6), (5, 11), (6, 12), (11, 12),  # torso
    (5, 7), (7, 9), (6, 8), (8, 10),  # arms
    (11, 13), (13, 15), (12, 14), (14, 16),  # legs
)  # fmt: skip

NECK: Final = ("head", "torso")
"""The one pair of neighbouring parts that shares no joint: COCO has none at the neck."""

PARTS: Final[dict[Scale, dict[str, tuple[int, ...]]]] = {
    "s1": {name: (joint,) for joint, name in enumerate(JOINTS)},
    "s2": {
        "head": (0, 1, 2, 3, 4),
        "torso": (5, 6, 11, 12),
        "left upper arm": (5, 7),
        "right upper arm": (6, 8),
        "left forearm": (7, 9),
        "right forearm": (8, 10),
        "left thigh": (11, 13),
        "right thigh": (12, 14),
        "left shank": (13, 15),
        "right shank": (14, 16),
    },
    "s3": {
        "trunk": (0, 1, 2, 3, 4, 5, 6, 11, 12),
        "left arm": (5, 7, 9),
        "right arm": (6, 8, 10),
        "left leg": (11, 13, 15),
        "right leg": (12, 14, 16),
    },
}

FLIP: Final = tuple(
    JOINTS.index(name.replace("left", "#").replace("right", "left").replace("#", "right")) for name in JOINTS
)
"""Joint that stands at each place after a picture is mirrored: `keypoints[:, FLIP]`."""


def part_names(scale: Scale) -> tuple[str, ...]:
    """Names of the N nodes of a scale, in node order."""
    return tuple(PARTS[scale])


def part_count(scale: Scale) -> int:
    """N of a scale: 17, 10 or 5."""
    return len(PARTS[scale])


def pooling_matrix(scale: Scale) -> np.ndarray:
    """(N, 17) float32, rows sum to 1: the mean over each part's joints. `pooling_matrix("s1")` is the identity."""
    matrix = np.zeros((part_count(scale), len(JOINTS)), dtype=np.float32)
    for row, joints in enumerate(PARTS[scale].values()):
        matrix[row, list(joints)] = 1 / len(joints)
    return matrix


def physical_adjacency(scale: Scale) -> np.ndarray:
    """A^p of Eq. 2: (N, N) float32, symmetric, 0 or 1, zero diagonal (Eq. 4 adds the self-loops)."""
    parts = list(PARTS[scale].values())
    names = part_names(scale)
    matrix = np.zeros((len(parts), len(parts)), dtype=np.float32)
    for i, j in combinations(range(len(parts)), 2):
        joined = (
            (i, j) in BONES if scale == "s1" else bool(set(parts[i]) & set(parts[j])) or (names[i], names[j]) == NECK
        )
        matrix[i, j] = matrix[j, i] = joined
    return matrix


def membership_matrix(source: Scale, target: Scale) -> np.ndarray:
    """(M, N) float32, rows sum to 1: the mean over the source parts that lie wholly within each target part."""
    sources = [set(joints) for joints in PARTS[source].values()]
    inside = np.array([[part <= set(joints) for part in sources] for joints in PARTS[target].values()], np.float32)
    return inside / inside.sum(axis=1, keepdims=True)
