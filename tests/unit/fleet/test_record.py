"""What is kept of a fleet as a whole, where somebody has damaged it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.errors import CrabwalkError
from pipeline.fleet.plan import FleetRelease
from pipeline.fleet.record import FleetLedger

RELEASE = FleetRelease("prod", "r1", "c0ffee", "", "arn", None, 0.0, {})


def ledger(document: dict[str, Any]) -> FleetLedger:
    stored = SimpleNamespace(body=json.dumps({"format": 1, **document}).encode(), etag="e")
    objects: Any = SimpleNamespace(get=lambda _: stored)
    return FleetLedger(objects, "prod")


def test_an_order_that_lacks_something_is_told_with_where_it_lies() -> None:
    with pytest.raises(CrabwalkError, match="the fleet's record cannot be read: it has no 'actor'") as fault:
        ledger({"release": "r1"}).asked(RELEASE)
    assert fault.value.where == "crabwalk/fleets/prod/order.json"


def test_an_order_is_for_the_release_that_it_names() -> None:
    order = {"release": "r1", "actor": "arn:her", "claimed_actor": None, "reason": "no", "at": 1.0}
    asked = ledger(order).asked(RELEASE)
    assert asked is not None
    assert asked.sentence == "aborted by arn:her: no"
    assert ledger({**order, "release": "r0"}).asked(RELEASE) is None
