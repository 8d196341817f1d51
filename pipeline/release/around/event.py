"""What is put on an event bus: a transition as an entry of EventBridge's PutEvents. Pure; docs/events.md has its shape.

Source: EventBridge API reference, PutEvents (at most 10 entries and 256 KB a call, `Detail` a JSON object), and user
guide, "Calculating Amazon EventBridge PutEvents event entry size".
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pipeline.manifest.environments import Environment
from pipeline.release.around.link import moment, run_address
from pipeline.release.model import LATEST

if TYPE_CHECKING:
    from pipeline.release.around.transitions import Transition  # not loaded: `rollback` makes an entry without

SOURCE = "crabwalk"
DETAIL_TYPE = "crabwalk release"  # and the event's word
FORMAT = 1
MOST, MOST_BYTES = 10, 256 * 1024  # of one call
STAMP_BYTES = 14  # what EventBridge counts for an entry's time
SHORT, LONG = 500, 2_000  # characters of a text of others, so that no event comes near the limit

Entry = dict[str, Any]


def entry_of(told: Transition, env: Environment) -> Entry:
    """The entry of a transition; the same one may be sent twice, its detail's `id` says so."""
    return entry(told.event, detail_of(told, env), told.at, env)


def entry(event: str, detail: Mapping[str, Any], at: float, env: Environment) -> Entry:
    """An entry for the environment's bus."""
    return {
        "Source": SOURCE,
        "DetailType": f"{DETAIL_TYPE} {event}",
        "Detail": json.dumps(detail, ensure_ascii=False, separators=(",", ":")),
        "EventBusName": env.events,
        "Time": datetime.fromtimestamp(int(at), UTC),
    }


def id_of(one: Entry) -> str:
    """The id of the event that an entry is."""
    return str(json.loads(one["Detail"])["id"])


def detail_of(told: Transition, env: Environment) -> dict[str, Any]:
    """What happened, for programs."""
    rollout, order, numbers = told.rollout, told.order, dict(told.ground.evidence)
    return {
        "crabwalk": FORMAT,
        "id": told.id,
        "event": told.event,
        "project": project_of(rollout.function, rollout.environment, rollout.service),
        "environment": rollout.environment,
        "account": env.account,
        "region": env.region,
        "service": rollout.service,
        "function": rollout.function,
        "release": rollout.release_id,
        "version": rollout.candidate,
        "stable": None if rollout.stable == LATEST else rollout.stable,
        "traffic": told.traffic,
        "step": rollout.step if 0 <= rollout.step < len(rollout.steps) else None,
        "steps": [one.traffic for one in rollout.steps],
        "cause": told.cause,
        "headline": cut(told.headline, SHORT),
        "sentence": cut(told.sentence),
        "verdict": verdict_of(numbers) if numbers.get("outcome") else None,
        "commit": rollout.commit,
        "subject": cut(rollout.subject, SHORT),
        "actor": rollout.actor,
        "claimed_actor": rollout.claimed_actor,
        "by": None if order is None else by(order.actor, order.claimed_actor, order.reason),
        "links": links_of(rollout.commit),
        "at": moment(told.at),
    }


def verdict_of(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """The judge's numbers: those the shape names, whatever else the ledger keeps of them."""
    named = ("check", "outcome", "reason", "e_value", "limit", "interval", "canary", "baseline")
    return {name: numbers.get(name) for name in named}


def by(actor: str, claimed_actor: str | None, reason: str) -> dict[str, Any]:
    """Whose word it was, and why."""
    return {"actor": actor, "claimed_actor": claimed_actor, "reason": cut(reason, SHORT)}


def links_of(commit: str | None) -> dict[str, str | None]:
    """Where to look next: the run that did it and the commit, where this runs as a job of GitHub's."""
    server, repository = os.environ.get("GITHUB_SERVER_URL", ""), os.environ.get("GITHUB_REPOSITORY", "")
    known = server.startswith("https://") and repository and commit
    return {"run": run_address(), "commit": f"{server}/{repository}/commit/{commit}" if known else None}


def project_of(function: str, environment: str, service: str) -> str | None:
    """The project a function's name begins with; None for one that is not PROJECT-ENVIRONMENT-SERVICE."""
    end = f"-{environment}-{service}"
    return function.removesuffix(end) if function.endswith(end) else None


def calls(entries: Sequence[Entry]) -> Iterator[tuple[Entry, ...]]:
    """The entries in their order, as many in each call as one takes."""
    call: list[Entry] = []
    room = MOST_BYTES
    for one in entries:
        size = size_of(one)
        if call and (len(call) == MOST or size > room):
            yield tuple(call)
            call, room = [], MOST_BYTES
        call.append(one)
        room -= size
    if call:
        yield tuple(call)


def size_of(one: Entry) -> int:
    """The size of an entry as EventBridge counts it, in bytes; the name of its bus is counted too, to be sure."""
    texts = (one["Source"], one["DetailType"], one["Detail"], one["EventBusName"] or "")
    return STAMP_BYTES + sum(len(text.encode()) for text in texts)


def cut(text: str, most: int = LONG) -> str:
    """The text, or as many characters of it."""
    return text if len(text) <= most else text[: most - 1] + "…"
