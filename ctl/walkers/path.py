"""Ways that people walk: arcs on the ground at constant speed."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Path:
    """One person's walk. Time 0 is the tracklet's first moment.

    Args:
        x, y: metres, where the person is at time 0.
        heading: radians from +x towards +y, the direction at time 0.
        curvature: radians that the heading turns per metre; 0 is a straight line.
        speed: metres per second.
        phase: of the gait cycle at time 0, in cycles.
    """

    x: float
    y: float
    heading: float
    curvature: float
    speed: float
    phase: float

    def at(self, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Seconds (T,) -> positions (T, 2) in metres and headings (T,) in radians."""
        return arcs(np.array([self.x, self.y]), np.array(self.heading), np.array(self.curvature), self.speed * times)


def arcs(
    start: np.ndarray, heading: np.ndarray, curvature: np.ndarray, along: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Points on arcs: start (..., 2), heading and curvature (...), metres along (T,) -> (..., T, 2) and (..., T)."""
    turned = curvature[..., None] * along
    half = turned / 2
    chord = along * np.sinc(half / np.pi)  # sin(half) / half, also at 0
    angle = heading[..., None] + half
    steps = chord[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return start[..., None, :] + steps, heading[..., None] + turned
