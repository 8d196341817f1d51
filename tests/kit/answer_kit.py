"""A server on loopback that answers Lambda's calls as a test says, over http or https, and keeps what it was asked."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

TLS = Path(__file__).parent / "tls"
CERTIFICATE = TLS / "cert.pem"  # of `localhost`, for tests only
ALIAS = {
    "AliasArn": "arn:aws:lambda:eu-west-1:111122223333:function:f:live",
    "Name": "live",
    "FunctionVersion": "2",
    "Description": "d",
    "RoutingConfig": {"AdditionalVersionWeights": {"3": 0.25}},
    "RevisionId": "revision",
}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answering:
    """`status` 0 hangs up without an answer, -1 answers what is no HTTP, -2 stays silent until `free` is set."""

    url: str
    status: int = 200
    code: str = ""
    body: bytes = b""
    asked: list[Asked] = field(default_factory=list)
    free: threading.Event = field(default_factory=threading.Event)

    def says(self, status: int, code: str = "", body: bytes | None = None) -> None:
        self.status, self.code = status, code
        told = ALIAS if status == 200 else {"message": f"told {code}", "Type": "User"}
        self.body = json.dumps(told).encode() if body is None else body


@contextmanager
def answering(*, tls: bool = False) -> Iterator[Answering]:
    """Up while the context lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda: told))
    server.daemon_threads = True
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, TLS / "key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    told = Answering(f"http{'s' if tls else ''}://localhost:{server.server_address[1]}")
    told.says(200)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        told.free.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(of: Callable[[], Answering]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            told = of()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            told.asked.append(Asked(self.command, self.path, headers, body))
            if told.status <= 0:
                self.close_connection = True
                if told.status == -1:
                    self.wfile.write(b"what is this\r\n\r\n")
                elif told.status == -2:
                    told.free.wait(30)
                with suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(told.status)
            if told.code:
                self.send_header("x-amzn-errortype", told.code)
            self.send_header("Content-Length", str(len(told.body)))
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_PUT = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
