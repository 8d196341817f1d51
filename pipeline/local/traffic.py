"""A small load generator: a steady rate of real HTTP requests from a few keep-alive connections. Loopback only.

The names it asks for are drawn from a seeded generator, so that two runs send the same requests in the same order.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import quote, urlsplit

from pipeline.errors import UsageError

NAMES = (
    "Ada",
    "Barbara",
    "Edsger",
    "Frances",
    "Grace",
    "Hedy",
    "Ivan",
    "Jean",
    "Karen",
    "Leslie",
    "Margaret",
    "Niklaus",
)
TIMEOUT_S = 10.0


@dataclass
class Traffic:
    """Requests to `url` at `rate` a second from `connections` threads while used as a context manager."""

    url: str
    rate: float = 120.0
    connections: int = 8
    seed: int = 0
    statuses: Counter[int] = field(default_factory=Counter)  # by HTTP status; 0 = no answer
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)
    _started: float = 0.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "http" or parts.hostname not in {"127.0.0.1", "localhost"}:
            raise UsageError(f"load is only sent to this machine, not to {parts.hostname}", where=self.url)
        self._random = random.Random(self.seed)  # noqa: S311 - names to greet, nothing secret
        self._sent = 0

    @property
    def sent(self) -> int:
        """Requests answered so far, whatever the answer."""
        return sum(self.statuses.values())

    @property
    def achieved(self) -> float:
        """Requests a second since the start."""
        return self.sent / max(0.001, time.monotonic() - self._started)

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        for index in range(self.connections):
            thread = threading.Thread(target=self._work, name=f"traffic-{index}", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(TIMEOUT_S)

    def _work(self) -> None:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT_S)
        base = parts.path.rstrip("/") + "/"
        while (turn := self._next()) is not None:
            due, name = turn
            if self._stop.wait(max(0.0, due - time.monotonic())):
                break
            try:
                connection.request("GET", f"{base}?name={quote(name)}")
                answer = connection.getresponse()
                answer.read()
                status = answer.status
            except (OSError, http.client.HTTPException):
                connection.close()
                status = 0
            with self._lock:
                self.statuses[status] += 1
        connection.close()

    def _next(self) -> tuple[float, str] | None:
        """When the next request is due, and for whom."""
        if self._stop.is_set():
            return None
        with self._lock:
            due = self._started + self._sent / self.rate
            self._sent += 1
            return due, f"{self._random.choice(NAMES)} {self._random.randrange(1000)}"
