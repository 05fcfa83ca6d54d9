"""The endpoints for programs, over HTTP and as MCP tools: thin, over the same service as the page.

Their docstrings are what the API page and MCP clients show; there, the text of an argument has to be one line.
"""

import json
from collections.abc import Sequence
from inspect import getdoc
from typing import TYPE_CHECKING, Any, Final

import gradio as gr
import torch
from gradio.components.api_component import Api
from gradio_client.utils import is_file_obj_with_meta  # type: ignore[import-untyped]

from ctl.enrol.clips import to_record
from ctl.errors import InputError
from ctl.gallery import TOP_K, Filter
from ctl.results import analysis_json
from ctl.types import UNTRAINED, PersonAnalysis
from ctl.video.reader import SUFFIXES
from ctl.web import answers, text, views
from ctl.web.queues import MODEL
from ctl.web.runs import Run
from ctl.web.searches import key_of
from ctl.web.service import ExplainService
from ctl.web.tabs.clip import request_of
from ctl.web.tabs.common import told_to_the_visitor
from ctl.web.uploads import take_addresses

if TYPE_CHECKING:
    from gradio.mcp import GradioMCPServer

MAX_TOP_K: Final = 1000


class Endpoints:
    """The functions behind the endpoints. They answer with the models that the app was started with."""

    def __init__(self, service: ExplainService) -> None:
        self.service = service

    def analyze(
        self, clip: str | None, kind: str, person: int, frame: int, arrays: bool, request: gr.Request
    ) -> tuple[dict[str, Any], str]:
        """Analyse a clip of walking people: who is in it, their key-points, embedding, graphs and nearest known people.

        Args:
            clip: a video, or a zip of frames.
            kind: "crop" for one person already cropped, "scene" for a scene, "auto" to decide from the clip.
            person: whose matrices to return; 1 is the person seen longest.
            frame: of that person, from 1; the centre of the window that the matrices are of.
            arrays: false leaves the long arrays out: boxes, key-points, embeddings and matrices.
        Returns:
            analysis.json with one key more, "matrices": "A_s1_l1" and so on (sum), with "Ap_", "Am_" and "Ac_" its
            terms, and "A_s1_s3", "A_s2_s3" across scales; lists of rows, row = receiver, column = sender.
            And trace.npz: the matrices of all people and frames.
        """
        with told_to_the_visitor(words={}):
            _given(person=person, frame=frame)
            run, chosen = self._analyzed(clip, kind, person, request)
            answer = analysis_json(run.analysis)
            if arrays:
                answer["matrices"] = answers.matrices_of(chosen, frame)
            else:
                answer["tracklets"] = [answers.without_arrays(tracklet) for tracklet in answer["tracklets"]]
            return answer, str(views.trace_file(run))

    def rank(
        self,
        request: gr.Request,
        clip: str | None = None,
        also: Sequence[str] = (),
        kind: str = "auto",
        person: int = 1,
        top_k: int = TOP_K,
        at_least: float = -1.0,
        cameras: Sequence[str] = (),
        without_cameras: Sequence[str] = (),
        gallery: str = "",
    ) -> dict[str, Any]:
        """Rank a gallery of known people by their similarity to the person of a clip, of known tracklets, or of both.

        Args:
            clip: a video, or a zip of frames; may be left out where `also` names a tracklet.
            also: keys of gallery tracklets of the same person, as rank and enrol give them, to search for together.
            kind: "crop" for one person already cropped, "scene" for a scene, "auto" to decide from the clip.
            person: who of the clip; 1 is the person seen longest.
            top_k: hits at most.
            at_least: smallest similarity that counts, -1 to 1.
            cameras: only tracklets of these cameras; an empty list asks for nothing.
            without_cameras: no tracklets of these cameras, such as the query's own.
            gallery: the id that enrol gave, to search your own gallery as well; "" searches everybody's.
        Returns:
            "hits", best first: rank, key, person, camera, similarity and calibrated probability. "similarity_is" and
            "probability_is" say what those are; "queries", the keys that were searched for together; "searched", among
            how many tracklets. What is searched for is never among the hits.
        """
        with told_to_the_visitor(words={}):
            _given(person=person, top_k=top_k, at_least=at_least)
            searched = self.service.galleries.read(gallery)
            if not 1 <= top_k <= MAX_TOP_K:
                raise InputError(f"top_k must be 1 to {MAX_TOP_K}, got {top_k}.")
            only, without = _names(cameras, "cameras"), _names(without_cameras, "without_cameras")
            queries = {r.entry.key: r.embedding for r in searched.records(sorted(_names(also, "also")))}
            if clip is not None or not queries:
                run, chosen = self._analyzed(clip, kind, person, request)
                queries[key_of(run, chosen)] = torch.from_numpy(chosen.embedding)
            where = Filter(only, without, without_keys=frozenset(queries))
            hits = searched.search(torch.stack(list(queries.values())), top_k, at_least, where)
            calibration = self.service.engine.checkpoint.calibration
            return {
                "queries": list(queries),
                "searched": searched.count(where),
                **answers.scores(calibration),
                "hits": answers.ranking_json(hits, calibration),
                "notices": self._notices(),
            }

    def explain_match(
        self,
        query: str | None,
        hit: str | None,
        kind: str,
        query_person: int,
        hit_person: int,
        arrays: bool,
        request: gr.Request,
    ) -> dict[str, Any]:
        """Compare two clips of walking people and say what their similarity adds up from.

        Args:
            query: a video, or a zip of frames.
            hit: the one to compare it with.
            kind: of both: "crop" for one person already cropped, "scene" for a scene, "auto" to decide from the clip.
            query_person: who of the query; 1 is the person seen longest.
            hit_person: who of the hit.
            arrays: false leaves the Grad-CAM maps out.
        Returns:
            "similarity" and its calibrated "probability"; for "query" and "hit" what each frame and, on its own, each
            part put into it: "frames" and "shift" add up to the similarity, and so do "parts" and "shift"; "alike", the
            cosine of each part's features in both; "seen", the lower of both mean key-point scores of the part;
            "pairs", frames of the most alike pose; "grad_cam", for each side (T, h, w) in 0..1, what makes it similar
            to the other.
        """
        with told_to_the_visitor(words={}):
            _given(query_person=query_person, hit_person=hit_person)
            _, of_query = self._analyzed(query, kind, query_person, request)
            _, of_hit = self._analyzed(hit, kind, hit_person, request)
            engine = self.service.engine
            match = answers.match_json(engine.match(of_query, of_hit))
            answer = answers.scores(engine.checkpoint.calibration) | match | {"notices": self._notices()}
            if arrays:
                answer["grad_cam"] = {
                    "query": answers.plain(
                        engine.grad_cam(of_query.tracklet.crops, of_hit.embedding, of_query.tracklet.aspect)
                    ),
                    "hit": answers.plain(
                        engine.grad_cam(of_hit.tracklet.crops, of_query.embedding, of_hit.tracklet.aspect)
                    ),
                }
            return answer

    def enrol(
        self, clip: str | None, name: str, camera: str, kind: str, person: int, gallery: str, request: gr.Request
    ) -> dict[str, Any]:
        """Add the person of a clip to a gallery, so that rank can find them. Only with that person's consent.

        Args:
            clip: a video, or a zip of frames.
            name: who it is, 1 to 100 characters.
            camera: which camera filmed it, 1 to 100 characters.
            kind: "crop" for one person already cropped, "scene" for a scene, "auto" to decide from the clip.
            person: who of the clip; 1 is the person seen longest.
            gallery: the id that an earlier enrol gave, to add to the same gallery; "" starts one.
        Returns:
            "gallery", the id of your own gallery, to be given to rank and enrol: keep it to yourself; "kept", how long
            it lasts: an hour after its last use, or, where the app keeps a gallery on disk, for good, and then
            "gallery" is "" and everybody finds it; "key" of the tracklet; "tracklets", how many a search looks at.
        """
        with told_to_the_visitor(words={}):
            _given(person=person)
            self.service.galleries.read(gallery)  # an id that is gone is named before the clip is analysed
            run, chosen = self._analyzed(clip, kind, person, request)
            record = to_record(self.service.engine, chosen, run.digest, name, camera)
            own = self.service.galleries.add([record], gallery)
            return {
                "gallery": own,
                "kept": "an hour after its last use" if own else "for good",
                "key": record.entry.key,
                "person": name,
                "camera": camera,
                "tracklets": len(self.service.galleries.read(own)),
                "notices": self._notices(),
            }

    def _analyzed(self, clip: str | None, kind: str, person: int, request: gr.Request) -> tuple[Run, PersonAnalysis]:
        run = self.service.analyze(request_of(self.service.default, clip, kind), request.session_hash or "")
        return run, answers.person_of(run.analysis.people, person)

    def _notices(self) -> list[str]:
        return [] if self.service.engine.checkpoint.trained else [UNTRAINED]


