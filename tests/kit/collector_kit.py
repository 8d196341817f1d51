"""An OTLP collector that notes what comes, or is as broken as it is told to be."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from posts_kit import posts

PATIENCE_S = 30


class Collector:
    """What was posted, by path."""

    def __init__(self) -> None:
        self.status = 200
        self.hold = threading.Event()
        self.hold.set()
        self.requests: list[tuple[str, Mapping[str, str], Any]] = []
        self.port = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def records(self) -> list[dict[str, Any]]:
        """The log records, in their order."""
        return [
            record
            for path, _, body in list(self.requests)
            if path == "/v1/logs"
            for resource in body["resourceLogs"]
            for scope in resource["scopeLogs"]
            for record in scope["logRecords"]
        ]

    def events(self) -> list[str]:
        """The names of the events."""
        return [record["attributes"][0]["value"]["stringValue"] for record in self.records()]

    def until(self, event: str, count: int = 1) -> None:
        """Waits for so many events of that name."""
        deadline = time.monotonic() + PATIENCE_S
        while self.events().count(event) < count:
            assert time.monotonic() < deadline, (event, self.events())
            time.sleep(0.01)

    def take(self, path: str, headers: Mapping[str, str], body: Any) -> int:
        """Notes it at once, and answers when it may."""
        self.requests.append((path, headers, body))
        self.hold.wait(PATIENCE_S)
        return self.status


@contextmanager
def collector() -> Iterator[Collector]:
    """One on a port of its own."""
    found = Collector()
    with posts(found.take) as found.port:
        try:
            yield found
        finally:
            found.hold.set()
