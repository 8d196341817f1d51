"""A door to the embedded AWS behind which a test decides what AWS answers: with a fault, or not at all."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from pipeline import local


@dataclass(frozen=True)
class Asked:
    """One call of AWS."""

    method: str
    path: str
    target: str  # what JSON services call their operation
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What a test answers in AWS's place."""

    status: int
    body: str
    type: str = "application/json"


NEVER = Answer(0, "")  # it is not answered until the door is shut
Fault = Callable[[Asked], Answer | None]


class Faulty:
    """Hands every call on to the embedded AWS except those for which `fault` has an answer of its own."""

    def __init__(self, running: local.Running, fault: Fault) -> None:
        self._server = _Server(running.endpoint, fault)
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shut.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, target: str, fault: Fault) -> None:
        self.target, self.fault, self.shut = urlsplit(target), fault, threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.server.fault(Asked(self.command, self.path, self.headers.get("X-Amz-Target") or "", body))
        if answer is NEVER:
            self.server.shut.wait()
            self.close_connection = True
        elif answer is not None:
            self._answer(answer.status, [("Content-Type", answer.type)], answer.body.encode())
        else:
            self._hand_on(body)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _serve  # noqa: N815

    def _hand_on(self, body: bytes) -> None:
        connection = HTTPConnection(str(self.server.target.hostname), self.server.target.port, timeout=60)
        connection.request(self.command, self.path, body, dict(self.headers))
        got = connection.getresponse()
        kept = [(k, v) for k, v in got.getheaders() if k.lower() not in {"transfer-encoding", "content-length"}]
        length = got.getheader("Content-Length") if self.command == "HEAD" else None
        self._answer(got.status, kept, got.read(), length)
        connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes, length: str | None = None) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""

    def handle(self) -> None:
        with contextlib.suppress(OSError):  # whoever asked is gone
            super().handle()
