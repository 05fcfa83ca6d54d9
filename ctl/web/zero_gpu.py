"""ZeroGPU Spaces lend a GPU by the call: an engine that asks for one, and only while a model runs.

The lent function runs in a forked worker, so it takes and gives what can be pickled, and no progress comes out of it.
Finding people stays on the CPU. Nothing here is used elsewhere.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Final, Self

import numpy as np

from ctl.inference import Timed
from ctl.pipeline import Engine
from ctl.types import PersonAnalysis
from ctl.video.detect import load_detector

START_SECONDS: Final = 4.0
SECONDS_PER_FRAME: Final = 0.01
LONGEST_SECONDS: Final = 30


def on_zero_gpu() -> bool:
    """Whether this process runs on a Space that lends GPUs."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def booked_seconds(frames: int) -> int:
    """Seconds to book for a number of crops: the quota of a visitor is compared with what is booked, not used."""
    return min(LONGEST_SECONDS, round(START_SECONDS + SECONDS_PER_FRAME * frames))


class ZeroGpuEngine(Engine):
    """An engine whose model calls borrow a GPU each."""

    @classmethod
    def load(cls, *args: Any, **kwargs: Any) -> Self:
        """As `Engine.load`; the loan is announced now, because the Space looks for one at its start."""
        import spaces  # noqa: F401  (it makes torch see a GPU, which "auto" then chooses)

        engine = replace(super().load(*args, **kwargs), detector=load_detector(device="cpu"))
        _ = engine._describe, engine._grad_cam
        return engine

    def describe(self, tracklets: Sequence[np.ndarray], on_progress: Callable[[float], None]) -> Timed:
        """As `Engine.describe`; progress isn't reported."""
        return self._describe(tracklets)

    def grad_cam(self, person: PersonAnalysis, reference: np.ndarray | None = None) -> np.ndarray:
        """As `Engine.grad_cam`."""
        return self._grad_cam(person, reference)

    @cached_property
    def _describe(self) -> Callable[[Sequence[np.ndarray]], Timed]:
        import spaces

        def run(tracklets: Sequence[np.ndarray]) -> Timed:
            return super(ZeroGpuEngine, self).describe(tracklets, lambda share: None)

        return spaces.GPU(run, duration=lambda tracklets: booked_seconds(sum(map(len, tracklets))))

    @cached_property
    def _grad_cam(self) -> Callable[[PersonAnalysis, np.ndarray | None], np.ndarray]:
        import spaces

        def run(person: PersonAnalysis, reference: np.ndarray | None) -> np.ndarray:
            return super(ZeroGpuEngine, self).grad_cam(person, reference)

        return spaces.GPU(run, duration=lambda person, reference: booked_seconds(2 * len(person.tracklet)))
