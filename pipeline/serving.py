"""Pages on a loopback port, for the person at this machine and nobody else: it answers, and changes nothing.

Only this machine reaches it; a page of another site cannot read it either: a foreign Host (DNS rebinding), any Origin
and every method that could ask for a change are refused, and the answers may not be framed, sniffed or kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from pipeline.errors import UsageError

LOOPBACK = "127.0.0.1"
HEADERS: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Content-Type": "text/html; charset=utf-8",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_STALLED_S = 30.0  # a connection that says nothing


@dataclass(frozen=True)
class Answer:
    """A page."""

    status: HTTPStatus
    body: str


def serving(port: int, answer: Callable[[str], Answer], policy: str) -> ThreadingHTTPServer:
    """A server that is not started; `answer` takes a path with its query. Port 0 takes any that is free.

    Raises UsageError where the port is taken or not ours to take.
    """
    made = type("Pages", (_Pages,), {"answer": staticmethod(answer), "policy": policy})
    try:
        server = ThreadingHTTPServer((LOOPBACK, port), made)
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"port {port} cannot be listened on: {why}", hint="--port 0 takes any that is free") from error
    server.daemon_threads = True
    return server


class _Pages(BaseHTTPRequestHandler):
    """One request. `answer` and `policy` are set by `serving`."""

    answer: Callable[[str], Answer]
    policy: str
    protocol_version = "HTTP/1.1"
    timeout = _STALLED_S

    def do_GET(self) -> None:
        self._reply(head=False)

    def do_HEAD(self) -> None:
        self._reply(head=True)

    def _refused(self) -> None:
        self.close_connection = True  # a body may follow
        self._send(Answer(HTTPStatus.METHOD_NOT_ALLOWED, "only GET\n"), head=False, plain=True)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = do_CONNECT = _refused  # noqa: N815

    def _reply(self, *, head: bool) -> None:
        fault = self._fault()
        if fault:
            self._send(Answer(HTTPStatus.FORBIDDEN, f"{fault}\n"), head=head, plain=True)
            return
        self._send(self.answer(self.path), head=head)

    def _fault(self) -> str:
        """Why this request is not of the person at this machine, empty where it may be."""
        port = cast("ThreadingHTTPServer", self.server).server_port
        if self.headers.get("Host") not in {f"{name}:{port}" for name in (LOOPBACK, "localhost")}:
            return "a foreign Host"
        if self.headers.get("Origin") is not None:
            return "a page of another origin"
        if self.headers.get("Sec-Fetch-Site") in {"cross-site", "same-site"} and not self._navigates():
            return "a page of another site"
        return ""

    def _navigates(self) -> bool:
        return self.headers.get("Sec-Fetch-Mode") == "navigate" and self.headers.get("Sec-Fetch-Dest") == "document"

    def _send(self, answer: Answer, *, head: bool, plain: bool = False) -> None:
        body = answer.body.encode("utf-8", "replace")
        self.send_response(answer.status)
        for name, value in HEADERS.items():
            self.send_header(name, "text/plain; charset=utf-8" if plain and name == "Content-Type" else value)
        self.send_header("Content-Security-Policy", f"{self.policy}; frame-ancestors 'none'")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not head:
            self.wfile.write(body)

    def version_string(self) -> str:
        """Nothing about this machine."""
        return "crabwalk"

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 - as the base class has it
        """A page that asks again every few seconds would fill the terminal."""
