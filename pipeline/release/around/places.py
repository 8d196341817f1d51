"""Where transitions go: to those a manifest names, and to the environment's bus. Each yields what went wrong.

Called by one thread each, which is a courier's; nothing here is raised that could be told.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence

from pipeline.aws.buses import Buses
from pipeline.aws.topics import Topics
from pipeline.errors import CrabwalkError
from pipeline.manifest.environments import Environment
from pipeline.release.around import event
from pipeline.release.around.courier import Fault
from pipeline.release.around.event import Entry
from pipeline.release.around.notify import UNTOLD, Message, message
from pipeline.release.around.transitions import Transition
from pipeline.release.terms import Notify

ANSWER_TIMEOUT_S = 5.0


class Addressees:
    """Topics, Slack and webhooks, as the manifest of each release names them."""

    def __init__(self, env: Environment) -> None:
        self._topics = Topics(env)

    def wants(self, told: Transition) -> bool:
        """Whether anybody is to be told."""
        return bool(told.rollout.terms.notify) and told.event not in UNTOLD

    def send(self, each: Sequence[Transition]) -> Iterator[Fault]:
        """Tell everybody who is to be told."""
        for told in each:
            made = message(told)
            for place in told.rollout.terms.notify:
                fault = _tried(lambda place=place, made=made: self._tell(place, made))  # type: ignore[misc]
                if fault:
                    yield place.target, f"a notification ({made.event}) was not sent: {fault}"

    def _tell(self, place: Notify, told: Message) -> str:
        """Tell one; why it was refused, empty when it was not."""
        if place.kind == "sns":
            texts = {"default": json.dumps(told.body, ensure_ascii=False), "email": told.text, "sms": told.title}
            names = {"event": told.event, "service": told.service, "environment": told.environment}
            self._topics.publish(place.target, told.title, texts, names)
            return ""
        from pipeline.release.around import webhook

        form = told.slack if place.kind == "slack" else told.body
        answer = webhook.post(place.target, form, timeout_s=ANSWER_TIMEOUT_S)
        return "" if answer.good else f"the webhook of {place.target} answered {answer.status}"


class Bus:
    """The event bus the environment names, which is told of everything.

    `keeps`: what was not taken is to be had from `left`, for whoever sends it later.
    """

    def __init__(self, env: Environment, buses: Buses | None = None) -> None:
        self._env, self._buses = env, buses or Buses(env)
        self.keeps = False
        self._open: dict[str, Entry] = {}  # expected and not taken yet, by id
        self._lock = threading.Lock()

    def wants(self, _: Transition) -> bool:
        """Whether there is a bus."""
        return self._env.events is not None

    def expect(self, one: Transition | Entry) -> None:
        """It is put into the courier now; until it is taken it is open."""
        if self.keeps:
            made = self._entry(one)
            with self._lock:
                self._open[event.id_of(made)] = made

    def left(self) -> tuple[Entry, ...]:
        """What was expected and is not known to be taken, in that order."""
        with self._lock:
            return tuple(self._open.values())

    def send(self, each: Sequence[Transition | Entry]) -> Iterator[Fault]:
        """Put them on the bus in their order, as many a call as it takes."""
        bus = self._env.events or ""
        for entries in event.calls([self._entry(one) for one in each]):
            fault = _tried(lambda entries=entries: self._put(bus, entries))  # type: ignore[misc]
            if fault:
                yield bus, f"not every event is on its bus: {fault}"

    def _put(self, bus: str, entries: Sequence[Entry]) -> None:
        left, fault = self._buses.offer(bus, entries)
        if self.keeps:
            taken = {event.id_of(one) for one in entries if one not in left}
            with self._lock:
                self._open = {name: one for name, one in self._open.items() if name not in taken}
        if fault is not None:
            raise fault

    def _entry(self, one: Transition | Entry) -> Entry:
        return event.entry_of(one, self._env) if isinstance(one, Transition) else one


def _tried(send: Callable[[], str | None]) -> str:
    """Why it was not sent; empty when it was."""
    try:
        return send() or ""
    except CrabwalkError as error:
        return error.what
    except Exception as error:  # noqa: BLE001 - whatever it is, the next one is still to be sent
        return type(error).__name__
