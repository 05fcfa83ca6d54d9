"""Where a camera stands and how it maps the world to its picture. Numpy only.

World: metres, z up, ground at z = 0. Every camera has a world of its own: it hangs above the origin and looks along +y,
with +x to its right. Picture: pixels, x right, y down, (0, 0) is the outer corner of the first pixel.
"""

from dataclasses import asdict, dataclass
from math import atan2, cos, radians, sin, tan
from typing import Any, Final

import numpy as np

from ctl.walkers.sensor import Sensor, sample_sensor
from ctl.walkers.settings import Hardness

PERSON_M: Final = 1.7
"""Height that the camera's scale is chosen for."""

NEAR_M: Final = 0.5
FAR_M: Final = 120.0


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera on its pole.

    Args:
        width, height: pixels of its picture.
        focal: focal length in pixels.
        height_m: metres above the ground.
        pitch: radians that it looks down, 0 is level.
        roll: radians that it is turned about its own axis.
        distance_m: metres along the ground to the middle of the place it watches; people walk in `zone`.
        sensor: what happens to light after the lens.
    """

    width: int
    height: int
    focal: float
    height_m: float
    pitch: float
    roll: float
    distance_m: float
    sensor: Sensor

    @property
    def zone(self) -> tuple[float, float]:
        """Nearest and farthest y in metres at which people walk."""
        return 0.72 * self.distance_m, 1.4 * self.distance_m

    @property
    def position(self) -> np.ndarray:
        """(3,) metres."""
        return np.array([0.0, 0.0, self.height_m])

    @property
    def axes(self) -> np.ndarray:
        """(3, 3): rows are the picture's right, its up, and the direction of view, unit vectors in the world."""
        right = np.array([1.0, 0.0, 0.0])
        up = np.array([0.0, sin(self.pitch), cos(self.pitch)])
        forward = np.array([0.0, cos(self.pitch), -sin(self.pitch)])
        c, s = cos(self.roll), sin(self.roll)
        return np.stack([c * right + s * up, c * up - s * right, forward])

    def project(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """World points (..., 3) -> pixels (..., 2) and depth (...) in metres along the direction of view."""
        seen = (points - self.position) @ self.axes.T
        depth = seen[..., 2]
        x = self.width / 2 + self.focal * seen[..., 0] / depth
        y = self.height / 2 - self.focal * seen[..., 1] / depth
        return np.stack([x, y], axis=-1), depth

    def unproject(self, pixels: np.ndarray, depth: np.ndarray) -> np.ndarray:
        """Inverse of `project`: pixels (..., 2) and depth (...) -> world points (..., 3)."""
        x = (pixels[..., 0] - self.width / 2) / self.focal
        y = (self.height / 2 - pixels[..., 1]) / self.focal
        rays = np.stack([x, y, np.ones_like(x)], axis=-1)
        return (depth[..., None] * rays) @ self.axes + self.position

    def clip_matrix(self, left: int, top: int, width: int, height: int) -> np.ndarray:
        """(4, 4) OpenGL projection of the rectangle of the picture that begins at pixel (left, top)."""
        matrix = np.zeros((4, 4))
        matrix[0, 0] = 2 * self.focal / width
        matrix[0, 2] = (2 * left + width - self.width) / width
        matrix[1, 1] = 2 * self.focal / height
        matrix[1, 2] = (self.height - 2 * top - height) / height
        matrix[2, 2] = -(FAR_M + NEAR_M) / (FAR_M - NEAR_M)
        matrix[2, 3] = -2 * FAR_M * NEAR_M / (FAR_M - NEAR_M)
        matrix[3, 2] = -1
        return matrix

    def to_json(self) -> dict[str, Any]:
        """As written in meta.json."""
        return asdict(self)


def sample_camera(rng: np.random.Generator, hardness: Hardness) -> Camera:
    """Draw a camera: first how tall people shall look, then lens, place and angle to match."""
    width, height = hardness.resolutions[rng.integers(len(hardness.resolutions))]
    person_px = rng.uniform(*hardness.person_px)
    distance = rng.uniform(7.5, 13.0)
    focal = person_px * distance / PERSON_M
    widest, narrowest = (width / 2 / tan(radians(angle) / 2) for angle in (86.0, 46.0))
    focal = float(np.clip(focal, widest, narrowest))
    distance = focal * PERSON_M / person_px
    height_m = rng.uniform(2.4, min(6.0, 2.4 + 0.45 * distance))
    return Camera(
        width=width,
        height=height,
        focal=focal,
        height_m=height_m,
        pitch=atan2(height_m - 0.85, distance) + radians(rng.uniform(-1.0, 1.0)),
        roll=radians(rng.normal(0.0, 1.2)),
        distance_m=distance,
        sensor=sample_sensor(rng, hardness),
    )
