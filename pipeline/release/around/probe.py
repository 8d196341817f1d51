"""Sends a service safe events through its alias while a version bakes, so that a quiet service gives evidence.

A probe is an invocation like any other: both versions get their share, and how they answer is seen in the metrics, and
nowhere else. It is sent from threads of its own and never delays a look at the walk.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pipeline.aws import client
from pipeline.aws.functions import INVOKE_TIMEOUT_S, Functions
from pipeline.aws.objects import Objects, PreconditionFailed
from pipeline.errors import CrabwalkError, UsageError
from pipeline.manifest.environments import Environment
from pipeline.release.model import ALIAS, Rollout
from pipeline.release.terms import Probe

if TYPE_CHECKING:
    from pipeline.manifest.models_hooks import Probe as DeclaredProbe

AT_ONCE = 16  # of all walks together: as many connections as a client keeps open
FORGOTTEN_S = 60.0  # a walk that nobody looked at for so long is not walked here any more
AGAIN_S = 10.0  # until an event that could not be read is asked for again
ENOUGH = 20  # probes that were due, before it is said that the rate is not reached
REACHED = 0.9  # of what was due

Clock = Callable[[], float]


class Endpoint(Protocol):
    """What is invoked; `pipeline.aws.functions.Functions` is one."""

    def invoke(self, function: str, qualifier: str, payload: bytes) -> object: ...


def stored(objects: Objects, declared: DeclaredProbe, directory: Path) -> Probe:
    """The declared probe with its events in the environment's bucket, where any controller finds them.

    An object's key is made from its content, so one that is there already is right. Raises UsageError for an event
    that cannot be read, AwsError when the bucket cannot be written.
    """
    keys = []
    for name in declared.events:
        try:
            body = (directory / name).read_bytes()
        except OSError as error:
            what = f"the probe's event cannot be read: {error.strerror}"
            raise UsageError(what, where=str(directory / name)) from error
        key = f"crabwalk/events/{hashlib.sha256(body).hexdigest()}.json"
        with contextlib.suppress(PreconditionFailed):
            objects.put(key, body, if_absent=True)
        keys.append(key)
    return Probe(tuple(keys), float(declared.per_minute))


def wanted(rollout: Rollout) -> bool:
    """Whether probes are sent now: in a step, which splits the traffic."""
    return rollout.terms.probe is not None and not rollout.over and 0 <= rollout.step < len(rollout.steps)


def due(per_minute: float, seconds: float) -> int:
    """How many probes should have been sent after so many seconds: the first at once, then evenly."""
    return math.floor(seconds * per_minute / 60.0 + 1e-9) + 1


@dataclass
class _Stream:
    """The probes of one release; counts are changed under the prober's lock."""

    rollout: Rollout
    probe: Probe
    begun: float
    seen: float  # when the walk was looked at last
    events: tuple[bytes, ...] = ()
    not_before: float = 0.0
    counted: int = 0  # those that were due, sent or not
    before: int = 0  # of these, before this process followed it
    sent: int = 0
    under_way: int = 0
    told: set[str] = field(default_factory=set)

    def next_at(self) -> float:
        """When the next is due."""
        return max(self.not_before, self.begun + self.counted * 60.0 / self.probe.per_minute)


