"""Who is offered and walks when: at most so many services at a time, and those of one group begin as one.

Offers wait for AWS most of the time, so they are made in threads, while others walk. What a thread found is settled
in the caller's own thread: nothing of a run is changed from two sides.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from pipeline.manifest.models import Service
    from pipeline.release.walk.state import Walk

OFFERS = 8  # versions published and tried out at the same time

Unit = tuple[str, ...]  # services that begin as one
Made = TypeVar("Made")


@dataclass(frozen=True)
class _Begun(Generic[Made]):
    """A unit that is being offered."""

    unit: Unit
    offers: Mapping[str, Future[Made]]

    @property
    def done(self) -> bool:
        return all(future.done() for future in self.offers.values())


def refers(services: Iterable[Service]) -> dict[str, frozenset[str]]:
    """By stack, the other stacks its services refer to."""
    from pipeline.manifest.references import needed

    found = tuple(services)
    lies = {one.name: one.stack for one in found}
    wanted: dict[str, set[str]] = {one.stack: set() for one in found}
    for one in found:
        wanted[one.stack] |= {lies[name] for name in needed(one) if name in lies} - {one.stack}
    return {stack: frozenset(others) for stack, others in wanted.items()}


def apart(stacks: Sequence[str], wanted: Mapping[str, Collection[str]]) -> tuple[tuple[str, ...], ...]:
    """Stacks in their order, parted into rounds: in one round no stack refers to another, so they go side by side.

    `wanted`: by stack, those it refers to; one of those that comes earlier has its new outputs by then.
    """
    rounds: list[list[str]] = []
    for stack in stacks:
        bound = [
            number
            for number, others in enumerate(rounds)
            if any(one in wanted.get(stack, ()) or stack in wanted.get(one, ()) for one in others)
        ]
        place = bound[-1] + 1 if bound else 0
        if place == len(rounds):
            rounds.append([])
        rounds[place].append(stack)
    return tuple(tuple(one) for one in rounds)


class Turns(Generic[Made]):
    """The services of a wave in their order; `join` is what a walk asks before each of its rounds.

    `offer` runs in a thread, for one service; `settle` makes walks of what the offers of a unit came to, in the
    thread that called `join`. One service alone is offered there too. `limit`: services at a time; a unit that is
    larger begins when nothing else is under way.
    """

    def __init__(
        self,
        units: Iterable[Unit],
        offer: Callable[[str], Made],
        settle: Callable[[Unit, Mapping[str, Made]], Iterable[Walk]],
        limit: int,
    ) -> None:
        self._waiting = list(units)
        self._offer, self._settle, self._limit = offer, settle, limit
        self._begun: list[_Begun[Made]] = []
        alone = sum(map(len, self._waiting)) <= 1
        self._pool = None if alone else ThreadPoolExecutor(min(OFFERS, max(1, limit)), thread_name_prefix="offer")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """What is being offered is brought to its end, so that nothing is recorded after the leases are given back."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def join(self, walks: Sequence[Walk]) -> tuple[Walk, ...]:
        """The walks that begin now. Where none is under way it waits for some; none then means that all had a turn."""
        busy = sum(not walk.finished for walk in walks)
        while True:
            self._begin(busy)
            new = self._ready()
            if new or busy or not (self._begun or self._waiting):
                return new
            wait(
                [one for begun in self._begun for one in begun.offers.values() if not one.done()], None, FIRST_COMPLETED
            )

    def _begin(self, busy: int) -> None:
        while self._waiting:
            unit = self._waiting[0]
            load = busy + sum(len(begun.unit) for begun in self._begun)
            if load and load + len(unit) > self._limit:
                return
            self._begun.append(_Begun(unit, {name: self._submit(name) for name in unit}))
            del self._waiting[0]

    def _submit(self, service: str) -> Future[Made]:
        if self._pool is not None:
            return self._pool.submit(self._offer, service)
        made: Future[Made] = Future()
        made.set_result(self._offer(service))
        return made

    def _ready(self) -> tuple[Walk, ...]:
        done = [begun for begun in self._begun if begun.done]  # asked once: the next may be done a moment later
        self._begun = [begun for begun in self._begun if begun not in done]
        walks: list[Walk] = []
        for begun in done:
            walks += self._settle(begun.unit, {name: future.result() for name, future in begun.offers.items()})
        return tuple(walks)
