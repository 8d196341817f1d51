"""A lease: one controller at a time works on a service. An S3 object, renewed in the background while it is held.

Its age is taken from S3's own clock (LastModified against Date), so two machines' clocks need not agree. A lease
whose holder died runs out after `ttl_s`. The lease keeps honest controllers apart; what protects the traffic is the
alias's RevisionId.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from pipeline.aws import TransientError
from pipeline.aws.objects import Objects, PreconditionFailed
from pipeline.errors import AwsError, ConflictError, CrabwalkError
from pipeline.release.ledger.head import fresh_nonce
from pipeline.release.words import moment

GRACE_S = 2.0  # S3's dates have whole seconds


@dataclass(frozen=True)
class Holder:
    """Who holds a lease, as they said themselves."""

    nonce: str
    who: str
    doing: str
    age_s: float
    ttl_s: float
    since: float | None = None  # epoch seconds, by the holder's own clock
    generation: int = 0  # how often walks of this service were given to a controller without a process

    @property
    def told(self) -> str:
        """What is done, by whom, and since when."""
        since = "" if self.since is None else f" since {moment(self.since, seconds=True)}"
        return f"{self.doing} by {self.who}{since}"

    @property
    def expired(self) -> bool:
        """Whether the holder has not renewed it in time."""
        return self.left_s < 0

    @property
    def living(self) -> bool:
        """Whether somebody holds it who renews it."""
        return bool(self.nonce) and not self.expired

    @property
    def left_s(self) -> float:
        """How long it still holds unless it is renewed."""
        return self.ttl_s + GRACE_S - self.age_s


def lease_key(service: str, folder: str = "services") -> str:
    """Where a service's lease lies; that of a whole fleet lies in `fleets`."""
    return f"crabwalk/{folder}/{service}/lease.json"


def holder(objects: Objects, service: str, folder: str = "services") -> Holder | None:
    """Who holds the lease now; None when nobody does."""
    found = _read(objects, lease_key(service, folder))
    return found[0] if found else None


