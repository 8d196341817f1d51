"""The smallest Runtime API and Extensions API: hand out the events of a queue, collect what comes back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from threading import Event, Thread
from typing import ClassVar

API = "/2018-06-01/runtime"
EXTENSIONS = "/2020-01-01/extension"


class RuntimeApi(BaseHTTPRequestHandler):
    """One function or extension is its only client."""

    protocol_version = "HTTP/1.1"
    address: ClassVar[str]
    events: ClassVar[Queue[bytes]]
    answers: ClassVar[Queue[tuple[str, bytes]]]
    idle: ClassVar[Event]
    over: ClassVar[Event]

    def do_GET(self) -> None:
        assert self.path in {f"{API}/invocation/next", f"{EXTENSIONS}/event/next"}
        if self.events.empty():
            self.idle.set()
            self.over.wait()
            self.close_connection = True
            return
        self.reply(200, self.events.get())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or self.chunks()
        self.answers.put((self.path, body))
        if self.path == f"{EXTENSIONS}/register":
            self.reply(200, b'{"functionName": "it", "functionVersion": "7", "handler": "bootstrap"}')
        else:
            self.reply(202, b"{}")

    def chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        return b"".join(parts)

    def reply(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Lambda-Runtime-Aws-Request-Id", "request-1")
        self.send_header("Lambda-Runtime-Deadline-Ms", "32503680000000")
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:it")
        self.send_header("Lambda-Extension-Identifier", "extension-1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def runtime_api() -> Iterator[type[RuntimeApi]]:
    """An API of its own, listening on loopback."""

    class Api(RuntimeApi):
        events, answers, idle, over = Queue(), Queue(), Event(), Event()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    Api.address = f"127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Api
    finally:
        Api.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def environment(api: type[RuntimeApi], function: str) -> dict[str, str]:
    """What Lambda gives a process."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_RUNTIME_API": api.address,
        "AWS_LAMBDA_FUNCTION_NAME": function,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_VERSION": "7",
    }
