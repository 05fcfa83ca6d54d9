"""From settings to a running server: models, results store, page, port."""

from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Final

import gradio as gr
import torch

from ctl.checkpoint import load_checkpoint
from ctl.errors import InputError
from ctl.pipeline import Engine
from ctl.video.limits import LIMITS
from ctl.web import text
from ctl.web.api import answer_mcp_in_json
from ctl.web.runs import RunStore
from ctl.web.samples import SAMPLES, read_samples
from ctl.web.service import ExplainService, Models
from ctl.web.theme import make_css, make_theme
from ctl.web.ui import build_app
from ctl.web.zero_gpu import ZeroGpuEngine, on_zero_gpu

SESSIONS: Final = 200
"""Visitors whose state is held at once: a run id each."""


def make_service(
    checkpoint: str | None, estimator: str, device: str, gallery: str | Path | None, folder: Path, *, shared: bool
) -> ExplainService:
    """Load the models that the page starts with.

    Args:
        folder: private, where results are kept.
        shared: whether others than this machine's user reach the page.
    Raises:
        CTLError: a model or the gallery can't be loaded.
    """
    runs = RunStore(folder)
    runs.sweep_forever()

    engine_type = ZeroGpuEngine if on_zero_gpu() else Engine

    def load(models: Models) -> Engine:
        return engine_type.load(models.checkpoint, models.estimator, models.device, gallery, new_gallery=True)

    return ExplainService(
        Models(checkpoint, estimator, device),
        load,
        runs,
        shared=shared,
        gallery=gallery,
        samples=SAMPLES / "results",
        network=load_checkpoint(checkpoint)[0] if on_zero_gpu() else None,
    )


def devices() -> tuple[str, ...]:
    """What the page offers to run on."""
    return ("auto", "cpu", "cuda") if torch.cuda.is_available() else ("auto", "cpu")


def launch(service: ExplainService, host: str, port: int | None, *, wait: bool = True) -> gr.Blocks:
    """Serve the page.

    Args:
        host: address to listen on.
        port: None takes the first free one from 7860.
        wait: block until the server is stopped.
    Raises:
        InputError: the port, or every port tried, is in use.
    """
    app = build_app(service, read_samples(), devices())
    try:
        with redirect_stdout(StringIO()):  # of all that Gradio prints, MCP's address alone can't be switched off
            app.launch(
                server_name=host,
                server_port=port,
                theme=make_theme(),
                css=make_css(),
                footer_links=["api"],
                allowed_paths=[str(SAMPLES)],
                max_file_size=LIMITS.megabytes * 10**6,
                state_session_capacity=SESSIONS,
                show_error=False,
                run_history=False,
                enable_monitoring=False,
                strict_cors=True,
                share=False,
                ssr_mode=False,
                mcp_server=True,
                prevent_thread_lock=True,
                quiet=True,
            )
    except OSError as error:
        where = f"{host}:{port}" if port else f"{host}, ports 7860 to 7959"
        raise InputError(
            f"{where} can't be used: choose a free port with --port, or a --host of this machine."
        ) from error
    if app.mcp_server_obj is not None:
        answer_mcp_in_json(app.mcp_server_obj)
    print(f"{text.TITLE} is at {app.local_url}", flush=True)
    if wait:
        app.block_thread()
    return app
