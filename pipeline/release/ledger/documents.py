"""The JSON objects of a ledger: how a body is written and read, and how one is written over what was read.

Every body carries a format and a nonce: equal bodies have equal ETags, and the nonce tells whose write it was where the
answer was unclear.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from pipeline.aws.objects import Objects, PreconditionFailed
from pipeline.errors import AwsError, CrabwalkError

FORMAT = 1
RECORD = "the record"
COLLISIONS = 8  # other conditional writes that one of ours may meet (409) before it gives up
COLLISION_PAUSE_S = 0.05


def encoded(data: Mapping[str, Any]) -> bytes:
    """A document as it is stored."""
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def read(stored: bytes, key: str, what: str = RECORD) -> dict[str, Any]:
    """A stored document; CrabwalkError for what is none, or of another format. `what`: how an error calls it."""
    try:
        data = json.loads(stored)
    except ValueError as error:
        raise unreadable(key, "it is not JSON", what) from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise unreadable(key, f"its format is not {FORMAT}; a newer crabwalk wrote it", what)
    return data


def unreadable(key: str, why: str, what: str = RECORD) -> CrabwalkError:
    """What to say of a document that is there and cannot be understood."""
    hint = "use the crabwalk that wrote it, or restore the object"
    return CrabwalkError(f"{what} cannot be read: {why}", where=key, hint=hint)


def write_over(
    objects: Objects, key: str, data: bytes, nonce: str, etag: str | None, *, what: str = RECORD
) -> str | None:
    """Write over `etag` (None: nothing is there) and return the new ETag; None when something else is there.

    409 says that two conditional writes met and neither happened: it is written again. AwsError when that goes on.
    """
    for attempt in range(COLLISIONS):
        time.sleep(attempt * COLLISION_PAUSE_S)
        try:
            return objects.put(key, data, if_match=etag, if_absent=etag is None)
        except PreconditionFailed:
            stored = objects.get(key)
        if stored is not None and read(stored.body, key, what).get("nonce") == nonce:
            return stored.etag
        if (stored.etag if stored else None) != etag:
            return None
    raise AwsError(f"could not write {key}: it met another write each of {COLLISIONS} times", hint="try again")
