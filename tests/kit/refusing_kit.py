"""An AWS on loopback that refuses every call with one error."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Refusing(BaseHTTPRequestHandler):
    """AWS that answers every call with one error, in the words of each service."""

    protocol_version = "HTTP/1.1"
    code = ""

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        service = self.headers["authorization"].split("/")[3]
        inner = f"<Error><Code>{self.code}</Code><Message>no</Message></Error>"
        body = {"s3": inner, "sts": f"<ErrorResponse>{inner}</ErrorResponse>"}.get(
            service, json.dumps({"message": "no", "__type": f"{self.code}Exception"})
        )
        self.send_response(403)
        self.send_header("x-amzn-errortype", f"{self.code}Exception")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815


@contextmanager
def refuses() -> Iterator[str]:
    """Where it answers; `Refusing.code` is the error."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
