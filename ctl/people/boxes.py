"""Arithmetic of boxes. A box is x, y, width, height in pixels; (x, y) is its top left corner."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Detections:
    """The people found in one frame.

    Args:
        boxes: (n, 4) float32, x, y, width, height in pixels of the frame.
        scores: (n,) float32 in 0..1, that the box holds a person.
    """

    boxes: np.ndarray
    scores: np.ndarray

    def __post_init__(self) -> None:
        if self.boxes.shape != (len(self.scores), 4) or self.scores.ndim != 1:
            raise ValueError(f"boxes (n, 4) and scores (n,) expected, got {self.boxes.shape} and {self.scores.shape}")

    def __len__(self) -> int:
        return len(self.scores)

    def __getitem__(self, which: np.ndarray) -> "Detections":
        return Detections(self.boxes[which], self.scores[which])


def iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m) intersection over union, 0..1, of (n, 4) and (m, 4) boxes; 0 where both are empty."""
    shared = _shared_area(a, b)
    union = _area(a)[:, None] + _area(b) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def covered(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m) share, 0..1, of each box of a (n, 4) that lies inside each box of b (m, 4); 0 for an empty box."""
    shared, area = _shared_area(a, b), np.broadcast_to(_area(a)[:, None], (len(a), len(b)))
    return np.divide(shared, area, out=np.zeros_like(shared), where=area > 0)


def grow(boxes: np.ndarray, share: float) -> np.ndarray:
    """(n, 4) boxes made larger on every side by a share of their width or height."""
    extra = boxes[:, 2:] * share
    return np.concatenate((boxes[:, :2] - extra, boxes[:, 2:] + 2 * extra), axis=1)


def suppress(detections: Detections, most_iou: float, most_covered: float) -> Detections:
    """Keep the best of boxes that show the same person, best first.

    A box is dropped if it overlaps a better one by more than `most_iou`, or lies inside it by more than
    `most_covered` (half a person seen twice).
    """
    detections = detections[np.argsort(-detections.scores, kind="stable")]
    boxes = detections.boxes
    double = (iou(boxes, boxes) > most_iou) | (covered(boxes, boxes) > most_covered)
    kept: list[int] = []
    for candidate in range(len(detections)):
        if not double[candidate, kept].any():
            kept.append(candidate)
    return detections[np.array(kept, dtype=np.int64)]


def _shared_area(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    bottom_right = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    return np.clip(bottom_right - top_left, 0, None).prod(axis=2)


def _area(boxes: np.ndarray) -> np.ndarray:
    return boxes[:, 2] * boxes[:, 3]
