"""The real Hub client, in a process of its own, against a Hub on loopback."""

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ctl.errors import InputError
from ctl.hub import HubRef, parse_ref
from tests.hub_server import TOKEN, HubServer

ROOT = Path(__file__).resolve().parent.parent
CONFIG = b'{"format": 1}'
WEIGHTS = bytes(range(256)) * 4000
QUICK = 10.0
"""Seconds, generous for a busy machine; left alone, the client tries for 23."""
FILES = {"config.json": CONFIG, "model.safetensors": WEIGHTS}

RUNNER = """
import dataclasses, json, sys, time
from pathlib import Path
from ctl import hub
from ctl.errors import CTLError
name, arguments = json.loads(sys.argv[1])
start = time.perf_counter()
try:
    result = getattr(hub, name)(*arguments) if name == "fetch" else hub.push(Path(arguments[0]), arguments[1])
    said = dataclasses.asdict(result) if name == "fetch" else {"url": result}
except CTLError as error:
    said = {"error": str(error), "kind": type(error).__name__}
print(json.dumps(said | {"seconds": time.perf_counter() - start}, default=str))
"""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with HubServer() as server:
        server.add("team/ctl", FILES)
        yield server


def call(name: str, *arguments: str, url: str, home: Path, **environment: str) -> dict[str, Any]:
    """Run hub.fetch or hub.push in a fresh process. Returns its result or its error, and the seconds it took."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
    run = subprocess.run(
        [sys.executable, "-c", RUNNER, json.dumps([name, arguments])],
        cwd=ROOT,
        env=kept | {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_download_brings_both_files_of_one_commit(hub: HubServer, tmp_path: Path) -> None:
    commit = hub.repos["team/ctl"].branches["main"]
    got = call("fetch", "team/ctl", url=hub.url, home=tmp_path)
    assert got["commit"] == commit
    assert Path(got["config"]).read_bytes() == CONFIG
    assert Path(got["weights"]).read_bytes() == WEIGHTS


def test_cached_commit_makes_no_request(hub: HubServer, tmp_path: Path) -> None:
    commit = hub.repos["team/ctl"].branches["main"]
    call("fetch", f"team/ctl@{commit}", url=hub.url, home=tmp_path)
    assert hub.requests
    hub.requests.clear()
    got = call("fetch", f"team/ctl@{commit}", url=hub.url, home=tmp_path)
    assert got["commit"] == commit
    assert hub.requests == []


@pytest.mark.parametrize("offline", [pytest.param("1", id="told-to-be-offline"), pytest.param("0", id="server-gone")])
def test_cached_branch_loads_without_a_server(hub: HubServer, tmp_path: Path, offline: str) -> None:
    commit = call("fetch", "team/ctl", url=hub.url, home=tmp_path)["commit"]
    hub.requests.clear()
    url = hub.url if offline == "1" else closed_port()
    got = call("fetch", "team/ctl", url=url, home=tmp_path, HF_HUB_OFFLINE=offline)
    assert got["commit"] == commit
    assert got["seconds"] < QUICK
    assert hub.requests == []


def test_branch_that_moved_is_fetched_anew(hub: HubServer, tmp_path: Path) -> None:
    before = call("fetch", "team/ctl", url=hub.url, home=tmp_path)
    hub.add("team/ctl", FILES | {"config.json": b"{}", "model.safetensors": WEIGHTS[::-1]})
    after = call("fetch", "team/ctl", url=hub.url, home=tmp_path)
    assert after["commit"] != before["commit"]
    assert Path(after["weights"]).read_bytes() == WEIGHTS[::-1]
    assert Path(after["config"]).read_bytes() == b"{}"


def test_another_branch_is_another_checkpoint(hub: HubServer, tmp_path: Path) -> None:
    commit = hub.add("team/ctl", FILES | {"config.json": b"[]"}, branch="v2")
    got = call("fetch", "team/ctl@v2", url=hub.url, home=tmp_path)
    assert (got["commit"], Path(got["config"]).read_bytes()) == (commit, b"[]")


@pytest.mark.parametrize(
    ("ref", "sentence"),
    [
        pytest.param("team/nobody", "there is no model team/nobody at", id="repo"),
        pytest.param("team/ctl@v9", "team/ctl has no revision 'v9'", id="branch"),
        pytest.param(f"team/ctl@{'0' * 40}", f"team/ctl has no revision '{'0' * 40}'", id="commit"),
        pytest.param("team/no-weights", "team/no-weights@main has no model.safetensors", id="weights"),
        pytest.param("team/no-config", "team/no-config@main has no config.json", id="config"),
    ],
)
def test_what_the_hub_does_not_have_is_named(hub: HubServer, tmp_path: Path, ref: str, sentence: str) -> None:
    hub.add("team/no-weights", {"config.json": CONFIG})
    hub.add("team/no-config", {"model.safetensors": WEIGHTS})
    got = call("fetch", ref, url=hub.url, home=tmp_path)
    assert got["kind"] == "HubError"
    assert got["error"].startswith(sentence)


def test_truncated_download_is_refused_and_leaves_nothing(hub: HubServer, tmp_path: Path) -> None:
    hub.tamper["model.safetensors"] = lambda data: data[:-1]
    got = call("fetch", "team/ctl", url=hub.url, home=tmp_path)
    assert got["kind"] == "HubError"
    assert got["error"] == "the download of team/ctl@main was cut short: try again"
    del hub.tamper["model.safetensors"]
    assert Path(call("fetch", "team/ctl", url=hub.url, home=tmp_path)["weights"]).read_bytes() == WEIGHTS


def test_connection_that_breaks_off_is_resumed(hub: HubServer, tmp_path: Path) -> None:
    hub.cut["model.safetensors"] = 1000
    got = call("fetch", "team/ctl", url=hub.url, home=tmp_path)
    assert hub.cut == {}
    assert Path(got["weights"]).read_bytes() == WEIGHTS


def test_weights_with_another_checksum_are_refused_and_fetched_again(hub: HubServer, tmp_path: Path) -> None:
    hub.tamper["model.safetensors"] = lambda data: b"?" + data[1:]
    got = call("fetch", "team/ctl", url=hub.url, home=tmp_path)
    assert got["kind"] == "HubError"
    assert "model.safetensors of team/ctl@main arrived damaged" in got["error"]
    assert hashlib.sha256(WEIGHTS).hexdigest()[:12] in got["error"]
    del hub.tamper["model.safetensors"]
    assert Path(call("fetch", "team/ctl", url=hub.url, home=tmp_path)["weights"]).read_bytes() == WEIGHTS


def test_cache_that_shares_files_between_repos_is_taken_as_it_is(hub: HubServer, tmp_path: Path) -> None:
    """The client may keep one copy of a file, under a hash of another kind, and link to it."""
    blob = Path(call("fetch", "team/ctl", url=hub.url, home=tmp_path)["weights"]).resolve()
    shared = blob.rename(tmp_path / ("f" * 64))
    blob.symlink_to(shared)
    assert Path(call("fetch", "team/ctl", url=hub.url, home=tmp_path)["weights"]).resolve() == shared


def test_server_that_is_gone_is_noticed_at_once(tmp_path: Path) -> None:
    got = call("fetch", "team/ctl", url=closed_port(), home=tmp_path)
    assert got["kind"] == "HubUnreachableError"
    assert "can't be reached and team/ctl@main isn't cached" in got["error"]
    assert got["seconds"] < QUICK


def test_server_that_never_answers_is_given_up(hub: HubServer, tmp_path: Path) -> None:
    hub.stall = 30
    got = call("fetch", "team/ctl", url=hub.url, home=tmp_path)
    assert got["kind"] == "HubUnreachableError"
    assert "no answer within 3 seconds" in got["error"]
    assert got["seconds"] < QUICK


def test_server_in_trouble_counts_as_unreachable(hub: HubServer, tmp_path: Path) -> None:
    hub.status = 503
    got = call("fetch", "team/ctl", url=hub.url, home=tmp_path)
    assert got["kind"] == "HubUnreachableError"
    assert got["seconds"] < QUICK


def test_page_of_somebody_else_counts_as_unreachable(hub: HubServer, tmp_path: Path) -> None:
    hub.status = 200
    assert call("fetch", "team/ctl", url=hub.url, home=tmp_path)["kind"] == "HubUnreachableError"


@pytest.mark.parametrize("name", [b"run", b'M\374ller\'s "run" \n<b>'])
def test_push_sends_weights_config_and_card_and_nothing_else(hub: HubServer, tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    files = {
        **FILES,
        "README.md": "---\nlicense: mit\n---\n# Ours ✓\n".encode(),
        "log.txt": b"no",
        "optimiser.pt": b"no",
    }
    folder.mkdir()
    for file, data in files.items():
        (folder / file).write_bytes(data)
    sent = call("push", str(folder), "team/new", url=hub.url, home=tmp_path / "hf", HF_TOKEN=TOKEN)
    pushed = hub.repos["team/new"].branches["main"]
    assert sent["url"] == f"{hub.url}/team/new/commit/{pushed}"
    wanted = {file: data for file, data in files.items() if file not in ("log.txt", "optimiser.pt")}
    assert hub.repos["team/new"].commits[pushed] == wanted
    got = call("fetch", "team/new", url=hub.url, home=tmp_path / "hf")
    assert got["commit"] == pushed


def test_push_without_a_token_says_how_to_log_in(hub: HubServer, tmp_path: Path) -> None:
    for name, data in {**FILES, "README.md": b"# Ours\n"}.items():
        (tmp_path / name).write_bytes(data)
    got = call("push", str(tmp_path), "team/new", url=hub.url, home=tmp_path / "hf")
    assert got["kind"] == "HubError"
    assert "hf auth login" in got["error"]
    assert "team/new" not in hub.repos


def test_push_without_a_card_is_refused_before_anything_is_sent(hub: HubServer, tmp_path: Path) -> None:
    for name, data in FILES.items():
        (tmp_path / name).write_bytes(data)
    got = call("push", str(tmp_path), "team/new", url=hub.url, home=tmp_path / "hf", HF_TOKEN=TOKEN)
    assert got["kind"] == "InputError"
    assert "has no README.md" in got["error"]
    assert hub.requests == []


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        pytest.param("team/ctl", HubRef("team/ctl", "main"), id="default-branch"),
        pytest.param("team/ctl@v1.0", HubRef("team/ctl", "v1.0"), id="tag"),
        pytest.param("team/ctl@refs/pr/3", HubRef("team/ctl", "refs/pr/3"), id="pull-request"),
    ],
)
def test_ref_is_read(text: str, ref: HubRef) -> None:
    assert parse_ref(text) == ref


@pytest.mark.parametrize(
    "text",
    [
        "ctl",
        "a/b/c",
        "../secret",
        "a/..",
        "/etc",
        "a/b@",
        "a/b@../../x",
        "a/b@x/../y",
        "a/b@-x",
        "a b/c",
        "a/b@x@y",
        "",
        "@x",
    ],
)
def test_what_is_no_ref_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="neither a folder here nor a Hub id"):
        parse_ref(text)
