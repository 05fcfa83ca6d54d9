"""Qdrant's REST interface on loopback, in front of the client's own embedded engine.

It is not Qdrant: no binary of the real server is on PyPI, npm or Debian. It shows that our requests survive the way
through HTTP and JSON and back, which the embedded client skips. Set CTL_TEST_QDRANT_URL to test on a real server too.
"""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from qdrant_client import QdrantClient, models

API_KEY = "secret"


class QdrantServer:
    """Serves an embedded engine; stops with its `with` block.

    Attributes:
        url: http://127.0.0.1:PORT.
        requests: "METHOD path" of all that was asked, in order.
        sizes: bytes of each request's body, and of its answer.
        refuse: answer everything with status 503.
    """

    def __init__(self, engine: QdrantClient) -> None:
        self.engine = engine
        self.requests: list[str] = []
        self.sizes: list[tuple[int, int]] = []
        self.refuse = False
        server = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                server.requests.append(f"{self.command} {self.path}")
                status, result = server.handle(self.command, self.path, self.headers.get("api-key"), body)
                data = json.dumps({"result": result, "status": "ok", "time": 0.0}).encode()
                server.sizes.append((len(body), len(data)))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815

            def log_message(self, *args: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    def handle(self, method: str, path: str, api_key: str | None, body: bytes) -> tuple[int, Any]:
        if self.refuse:
            return 503, None
        if api_key != API_KEY:
            return 401, None
        _, name, *rest = path.partition("?")[0].strip("/").split("/")
        result = _ROUTES[method, "/".join(rest)](self.engine, name, body)
        return 200, result.model_dump(mode="json") if hasattr(result, "model_dump") else result

    def __enter__(self) -> "QdrantServer":
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()


def _create(engine: QdrantClient, name: str, body: bytes) -> bool:
    asked = models.CreateCollection.model_validate_json(body)
    return engine.create_collection(name, vectors_config=asked.vectors, metadata=asked.metadata)


def _upsert(engine: QdrantClient, name: str, body: bytes) -> models.UpdateResult:
    asked = models.PointsList.model_validate_json(body)
    return engine.upsert(name, asked.points, update_mode=asked.update_mode)


def _retrieve(engine: QdrantClient, name: str, body: bytes) -> list[Any]:
    asked = models.PointRequest.model_validate_json(body)
    points = engine.retrieve(name, asked.ids, with_payload=asked.with_payload, with_vectors=bool(asked.with_vector))
    return [point.model_dump(mode="json") for point in points]


def _count(engine: QdrantClient, name: str, body: bytes) -> models.CountResult:
    request = models.CountRequest.model_validate_json(body)
    return engine.count(name, count_filter=request.filter)


def _scroll(engine: QdrantClient, name: str, body: bytes) -> dict[str, Any]:
    asked = models.ScrollRequest.model_validate_json(body)
    points, offset = engine.scroll(name, limit=asked.limit, offset=asked.offset, with_payload=asked.with_payload)
    return {"points": [point.model_dump(mode="json") for point in points], "next_page_offset": offset}


def _query(engine: QdrantClient, name: str, body: bytes) -> models.QueryResponse:
    asked = models.QueryRequest.model_validate_json(body)
    return engine.query_points(
        name, asked.query, query_filter=asked.filter, limit=asked.limit, with_payload=asked.with_payload
    )


def _rename(engine: QdrantClient, name: str, body: bytes) -> models.UpdateResult:
    asked = models.SetPayload.model_validate_json(body)
    return engine.set_payload(name, asked.payload, points=asked.points)


_ROUTES: dict[tuple[str, str], Callable[[QdrantClient, str, bytes], Any]] = {
    ("GET", "exists"): lambda engine, name, body: {"exists": engine.collection_exists(name)},
    ("GET", ""): lambda engine, name, body: engine.get_collection(name),
    ("PUT", ""): _create,
    ("DELETE", ""): lambda engine, name, body: engine.delete_collection(name),
    ("PUT", "index"): lambda engine, name, body: {"operation_id": 0, "status": "completed"},
    ("PUT", "points"): _upsert,
    ("POST", "points"): _retrieve,
    ("POST", "points/scroll"): _scroll,
    ("POST", "points/count"): _count,
    ("POST", "points/query"): _query,
    ("POST", "points/payload"): _rename,
    ("POST", "points/delete"): lambda engine, name, body: engine.delete(
        name, models.PointIdsList.model_validate_json(body)
    ),
}