class Lease:
    """Held as a context manager; `check` raises ConflictError once it was lost."""

    def __init__(
        self,
        objects: Objects,
        service: str,
        *,
        ttl_s: float,
        doing: str,
        needed: str | None = None,
        folder: str = "services",
    ) -> None:
        """`needed`: what is to be worked on, in words, where it is more than the service."""
        self._objects, self._key, self._service, self._ttl = objects, lease_key(service, folder), service, ttl_s
        self._doing, self._needed = doing, needed
        self._since = time.time()
        self._nonce = fresh_nonce()
        self._salt = fresh_nonce()  # no two processes write the same bytes: S3's ETag tells each renewal
        self._who = _who()
        self._generation = 0
        self._seq = 0
        self._etag: str | None = None
        self._lost: str | None = None
        self._away: AwsError | None = None  # why the last renewal was not answered
        self._renewed = 0.0
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def acquire(self, say: Callable[[str], None], pause: Callable[[float], None] = time.sleep) -> Self:
        """Take the lease; waits once for a dead holder's to run out, ConflictError when the holder lives."""
        seen: str | None = None
        while True:
            found = _read(self._objects, self._key)
            if found is None:
                if self._write(if_absent=True):
                    break
                continue
            current, etag = found
            self._generation = current.generation
            if current.expired or not current.nonce:
                if self._write(if_match=etag):
                    break
                continue
            if seen is not None and etag != seen:
                raise self._held_by(current)
            left = current.left_s
            if seen is None:
                say(f"waiting up to {left:.0f} s for the lease of {current.who} ({current.doing}) to run out")
            seen = etag
            pause(max(0.2, min(1.0, left)))
        self._thread = threading.Thread(target=self._renew, name=f"lease-{self._service}", daemon=True)
        self._thread.start()
        return self

    def _held_by(self, current: Holder) -> ConflictError:
        what, through = (f"`{self._service}`", "")
        if self._needed is not None:
            what, through = self._needed, f" at `{self._service}`"
        return ConflictError(
            f"{what} is being worked on{through}: {current.told}",
            hint=f"wait for it, or see `crabwalk status {self._service}`",
        )

    def check(self) -> None:
        """Raise ConflictError when the lease is not ours any more, AwsError while that cannot be told.

        It cannot while AWS is away, and after this process or its machine stood still: the next renewal tells.
        """
        if self._lost is not None:
            raise ConflictError(
                f"the lease of `{self._service}` was lost: {self._lost}", hint=f"crabwalk status {self._service}"
            )
        if time.monotonic() - self._renewed <= self._ttl:
            return
        if self._away is not None:
            raise type(self._away)(self._away.what, hint=self._away.hint) from self._away
        raise TransientError(
            f"the lease of `{self._service}` could not be renewed in time", hint=f"crabwalk status {self._service}"
        )

    def confirm(self) -> None:
        """Like `check`, but asks S3: a process that was suspended does not know that its lease was taken meanwhile."""
        self.check()
        found = _read(self._objects, self._key)
        if found is None or found[0].nonce != self._nonce:
            self._lost = "somebody else took it"
            self.check()

    def release(self) -> None:
        """Give the lease back; a lease that cannot be given back runs out by itself."""
        self._end_renewal()
        if self._etag is not None and self._lost is None:
            with contextlib.suppress(PreconditionFailed, CrabwalkError):
                self._objects.put(self._key, self._body(nonce=""), if_match=self._etag)
        self._etag = None

    @property
    def generation(self) -> int:
        """How often walks of this service were given to a controller without a process; a lease keeps the number."""
        return self._generation

    def hand_on(self, nonce: str, who: str, doing: str, *, ttl_s: float, generation: int) -> None:
        """Give the held lease to somebody else without a moment in which it is free; this one ends with that.

        Raises ConflictError when it was lost before, AwsError when AWS does not answer: then it may be either's, and
        runs out by itself unless its new holder renews it.
        """
        self.confirm()
        self._end_renewal()
        self._nonce, self._who, self._doing, self._ttl = nonce, who, doing, ttl_s
        self._since, self._generation = time.time(), generation
        etag, self._etag = self._etag, None
        if not self._write(if_match=etag):
            self._lost = "somebody else took it"
            self.check()
        self._etag = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def _end_renewal(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _renew(self) -> None:
        while not self._stop.wait(self._ttl / 4):
            try:
                if not self._write(if_match=self._etag):
                    self._lost = "somebody else took it"
                    return
            except AwsError as error:
                self._away = error  # `check` counts the time since the last renewal
            except CrabwalkError:
                continue

    def _write(self, *, if_match: str | None = None, if_absent: bool = False) -> bool:
        self._seq += 1
        body = self._body(self._nonce)
        try:
            self._etag = self._objects.put(self._key, body, if_match=if_match, if_absent=if_absent)
        except PreconditionFailed:
            stored = self._objects.get(self._key)
            if stored is None or not self._ours(stored.body):
                return False
            self._etag = stored.etag  # this write or an earlier one was ours, its answer got lost
            if stored.body != body:
                return self._write(if_match=stored.etag)
        self._renewed, self._away = time.monotonic(), None
        return True

    def _ours(self, body: bytes) -> bool:
        with contextlib.suppress(ValueError, AttributeError):
            return bool(json.loads(body).get("nonce") == self._nonce)
        return False

    def _body(self, nonce: str) -> bytes:
        data = {"format": 1, "nonce": nonce, "seq": self._seq, "who": self._who, "doing": self._doing}
        more = {"ttl_s": self._ttl, "since": self._since, "generation": self._generation, "salt": self._salt}
        return json.dumps({**data, **more}, sort_keys=True).encode()


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()} (process {os.getpid()})"


def _read(objects: Objects, key: str) -> tuple[Holder, str] | None:
    stored = objects.get(key)
    if stored is None:
        return None
    try:
        data = json.loads(stored.body)
        since = float(data["since"]) if "since" in data else None  # what an older crabwalk wrote does not tell
        said = (str(data["nonce"]), str(data["who"]), str(data["doing"]))
        generation = int(data.get("generation", 0))
        found = Holder(*said, stored.age_s, float(data["ttl_s"]), since, generation)
    except (ValueError, KeyError, TypeError) as error:
        raise CrabwalkError("the lease cannot be read", where=key, hint="delete the object") from error
    return found, stored.etag
