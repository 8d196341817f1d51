"""What the figures need of an entry of the history, in the key of an empty object beside it. Pure.

An S3 listing tells 1,000 keys in one answer, while 1,000 entries are 1,000 calls: figures over months are made from
keys alone. The history is what counts: a digest without its entry tells nothing, and an entry without a digest (an
older crabwalk wrote it) is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from pipeline.release.ledger.records import Entry

_NONE = "-"
_FORM = re.compile(
    r"(?P<release_id>[0-9A-Za-z-]+)_(?P<kind>[a-z-]+)_(?P<outcome>[a-z-]+)_(?P<candidate>[0-9]+|-)"
    r"_(?P<started>[0-9]+)_(?P<ended>[0-9]+)_(?P<traffic>[0-9]+|-)_(?P<committed>[0-9]+|-)_(?P<commit>[0-9a-f]+|-)"
)


@dataclass(frozen=True)
class Digest:
    """An entry as the figures count it. Times are epoch seconds, in a key to the millisecond.

    `first_traffic`: when it got its first, None without; `committed`: when its commit was made, where git told.
    """

    service: str
    release_id: str
    kind: str
    outcome: str
    candidate: str | None
    started: float
    ended: float
    first_traffic: float | None
    committed: float | None
    commit: str | None


def digest_of(entry: Entry) -> Digest:
    """What the figures need of an entry."""
    return Digest(
        entry.service,
        entry.release_id,
        entry.kind,
        entry.outcome,
        entry.candidate,
        entry.started,
        entry.ended,
        min((step["started"] for step in entry.steps), default=None),
        entry.committed,
        entry.commit,
    )


def told(digest: Digest) -> str | None:
    """The last part of the key that tells it, None for what cannot be told so: its entry is read then."""
    times = (digest.started, digest.ended, digest.first_traffic, digest.committed)
    parts = (
        digest.release_id,
        digest.kind,
        digest.outcome,
        digest.candidate or _NONE,
        *map(_ms, times),
        digest.commit or _NONE,
    )
    text = "_".join(parts)
    return text if _FORM.fullmatch(text) else None


def read(service: str, key: str) -> Digest | None:
    """A digest from its key, None where it tells none."""
    found = _FORM.fullmatch(PurePosixPath(key).name)
    if found is None:
        return None
    text = {name: None if value == _NONE else value for name, value in found.groupdict().items()}
    return Digest(
        service,
        found["release_id"],
        found["kind"],
        found["outcome"],
        text["candidate"],
        int(found["started"]) / 1000,
        int(found["ended"]) / 1000,
        _s(text["traffic"]),
        _s(text["committed"]),
        text["commit"],
    )


def _ms(seconds: float | None) -> str:
    return _NONE if seconds is None else str(round(seconds * 1000))


def _s(milliseconds: str | None) -> float | None:
    return None if milliseconds is None else int(milliseconds) / 1000
