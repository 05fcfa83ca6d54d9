"""The engine and the app on a ZeroGPU Space: models run in the worker alone, and little quota is booked."""

import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file

from ctl.errors import InputError
from ctl.explain import faithfulness
from ctl.explain.what_if import full_setting
from ctl.pipeline import Engine
from ctl.types import PersonAnalysis
from ctl.web.zero_gpu import LONGEST_SECONDS, PASSES, ZeroGpuEngine, booked_seconds, on_zero_gpu
from tests.browser.running import running_app, thinned

pytestmark = pytest.mark.slow

CLIP = Path(__file__).resolve().parents[2] / "assets" / "samples" / "man-lab1.mp4"
STAND_IN = Path(__file__).resolve().parent / "stand_in"
KEY = "0/1"


@pytest.fixture(scope="module")
def plain() -> Engine:
    return Engine.load(device="cpu", backend="torch")


@pytest.fixture(scope="module")
def man(plain: Engine) -> PersonAnalysis:
    return plain.analyze(CLIP, "crop").people[0]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The stand-in for `spaces` can be imported; gives the list of what was lent.

    Workers end with their test: being forked, they hold open whatever this process had open, and a browser of other
    tests would wait for ever for its pipe to close.
    """
    monkeypatch.syspath_prepend(STAND_IN)
    monkeypatch.setenv("SPACES_LOG", str(tmp_path / "lent.jsonl"))
    monkeypatch.setitem(sys.modules, "spaces", None)  # restored afterwards, whatever is imported here
    del sys.modules["spaces"]
    yield tmp_path / "lent.jsonl"
    for worker in multiprocessing.active_children():
        worker.terminate()
        worker.join()


@pytest.fixture
def lent(log: Path) -> ZeroGpuEngine:
    """An engine whose models refuse to run in this process."""
    engine = ZeroGpuEngine.load(device="cpu")
    here = os.getpid()

    def refuse(module: Any, inputs: Any) -> None:
        assert os.getpid() != here, "a model ran outside the worker"

    for module in (*engine.model.modules(), *engine.estimator.net.modules()):  # type: ignore[attr-defined]
        module.register_forward_pre_hook(refuse)
    return engine


def read_log(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def equal(got: Any, want: Any) -> None:
    """Same values in the same dataclasses, dicts and lists, arrays on the CPU."""
    if isinstance(want, dict):
        assert list(got) == list(want)
        for name, value in want.items():
            equal(got[name], value)
    elif isinstance(want, list | tuple):
        assert len(got) == len(want)
        for one, other in zip(got, want, strict=True):
            equal(one, other)
    elif isinstance(want, np.ndarray):
        assert isinstance(got, np.ndarray)
        np.testing.assert_allclose(got, want, atol=1e-4)
    elif isinstance(want, float):
        assert got == pytest.approx(want, abs=1e-4)
    elif hasattr(want, "__dict__"):
        assert type(got) is type(want)
        equal(vars(got), vars(want))
    else:
        assert got == want


CALLS: dict[str, Callable[[Engine, PersonAnalysis], Any]] = {
    "extract": lambda engine, man: engine.extract([man.tracklet], lambda share: None).features,
    "grad_cam": lambda engine, man: engine.grad_cam(man.tracklet.crops),
    "faithfulness": lambda engine, man: engine.faithfulness(man, cam(man), man.embedding[::-1].copy()),
}


def cam(man: PersonAnalysis) -> np.ndarray:
    return np.random.default_rng(0).random((len(man.tracklet), 8, 4), np.float32)


@pytest.mark.parametrize("call", CALLS)
def test_lent_engine_gives_the_same_from_its_worker(
    lent: ZeroGpuEngine,
    plain: Engine,
    man: PersonAnalysis,
    log: Path,
    call: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(faithfulness, "SHARES", (0.0, 1.0))  # a tenth of the passes; the worker is forked from here
    monkeypatch.setattr(faithfulness, "ROAD_SHARES", (0.5,))
    equal(CALLS[call](lent, man), CALLS[call](plain, man))
    (entry,) = read_log(log)
    assert entry["call"] == call
    assert 0 < entry["booked"] <= (LONGEST_SECONDS if call == "faithfulness" else 6)


def test_whole_analysis_borrows_once(lent: ZeroGpuEngine, man: PersonAnalysis, log: Path) -> None:
    equal(lent.analyze(CLIP, "crop").people[0], man)
    assert [entry["call"] for entry in read_log(log)] == ["extract"]


def test_expected_trouble_in_the_worker_keeps_its_sentence(
    lent: ZeroGpuEngine, man: PersonAnalysis, log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*call: Any) -> None:
        raise InputError("this clip can't be explained: choose another")

    monkeypatch.setattr(Engine, "grad_cam", refuse)  # the worker is forked from here
    for _ in range(2):  # the worker goes on
        with pytest.raises(InputError, match="can't be explained: choose another"):
            lent.grad_cam(man.tracklet.crops)
    assert [entry["raised"] for entry in read_log(log)] == [False, False]


def test_questions_after_an_analysis_borrow_nothing(
    lent: ZeroGpuEngine, plain: Engine, man: PersonAnalysis, log: Path
) -> None:
    setting = full_setting(lent.model.config)
    equal(lent.evidence(man), plain.evidence(man))
    equal(lent.what_if(man, setting, KEY), plain.what_if(man, setting, KEY))
    assert not log.exists()


@pytest.mark.parametrize("call", PASSES)
def test_longest_clip_books_little_of_a_visitors_two_minutes(call: str) -> None:
    assert booked_seconds(call, 0) < booked_seconds(call, 900) <= LONGEST_SECONDS == booked_seconds(call, 10**6)


def test_every_model_call_of_the_engine_is_lent() -> None:
    """A method that takes the lock runs a model; a new one would run it where there is no GPU."""
    code = {name: method.__code__ for name, method in vars(Engine).items() if hasattr(method, "__code__")}
    locking = {name for name, body in code.items() if "lock" in body.co_names and not name.startswith("__")}
    assert locking == set(CALLS)
    assert locking <= set(vars(ZeroGpuEngine))


def test_loan_is_asked_for_on_such_a_space_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)
    assert not on_zero_gpu()
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert on_zero_gpu()


def test_app_runs_on_such_a_space(tmp_path: Path) -> None:
    (tmp_path / "walk.zip").write_bytes(thinned(CLIP))
    clip = handle_file(tmp_path / "walk.zip")
    environment = {
        "SPACES_ZERO_GPU": "true",
        "SPACES_LOG": str(tmp_path / "lent.jsonl"),
        "PYTHONPATH": str(STAND_IN),
        "GRADIO_SSR_MODE": "true",  # Spaces set it; the page needs no Node
        "OMP_NUM_THREADS": "1",
    }
    with running_app(tmp_path / "scratch", "--device", "cpu", environment=environment) as url:
        match = Client(url, verbose=False).predict(query=clip, hit=clip, api_name="/explain_match")
    assert match["similarity"] == pytest.approx(1, abs=1e-3)
    assert np.max(match["grad_cam"]["query"]) == 1
    lent = [entry["call"] for entry in read_log(tmp_path / "lent.jsonl")]
    assert lent == ["extract"] * 2 + ["grad_cam"] * 2
