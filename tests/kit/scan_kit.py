"""A DynamoDB that knows one table, made up while it is scanned: for tests of what a scan does with time and memory."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass
class MadeUp:
    """A table of so many pages, of so many items each; `before` is called with a page's number before it is answered,
    and may refuse it by the name of an error.
    """

    pages: int
    items: int = 250
    notes: str = "n" * 4000
    before: Callable[[int], str | None] = lambda _: None
    asked: list[int] = field(default_factory=list)
    _server: ThreadingHTTPServer | None = None

    def __enter__(self) -> Self:
        table = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                status, answer = table.scanned(json.loads(self.rfile.read(int(self.headers["content-length"]))))
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    @property
    def endpoint(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.server_port}"

    def scanned(self, wanted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and answer of a Scan."""
        number = int(wanted.get("ExclusiveStartKey", {"id": {"S": "0"}})["id"]["S"])
        self.asked.append(number)
        if refusal := self.before(number):
            return 400, {"__type": f"com.amazonaws.dynamodb.v20120810#{refusal}", "message": "no"}
        first = number * self.items
        rows = [{"id": {"S": f"{n:032x}"}, "notes": {"S": self.notes}} for n in range(first, first + self.items)]
        answer: dict[str, Any] = {"Items": rows, "Count": len(rows)}
        if number + 1 < self.pages:
            answer["LastEvaluatedKey"] = {"id": {"S": f"{number + 1}"}}
        return 200, answer
