"""PutEvents over one connection, as `lean` makes calls: for `rollback`, which waits for no client."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.aws import aws_errors
from pipeline.aws.buses import Buses, in_its_region, refusal, refusals
from pipeline.aws.lean import Signed, dialled
from pipeline.manifest.environments import Environment

# Of the JSON protocol (botocore's service model of EventBridge): the operation is a header, times are epoch seconds.
HEADERS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSEvents.PutEvents"}


class LeanBus(Signed):
    """A bus over one connection."""

    service = "events"

    def put(self, bus: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """As `Buses.put`, once."""
        told = [{**one, "Time": one["Time"].timestamp()} for one in entries]
        with aws_errors(f"put events on bus {bus}"):
            answer = self.call("PutEvents", "POST", "/", json.dumps({"Entries": told}).encode(), HEADERS)
        refused = refusals(entries, answer)
        if refused:
            raise refusal(bus, [said for _, said in refused])


def put(env: Environment, bus: str, entries: Sequence[Mapping[str, Any]]) -> None:
    """Put entries on a bus by the quick client, or by botocore's where something unusual is configured.

    Raises AwsError when they were not taken.
    """
    there = in_its_region(env, bus)
    opened = dialled("events", there.region, there.endpoint, there.credentials)
    if opened is None:
        Buses(env).put(bus, entries)
        return
    quick = LeanBus(*opened)
    try:
        quick.put(bus, entries)
    finally:
        quick.close()
