"""The endpoint for programs, called with the real client; and what the server doesn't hand out."""

import json
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from ctl.pipeline import Engine

CLIP = Path(__file__).resolve().parents[2] / "assets" / "samples" / "man-lab1.mp4"


@pytest.fixture(scope="module")
def client(app_url: str, tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(app_url, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


def test_endpoint_gives_what_the_engine_gives(client: Client) -> None:
    answer, trace = client.predict(clip=handle_file(CLIP), kind="crop", person=1, frame=3, api_name="/analyze")
    person = Engine.load(device="cpu").analyze(CLIP, "crop").people[0]

    assert answer["source"] == CLIP.name
    assert answer["checkpoint"]["trained"] is False
    np.testing.assert_allclose(answer["tracklets"][0]["embedding"], person.embedding, atol=1e-3)
    assert [hit["key"] for hit in answer["tracklets"][0]["ranking"]] == [hit.key for hit in person.ranking]

    want = person.trace.adjacency | person.trace.cross_scale
    assert {"A_s1_l1", "Ap_s2_l2", "Am_s3_l1", "Ac_s1_l2", "A_s1_s3", "A_s2_s3"} <= set(answer["matrices"])
    assert set(answer["matrices"]) == set(want)
    with np.load(trace) as arrays:
        for name, matrix in answer["matrices"].items():
            np.testing.assert_allclose(matrix, want[name][2], atol=1e-3, err_msg=name)
            np.testing.assert_allclose(arrays[name][2], matrix, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param({"person": 2}, "no person 2", id="person"),
        pytest.param({"frame": 0}, "no frame 0", id="frame"),
    ],
)
def test_what_the_clip_does_not_have_is_named(client: Client, arguments: dict[str, int], sentence: str) -> None:
    with pytest.raises(AppError, match=sentence):
        client.predict(
            **{"clip": handle_file(CLIP), "kind": "crop", "person": 1, "frame": 1} | arguments, api_name="/analyze"
        )


def test_bad_clip_is_told_in_one_sentence(client: Client, tmp_path: Path) -> None:
    clip = tmp_path / "empty.mp4"
    clip.write_bytes(b"")
    with pytest.raises(AppError, match=r"empty\.mp4"):
        client.predict(clip=handle_file(clip), kind="auto", person=1, frame=1, api_name="/analyze")


def test_only_the_endpoint_is_public(client: Client) -> None:
    api = client.view_api(return_format="dict", print_info=False)
    assert list(api["named_endpoints"]) == ["/analyze"]
    assert api["unnamed_endpoints"] == {}
    assert "row = receiver, column = sender" in json.dumps(api)


@pytest.mark.parametrize(
    "path", ["gradio_api/file=/etc/passwd", "gradio_api/file=app.py", "gradio_api/file=ctl/../LICENSE", "monitoring"]
)
def test_server_hands_out_nothing_else(app_url: str, path: str) -> None:
    with pytest.raises(HTTPError) as refusal:
        urlopen(app_url + path)
    assert refusal.value.code == 403
