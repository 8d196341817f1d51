"""The same work on many things at once, in threads: calls to AWS spend their time waiting. Knows nothing of either."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

AT_ONCE = 16  # as many connections as a client keeps open

Item = TypeVar("Item")
Made = TypeVar("Made")


def abreast(work: Callable[[Item], Made], items: Iterable[Item], at_once: int = AT_ONCE) -> tuple[Made, ...]:
    """What `work` makes of each, in their order; at most `at_once` at a time, one alone in the caller's own thread.

    The first fault in the order of the items is raised once what had begun has ended; the rest is not begun.
    """
    found = tuple(items)
    if min(len(found), at_once) <= 1:
        return tuple(map(work, found))
    from concurrent.futures import ThreadPoolExecutor  # what does one thing at a time need not load it

    with ThreadPoolExecutor(min(len(found), at_once), thread_name_prefix="abreast") as pool:
        return tuple(pool.map(work, found))