def add_endpoints(service: ExplainService) -> None:
    """Add the endpoints to the page that is open. Each hangs on a button that nobody sees: Gradio knows no other way
    in which uploads are checked."""
    endpoints = Endpoints(service)
    with gr.Column(visible=False):
        calls = (
            (
                endpoints.analyze,
                [_clip("Clip"), _kind(), _count("Person"), _count("Frame"), _arrays()],
                [gr.JSON(label="Analysis"), gr.File(label="trace.npz")],
            ),
            (
                endpoints.rank,
                [
                    _clip("Clip"),
                    Api([], _NAMES, "Tracklets"),
                    _kind(),
                    _count("Person"),
                    gr.Number(TOP_K, precision=0, label="Hits at most"),
                    gr.Number(-1, label="Smallest similarity"),
                    Api([], _NAMES, "Cameras"),
                    Api([], _NAMES, "Without cameras"),
                    _text("Gallery", ""),
                ],
                [gr.JSON(label="Ranking")],
            ),
            (
                endpoints.explain_match,
                [_clip("Query"), _clip("Hit"), _kind(), _count("Query person"), _count("Hit person"), _arrays()],
                [gr.JSON(label="Match")],
            ),
            (
                endpoints.enrol,
                [_clip("Clip"), _text("Name"), _text("Camera"), _kind(), _count("Person"), _text("Gallery", "")],
                [gr.JSON(label="Enrolled")],
            ),
        )
        for function, inputs, outputs in calls:
            gr.Button().click(
                function, inputs, outputs, api_name=function.__name__, api_description=getdoc(function), **MODEL
            )


