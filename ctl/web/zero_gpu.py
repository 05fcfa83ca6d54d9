"""ZeroGPU Spaces lend a GPU by the call: an engine that asks for one, and only while a model runs.

The lent function runs in a forked worker. So it takes and gives what can be pickled, arrays on the CPU; no progress
comes out of it; and of an exception only the name would, so expected trouble is given back as a value. All calls go
through one function: each has a worker of its own, with a copy of the models. Finding people stays on the CPU, as do
questions that start from nodes. Nothing here is used elsewhere.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import torch

from ctl.checkpoint import load_checkpoint
from ctl.errors import CTLError
from ctl.explain.faithfulness import Faithfulness
from ctl.inference import Extracted
from ctl.people.detect import load_detector
from ctl.pipeline import Engine
from ctl.progress import Progress
from ctl.runtime import runs_onnx
from ctl.types import PersonAnalysis, Tracklet

START_SECONDS: Final = 4.0
SECONDS_PER_FRAME: Final = 0.01
LONGEST_SECONDS: Final = 30
PASSES: Final = {"extract": 1, "grad_cam": 2}
"""How often a call runs the backbone over each frame."""


def on_zero_gpu() -> bool:
    """Whether this process runs on a Space that lends GPUs."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def booked_seconds(call: str, frames: int) -> int:
    """Seconds to book: the quota of a visitor is compared with what is booked, not with what is used.

    Args:
        call: method of the engine. "faithfulness" runs the model some 110 times over a clip and fills in pictures on
            the CPU, however many frames there are.
        frames: of all tracklets it is called with.
    """
    if call == "faithfulness":
        return LONGEST_SECONDS
    return min(LONGEST_SECONDS, round(START_SECONDS + SECONDS_PER_FRAME * PASSES[call] * frames))


class ZeroGpuEngine(Engine):
    """An engine whose model calls borrow a GPU each. Every method is as that of `Engine`; progress isn't reported."""

    @classmethod
    def load(cls, checkpoint: str | Path | None = None, *args: Any, **kwargs: Any) -> Self:
        """As `Engine.load`; the loan is announced now, because the Space looks for one at its start."""
        import spaces  # noqa: F401  (it makes torch see a GPU, which "auto" then chooses)

        in_torch = kwargs | {"backend": "torch"}  # the worker is forked, and ONNX Runtime's threads wouldn't be
        engine = super().load(checkpoint, *args, **in_torch)
        detector = load_detector(device="cpu", onnx=runs_onnx("auto", torch.device("cpu")))
        engine = replace(engine, relating=load_checkpoint(checkpoint)[0], detector=detector)
        _ = engine._lent
        return engine

    def extract(self, tracklets: Sequence[Tracklet], on_progress: Progress) -> Extracted:
        return self._borrow("extract", sum(map(len, tracklets)), tracklets, _unheard)

    def grad_cam(
        self, crops: np.ndarray, reference: np.ndarray | None = None, aspect: float | None = None
    ) -> np.ndarray:
        return self._borrow("grad_cam", len(crops), crops, reference, aspect)

    def faithfulness(
        self,
        person: PersonAnalysis,
        cam: np.ndarray,
        reference: np.ndarray,
        on_progress: Progress | None = None,
    ) -> Faithfulness:
        return self._borrow("faithfulness", len(person.tracklet), person, cam, reference)

    def _borrow(self, call: str, frames: int, *arguments: Any) -> Any:
        """Call a method of `Engine` in the worker. Raises CTLError as it does."""
        answer = self._lent(call, frames, arguments)
        if isinstance(answer, CTLError):
            raise answer
        return answer

    @cached_property
    def _lent(self) -> Callable[[str, int, tuple[Any, ...]], Any]:
        import spaces

        def run(call: str, frames: int, arguments: tuple[Any, ...]) -> Any:
            try:
                return getattr(super(ZeroGpuEngine, self), call)(*arguments)
            except CTLError as error:
                return error

        return spaces.GPU(run, duration=lambda call, frames, arguments: booked_seconds(call, frames))


def _unheard(share: float) -> None:
    """Progress that nobody is told of."""
