"""EventBridge: events to a bus that somebody named. Makes and changes no bus and no rule."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pipeline.aws import aws_errors, client
from pipeline.aws.budget import backoff
from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment

ANSWER_TIMEOUT_S = 5
ATTEMPTS = 5
# EventBridge API reference, PutEvents, "Responses from PutEvents with errors": what the same entry may get past later.
PASSING = frozenset({"ThrottlingException", "InternalFailure", "InternalException", "ServiceUnavailable"})


class Buses:
    """The buses an environment's credentials may put events on."""

    def __init__(self, env: Environment, pause: Callable[[float], None] = time.sleep) -> None:
        self._env, self._pause = env, pause

    def put(self, bus: str, entries: Sequence[Mapping[str, Any]]) -> None:
        """Put at most ten entries on `bus`, those again that EventBridge was too busy for.

        Raises AwsError when one of them was not taken; the others were.
        """
        _, fault = self.offer(bus, entries)
        if fault is not None:
            raise fault

    def offer(
        self, bus: str, entries: Sequence[Mapping[str, Any]]
    ) -> tuple[tuple[Mapping[str, Any], ...], AwsError | None]:
        """As `put`: which of them were not taken, or may not have been, and why."""
        left, lost = list(entries), list[tuple[Mapping[str, Any], Mapping[str, Any]]]()
        for attempt in range(ATTEMPTS):
            if attempt:
                self._pause(backoff(attempt))
            try:
                with aws_errors(f"put events on bus {bus}"):
                    events = client(in_its_region(self._env, bus), "events", read_timeout_s=ANSWER_TIMEOUT_S)
                    answer = events.put_events(Entries=left)
            except AwsError as fault:
                return (*(one for one, _ in lost), *left), fault
            refused = refusals(left, answer)
            last = attempt + 1 == ATTEMPTS
            again = [one for one, said in refused if said.get("ErrorCode") in PASSING and not last]
            lost += [(one, said) for one, said in refused if one not in again]
            left = again
            if not left:
                break
        return tuple(one for one, _ in lost), refusal(bus, [said for _, said in lost]) if lost else None

    def exists(self, bus: str) -> bool:
        """Whether there is such a bus. Raises AwsError when that cannot be told."""
        with aws_errors(f"look at bus {bus}"):
            events = client(in_its_region(self._env, bus), "events", read_timeout_s=ANSWER_TIMEOUT_S)
            try:
                events.describe_event_bus(Name=bus)
            except events.exceptions.ResourceNotFoundException:
                return False
        return True


def refusals(
    entries: Sequence[Mapping[str, Any]], answer: Mapping[str, Any]
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """The entries that were not taken, each with what was said of it."""
    if not answer.get("FailedEntryCount"):
        return []
    pairs = zip(entries, answer.get("Entries", ()), strict=False)
    return [(one, said) for one, said in pairs if said.get("ErrorCode")]


def refusal(bus: str, refused: Sequence[Mapping[str, Any]]) -> AwsError:
    """What to say of entries that were not taken."""
    first, count = refused[0], len(refused)
    what = "an event" if count == 1 else f"{count} events"
    return AwsError(f"could not put {what} on bus {bus}: {first.get('ErrorCode')}: {first.get('ErrorMessage', '')}")


def in_its_region(env: Environment, bus: str) -> Environment:
    """The environment, as seen from the region of a bus that is named by its ARN."""
    return replace(env, region=bus.split(":")[3] or env.region) if bus.startswith("arn:") else env
