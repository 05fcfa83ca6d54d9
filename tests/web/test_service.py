"""Which engine answers, and how a run is stopped."""

import threading
from pathlib import Path

import pytest

from ctl.checkpoint import BUNDLED
from ctl.errors import InputError
from ctl.pipeline import Engine
from ctl.web.runs import RunStore
from ctl.web.service import AnalyzeRequest, ExplainService, Models, StoppedError

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"
DEFAULT = Models(device="cpu")


def load(models: Models) -> Engine:
    return Engine.load(models.checkpoint, models.estimator, models.device)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> ExplainService:
    return ExplainService(DEFAULT, load, RunStore(tmp_path_factory.mktemp("runs")))


def test_steps_are_reported_in_order_and_the_run_is_kept(service: ExplainService) -> None:
    steps: list[tuple[float, str]] = []
    request = AnalyzeRequest(SAMPLES / "man-lab1.mp4", "crop", DEFAULT)
    run = service.analyze(request, on_step=lambda done, label: steps.append((done, label)))
    assert service.runs.get(run.id) is run
    shares = [done for done, _ in steps]
    assert shares == sorted(shares)
    assert 0 <= shares[0] <= shares[-1] <= 1
    assert len({label for _, label in steps}) >= 3


def test_cancel_stops_the_visitors_own_run_and_leaves_nothing(service: ExplainService) -> None:
    request = AnalyzeRequest(SAMPLES / "street.mp4", None, DEFAULT)
    before = set(service.runs.root.iterdir())
    started, outcome = threading.Event(), list[type[Exception]]()

    def run() -> None:
        try:
            service.analyze(request, "anna", lambda done, label: started.set())
        except StoppedError as stopped:
            outcome.append(type(stopped))

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(60)
    service.cancel("ben")
    service.cancel("anna")
    thread.join(60)
    assert outcome == [StoppedError]
    assert set(service.runs.root.iterdir()) == before


def test_failed_run_leaves_nothing(service: ExplainService, tmp_path: Path) -> None:
    clip = tmp_path / "broken.mp4"
    clip.write_bytes((SAMPLES / "street.mp4").read_bytes()[:2000])
    before = set(service.runs.root.iterdir())
    with pytest.raises(InputError, match=r"broken\.mp4"):
        service.analyze(AnalyzeRequest(clip, None, DEFAULT))
    assert set(service.runs.root.iterdir()) == before


@pytest.mark.parametrize("models", [Models(checkpoint="/etc"), Models(checkpoint="../x/y"), Models(estimator="/etc")])
def test_strangers_name_no_folders_of_this_machine(models: Models, tmp_path: Path) -> None:
    service = ExplainService(DEFAULT, load, RunStore(tmp_path), shared=True)
    with pytest.raises(InputError, match="write owner/name"):
        service.analyze(AnalyzeRequest(SAMPLES / "woman-lab4.mp4", "crop", models))


@pytest.mark.slow
def test_default_engine_stays_loaded_and_others_make_room(tmp_path: Path) -> None:
    loaded: list[Models] = []

    def count(models: Models) -> Engine:
        loaded.append(models)
        return load(models)

    service = ExplainService(DEFAULT, count, RunStore(tmp_path))
    others = [Models(checkpoint=f"{BUNDLED}{'/' * extra}", device="cpu") for extra in (1, 2)]
    clip = SAMPLES / "woman-lab4.mp4"
    for models in (others[0], DEFAULT, others[0], others[1], DEFAULT, others[0]):
        service.analyze(AnalyzeRequest(clip, "crop", models))
    assert loaded == [DEFAULT, others[0], others[1], others[0]]
