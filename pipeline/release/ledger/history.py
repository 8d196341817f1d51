"""Where histories lie, read backwards: S3 lists keys only forwards, 1,000 at a time, and a history only grows.

An entry's key begins with the second it was started in (`model.new_release_id`), so a listing can begin at a time. What
one listing does not hold is listed in windows from now on back, each about half a listing wide, until whoever reads has
enough: how long a history is makes no difference to what is newest in it.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain, groupby, islice, takewhile

from pipeline.abreast import abreast
from pipeline.aws.objects import Objects
from pipeline.release.model import second

DAY_S = 86_400.0
LATELY_S = 30 * DAY_S
PAGE = 1000  # keys in an answer (Amazon S3 API reference, ListObjectsV2, MaxKeys)
BATCH = 8  # entries read side by side
WIDER, NARROWER = 8.0, 4.0
SHORTEST_S = 2.0  # no narrower: keys tell whole seconds


def newest_first(objects: Objects, prefixes: Sequence[str], since: float | None = None) -> Iterator[tuple[str, ...]]:
    """Keys below all of `prefixes` in batches, the newest first, back to `since` (epoch seconds).

    Those of one second come in one batch. What is listed is listed side by side; nothing is read.
    """
    lately = objects.now() - LATELY_S
    if len(prefixes) == 1 or (since is not None and since >= lately):
        yield from _merged(objects, prefixes, since, None)
        return
    # Of many, the newest are the newest of few: what is older is not asked for while there is enough.
    yield from _merged(objects, prefixes, lately, None)
    yield from _merged(objects, prefixes, since, lately)


def _merged(
    objects: Objects, prefixes: Sequence[str], since: float | None, until: float | None
) -> Iterator[tuple[str, ...]]:
    """The batches between two times; the first listing of each prefix is made side by side."""
    streams = abreast(lambda prefix: _begun(_windows(objects, prefix, since, until)), prefixes)
    batch: list[str] = []
    for _, together in groupby(heapq.merge(*streams, key=_second, reverse=True), key=_second):
        batch.extend(together)
        if len(batch) >= BATCH:
            yield tuple(batch)
            batch = []
    if batch:
        yield tuple(batch)


def since_key(prefix: str, since: float | None) -> str:
    """What a listing of the keys since then begins after; without a time, at the first."""
    return prefix if since is None else f"{prefix}{datetime.fromtimestamp(max(0.0, since), UTC):%Y%m%dT%H%M%S}"


def _windows(objects: Objects, prefix: str, since: float | None, until: float | None) -> Iterator[tuple[str, ...]]:
    """The keys of one history before `until`, newest first, a listing at a time: all of them, if one holds them."""
    first = 0.0 if since is None else since
    end, before = (objects.now(), "") if until is None else (until, since_key(prefix, until))
    width = math.inf
    while True:
        start = end - width
        after = since_key(prefix, since if start <= first else start)
        keys = _until(before, objects.keys(prefix, after))
        found = tuple(islice(keys, PAGE) if width > SHORTEST_S else keys)
        if len(found) >= PAGE and width > SHORTEST_S:  # there may be more: these are not the newest
            width = min(width / NARROWER, DAY_S)
            continue
        yield found[::-1]
        if start <= first:
            return
        end, before = start, after
        width *= min(WIDER, PAGE / 2 / len(found)) if found else WIDER  # where nothing lies, ever wider


def _until(before: str, keys: Iterator[str]) -> Iterator[str]:
    """Those before a key; all where it is empty."""
    return takewhile(lambda key: key < before, keys) if before else keys


def _begun(windows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """The keys of windows, the first of which is listed now."""
    first = next(windows, ())
    return chain(first, chain.from_iterable(windows))


def _second(key: str) -> str:
    return second(key.rpartition("/")[2])