class Prober:
    """The probes of one process; `follow` is called with every look at the walks."""

    def __init__(
        self, env: Environment, functions: Functions | Endpoint, objects: Objects, clock: Clock = time.monotonic
    ) -> None:
        self._env, self._functions, self._objects, self._clock = env, functions, objects, clock
        self._streams: dict[str, _Stream] = {}
        self._faults: list[str] = []
        self._elapsed: Callable[[Rollout], float] = lambda _: 0.0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def go_on(self, elapsed: Callable[[Rollout], float]) -> None:
        """Go on at the declared rate where another process stopped; `elapsed`: seconds since a release's step began."""
        self._elapsed = elapsed

    @property
    def sending(self) -> bool:
        """Whether there is a release whose probes are sent."""
        with self._changed:
            return bool(self._streams)

    def stop(self) -> None:
        """Send no more; what is under way is not waited for."""
        with self._changed:
            self._streams.clear()
            self._changed.notify_all()

    def follow(self, rollouts: Sequence[Rollout]) -> tuple[str, ...]:
        """Send the probes of these releases from now on, and of no others; what is to be said, each thing once."""
        wanting = {one.release_id: one for one in rollouts if wanted(one)}
        if not wanting and not self._streams:
            return ()
        if wanting:  # clients are not to be made by several threads at once
            client(self._env, "lambda", retries=False, read_timeout_s=INVOKE_TIMEOUT_S)
        with self._changed:
            now = self._clock()
            for gone in self._streams.keys() - wanting.keys():
                del self._streams[gone]
            for release, rollout in wanting.items():
                probe = rollout.terms.probe
                stream = self._streams.get(release)
                if stream is None and probe is not None:
                    self._streams[release] = _Stream(rollout, probe, now, now)
                elif stream is not None:
                    stream.seen = now
            if self._streams and self._thread is None:
                self._thread = threading.Thread(target=self._run, name="crabwalk-probe", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            said = (*self._faults, *(text for one in self._streams.values() if (text := _behind(one))))
            self._faults.clear()
        return said

    def _run(self) -> None:
        while True:
            with self._changed:
                now = self._clock()
                for release in [key for key, one in self._streams.items() if now - one.seen > FORGOTTEN_S]:
                    del self._streams[release]
                if not self._streams:
                    self._thread = None
                    return
                unread = next((one for one in self._streams.values() if not one.events and now >= one.not_before), None)
                if unread is None:
                    for stream in self._streams.values():
                        self._take(stream, now)
                    soon = min(one.next_at() for one in self._streams.values())
                    self._changed.wait(min(max(soon - self._clock(), 0.001), FORGOTTEN_S))
            if unread is not None:
                self._read(unread)

    def _take(self, stream: _Stream, now: float) -> None:
        """Send what is due; what finds no free place is not sent later, so that a rate is never exceeded for long."""
        if not stream.events or now < stream.next_at():
            return
        ready = due(stream.probe.per_minute, now - stream.begun) - stream.counted
        busy = sum(one.under_way for one in self._streams.values())
        share = max(1, AT_ONCE // len(self._streams))
        for number in range(max(0, min(ready, AT_ONCE - busy, share - stream.under_way))):
            event = stream.events[(stream.counted + number) % len(stream.events)]
            stream.under_way += 1
            stream.sent += 1
            threading.Thread(target=self._send, args=(stream, event), name="crabwalk-probe-one", daemon=True).start()
        stream.counted += max(0, ready)

    def _send(self, stream: _Stream, event: bytes) -> None:
        try:
            self._functions.invoke(stream.rollout.function, ALIAS, event)
        except CrabwalkError as error:  # the function's own errors are no exceptions: the metrics have them
            self._complain(stream, "sent", f"probes are not taken: {error.what}")
        except Exception as error:  # noqa: BLE001 - nobody waits for this thread who could be told otherwise
            self._complain(stream, "sent", f"probes are not taken: {type(error).__name__}")
        finally:
            with self._changed:
                stream.under_way -= 1

    def _read(self, stream: _Stream) -> None:
        try:
            found = [self._objects.get(key) for key in stream.probe.events]
        except CrabwalkError as error:
            found, why = [None], error.what
        else:
            why = "an event is not in the bucket any more"
        with self._changed:
            now = self._clock()
            if all(one is not None for one in found):
                stream.events = tuple(one.body for one in found if one is not None)
                passed = self._elapsed(stream.rollout)
                stream.begun = now - passed
                stream.counted = stream.before = due(stream.probe.per_minute, passed) if passed > 0 else 0
                return
            stream.not_before = now + AGAIN_S
        self._complain(stream, "read", f"probes cannot be sent: {why}")

    def _complain(self, stream: _Stream, kind: str, text: str) -> None:
        with self._changed:
            if kind not in stream.told:
                stream.told.add(kind)
                self._faults.append(f"{stream.rollout.service}: {text}")


def _behind(stream: _Stream) -> str:
    """Says once that the declared rate is not reached."""
    here = stream.counted - stream.before
    if "rate" in stream.told or here < ENOUGH or stream.sent >= here * REACHED:
        return ""
    stream.told.add("rate")
    reached = stream.probe.per_minute * stream.sent / here
    return (
        f"{stream.rollout.service}: about {reached:.0f} of {stream.probe.per_minute:g} probes a minute get through, "
        "the others find too many still unanswered"
    )
