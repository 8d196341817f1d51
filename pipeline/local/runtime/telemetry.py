"""The Telemetry API of one execution environment: who subscribed to what, and its delivery in batches.

Limits, defaults and the shape of events: https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html and
https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

TYPES = frozenset({"platform", "function", "extension"})
SCHEMAS = frozenset({"2022-07-01", "2022-12-13", "2025-01-29"})
SANDBOX = frozenset({"sandbox.localdomain", "sandbox"})  # what AWS calls the environment's own loopback
LIMITS = {
    "maxItems": (1000, 10_000, 10_000),
    "maxBytes": (262_144, 1_048_576, 262_144),
    "timeoutMs": (25, 30_000, 1000),
}
EARLY_EVENTS = 1000  # kept for subscribers that come during init
BACKLOG_ITEMS = 20_000
POST_TIMEOUT_S = 2.0
RETRY_S = 0.1

Event = Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """A subscription as an extension asked for it."""

    types: frozenset[str]
    port: int
    path: str
    max_items: int
    max_bytes: int
    timeout_s: float


def read(document: Mapping[str, Any]) -> Wanted:
    """A subscription's body; ValueError with what AWS would not take."""
    if document.get("schemaVersion") not in SCHEMAS:
        raise ValueError(f"schemaVersion must be one of {', '.join(sorted(SCHEMAS))}")
    types = document.get("types")
    if not isinstance(types, list) or not types or not TYPES.issuperset(map(str, types)):
        raise ValueError("types must name platform, function or extension")
    buffering = document.get("buffering") or {}
    limits = {}
    for name, (low, high, default) in LIMITS.items():
        value = buffering.get(name, default)
        if not isinstance(value, int) or not low <= value <= high:
            raise ValueError(f"buffering.{name} must be from {low} to {high}")
        limits[name] = value
    destination = document.get("destination") or {}
    address = urlsplit(str(destination.get("URI", "")))
    if destination.get("protocol") != "HTTP" or address.scheme != "http" or address.hostname not in SANDBOX:
        raise ValueError("destination must be of protocol HTTP, with a URI on http://sandbox.localdomain")
    return Wanted(
        frozenset(map(str, types)),
        address.port or 80,
        address.path or "/",
        limits["maxItems"],
        limits["maxBytes"],
        limits["timeoutMs"] / 1000,
    )


class Telemetry:
    """All subscriptions of one environment."""

    def __init__(self) -> None:
        self._early: deque[tuple[str, Event]] | None = deque(maxlen=EARLY_EVENTS)
        self._subscribers: dict[str, Subscriber] = {}
        self._lock = threading.Lock()

    def subscribe(self, name: str, wanted: Wanted) -> None:
        """Delivers to `name` from now on, with what happened since the environment's start."""
        with self._lock:
            old = self._subscribers.get(name)
            subscriber = self._subscribers[name] = Subscriber(wanted)
            for category, event in self._early or ():
                subscriber.put(category, event)
        if old:
            old.close(0)
        said = {"name": name, "state": "Subscribed", "types": sorted(wanted.types)}
        self.emit("platform.telemetrySubscription", said)

    def emit(self, kind: str, record: Any) -> None:
        """Tells everybody who wants events of this kind; never waits for them."""
        if self._early is None and not self._subscribers:
            return
        category = kind.partition(".")[0]
        event = {"time": now(), "type": kind, "record": record}
        with self._lock:
            if self._early is not None:
                self._early.append((category, event))
            for subscriber in self._subscribers.values():
                subscriber.put(category, event)

    def lines(self, kind: str, lines: list[str]) -> None:
        """What a function or an extension printed."""
        for line in lines:
            self.emit(kind, line)

    def initialised(self) -> None:
        """Nobody can subscribe any more."""
        with self._lock:
            self._early = None

    def close(self, timeout_s: float) -> None:
        """Delivers what is left, for at most this long."""
        deadline = time.monotonic() + timeout_s
        for subscriber in list(self._subscribers.values()):
            subscriber.close(max(0.0, deadline - time.monotonic()))


@dataclass
class Subscriber:
    """One subscription's backlog and the thread that delivers it."""

    wanted: Wanted
    _items: deque[tuple[bytes, float]] = field(default_factory=deque)
    _bytes: int = 0
    _dropped: int = 0
    _dropped_bytes: int = 0
    _closing: float | None = None
    _ready: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def put(self, category: str, event: Event) -> None:
        """Drops the oldest where the subscriber does not keep up."""
        if category not in self.wanted.types:
            return
        encoded = json.dumps(event).encode()
        with self._ready:
            self._items.append((encoded, time.monotonic()))
            self._bytes += len(encoded)
            while len(self._items) > BACKLOG_ITEMS:
                oldest, _ = self._items.popleft()
                self._bytes -= len(oldest)
                self._dropped += 1
                self._dropped_bytes += len(oldest)
            if len(self._items) == 1 or self._full():
                self._ready.notify()

    def close(self, timeout_s: float) -> None:
        """Delivers what is left, for at most this long, and ends the thread."""
        with self._ready:
            self._closing = time.monotonic() + timeout_s
            self._ready.notify()
        self._thread.join(timeout_s)

    def _full(self) -> bool:
        return len(self._items) >= self.wanted.max_items or self._bytes >= self.wanted.max_bytes

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._items and self._closing is None:
                    self._ready.wait()
                if not self._items:
                    return
                while self._closing is None and not self._full():
                    left = self._items[0][1] + self.wanted.timeout_s - time.monotonic()
                    if left <= 0:
                        break
                    self._ready.wait(left)
                batch = self._batch()
            while not self._post(batch):
                with self._ready:
                    if self._closing is not None and time.monotonic() >= self._closing:
                        return
                    self._ready.wait(RETRY_S)

    def _batch(self) -> list[bytes]:
        batch: list[bytes] = []
        size = 0
        while self._items and len(batch) < self.wanted.max_items and (not batch or size < self.wanted.max_bytes):
            item, _ = self._items.popleft()
            size += len(item)
            batch.append(item)
        self._bytes -= size
        if self._dropped and "platform" in self.wanted.types:
            record = {
                "reason": "Consumer seems to have fallen behind as it has not acknowledged receipt of logs.",
                "droppedRecords": self._dropped,
                "droppedBytes": self._dropped_bytes,
            }
            batch.append(json.dumps({"time": now(), "type": "platform.logsDropped", "record": record}).encode())
            self._dropped = self._dropped_bytes = 0
        return batch

    def _post(self, batch: list[bytes]) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.wanted.port, timeout=POST_TIMEOUT_S)
        with contextlib.closing(connection):
            try:
                headers = {"Content-Type": "application/json"}
                connection.request("POST", self.wanted.path, b"[" + b",".join(batch) + b"]", headers)
                return 200 <= connection.getresponse().status < 300
            except (OSError, http.client.HTTPException):
                return False


def now() -> str:
    """The moment, as events have it."""
    return stamp(time.time())


def stamp(seconds: float) -> str:
    """A Unix time as events have it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
