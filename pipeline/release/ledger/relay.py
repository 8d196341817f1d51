"""A lease that outlives the process that renews it: a controller without a process takes it up again at each look.

Whoever knows its token renews it; the token follows from the release and the generation, so that the next look of the
same controller has it and nobody else. A controller of a later generation follows an earlier one at once.
"""

from __future__ import annotations

from pipeline.aws.objects import Objects
from pipeline.errors import ConflictError
from pipeline.release.ledger.lease import Holder, Lease, _read


class OvertakenError(ConflictError):
    """Somebody else walks the release now; this controller ends."""


class Relay(Lease):
    """Taken at the beginning of a look and left standing at its end; no thread renews it in between."""

    def __init__(
        self, objects: Objects, service: str, *, token: str, who: str, doing: str, ttl_s: float, generation: int
    ) -> None:
        """`token` is the lease's nonce; `generation` counts the hand-overs of this service's walks."""
        super().__init__(objects, service, ttl_s=ttl_s, doing=doing)
        self._nonce, self._who, self._generation = token, who, generation

    def take(self, followed: str | None = None) -> bool:
        """Take or renew it; True where it was this controller's already, False where it was free or has run out.

        `followed`: the token of the controller this one follows, whose lease need not run out first. Raises
        OvertakenError where somebody else holds it, or a later generation has had it.
        """
        while True:
            found = _read(self._objects, self._key)
            if found is None:
                if self._write(if_absent=True):
                    return False
                continue
            current, etag = found
            ours = current.nonce == self._nonce
            if not ours and (current.generation > self._generation or self._kept(current, followed)):
                raise OvertakenError(
                    f"`{self._service}` is walked by somebody else now: {current.told}"
                    if current.living
                    else f"`{self._service}` was given to a later controller",
                    hint=f"crabwalk status {self._service}",
                )
            if ours and current.since is not None:
                self._since = current.since
            if self._write(if_match=etag):
                return ours

    @staticmethod
    def _kept(current: Holder, followed: str | None) -> bool:
        return current.living and current.nonce != followed
