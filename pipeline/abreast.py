"""The same work on many things at once, in threads: calls to AWS spend their time waiting. Knows nothing of either."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

AT_ONCE = 16  # as many connections as a client keeps open
GRACE_S = 2.0  # a call that is answered at all is answered by then

Item = TypeVar("Item")
Made = TypeVar("Made")


def abreast(
    work: Callable[[Item], Made], items: Iterable[Item], at_once: int = AT_ONCE, *, to_its_end: bool = False
) -> tuple[Made, ...]:
    """What `work` makes of each, in their order; at most `at_once` at a time, one alone in the caller's own thread.

    The first fault in the order of the items is raised once what had begun has ended; the rest is not begun. Whoever
    interrupts waits for what had begun no longer than `GRACE_S`, unless it has to be brought `to_its_end`.
    """
    found = tuple(items)
    if min(len(found), at_once) <= 1:
        return tuple(map(work, found))
    from concurrent.futures import ThreadPoolExecutor, wait  # what does one thing at a time need not load it

    pool = ThreadPoolExecutor(min(len(found), at_once), thread_name_prefix="abreast")
    begun = [pool.submit(work, item) for item in found]
    try:
        made = tuple(one.result() for one in begun)
    except Exception:
        pool.shutdown(cancel_futures=True)
        raise
    except BaseException:
        pool.shutdown(wait=to_its_end, cancel_futures=True)
        wait(begun, GRACE_S)
        raise
    pool.shutdown()
    return made
