"""A web server on loopback that keeps what is posted to it and answers as a test says."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Listener:
    """What came, and the answers to give: a status, or a status and a text; 200 once there are no more."""

    url: str = ""
    came: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[int | tuple[int, str]] = field(default_factory=list)
    hold: threading.Event = field(default_factory=threading.Event)  # set: answers at once
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def until(self, count: int, seconds: float = 120.0) -> list[Any]:
        """Wait until that many came."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: len(self.came) >= count, seconds), self.came
        return self.came


@contextmanager
def listening(*answers: int | tuple[int, str], path: str = "/T0K3N/s3cret?key=hidden") -> Iterator[Listener]:
    listener = Listener(answers=list(answers))
    listener.hold.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with listener.arrived:
                listener.came.append(json.loads(body))
                listener.headers.append(dict(self.headers))
                answer = listener.answers.pop(0) if listener.answers else 200
                listener.arrived.notify_all()
            listener.hold.wait(10)
            status, text = answer if isinstance(answer, tuple) else (answer, "")
            with contextlib.suppress(ConnectionError):  # who asked did not wait for it
                self.send_response(status)
                if status in {301, 302, 307, 308}:
                    self.send_header("Location", text)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        listener.url = f"http://127.0.0.1:{server.server_port}{path}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield listener
        finally:
            listener.hold.set()
            server.shutdown()
            thread.join()
