"""What a page is served from: models and a store of results. Without Gradio, so that they load while it is imported."""

from pathlib import Path

from ctl.pipeline import Engine
from ctl.runtime import Backend
from ctl.web.runs import RunStore
from ctl.web.samples import SAMPLES
from ctl.web.service import ExplainService, Models
from ctl.web.zero_gpu import ZeroGpuEngine, on_zero_gpu


def make_service(
    checkpoint: str | None,
    estimator: str,
    device: str,
    gallery: str | Path | None,
    folder: Path,
    *,
    shared: bool,
    backend: Backend = "auto",
) -> ExplainService:
    """Load the models that the page starts with.

    Args:
        folder: private, where results are kept.
        shared: whether others than this machine's user reach the page.
        backend: what runs the heavy networks.
    Raises:
        CTLError: a model or the gallery can't be loaded.
    """
    runs = RunStore(folder)
    runs.sweep_forever()

    engine_type = ZeroGpuEngine if on_zero_gpu() else Engine

    def load(models: Models) -> Engine:
        given = models.checkpoint, models.estimator, models.device, gallery
        return engine_type.load(*given, backend=backend, new_gallery=True)

    return ExplainService(
        Models(checkpoint, estimator, device),
        load,
        runs,
        shared=shared,
        gallery=gallery,
        samples=SAMPLES / "results",
    )
