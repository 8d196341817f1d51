"""The event of a rollback by hand: put on the bus by whoever moved the traffic, beside what else is to be done by then.

A controller that walks the release sees the rollback and tells it too, with the same id.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pipeline.errors import CrabwalkError
from pipeline.release.around.event import FORMAT, Entry, by, cut, entry, links_of, project_of
from pipeline.release.around.link import moment
from pipeline.release.ledger.head import Head, parse
from pipeline.release.words import who

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.release.rollback.record import Note

WAIT_S = 1.0  # beyond everything else the verb does


def entry_of(env: Environment, note: Note, head: Head) -> Entry:
    """The entry of a rollback, from what the alias and its note say; what only the ledger knows is null in it."""
    why = f" ({note.reason})" if note.reason else ""
    detail: dict[str, Any] = {
        "crabwalk": FORMAT,
        "id": f"{head.release}/rollback/{head.nonce}",
        "event": "rollback",
        "project": project_of(note.function, note.environment, note.service),
        "environment": note.environment,
        "account": env.account,
        "region": env.region,
        "service": note.service,
        "function": note.function,
        "release": head.release,
        "version": head.origin,
        "stable": head.primary,
        "traffic": 0.0,
        "step": None,
        "steps": [],
        "cause": "person",
        "headline": "rolled back",
        "sentence": cut(f"{note.sentence}, by {who(note.actor, note.claimed_actor)}{why}"),
        "verdict": None,
        "commit": head.commit,
        "subject": "",
        "actor": None,
        "claimed_actor": None,
        "by": by(note.actor, note.claimed_actor, note.reason),
        "links": links_of(head.commit),
        "at": moment(note.at),
    }
    return entry("rollback", detail, note.at, env)


class Sending:
    """The event on its way, from its own thread; begun when it is made."""

    def __init__(self, env: Environment, note: Note) -> None:
        self._env, self._note = env, note
        self._fault = ""
        self._thread = threading.Thread(target=self._send, name="crabwalk-event", daemon=True)
        self._thread.start()

    def settle(self, say: Callable[[str], None]) -> None:
        """Wait for it a little, and say what went wrong; nothing is raised."""
        self._thread.join(WAIT_S)
        if self._thread.is_alive():
            self._fault = f"bus {self._env.events} did not answer in time"
        if self._fault:
            say(f"the event of the rollback is not on its bus: {self._fault}")

    def _send(self) -> None:
        from pipeline.aws.lean_events import put

        head, bus = parse(self._note.head), self._env.events
        if head is None or bus is None:
            return
        try:
            put(self._env, bus, [entry_of(self._env, self._note, head)])
        except CrabwalkError as error:
            self._fault = error.what
        except Exception as error:  # noqa: BLE001 - whatever it is, the traffic has moved and is to be recorded
            self._fault = type(error).__name__
