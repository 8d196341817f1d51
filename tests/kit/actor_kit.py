"""Actors whose calls of AWS are made one at a time, in the order and with the faults a test says.

Each runs the engine's own code in a thread that stops at every call and every pause until it is told what becomes of
it, so that a test decides every interleaving; no step depends on the real time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ReadTimeoutError
from boundary_kit import FAULTS, WRITES, Call, Died, Process, Send
from cloud_kit import Cloud

from pipeline.errors import CrabwalkError
from pipeline.release.ledger.lease import Lease


@dataclass(frozen=True)
class Pause:
    """An actor waits until then."""

    until: float


class Actor(Process):
    """A process that does one thing after the other when told."""

    def __init__(self, name: str, cloud: Cloud, late: list[tuple[str, Call]], work: Callable[[Actor], None]) -> None:
        super().__init__(name)
        self.cloud, self.late, self.work = cloud, late, work
        self.pending: Call | Pause | None = None
        self.leases: list[Lease] = []
        self.ended = ""
        self.met_faults: list[str] = []
        self.broken: BaseException | None = None
        self._order = ""
        self._go, self._idle = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()
        self._idle.acquire()

    @property
    def alive(self) -> bool:
        return not self.ended

    def step(self, order: str = "") -> None:
        """Let it do what it is about to do, with this fault or none, up to its next call."""
        if order:
            self.met_faults.append(order)
        self._order = order
        self._go.release()
        self._idle.acquire()
        if self.broken is not None:
            raise self.broken

    def renew(self) -> None:
        """What the background thread of a lease would do now; until then its holder may have been suspended."""
        for lease in self.leases:
            if lease._lost is None and lease._etag is not None and not lease._write(if_match=lease._etag):
                lease._lost = "somebody else took it"

    def kill(self) -> None:
        """Its calls end here, and so do those of its `finally` blocks."""
        self.dead = True
        if self.alive:
            self.step()

    def gate(self, call: Call, send: Send) -> Any:
        order = self._ask(call)
        return send() if not order else ORDERS[order](self, call, send)

    def pause(self, seconds: float) -> None:
        until = self.cloud.at + seconds
        self._ask(Pause(until))
        self.cloud.at = max(self.cloud.at, until)

    def _ask(self, what: Call | Pause) -> str:
        if not self.dead:
            self.pending = what
            self._idle.release()
            self._go.acquire()
        if self.dead:
            raise Died(self.name)
        return self._order

    def _live(self) -> None:
        how = "died"
        with self.running():
            try:
                self.work(self)
                how = "done"
            except CrabwalkError as error:
                how = f"{type(error).__name__}: {error.what}"
            except Exception as error:  # noqa: BLE001 - a bug of the engine's, told by the test
                self.broken = error
        self.pending, self.ended = None, how
        self._idle.release()


def _late(actor: Process, call: Call, send: Send) -> Any:
    """It is on its way, and nobody waits for it any more."""
    assert isinstance(actor, Actor)
    if call.operation in WRITES:
        actor.late.append((actor.name, call))
        raise ReadTimeoutError(endpoint_url="http://aws")
    return send()


def _killed_late(actor: Process, call: Call, _send: Send) -> Any:
    assert isinstance(actor, Actor)
    if call.operation in WRITES:
        actor.late.append((actor.name, call))
    actor.die()


def _stale(actor: Process, call: Call, send: Send) -> Any:
    """The alias as it was before its last change."""
    assert isinstance(actor, Actor)
    answer = send()
    before = actor.cloud.aliases[-2:][0]
    return dict(before) if call.operation == "GetAlias" else answer


ORDERS: dict[str, Callable[[Process, Call, Send], Any]] = {
    **FAULTS,
    "answer lost, done later": _late,
    "killed, done later": _killed_late,
    "stale read": _stale,
}
