"""Traces whose every number is known, for tests of what is drawn from them."""

import numpy as np

from ctl.skeleton import SCALES, part_count, physical_adjacency
from ctl.types import Keypoints, Trace

HEIGHT, WIDTH = 256, 128

STANDING = np.array(
    [
        (64, 30), (68, 27), (60, 27), (73, 30), (55, 30), (82, 60), (46, 60), (90, 95), (38, 95),
        (94, 128), (34, 128), (76, 135), (52, 135), (78, 185), (50, 185), (80, 235), (48, 235),
    ],
    dtype=np.float32,
)  # fmt: skip
"""(17, 2) pixels of a crop: somebody facing the camera, whose left is on the picture's right."""


def make_trace(frames: int = 4, window: int = 3, layers: int = 2, seed: int = 0) -> Trace:
    """A trace as the model gives it, with random learned terms of both signs."""
    rng = np.random.default_rng(seed)
    adjacency: dict[str, np.ndarray] = {}
    for scale in SCALES:
        V = window * part_count(scale)
        for layer in range(1, layers + 1):
            physical = np.tile(physical_adjacency(scale), (window, window))
            mask = np.tile(rng.normal(0, 0.1, (part_count(scale),) * 2), (window, window))
            context = rng.normal(size=(frames, V, V))
            context /= np.linalg.norm(context, axis=-1, keepdims=True)
            terms = {"Ap": physical, "Am": mask, "Ac": context, "A": physical + mask + context}
            adjacency |= {
                f"{term}_{scale}_l{layer}": np.broadcast_to(value, (frames, V, V)).astype(np.float32)
                for term, value in terms.items()
            }
    weights = {f"A_{scale}_s3": rng.dirichlet(np.ones(part_count(scale)), (frames, 5)) for scale in ("s1", "s2")}
    sway = np.arange(frames, dtype=np.float32)[:, None, None] * (1, 0)
    return Trace(
        keypoints=Keypoints(STANDING + sway.astype(np.float32), np.full((frames, 17), 0.9, np.float32)),
        adjacency=adjacency,
        cross_scale={key: value.astype(np.float32) for key, value in weights.items()},
        whole=np.zeros((frames, 8), np.float32),
        nodes={},
        refined={},
        parts=np.zeros((frames, 5, 8), np.float32),
    )
