"""Where a service's history lies, read backwards: S3 lists keys only forwards, and a history only grows.

An entry's key begins with the second it was started in (`model.new_release_id`), so a listing can begin at a time. It
is listed in spans, each reaching further back than the one before, until whoever reads has enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile

from pipeline.aws.objects import Objects
from pipeline.release.model import second

DAY_S = 86_400.0
SPANS_S = (30 * DAY_S, 365 * DAY_S)  # then everything
BATCH = 8  # entries read side by side


def newest_first(objects: Objects, prefix: str, since: float | None = None) -> Iterator[tuple[str, ...]]:
    """Keys below `prefix` in batches, the newest first, back to `since` (epoch seconds).

    Those of one second come in one batch.
    """
    now, before = objects.now(), ""
    starts = [*(now - span for span in SPANS_S if since is None or now - span > since), since]
    for start in starts:
        after = prefix if start is None else f"{prefix}{datetime.fromtimestamp(max(0.0, start), UTC):%Y%m%dT%H%M%S}"
        found = objects.keys(prefix, after)
        fresh = list(found if not before else takewhile(lambda key, end=before: key < end, found))  # type: ignore[misc]
        before = fresh[0] if fresh else before
        end = len(fresh)
        while end > 0:
            first = max(0, end - BATCH)
            while first > 0 and second(fresh[first - 1]) == second(fresh[first]):
                first -= 1
            yield tuple(reversed(fresh[first:end]))
            end = first
