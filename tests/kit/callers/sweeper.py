"""The service's own schedule, due now instead of at night."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from callers import configured

RATE = 2
SOURCE = "services/sweeper/src/main.rs"
GOOD = configured("services/sweeper")
BAD = "It runs once a night and is released all at once: there is no traffic that a bad version could be judged by."


def due(shop: Any, at: datetime, **payload: Any) -> None:
    """Have the scheduler invoke the schedule's target for a moment that has come; `payload`: what differs."""
    schedules = shop.client("scheduler")
    target = schedules.get_schedule(Name=f"{shop.function('sweeper')}-schedule")["Target"]
    target["Input"] = json.dumps({**json.loads(target["Input"]), **payload})
    schedules.create_schedule(
        Name=f"due-{uuid.uuid4().hex}",
        ScheduleExpression=f"at({at.astimezone(UTC):%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        ActionAfterCompletion="DELETE",
        Target=target,
    )


def caller(shop: Any) -> Callable[[int], None]:
    """A night of its own for each call; only sends."""
    first = datetime(2026, 1, 1, 3, tzinfo=UTC)

    def call(number: int) -> None:
        due(shop, first + timedelta(minutes=number))

    return call
