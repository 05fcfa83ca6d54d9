"""The engine for ZeroGPU Spaces: what reaches the worker can be pickled, and little quota is booked."""

import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from ctl.pipeline import Engine
from ctl.web.zero_gpu import LONGEST_SECONDS, ZeroGpuEngine, booked_seconds, on_zero_gpu

CLIP = Path(__file__).resolve().parents[2] / "assets" / "samples" / "man-lab1.mp4"


@pytest.fixture
def booked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A `spaces` package that books and pickles as the real one does, without a process. Gives what was booked."""
    seconds: list[int] = []

    def lend(task: Callable[..., Any], duration: Callable[..., int]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            seconds.append(duration(*arguments))
            return pickle.loads(pickle.dumps(task(*pickle.loads(pickle.dumps(arguments)))))

        return call

    spaces = ModuleType("spaces")
    spaces.GPU = lend  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spaces", spaces)
    return seconds


def test_lent_engine_gives_the_same_results(booked: list[int]) -> None:
    plain, lent = Engine.load(device="cpu"), ZeroGpuEngine.load(device="cpu")
    want, got = plain.analyze(CLIP, "crop").people[0], lent.analyze(CLIP, "crop").people[0]
    np.testing.assert_allclose(got.embedding, want.embedding, atol=1e-5)
    np.testing.assert_allclose(lent.grad_cam(got), plain.grad_cam(want), atol=1e-4)
    assert len(booked) == 2
    assert all(0 < seconds <= 6 for seconds in booked)


def test_longest_clip_books_little_of_a_visitors_two_minutes() -> None:
    assert booked_seconds(0) < booked_seconds(900) <= LONGEST_SECONDS == booked_seconds(10**6)


def test_loan_is_asked_for_on_such_a_space_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert not on_zero_gpu()
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert on_zero_gpu()
