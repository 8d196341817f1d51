"""Sends what is to be told of releases, from a thread of its own: a walk is never delayed or failed by it.

Each transition is told once by the controller that recorded it, after it was recorded. What a controller that dies in
that moment did not send is not sent by another one, which tells where the walk stands when it takes it over.
"""

from __future__ import annotations

import atexit
import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.aws.topics import Topics
from pipeline.errors import CrabwalkError
from pipeline.manifest.environments import Environment
from pipeline.release.around.notify import BY_HAND, Message, message, messages, takeover
from pipeline.release.model import Rollout
from pipeline.release.terms import Notify
from pipeline.release.words import who

if TYPE_CHECKING:
    from pipeline.release.rollback.record import Note

WAITING = 200  # messages; more are lost, and it is said
ANSWER_TIMEOUT_S = 5.0
FLUSH_S = 10.0


class Notifier:
    """What one process tells; `heed` may be called by several threads, `say` is called by `complain` and `flush`."""

    def __init__(self, env: Environment, say: Callable[[str], None]) -> None:
        self._topics, self._say = Topics(env), say
        self._seen: dict[str, Rollout] = {}  # as told last, by release
        self._taken: dict[str, tuple[Rollout, tuple[Message, ...]]] = {}  # over, and nothing happened to them since
        self._queue: queue.Queue[tuple[Notify, Message]] = queue.Queue(WAITING)
        self._faults: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._complained: set[str] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def heed(self, before: Rollout | None, after: Rollout | None, at: float) -> None:
        """Tell what became of a rollout since it was seen last; nothing that happens here is raised."""
        if after is None or not after.terms.notify:
            return
        with self._lock:
            same = before is not None and before.release_id == after.release_id
            known = self._seen.get(after.release_id)
            told = messages(known or (before if same else None), after, at)
            self._seen[after.release_id] = after
            if same and known is None and before is not None:
                self._taken[after.release_id] = (before, takeover(before, at))
            if told:  # which says where it stands, too
                self._taken.pop(after.release_id, None)
            for one in told:
                self.tell(after, one)

    def known(self, rollout: Rollout) -> None:
        """The same controller has told of it up to here, in a look before this process."""
        with self._lock:
            self._seen[rollout.release_id] = rollout

    def tell(self, rollout: Rollout, told: Message) -> None:
        """Send a message to everybody who is to be told of this rollout."""
        for place in rollout.terms.notify:
            self._put(place, told)

    def flush(self, limit_s: float = FLUSH_S) -> None:
        """Wait until all is sent or the time is over, and say what could not be sent."""
        self.complain()
        end = time.monotonic() + limit_s
        with self._queue.all_tasks_done:
            while self._queue.unfinished_tasks and (left := end - time.monotonic()) > 0:
                self._queue.all_tasks_done.wait(left)
            lost = self._queue.unfinished_tasks
        if lost:
            self._faults.put(("the end", f"{lost} notifications were not sent within {limit_s:g} s"))
        self.complain()

    def complain(self) -> None:
        """Say what could not be sent, once for each place, and tell of what was taken over and waits.

        Called after each look at the walks, by one thread.
        """
        with self._lock:
            for rollout, told in self._taken.values():
                for one in told:
                    self.tell(rollout, one)
            self._taken.clear()
        while True:
            try:
                place, text = self._faults.get_nowait()
            except queue.Empty:
                return
            if place not in self._complained:
                self._complained.add(place)
                self._say(text)

    def _put(self, place: Notify, told: Message) -> None:
        try:
            if place.kind == "sns":
                self._topics.prepare(place.target)
            self._queue.put_nowait((place, told))
        except queue.Full:
            self._faults.put(("the queue", "too many notifications wait to be sent, some are lost"))
            return
        except CrabwalkError as fault:
            self._faults.put((place.target, f"notifications cannot be sent: {fault.what}"))
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._send_all, name="crabwalk-notify", daemon=True)
            self._thread.start()
            atexit.register(self.flush)

    def _send_all(self) -> None:
        while True:
            place, message = self._queue.get()
            try:
                fault = self._send(place, message)
            except CrabwalkError as error:
                fault = error.what
            except Exception as error:  # noqa: BLE001 - whatever it is, the next one is still to be sent
                fault = type(error).__name__
            if fault:
                self._faults.put((place.target, f"a notification ({message.event}) was not sent: {fault}"))
            self._queue.task_done()

    def _send(self, place: Notify, message: Message) -> str:
        """Send one; why it was refused, empty when it was not."""
        if place.kind == "sns":
            texts = {
                "default": json.dumps(message.body, ensure_ascii=False),
                "email": message.text,
                "sms": message.title,
            }
            names = {"event": message.event, "service": message.service, "environment": message.environment}
            self._topics.publish(place.target, message.title, texts, names)
            return ""
        from pipeline.release.around import webhook

        told = message.slack if place.kind == "slack" else message.body
        answer = webhook.post(place.target, told, timeout_s=ANSWER_TIMEOUT_S)
        return "" if answer.good else f"the webhook of {place.target} answered {answer.status}"


def tell_rollback(env: Environment, rollout: Rollout, note: Note, say: Callable[[str], None]) -> None:
    """Tell those who were told of a release that a person rolled it back after its end."""
    why = f" ({note.reason})" if note.reason else ""
    by = who(note.actor, note.claimed_actor)
    back = replace(rollout, phase="rolled-back", reason=BY_HAND, sentence=f"{note.sentence}, by {by}{why}")
    notifier = Notifier(env, say)
    notifier.tell(back, message("rollback", back, note.at))
    notifier.flush()
