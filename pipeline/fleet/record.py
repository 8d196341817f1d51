"""What is known of a fleet as a whole: one object in the bucket of its first target, and one of each release's end.

`crabwalk/fleets/ENV/state.json` is the release under way or the last one; `order.json` what a person asked of it;
`history/ID.json` how it ended. Conditional writes only, as in the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.aws.objects import Objects
from pipeline.errors import ConflictError
from pipeline.fleet.plan import FleetRelease
from pipeline.release.ledger.documents import FORMAT, encoded, read, unreadable, write_over
from pipeline.release.ledger.head import fresh_nonce

RECORD = "the fleet's record"
FOLDER = "fleets"


@dataclass(frozen=True)
class Kept:
    """The record as it was read; `etag` None = nothing was there."""

    release: FleetRelease | None
    etag: str | None


@dataclass(frozen=True)
class Asked:
    """An abort that a person asked for; `release` names the one it is meant for."""

    release: str
    actor: str
    claimed_actor: str | None
    reason: str
    at: float

    @property
    def sentence(self) -> str:
        """Who ended it, and why."""
        who = f"{self.actor} ({self.claimed_actor})" if self.claimed_actor else self.actor
        return f"aborted by {who}" + (f": {self.reason}" if self.reason else "")


class FleetLedger:
    """The record of one fleet, in its first target's bucket."""

    def __init__(self, objects: Objects, fleet: str) -> None:
        self._objects, self._folder = objects, f"crabwalk/{FOLDER}/{fleet}"

    def read(self) -> Kept:
        """The release under way, or the last one. Raises CrabwalkError for what a newer crabwalk wrote."""
        key = f"{self._folder}/state.json"
        stored = self._objects.get(key)
        if stored is None:
            return Kept(None, None)
        return Kept(_release(read(stored.body, key, RECORD), key), stored.etag)

    def save(self, release: FleetRelease, etag: str | None) -> str:
        """Write it over what was read, and its end into the history; the new ETag.

        Raises ConflictError when somebody else wrote meanwhile.
        """
        key, nonce = f"{self._folder}/state.json", fresh_nonce()
        data = encoded({"format": FORMAT, "nonce": nonce, **asdict(release)})
        if release.over:
            self._objects.put(f"{self._folder}/history/{release.id}.json", data)
        written = write_over(self._objects, key, data, nonce, etag, what=RECORD)
        if written is None:
            raise ConflictError(
                f"the record of `{release.fleet}` was changed by somebody else",
                where=key,
                hint=f"crabwalk status --env {release.fleet}",
            )
        return written

    def release(self, release_id: str) -> FleetRelease | None:
        """One release: the one under way, or as it ended; None where there is none of this id."""
        kept = self.read().release
        if kept is not None and kept.id == release_id:
            return kept
        key = f"{self._folder}/history/{release_id}.json"
        stored = self._objects.get(key)
        return None if stored is None else _release(read(stored.body, key, RECORD), key)

    def ask(self, asked: Asked) -> None:
        """Leave an abort for whoever deploys the fleet; it is seen with their next look."""
        self._objects.put(f"{self._folder}/order.json", encoded({"format": FORMAT, **asdict(asked)}))

    def asked(self, release: FleetRelease) -> Asked | None:
        """The abort of this release, if one was asked for."""
        key = f"{self._folder}/order.json"
        stored = self._objects.get(key)
        if stored is None:
            return None
        data = read(stored.body, key, RECORD)
        try:
            found = Asked(**{name: data[name] for name in Asked.__dataclass_fields__})
        except KeyError as error:
            raise unreadable(key, f"it has no {error}", RECORD) from error
        return found if found.release == release.id else None


def _release(data: Mapping[str, Any], key: str) -> FleetRelease:
    known = {name: data[name] for name in FleetRelease.__dataclass_fields__ if name in data}
    try:
        tuples = {name: tuple(known.get(name, ())) for name in ("only", "finished", "back")}
        ringing = {target: tuple(names) for target, names in known.get("ringing", {}).items()}
        return FleetRelease(**{**known, **tuples, "ringing": ringing})
    except (AttributeError, TypeError) as error:
        raise unreadable(key, str(error), RECORD) from error
