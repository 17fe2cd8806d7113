"""An OpenLineage backend for tests: a real HTTP server that keeps what it takes."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Backend:
    """``answer(event)`` gives the status; an event is kept when that is 201. ``tried`` counts all of them."""

    url: str = ""
    events: list[dict[str, Any]] = field(default_factory=list)
    tried: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], int] = lambda event: 201

    @property
    def config(self) -> dict[str, Any]:
        """A client configuration that leads here and does not try again by itself."""
        return {"transport": {"type": "http", "url": self.url, "retry": {"total": 0}}}


@contextmanager
def running_backend() -> Iterator[Backend]:
    backend = Backend()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            event = json.loads(body)
            backend.tried.append(event)
            backend.headers.append(dict(self.headers))
            status = backend.answer(event) if self.path == "/api/v1/lineage" else 404
            if status == 201:
                backend.events.append(event)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    backend.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield backend
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
