"""A queue that a thread of its own empties: whoever puts something in is never delayed by it, and hears of no error."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pipeline.errors import CrabwalkError

WAITING = 2_000  # that may wait; more are lost, and it is said

Fault = tuple[str, str]  # of which place, and what went wrong there
Send = Callable[[Sequence[Any]], Iterator[Fault]]  # what was put


class Courier:
    """Brings what is put, in its order, to `send`, as many at once as wait, up to `most`.

    `what`: what they are to whoever gets them, in the plural. May be used by several threads.
    """

    def __init__(self, what: str, send: Send, most: int = 1) -> None:
        self.what = what
        self._send, self._most = send, most
        self._queue: queue.Queue[Any] = queue.Queue(WAITING)
        self._faults: queue.SimpleQueue[Fault] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def put(self, told: Any) -> None:
        """Have it sent; at once, and without a word of it."""
        try:
            self._queue.put_nowait(told)
        except queue.Full:
            self._faults.put((self.what, f"too many {self.what} wait to be sent, some are lost"))
            return
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name=f"crabwalk-{self.what}", daemon=True)
                self._thread.start()

    def wait(self, until: float, limit_s: float) -> None:
        """Wait until all is sent or it is `until` (monotonic), and note what was not sent within `limit_s`."""
        with self._queue.all_tasks_done:
            while self._queue.unfinished_tasks and (left := until - time.monotonic()) > 0:
                self._queue.all_tasks_done.wait(left)
            lost = self._queue.unfinished_tasks
        if lost:
            self._faults.put((f"the end of {self.what}", f"{lost} {self.what} were not sent within {limit_s:g} s"))

    def faults(self) -> Iterator[Fault]:
        """What went wrong since this was asked last."""
        while True:
            try:
                yield self._faults.get_nowait()
            except queue.Empty:
                return

    def _work(self) -> None:
        while True:
            taken = [self._queue.get()]
            while len(taken) < self._most:
                try:
                    taken.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            try:
                for fault in self._send(taken):
                    self._faults.put(fault)
            except CrabwalkError as error:
                self._faults.put((self.what, f"{self.what} cannot be sent: {error.what}"))
            except Exception as error:  # noqa: BLE001 - whatever it is, the next one is still to be sent
                self._faults.put((self.what, f"{self.what} cannot be sent: {type(error).__name__}"))
            for _ in taken:
                self._queue.task_done()
