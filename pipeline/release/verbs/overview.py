"""A whole environment at one moment: how each service stands, what was released, the DORA figures. Pure values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.release.ledger.digest import Digest
from pipeline.release.ledger.dora import DAY_S, Figures, figures
from pipeline.release.ledger.records import Entry
from pipeline.release.verbs.status import ServiceStatus

WEEK_S = 7 * DAY_S
WEEKS = 12
RECENT = 30  # entries that are shown
MARGIN_S = 30 * DAY_S  # how much earlier a release may have begun that was taken back in the time shown


@dataclass(frozen=True)
class Week:
    """The figures of seven days; times are epoch seconds."""

    since: float
    until: float
    figures: Figures


@dataclass(frozen=True)
class Overview:
    """What the dashboard shows. `weeks`: the oldest first; `notes`: what is not known, in words."""

    project: str
    environment: str
    at: float
    statuses: tuple[ServiceStatus, ...]
    recent: tuple[Entry, ...] = ()
    whole: Figures | None = None
    weeks: tuple[Week, ...] = ()
    notes: tuple[str, ...] = ()


def weekly(digests: Iterable[Digest], until: float, weeks: int = WEEKS) -> tuple[Week, ...]:
    """The figures of each of the last weeks, the oldest first; the last one ends now."""
    known = tuple(digests)
    spans = [(until - (number + 1) * WEEK_S, until - number * WEEK_S) for number in reversed(range(weeks))]
    return tuple(Week(since, to, figures(known, since, to)) for since, to in spans)


def first_of_all(statuses: Sequence[ServiceStatus]) -> list[ServiceStatus]:
    """What wants somebody's eye first: what somebody changed, what is stuck, what walks; then by name."""
    order = ("changed-by-somebody-else", "held", "waiting", "paused", "walking", "rolled-back")
    return sorted(statuses, key=lambda one: (order.index(one.state) if one.state in order else len(order), one.service))
