"""Tells what becomes of releases, from threads of its own: a walk is never delayed or failed by it.

Each transition is told once by the controller that recorded it, after it was recorded. What a process that dies in
that moment did not send is not sent by another one, which tells where the walk stands when it takes it over; a
controller without a process hands what it told from look to look.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from pipeline.manifest.environments import Environment
from pipeline.release.around.courier import Courier
from pipeline.release.around.event import MOST, Entry
from pipeline.release.around.places import Addressees, Bus
from pipeline.release.around.transitions import BY_HAND, NONE, Ground, Transition, takeover, transitions
from pipeline.release.model import Rollout
from pipeline.release.words import who

if TYPE_CHECKING:
    from pipeline.release.rollback.record import Note

FLUSH_S = 10.0
GATHERED = 100  # statuses looked through for the last one of each release


class _Place(Protocol):
    def wants(self, told: Transition, /) -> bool: ...


class Notifier:
    """What one process tells; `heed` may be called by several threads, `say` is called by `complain` and `flush`."""

    def __init__(self, env: Environment, say: Callable[[str], None], *, after_its_end: bool = False) -> None:
        self._env, self._say = env, say
        self._seen: dict[str, Rollout] = {}  # as told last, by release
        self._taken: dict[str, tuple[Transition, ...]] = {}  # over, and nothing happened to them since
        self._complained: set[str] = set()
        self._lock = threading.Lock()
        self._at_exit = False
        people, self._bus = Addressees(env), Bus(env)
        self._events = Courier("events", self._bus.send, MOST)
        self._places: list[tuple[_Place, Courier]] = [
            (people, Courier("notifications", people.send)),
            (self._bus, self._events),
        ]
        if env.github is not None:
            from pipeline.release.around.deployments import Deployments  # with what speaks HTTP

            github = Deployments(env, after_its_end=after_its_end)
            self._places.append((github, Courier("deployment statuses", github.send, GATHERED)))

    def heard(self, rollout: Rollout) -> bool:
        """Whether anybody is told of this rollout: what nobody hears need not be made."""
        return bool(rollout.terms.notify or self._env.events or self._env.github)

    def heed(
        self, before: Rollout | None, after: Rollout | None, at: float, ground: Ground = NONE, *, taken: bool = False
    ) -> None:
        """Tell what became of a rollout since it was seen last; nothing that happens here is raised.

        `taken`: its own controller is gone, and this one goes on with it.
        """
        if after is None or not self.heard(after):
            return
        with self._lock:
            same = before is not None and before.release_id == after.release_id
            known = self._seen.get(after.release_id)
            told = transitions(known or (before if same else None), after, at, ground)
            self._seen[after.release_id] = after
            if taken and same and not told:
                self._taken[after.release_id] = takeover(after, at)
            if told:  # which says where it stands, too
                self._taken.pop(after.release_id, None)
            for one in told:
                self.tell(one)

    def known(self, rollout: Rollout) -> None:
        """The same controller has told of it up to here, in a look before this process."""
        with self._lock:
            self._seen[rollout.release_id] = rollout

    def told(self, rollout: Rollout) -> Rollout | None:
        """The release as it was told last; None where nobody is told of it."""
        with self._lock:
            return self._seen.get(rollout.release_id) if self.heard(rollout) else None

    def keep(self) -> None:
        """From now on what the bus does not take is kept for `left`: somebody sends it later."""
        self._bus.keeps = True

    def again(self, entries: Sequence[Entry]) -> None:
        """Send what an earlier look at the same walks could not put on the bus."""
        for one in entries:
            self._bus.expect(one)
            self._events.put(one)

    def left(self) -> tuple[Entry, ...]:
        """After `flush`: what is not known to be on the bus."""
        return self._bus.left()

    def tell(self, told: Transition) -> None:
        """Tell everybody who is to be told of it."""
        for place, courier in self._places:
            if place.wants(told):
                if place is self._bus:
                    self._bus.expect(told)
                courier.put(told)
                if not self._at_exit:
                    self._at_exit = True
                    atexit.register(self.flush)

    def flush(self, limit_s: float = FLUSH_S) -> None:
        """Wait until all is sent or the time is over, and say what could not be sent.

        For whoever ends, or is stopped from one look to the next, as a function is.
        """
        atexit.unregister(self.flush)  # who waits now does not wait again at the end
        self._at_exit = False
        self.complain()
        until = time.monotonic() + limit_s
        for _, courier in self._places:
            courier.wait(until, limit_s)
        self.complain()

    def complain(self) -> None:
        """Say what could not be sent, once for each place, and tell of what was taken over and waits.

        Called after each look at the walks, by one thread.
        """
        with self._lock:
            for told in self._taken.values():
                for one in told:
                    self.tell(one)
            self._taken.clear()
        for _, courier in self._places:
            for place, text in courier.faults():
                if place not in self._complained:
                    self._complained.add(place)
                    self._say(text)


def tell_rollback(env: Environment, rollout: Rollout, note: Note, say: Callable[[str], None]) -> Notifier:
    """Tell those who were told of a release, and GitHub, that a person rolled it back after its end.

    The event on the bus is not sent here: the verb puts it itself. Whoever calls flushes what is returned.
    """
    why = f" ({note.reason})" if note.reason else ""
    by = who(note.actor, note.claimed_actor)
    back = replace(rollout, phase="rolled-back", reason=BY_HAND, sentence=f"{note.sentence}, by {by}{why}")
    deployed = env.github if rollout.phase == "promoted" else None  # what failed has failed
    notifier = Notifier(replace(env, events=None, github=deployed), say, after_its_end=True)
    notifier.tell(Transition("rollback", back, note.at))
    return notifier
