"""The endpoints for programs, called with the real client; and what the server doesn't hand out."""

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from ctl.pipeline import Engine
from ctl.skeleton import part_names
from ctl.types import PersonAnalysis
from tests.browser.running import thinned

SAMPLES = Path(__file__).resolve().parents[2] / "assets" / "samples"
CLIP, OTHER = SAMPLES / "man-lab1.mp4", SAMPLES / "woman-lab3.mp4"
ENDPOINTS = ["/analyze", "/rank", "/explain_match", "/enrol"]


@pytest.fixture(scope="module")
def client(app_url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(app_url, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


@pytest.fixture(scope="module")
def man(engine: Engine) -> PersonAnalysis:
    return engine.analyze(CLIP, "crop").people[0]


@pytest.fixture(scope="module")
def woman(engine: Engine) -> PersonAnalysis:
    return engine.analyze(OTHER, "crop").people[0]


@pytest.fixture
def new_clip(tmp_path: Path) -> Path:
    """A clip that no gallery holds."""
    (tmp_path / "walk.zip").write_bytes(thinned(OTHER))
    return tmp_path / "walk.zip"


def test_analysis_is_what_the_engine_gives(client: Client, man: PersonAnalysis) -> None:
    answer, trace = client.predict(clip=handle_file(CLIP), kind="crop", frame=3, api_name="/analyze")
    assert answer["source"] == CLIP.name
    assert answer["checkpoint"]["trained"] is True
    np.testing.assert_allclose(answer["tracklets"][0]["embedding"], man.embedding, atol=1e-3)
    assert [hit["key"] for hit in answer["tracklets"][0]["ranking"]] == [hit.key for hit in man.ranking]

    want = man.trace.adjacency | man.trace.cross_scale
    assert {"A_s1_l1", "Ap_s2_l2", "Am_s3_l1", "Ac_s1_l2", "A_s1_s3", "A_s2_s3"} <= set(answer["matrices"])
    assert set(answer["matrices"]) == set(want)
    with np.load(trace) as arrays:
        for name, matrix in answer["matrices"].items():
            np.testing.assert_allclose(matrix, want[name][2], atol=1e-3, err_msg=name)
            np.testing.assert_allclose(arrays[name][2], matrix, atol=1e-5, err_msg=name)


def test_analysis_without_arrays_is_short_enough_to_read(client: Client, man: PersonAnalysis) -> None:
    answer, _ = client.predict(clip=handle_file(CLIP), kind="crop", arrays=False, api_name="/analyze")
    assert len(json.dumps(answer)) < 4000
    assert answer["tracklets"][0]["frames"] == len(man.tracklet)
    assert answer["tracklets"][0]["ranking"][0]["key"] == man.ranking[0].key


def test_clip_and_known_tracklet_of_one_person_are_searched_for_together(
    client: Client, engine: Engine, man: PersonAnalysis
) -> None:
    also = next(e.key for e in engine.gallery.entries if (e.person, e.camera) == ("man (lab)", "lab 2"))
    answer = client.predict(
        clip=handle_file(CLIP), also=[also], kind="crop", top_k=3, without_cameras=["lab 3"], api_name="/rank"
    )
    (known,) = engine.gallery.records([also])
    mean = (man.embedding + known.embedding.numpy()) / 2
    allowed = {e.key: e for e in engine.gallery.entries if e.camera != "lab 3" and e.key not in answer["queries"]}
    records = engine.gallery.records(list(allowed))
    cosines = {r.entry.key: float(r.embedding.numpy() @ mean / np.linalg.norm(mean)) for r in records}

    assert answer["queries"][0] == also
    assert len(answer["queries"]) == 2
    assert answer["searched"] == len(allowed) == len(engine.gallery) - 4
    assert [hit["key"] for hit in answer["hits"]] == sorted(cosines, key=lambda key: -cosines[key])[:3]
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3]
    for hit in answer["hits"]:
        assert hit["similarity"] == pytest.approx(cosines[hit["key"]], abs=1e-3)
        assert (hit["person"], hit["camera"]) == (allowed[hit["key"]].person, allowed[hit["key"]].camera)
    assert answer["prior"] == 0.5


def test_hit_can_be_searched_for_without_a_clip(client: Client, engine: Engine) -> None:
    key = engine.gallery.entries[0].key
    answer = client.predict(also=[key], top_k=len(engine.gallery), api_name="/rank")
    assert answer["queries"] == [key]
    assert len(answer["hits"]) == answer["searched"] == len(engine.gallery) - 1


def test_match_adds_up_to_the_similarity(client: Client, man: PersonAnalysis, woman: PersonAnalysis) -> None:
    answer = client.predict(query=handle_file(CLIP), hit=handle_file(OTHER), kind="crop", api_name="/explain_match")
    assert answer["similarity"] == pytest.approx(float(man.embedding @ woman.embedding), abs=1e-3)
    for side, person in (("query", man), ("hit", woman)):
        told = answer[side]
        assert len(told["frames"]) == len(person.tracklet)
        assert told["shift"] + sum(told["frames"]) == pytest.approx(answer["similarity"], abs=1e-3)
        by_part = [value for scale in told["parts"].values() for value in scale.values()]
        assert told["shift"] + sum(by_part) == pytest.approx(answer["similarity"], abs=1e-3)
        maps = np.array(answer["grad_cam"][side])
        assert len(maps) == len(person.tracklet)
        assert maps.min() >= 0
        assert maps.max() == 1
    assert list(answer["alike"]["s3"]) == list(part_names("s3"))
    assert all(1 <= q <= len(man.tracklet) and 1 <= h <= len(woman.tracklet) for q, h in answer["pairs"])


def test_enrolled_person_is_found_by_who_holds_the_id_and_by_nobody_else(client: Client, new_clip: Path) -> None:
    mine = client.predict(clip=handle_file(new_clip), name="Eva", camera="hall", kind="crop", api_name="/enrol")
    assert mine["kept"] == "an hour after its last use"
    search: dict[str, Any] = {"clip": handle_file(OTHER), "kind": "crop", "cameras": ["hall"], "api_name": "/rank"}
    found = client.predict(**search, gallery=mine["gallery"])
    assert [(hit["person"], hit["key"]) for hit in found["hits"]] == [("Eva", mine["key"])]
    assert client.predict(**search)["hits"] == []
    again: dict[str, Any] = {"clip": handle_file(new_clip), "name": "Eva", "camera": "hall", "kind": "crop"}
    with pytest.raises(AppError, match=r"holds .* already, as Eva"):
        client.predict(**again, gallery=mine["gallery"], api_name="/enrol")
    assert client.predict(**again, api_name="/enrol")["gallery"] not in ("", mine["gallery"])


ANALYZE = {"clip": handle_file(CLIP), "kind": "crop", "api_name": "/analyze"}
RANK = {"clip": handle_file(CLIP), "kind": "crop", "api_name": "/rank"}
ENROL = {"clip": handle_file(CLIP), "name": "Al", "camera": "x", "kind": "crop", "api_name": "/enrol"}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        pytest.param(ANALYZE | {"person": 2}, "There is no person 2: the clip has 1.", id="person"),
        pytest.param(ANALYZE | {"frame": 0}, "There is no frame 0: the person is seen in", id="frame"),
        pytest.param(ANALYZE | {"person": None}, "person must be a number", id="null"),
        pytest.param(ANALYZE | {"kind": "zebra"}, "zebra", id="kind"),
        pytest.param(RANK | {"clip": None}, "Choose a sample or drop a clip first.", id="no-clip"),
        pytest.param(RANK | {"also": ["0/1"]}, "the gallery has no tracklet '0/1'", id="key"),
        pytest.param(RANK | {"top_k": 0}, "top_k must be 1 to 1000, got 0.", id="top-k"),
        pytest.param(RANK | {"cameras": "lab 1"}, "cameras must be a list of names", id="cameras"),
        pytest.param(RANK | {"gallery": "guess"}, "This gallery is no longer kept", id="gallery"),
        pytest.param(ENROL | {"name": ""}, "person must be 1 to 100 printable characters", id="name"),
        pytest.param(ENROL, "is in everybody's gallery already", id="known"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(client: Client, call: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AppError) as refusal:
        client.predict(**call)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_bad_clip_is_told_in_one_sentence(client: Client, tmp_path: Path) -> None:
    clip = tmp_path / "empty.mp4"
    clip.write_bytes(b"")
    with pytest.raises(AppError, match=r"empty\.mp4"):
        client.predict(clip=handle_file(clip), api_name="/analyze")


@pytest.mark.parametrize("path", ["/etc/passwd", str(SAMPLES.parents[1] / "LICENSE")])
def test_files_of_the_server_are_no_clips(client: Client, path: str) -> None:
    unsent = {"path": path, "meta": {"_type": "gradio.FileData"}, "orig_name": "walk.mp4"}
    with pytest.raises(AppError):
        client.predict(clip=unsent, api_name="/analyze")


def test_only_the_endpoints_are_public_and_every_argument_is_documented(client: Client) -> None:
    api = client.view_api(return_format="dict", print_info=False)
    assert list(api["named_endpoints"]) == ENDPOINTS
    assert api["unnamed_endpoints"] == {}
    for endpoint in api["named_endpoints"].values():
        for parameter in endpoint["parameters"]:
            assert f"\n    {parameter['parameter_name']}: " in endpoint["description"]
    assert "row = receiver, column = sender" in json.dumps(api)


@pytest.mark.parametrize(
    "path", ["gradio_api/file=/etc/passwd", "gradio_api/file=app.py", "gradio_api/file=ctl/../LICENSE", "monitoring"]
)
def test_server_hands_out_nothing_else(app_url: str, path: str) -> None:
    with pytest.raises(HTTPError) as refusal:
        urlopen(app_url + path)
    assert refusal.value.code == 403
