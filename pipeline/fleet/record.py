"""What is known of a fleet as a whole: one object in the bucket of its first target, and one of each release's end.

`crabwalk/fleets/ENV/state.json` is the release under way or the last one; `order.json` what a person asked of it;
`history/ID.json` how it ended. Conditional writes only, as in the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.aws.objects import Objects, PreconditionFailed
from pipeline.errors import ConflictError, CrabwalkError
from pipeline.fleet.plan import FleetRelease
from pipeline.release.ledger.head import fresh_nonce

FORMAT = 1
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
        return Kept(_release(_loaded(stored.body, key), key), stored.etag)

    def save(self, release: FleetRelease, etag: str | None) -> str:
        """Write it over what was read, and its end into the history; the new ETag.

        Raises ConflictError when somebody else wrote meanwhile.
        """
        key, nonce = f"{self._folder}/state.json", fresh_nonce()
        body = _body({"format": FORMAT, "nonce": nonce, **asdict(release)})
        if release.over:
            self._objects.put(f"{self._folder}/history/{release.id}.json", body)
        try:
            return self._objects.put(key, body, if_match=etag, if_absent=etag is None)
        except PreconditionFailed:
            stored = self._objects.get(key)
        if stored is not None and _loaded(stored.body, key).get("nonce") == nonce:
            return stored.etag
        raise ConflictError(
            f"the record of `{release.fleet}` was changed by somebody else",
            where=key,
            hint=f"crabwalk status --env {release.fleet}",
        )

    def release(self, release_id: str) -> FleetRelease | None:
        """One release: the one under way, or as it ended; None where there is none of this id."""
        kept = self.read().release
        if kept is not None and kept.id == release_id:
            return kept
        key = f"{self._folder}/history/{release_id}.json"
        stored = self._objects.get(key)
        return None if stored is None else _release(_loaded(stored.body, key), key)

    def ask(self, asked: Asked) -> None:
        """Leave an abort for whoever deploys the fleet; it is seen with their next look."""
        self._objects.put(f"{self._folder}/order.json", _body({"format": FORMAT, **asdict(asked)}))

    def asked(self, release: FleetRelease) -> Asked | None:
        """The abort of this release, if one was asked for."""
        key = f"{self._folder}/order.json"
        stored = self._objects.get(key)
        if stored is None:
            return None
        data = _loaded(stored.body, key)
        found = Asked(**{name: data[name] for name in Asked.__dataclass_fields__})
        return found if found.release == release.id else None


def _release(data: Mapping[str, Any], key: str) -> FleetRelease:
    known = {name: data[name] for name in FleetRelease.__dataclass_fields__ if name in data}
    try:
        tuples = {name: tuple(known.get(name, ())) for name in ("only", "finished", "back")}
        ringing = {target: tuple(names) for target, names in known.get("ringing", {}).items()}
        return FleetRelease(**{**known, **tuples, "ringing": ringing})
    except (AttributeError, TypeError) as error:
        raise _unreadable(key, str(error)) from error


def _body(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def _loaded(body: bytes, key: str) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except ValueError as error:
        raise _unreadable(key, "it is not JSON") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise _unreadable(key, f"its format is not {FORMAT}; a newer crabwalk wrote it")
    return data


def _unreadable(key: str, why: str) -> CrabwalkError:
    hint = "use the crabwalk that wrote it, or restore the object"
    return CrabwalkError(f"the fleet's record cannot be read: {why}", where=key, hint=hint)
