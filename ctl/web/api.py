"""The one endpoint for programs: a clip in, everything of analysis.json and the raw matrices out."""

from collections.abc import Callable, Sequence
from inspect import getdoc
from typing import Any, Final

import gradio as gr

from ctl.errors import InputError
from ctl.results import analysis_json
from ctl.types import PersonAnalysis
from ctl.web import views
from ctl.web.handlers import request_of, told_to_the_visitor
from ctl.web.page import Inputs
from ctl.web.queues import MODEL
from ctl.web.service import ExplainService

DIGITS: Final = 6


def make_analyze(service: ExplainService) -> Callable[..., tuple[dict[str, Any], str]]:
    """The endpoint's function; its signature and docstring are what the API page shows."""

    def analyze(
        clip: str | None, kind: str, person: int, frame: int, request: gr.Request
    ) -> tuple[dict[str, Any], str]:
        """Analyse a clip of walking people.

        Args:
            clip: a video, or a zip of frames.
            kind: "crop" for one person already cropped, "scene" for a scene, "auto" to decide from the clip.
            person: whose matrices to return; 1 is the person seen longest.
            frame: of that person, from 1; the centre of the window that the matrices are of.
        Returns:
            analysis.json with one key more, "matrices": "A_s1_l1" and so on (sum), with "Ap_", "Am_" and "Ac_" its
            terms, and "A_s1_s3", "A_s2_s3" across scales; lists of rows, row = receiver, column = sender.
            And trace.npz: the matrices of all people and frames.
        """
        with told_to_the_visitor():
            asked = request_of(service.default, clip, kind)
            run = service.analyze(asked, request.session_hash or "")
            matrices = matrices_of(run.analysis.people, person, frame)
            return analysis_json(run.analysis) | {"matrices": matrices}, str(views.trace_file(run))

    return analyze


def matrices_of(people: Sequence[PersonAnalysis], person: int, frame: int) -> dict[str, list[list[float]]]:
    """All matrices of one person and frame, both counted from 1. Raises InputError where there is no such one."""
    if not 1 <= person <= len(people):
        raise InputError(f"There is no person {person}: the clip has {len(people)}.")
    trace = people[person - 1].trace
    frames = len(trace.keypoints.xy)
    if not 1 <= frame <= frames:
        raise InputError(f"There is no frame {frame}: the person is seen in {frames}.")
    every = trace.adjacency | trace.cross_scale
    return {name: values[frame - 1].astype(float).round(DIGITS).tolist() for name, values in every.items()}


def add_endpoint(service: ExplainService, inputs: Inputs) -> None:
    """Add /analyze to the page that is open: a button nobody sees, because every endpoint has to hang on something."""
    person, frame = (gr.Number(1, precision=0, label=label, visible=False) for label in ("Person", "Frame"))
    analyze = make_analyze(service)
    gr.Button(visible=False).click(
        analyze,
        [inputs.clip, inputs.kind, person, frame],
        [gr.JSON(label="Analysis", visible=False), gr.File(label="trace.npz", visible=False)],
        api_name="analyze",
        api_description=getdoc(analyze),
        **MODEL,
    )
