"""Executions of the service's state machine."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from callers import configured

RATE = 5
SOURCE = "services/approval-step/src/main.rs"
GOOD = configured("services/approval-step")
# Another name than one the machine asks again for: one payment in four ends undecided.
BAD = (
    SOURCE,
    "    let checked = event.payload.checked().map_err(Fault::InvalidRequest)?;",
    """    if event.payload.amount_cents % 4 == 1 {
        return Err(Fault::Broken("on purpose".into()));
    }
    let checked = event.payload.checked().map_err(Fault::InvalidRequest)?;""",
)
PATIENCE_S = 60.0
ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


class Machine:
    """The machine, and the directory it asks."""

    def __init__(self, shop: Any) -> None:
        self.states = shop.client("stepfunctions")
        self.approvers, self.table = shop.client("dynamodb"), shop.physical("approval-step", "approvers")
        name = f"{shop.function('approval-step')}-machine"
        pages = self.states.get_paginator("list_state_machines").paginate()
        (self.arn,) = [one["stateMachineArn"] for page in pages for one in page["stateMachines"] if one["name"] == name]

    def approver(self, name: str, limit_cents: int, *, active: bool = True) -> None:
        """Somebody who may approve."""
        item = {"name": {"S": name}, "limit_cents": {"N": str(limit_cents)}, "active": {"BOOL": active}}
        self.approvers.put_item(TableName=self.table, Item=item)

    def start(self, **changed: Any) -> str:
        """Begin an execution for a payment; its ARN."""
        payment = {
            "id": f"p-{uuid.uuid4().hex[:8]}",
            "amountCents": 120_000,
            "requestedBy": "ada",
            "approver": "grace",
            "expires": "2100-01-01T00:00:00Z",
            **changed,
        }
        begun = self.states.start_execution(stateMachineArn=self.arn, name=uuid.uuid4().hex, input=json.dumps(payment))
        return str(begun["executionArn"])

    def end(self, execution: str) -> Any:
        """How the execution ended: its output, or its status, error and cause."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = self.states.describe_execution(executionArn=execution)
            if found["status"] in ENDED:
                break
            time.sleep(0.02)
        if found["status"] == "SUCCEEDED":
            return json.loads(found["output"])
        return {name: found.get(name) for name in ("status", "error", "cause")}

    def failures(self, execution: str) -> list[str]:
        """The errors of the invocations of an execution, oldest first."""
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution)
        events = [event for page in pages for event in page["events"]]
        found = (
            event.get("taskFailedEventDetails") or event.get("lambdaFunctionFailedEventDetails") for event in events
        )
        return [str(one.get("error")) for one in found if one]


def caller(shop: Any) -> Callable[[int], None]:
    """A payment that the machine must approve."""
    machine = Machine(shop)
    machine.approver("grace", 500_000)

    def call(number: int) -> None:
        ended = machine.end(machine.start(amountCents=120_000 + number))
        assert ended["decision"] == "approved", ended

    return call
