"""A small Hugging Face Hub on loopback, for the real `huggingface_hub` client.

    with HubServer() as hub:
        commit = hub.add("owner/name", {"config.json": b"{}", "model.safetensors": weights})
        subprocess.run([...], env=os.environ | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path)})

The client reads its settings when it is imported, so it runs in a process of its own. Uploads take the Hub's LFS
route: set `HF_HUB_DISABLE_XET=1`. To simulate a Hub that is gone use the address of a port that nobody listens on:
connections that are kept alive outlive a server's shutdown.
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import unquote, urlsplit

Files = dict[str, bytes]
TOKEN = "hf_test"
"""What a client must present to push."""


@dataclass
class Repo:
    """A model repo: commits by their 40 digits, and the branches that point to them."""

    commits: dict[str, Files] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def commit(self, files: Files, branch: str = "main") -> str:
        """Record a commit that holds exactly these files and move the branch to it."""
        digest = hashlib.sha1(repr((len(self.commits), sorted(files))).encode()).hexdigest()
        self.commits[digest] = files
        self.branches[branch] = digest
        return digest

    def resolve(self, revision: str) -> str | None:
        commit = self.branches.get(revision, revision)
        return commit if commit in self.commits else None


class HubServer:
    """Serves `repos`; stops with its `with` block.

    Attributes:
        url: for `HF_ENDPOINT`.
        repos: by "owner/name".
        requests: "METHOD path" of all that was asked, in order.
        tamper: file name -> what the body of its download becomes; the announced size and checksum stay the true ones.
        cut: file name -> number of bytes after which its next download breaks off.
        stall: seconds to wait before any answer.
        status: answer everything with this instead; None answers properly.
    """

    def __init__(self) -> None:
        self.repos: dict[str, Repo] = {}
        self.requests: list[str] = []
        self.tamper: dict[str, Callable[[bytes], bytes]] = {}
        self.cut: dict[str, int] = {}
        self.stall = 0.0
        self.status: int | None = None
        self.uploads: Files = {}  # sent as large files and not committed yet, by SHA-256
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "HubServer":
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add(self, repo_id: str, files: Files, branch: str = "main") -> str:
        """Commit files to a repo, made where it is missing. Returns the commit."""
        return self.repos.setdefault(repo_id, Repo()).commit(files, branch)


def _handler(hub: HubServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None:
            """Keep quiet."""

        def do_HEAD(self) -> None:
            self.answer()

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def do_PUT(self) -> None:
            self.answer()

        def answer(self) -> None:
            path = unquote(urlsplit(self.path).path)
            hub.requests.append(f"{self.command} {path}")
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            time.sleep(hub.stall)
            if hub.status is not None:
                return self.send(hub.status, b"")
            if "/resolve/" in path:
                return self.resolve(path)
            if self.command in ("POST", "PUT"):
                return self.write(path, body)
            return self.send(404, b"{}")

        def send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def send_json(self, values: object) -> None:
            self.send(200, json.dumps(values).encode(), {"Content-Type": "application/json"})

        def resolve(self, path: str) -> None:
            """/owner/name/resolve/revision/file"""
            owner, name, _, revision, file = path.strip("/").split("/", 4)
            repo = hub.repos.get(f"{owner}/{name}")
            commit = repo.resolve(revision) if repo else None
            if repo is None or commit is None:
                return self.send(404, b"", {"X-Error-Code": "RevisionNotFound" if repo else "RepoNotFound"})
            data = repo.commits[commit].get(file)
            headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
            if data is None:
                return self.send(404, b"", headers | {"X-Error-Code": "EntryNotFound"})
            headers["ETag"] = f'"{hashlib.sha256(data).hexdigest()}"'
            if self.command == "HEAD":
                return self.send(200, data, headers)
            return self.send_file(file, hub.tamper.get(file, bytes)(data), headers)

        def send_file(self, file: str, data: bytes, headers: dict[str, str]) -> None:
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
            if file in hub.cut:
                headers["Content-Length"] = str(len(data) - start)
                self.send(206 if start else 200, data[start : hub.cut.pop(file)], headers)
                self.close_connection = True
            else:
                self.send(206 if start else 200, data[start:], headers)

        def write(self, path: str, body: bytes) -> None:
            """The routes of an upload: make the repo, ask how to send, send large files, commit."""
            if path.startswith("/lfs/"):
                hub.uploads[path.removeprefix("/lfs/")] = body
                return self.send(200, b"")
            if path == "/api/validate-yaml":
                return self.send_json({"errors": [], "warnings": []})
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self.send(401, b'{"error": "Invalid username or password."}')
            if path == "/api/repos/create":
                wanted = json.loads(body)
                repo_id = f"{wanted['organization']}/{wanted['name']}"
                if repo_id in hub.repos:
                    return self.send(409, json.dumps({"url": f"{hub.url}/{repo_id}"}).encode())
                hub.repos[repo_id] = Repo()
                return self.send_json({"url": f"{hub.url}/{repo_id}"})
            if "/preupload/" in path:
                modes = [
                    {"path": f["path"], "uploadMode": _upload_mode(f["path"]), "shouldIgnore": False}
                    for f in json.loads(body)["files"]
                ]
                return self.send_json({"files": modes})
            if path.endswith("/info/lfs/objects/batch"):
                objects = [
                    {**wanted, "actions": {"upload": {"href": f"{hub.url}/lfs/{wanted['oid']}"}}}
                    for wanted in json.loads(body)["objects"]
                ]
                return self.send_json({"transfer": "basic", "objects": objects})
            if "/commit/" in path:
                return self.commit(path, [json.loads(line) for line in body.splitlines()])
            return self.send(404, b"{}")

        def commit(self, path: str, lines: list[dict]) -> None:
            """/api/models/owner/name/commit/branch"""
            _, _, owner, name, _, branch = path.strip("/").split("/", 5)
            repo = hub.repos[f"{owner}/{name}"]
            files = dict(repo.commits.get(repo.resolve(branch) or "", {}))
            for line in lines:
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    files[value["path"]] = hub.uploads.pop(value["oid"])
            commit = repo.commit(files, branch)
            self.send_json({"commitUrl": f"{hub.url}/{owner}/{name}/commit/{commit}", "commitOid": commit})

    return Handler


def _upload_mode(path: str) -> str:
    return "lfs" if path.endswith(".safetensors") else "regular"
