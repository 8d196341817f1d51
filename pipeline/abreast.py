"""The same work on many things at once, in threads: calls to AWS spend their time waiting. Knows nothing of either."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

AT_ONCE = 16  # as many connections as a client keeps open
GRACE_S = 2.0  # a call that is answered at all is answered by then

Item = TypeVar("Item")
Made = TypeVar("Made")


def abreast(
    work: Callable[[Item], Made], items: Iterable[Item], at_once: int = AT_ONCE, *, to_its_end: bool = False
) -> tuple[Made, ...]:
    """What `work` makes of each, in their order; at most `at_once` at a time, one alone in the caller's own thread.

    The first fault in the order of the items is raised once what had begun has ended; the rest is not begun. Whoever
    interrupts waits for what had begun no longer than `GRACE_S`, unless it has to be brought `to_its_end`: then also
    one alone gets a thread, where the caller's is the one that signals interrupt.
    """
    found = tuple(items)
    interrupted = to_its_end and threading.current_thread() is threading.main_thread()
    if not found or (min(len(found), at_once) <= 1 and not interrupted):
        return tuple(map(work, found))
    from concurrent.futures import ThreadPoolExecutor  # what does one thing at a time need not load it

    pool, begun = ThreadPoolExecutor(min(len(found), at_once), thread_name_prefix="abreast"), _Begun(work)
    try:
        made = tuple(one.result() for one in [pool.submit(begun, item) for item in found])
    except Exception:
        pool.shutdown(cancel_futures=True)
        raise
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        begun.end(None if to_its_end else GRACE_S)
        raise
    pool.shutdown()
    return made


class _Begun(Generic[Item, Made]):
    """What is under way. A pool forgets a thread in whose start it is interrupted."""

    def __init__(self, work: Callable[[Item], Made]) -> None:
        self._work, self._running, self._over = work, 0, False
        self._changed = threading.Condition()

    def __call__(self, item: Item) -> Made:
        with self._changed:
            if self._over:
                raise RuntimeError("interrupted before it began")
            self._running += 1
        try:
            return self._work(item)
        finally:
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def end(self, limit_s: float | None) -> None:
        """Let nothing begin any more, and wait so long for what has; None: to its end."""
        with self._changed:
            self._over = True
            self._changed.wait_for(lambda: not self._running, limit_s)
