from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from posts_kit import posts

from pipeline.local.runtime.telemetry import BACKLOG_ITEMS, Telemetry, Wanted, read

PATIENCE = 30


class Listener:
    """Notes what is delivered; answers with `status`, once it may."""

    def __init__(self) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.status = 200
        self.open = threading.Event()
        self.open.set()
        self.port = 0

    def events(self) -> list[str]:
        return [event["type"] for batch in list(self.batches) for event in batch]

    def until(self, event: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while event not in self.events():
            assert time.monotonic() < deadline, self.events()
            time.sleep(0.005)

    def take(self, _path: str, _headers: Mapping[str, str], batch: list[dict[str, Any]]) -> int:
        self.open.wait(PATIENCE)
        if (status := self.status) == 200:
            self.batches.append(batch)
        return status


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    with posts(found.take) as found.port:
        yield found
        found.open.set()


def subscription(port: int = 4243, **changed: Any) -> dict[str, Any]:
    return {
        "schemaVersion": "2022-12-13",
        "types": ["platform"],
        "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}/in"},
        **changed,
    }


def test_a_subscription_has_lambdas_defaults():
    assert read(subscription()) == Wanted(frozenset({"platform"}), 4243, "/in", 10_000, 262_144, 1.0)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schemaVersion": "2020-08-15"}, "schemaVersion"),
        ({"types": []}, "types"),
        ({"types": ["platform", "network"]}, "types"),
        ({"buffering": {"maxItems": 999}}, "maxItems must be from 1000 to 10000"),
        ({"buffering": {"maxBytes": 1}}, "maxBytes"),
        ({"buffering": {"timeoutMs": "1"}}, "timeoutMs"),
        ({"destination": {"protocol": "TCP", "port": 1}}, "destination"),
        ({"destination": {"protocol": "HTTP", "URI": "http://example.com:1/"}}, "sandbox"),
    ],
)
def test_what_lambda_refuses_is_refused(changed: dict[str, Any], said: str):
    with pytest.raises(ValueError, match=said):
        read(subscription(**changed))


def test_what_happened_before_the_subscription_is_delivered_too(listener: Listener):
    telemetry = Telemetry()
    telemetry.emit("platform.initStart", {"phase": "init"})
    telemetry.emit("function", "a line of the function")
    telemetry.subscribe("one", read(subscription(listener.port, buffering={"timeoutMs": 25})))
    telemetry.initialised()
    telemetry.emit("platform.start", {"requestId": "r-1"})
    telemetry.close(PATIENCE)
    assert listener.events() == ["platform.initStart", "platform.telemetrySubscription", "platform.start"]
    (event,) = [event for batch in listener.batches for event in batch if event["type"] == "platform.start"]
    assert event["record"] == {"requestId": "r-1"}
    assert event["time"].endswith("Z")


def test_a_listener_that_fails_gets_it_again(listener: Listener):
    telemetry, listener.status = Telemetry(), 500
    telemetry.subscribe("one", read(subscription(listener.port, buffering={"timeoutMs": 25})))
    telemetry.emit("platform.start", {})
    listener.status = 200
    listener.until("platform.start")
    telemetry.close(PATIENCE)
    assert listener.events().count("platform.start") == 1


def test_one_that_does_not_keep_up_loses_the_oldest_and_is_told(listener: Listener):
    telemetry = Telemetry()
    listener.open.clear()
    telemetry.subscribe("one", read(subscription(listener.port, types=["platform", "function"])))
    total = 2 * BACKLOG_ITEMS
    telemetry.lines("function", [str(number) for number in range(total)])
    listener.open.set()
    telemetry.close(PATIENCE)
    events = [event for batch in listener.batches for event in batch]
    told = [event["record"]["droppedRecords"] for event in events if event["type"] == "platform.logsDropped"]
    lines = {event["record"] for event in events if event["type"] == "function"}
    assert str(total - 1) in lines
    assert told
    assert sum(told) >= total - len(lines) > 0


def test_nobody_listening_costs_nothing_and_ends_at_once():
    telemetry = Telemetry()
    telemetry.subscribe("one", read(subscription(1)))
    telemetry.initialised()
    telemetry.emit("platform.start", {})
    begun = time.monotonic()
    telemetry.close(0.05)
    assert time.monotonic() - begun < PATIENCE
