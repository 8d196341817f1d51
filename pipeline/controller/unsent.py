"""What the bus has not taken, from look to look: the events themselves, with their ids, few and not for ever. Pure.

A walk is not held up by it: it is tried again after one tick, two, four …, and what is older than an hour is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pipeline.manifest.environments import Environment
from pipeline.release.around.event import SOURCE, Entry, size_of

MOST = 20
MOST_BYTES = 48 * 1024  # of the 256 KiB that an execution's state may have
KEPT_S = 3600.0  # since what an event tells of
LONGEST_S = 300.0  # between two tries


@dataclass(frozen=True)
class Unsent:
    """What is still to be sent, the oldest first. `tries`: how often it was tried; `due`: when it is tried next."""

    entries: tuple[Entry, ...] = ()
    tries: int = 0
    due: float = 0.0


NOTHING = Unsent()


def after(before: Unsent, left: Sequence[Entry], env: Environment, now: float) -> tuple[Unsent, int]:
    """What is to be sent after a look, and how many are lost.

    `before`: what was not due, or only how often was tried what was; `left`: what was sent in the look and not taken.
    """
    whole = (*before.entries, *left)
    kept = _newest([one for one in whole if one["Time"].timestamp() > now - KEPT_S])
    lost = len(whole) - len(kept)
    if not kept:
        return NOTHING, lost
    if before.entries:
        return replace(before, entries=kept), lost
    pause = min(LONGEST_S, env.tick_s * 2 ** min(before.tries, 20))
    return Unsent(kept, before.tries + 1, now + pause), lost


def _newest(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """As many of the newest as may be carried: how a release ended is the last of them."""
    found: list[Entry] = []
    room = MOST_BYTES
    for one in reversed(entries):
        room -= size_of(one)
        if len(found) == MOST or room < 0:
            break
        found.insert(0, one)
    return tuple(found)


def to_json(unsent: Unsent) -> dict[str, Any]:
    """As it is carried; empty for nothing."""
    if unsent == NOTHING:
        return {}
    events = [[one["DetailType"], int(one["Time"].timestamp()), one["Detail"]] for one in unsent.entries]
    return {"events": events, "tries": unsent.tries, "due": unsent.due}


def from_json(data: Mapping[str, Any], env: Environment) -> Unsent:
    """Read it back, for the bus the environment names."""
    entries = [
        {
            "Source": SOURCE,
            "DetailType": kind,
            "Detail": detail,
            "EventBusName": env.events,
            "Time": datetime.fromtimestamp(at, UTC),
        }
        for kind, at, detail in data.get("events", ())
    ]
    return Unsent(tuple(entries), int(data.get("tries", 0)), float(data.get("due", 0.0))) if entries else NOTHING
