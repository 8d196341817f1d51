"""The leases one deploy holds: taken in the order of names, so that two deploys cannot wait for each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pipeline.abreast import abreast
from pipeline.aws.objects import Objects
from pipeline.release.ledger.lease import Lease


class Leases:
    """Leases of services, given back together or as each is done with."""

    def __init__(self, objects: Objects, *, ttl_s: float, doing: str, say: Callable[[str], None]) -> None:
        self._objects, self._ttl_s, self._doing, self._say = objects, ttl_s, doing, say
        self._held: dict[str, Lease] = {}

    def __getitem__(self, service: str) -> Lease:
        return self._held[service]

    def __contains__(self, service: object) -> bool:
        return service in self._held

    def take(self, service: str, needed: str | None = None) -> None:
        """Take the lease of a service unless it is held already; ConflictError when somebody living holds it.

        `needed`: what it is taken for, where that is more than the service: the stack it stands in.
        """
        if service in self._held:
            return
        lease = Lease(self._objects, service, ttl_s=self._ttl_s, doing=self._doing, needed=needed)
        self._held[service] = lease.acquire(lambda text: self._say(f"{service}: {text}"))

    def check(self) -> None:
        """Raise ConflictError or AwsError when one of them is lost."""
        for lease in self._held.values():
            lease.check()

    def give_back(self, services: Iterable[str]) -> None:
        """Give back those of these services that are held: nobody need wait for the rest of the deploy."""
        held = [self._held.pop(one) for one in services if one in self._held]
        abreast(lambda lease: lease.release(), held, to_its_end=True)

    def release(self) -> None:
        """Give all of them back."""
        self.give_back(tuple(self._held))
