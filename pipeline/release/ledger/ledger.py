"""The ledger: what is going on and what was, as S3 objects of the environment's one bucket. Conditional writes only.

`crabwalk/services/SERVICE/state.json` holds the current rollout and the last promoted release, and
`history/ID.json` beside it one immutable entry a release or rollback; keys below `digest/` tell what the figures need
of each; `crabwalk/stacks/STACK.json` what Terraform last applied. Every body carries a sequence number and a nonce,
because equal bodies have equal ETags. The record follows the traffic: where the alias and the ledger disagree, the
alias is right.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from itertools import islice

from pipeline.abreast import abreast
from pipeline.aws.objects import Objects, PreconditionFailed
from pipeline.errors import ConflictError
from pipeline.release.ledger import documents
from pipeline.release.ledger.digest import Digest, digest_of, told
from pipeline.release.ledger.digest import read as read_digest
from pipeline.release.ledger.documents import FORMAT, encoded, unreadable, write_over
from pipeline.release.ledger.head import fresh_nonce
from pipeline.release.ledger.history import newest_first, since_key
from pipeline.release.ledger.records import Entry, Frozen, Rejected, Released, ServiceRecord, StackRecord
from pipeline.release.model import from_json, second, to_json
from pipeline.release.terms import Order

PREFIX = "crabwalk"
KEEP_REJECTED = 50


class RecordMovedError(ConflictError):
    """The record is not as it was read any more: it is to be read again."""


class Ledger:
    """The ledger of one environment."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def service(self, name: str) -> ServiceRecord:
        """Read a service's state; an empty record when there is none."""
        key = _state_key(name)
        stored = self._objects.get(key)
        if stored is None:
            return ServiceRecord(name)
        data = documents.read(stored.body, key)
        try:
            return ServiceRecord(
                service=name,
                seq=int(data["seq"]),
                rollout=from_json(data["rollout"]) if data["rollout"] else None,
                promoted=Released(**data["promoted"]) if data["promoted"] else None,
                rejected=tuple(Rejected(**one) for one in data["rejected"]),
                frozen=Frozen(**data["frozen"]) if data.get("frozen") else None,
                etag=stored.etag,
            )
        except (KeyError, TypeError, ValueError) as error:
            raise unreadable(key, str(error)) from error

    def save(self, record: ServiceRecord) -> ServiceRecord:
        """Write the state if nobody else did since it was read; RecordMovedError otherwise."""
        nonce = fresh_nonce()
        body = {
            "format": FORMAT,
            "seq": record.seq + 1,
            "nonce": nonce,
            "rollout": to_json(record.rollout) if record.rollout else None,
            "promoted": asdict(record.promoted) if record.promoted else None,
            "rejected": [asdict(one) for one in record.rejected[-KEEP_REJECTED:]],
            "frozen": asdict(record.frozen) if record.frozen else None,
        }
        key = _state_key(record.service)
        etag = write_over(self._objects, key, encoded(body), nonce, record.etag)
        if etag is None:
            raise RecordMovedError(
                f"the record of `{record.service}` was changed by somebody else",
                where=key,
                hint=f"crabwalk status {record.service}",
            )
        return replace(record, seq=record.seq + 1, etag=etag)

    def order(self, service: str) -> Order | None:
        """What a person asked last of a service's release; obeyed or not, the rollout tells."""
        found = self._placed(service)
        return found[0] if found else None

    def place(self, service: str, order: Order) -> None:
        """Ask something of a release under way; the last word counts, but nothing comes after an abort.

        Its controller obeys with its next look. Raises ConflictError where an abort was asked already.
        """
        key, body = _order_key(service), encoded({"format": FORMAT, "order": asdict(order)})
        for attempt in range(documents.COLLISIONS):
            time.sleep(attempt * documents.COLLISION_PAUSE_S)
            found = self._placed(service)
            before, etag = found or (None, None)
            if before == order:
                return
            if before is not None and before.release == order.release and before.kind == "abort" != order.kind:
                raise ConflictError(
                    f"{before.actor} asked to abort release {order.release} of `{service}`",
                    hint=f"crabwalk status {service}",
                )
            with suppress(PreconditionFailed):  # somebody else asked meanwhile: read that first
                self._objects.put(key, body, if_match=etag, if_absent=etag is None)
                return
        raise ConflictError(f"too many ask something of `{service}` at once", where=key, hint="ask again")

    def _placed(self, service: str) -> tuple[Order, str] | None:
        key = _order_key(service)
        stored = self._objects.get(key)
        if stored is None:
            return None
        data = documents.read(stored.body, key)
        try:
            return Order(**data["order"]), stored.etag
        except (KeyError, TypeError) as error:
            raise unreadable(key, str(error)) from error

    def append(self, entry: Entry) -> None:
        """Add an entry to the history; one that is there already stays as it is.

        What the figures need of it comes after it: whoever dies in between is followed by one that adds it again.
        """
        nonce = fresh_nonce()
        body = {"format": FORMAT, "nonce": nonce, **asdict(entry)}
        if write_over(self._objects, _history_key(entry.service, entry.release_id), encoded(body), nonce, None) is None:
            entry = self.entry(entry.service, entry.release_id) or entry
        name = told(digest_of(entry))
        if name is not None:
            self._objects.put(f"{_digests_of(entry.service)}{name}", b"")

    def entry(self, service: str, release_id: str) -> Entry | None:
        """One entry of the history, None where there is none of this id."""
        return self._entry(_history_key(service, release_id))

    def history(self, service: str, limit: int) -> tuple[Entry, ...]:
        """The newest entries, newest first."""
        return tuple(islice(self.entries([service]), limit))

    def entries(self, services: Sequence[str], since: float | None = None) -> Iterator[Entry]:
        """The entries of these services that were started since then (epoch seconds), newest first.

        They are read as they are asked for.
        """
        for keys in newest_first(self._objects, [_history(service) for service in services], since):
            found = [entry for entry in abreast(self._entry, keys) if entry is not None]
            # Keys tell seconds and nothing finer; a rollback may follow its release within one.
            yield from sorted(found, key=lambda one: (second(one.release_id), one.started), reverse=True)

    def digests(self, services: Sequence[str], since: float) -> tuple[Digest, ...]:
        """What the figures need of each entry started since then (epoch seconds), in the order of `services`."""
        found = abreast(lambda service: self._digests(service, since), services)
        missing = abreast(self._entry, [key for _, keys in found for key in keys])
        read = iter(missing)
        return tuple(
            one
            for known, keys in found
            for one in (*known, *(digest_of(entry) for entry in islice(read, len(keys)) if entry is not None))
        )

    def _digests(self, service: str, since: float) -> tuple[tuple[Digest, ...], tuple[str, ...]]:
        """What the keys tell of a service's entries, and the keys of the entries they do not tell of."""
        tell = (read_digest(service, key) for key in self._listed(_digests_of(service), since))
        known = {_history_key(service, one.release_id): one for one in tell if one is not None}
        keys = self._listed(_history(service), since)
        return tuple(known[key] for key in keys if key in known), tuple(key for key in keys if key not in known)

    def _listed(self, prefix: str, since: float) -> tuple[str, ...]:
        return tuple(self._objects.keys(prefix, since_key(prefix, since)))

    def _entry(self, key: str) -> Entry | None:
        stored = self._objects.get(key)
        if stored is None:
            return None
        data = documents.read(stored.body, key)
        known = {name: data[name] for name in Entry.__dataclass_fields__ if name in data}
        try:
            lists = {name: tuple(known.get(name, ())) for name in ("steps", "orders")}
            return Entry(**{**known, **lists})
        except TypeError as error:
            raise unreadable(key, str(error)) from error

    def stack(self, name: str) -> StackRecord | None:
        """What was last applied to a stack, None if nothing was."""
        key = f"{PREFIX}/stacks/{name}.json"
        stored = self._objects.get(key)
        if stored is None:
            return None
        data = documents.read(stored.body, key)
        try:
            known = {name: data[name] for name in StackRecord.__dataclass_fields__ if name in data}
            return StackRecord(**{**known, "services": tuple(data["services"])})
        except (KeyError, TypeError) as error:
            raise unreadable(key, str(error)) from error

    def save_stack(self, record: StackRecord) -> None:
        """Record an apply. Terraform's own lock keeps applies of a stack apart, so the last one is right."""
        body = {"format": FORMAT, "nonce": fresh_nonce(), **asdict(record)}
        self._objects.put(f"{PREFIX}/stacks/{record.stack}.json", encoded(body))

    def stacks(self) -> tuple[str, ...]:
        """Every stack that has a record, sorted."""
        prefix = f"{PREFIX}/stacks/"
        return tuple(sorted(key.removeprefix(prefix).removesuffix(".json") for key in self._objects.keys(prefix)))

    def forget_stack(self, name: str) -> None:
        """Delete the record of a stack in which nothing stands any more."""
        self._objects.delete(f"{PREFIX}/stacks/{name}.json")

    def forget(self, service: str) -> None:
        """Delete what is current of a service; its history stays. Under its lease only."""
        for key in (_order_key(service), _state_key(service)):
            self._objects.delete(key)

    def services(self) -> tuple[str, ...]:
        """Every service that has a record, sorted."""
        return tuple(self._objects.folders(f"{PREFIX}/services/"))


def _state_key(service: str) -> str:
    return f"{PREFIX}/services/{service}/state.json"


def _order_key(service: str) -> str:
    return f"{PREFIX}/services/{service}/order.json"


def _history(service: str) -> str:
    return f"{PREFIX}/services/{service}/history/"


def _history_key(service: str, release_id: str) -> str:
    return f"{_history(service)}{release_id}.json"


def _digests_of(service: str) -> str:
    return f"{PREFIX}/services/{service}/digest/"