def answer_mcp_in_json(server: "GradioMCPServer") -> None:
    """Give MCP clients objects as JSON, and several answers as several: Gradio 6.31 prints them as Python would, with
    None and True, and all as one list."""
    to_content = server.postprocess_output_data

    def in_json(data: list[Any], root_url: str) -> Any:
        several = data[0] if len(data) == 1 and isinstance(data[0], list | tuple) else data
        return to_content(
            [answer if is_file_obj_with_meta(answer) else json.dumps(answer) for answer in several], root_url
        )

    server.postprocess_output_data = in_json  # type: ignore[method-assign]


_FILES: Final = [*SUFFIXES]
_NAMES: Final[dict[str, Any]] = {"type": "array", "items": {"type": "string"}}


def _clip(label: str) -> gr.File:
    return take_addresses(gr.File(label=label, file_types=_FILES))


def _kind() -> gr.Radio:
    return gr.Radio(list(text.KINDS), value="auto", label="What a clip shows")


def _count(label: str) -> gr.Number:
    return gr.Number(1, precision=0, label=label)


def _arrays() -> gr.Checkbox:
    return gr.Checkbox(True, label="Arrays")


def _text(label: str, value: str | None = None) -> gr.Textbox:
    return gr.Textbox(value, label=label)


def _given(**numbers: float | None) -> None:
    """Raises InputError for a null, which Gradio lets through."""
    for argument, number in numbers.items():
        if number is None:
            raise InputError(f"{argument} must be a number; leave it out for the default.")


def _names(value: Sequence[str], argument: str) -> frozenset[str]:
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise InputError(f'{argument} must be a list of names, such as ["lab 1"], got {value!r}.')
    return frozenset(value)
