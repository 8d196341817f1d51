"""What a manifest asks of a walk, as the ledger keeps it: what is checked, when weight may rise, who says yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

OrderKind = Literal["promote", "full", "pause", "resume", "abort"]
SIGNALS = ("errors", "failures", "timeouts", "slow")
TOLD = "failures"  # the one the service itself tells


@dataclass(frozen=True)
class Limit:
    """A static limit of any CloudWatch metric: no period's `statistic` may be above, or below, it."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...] = ()
    statistic: str = "Sum"
    above: float | None = None
    below: float | None = None


@dataclass(frozen=True)
class Checks:
    """What is looked at while a version bakes; `slow_ms` is how long a request may take that is not slow."""

    errors: bool = True
    failures: bool = True
    timeouts: bool = False
    slow_ms: float | None = None
    alarms: tuple[str, ...] = ()
    limits: tuple[Limit, ...] = ()

    @property
    def signals(self) -> tuple[str, ...]:
        """The signals that are judged, each against the old version at the same time."""
        wanted = (self.errors, self.failures, self.timeouts, self.slow_ms is not None)
        return tuple(name for name, judged in zip(SIGNALS, wanted, strict=True) if judged)


@dataclass(frozen=True)
class Quiet:
    """Hours of the week in which nothing goes forward: minutes of the day in `zone`, Monday = 0.

    `end` at or before `start` is on the next day.
    """

    days: tuple[int, ...]
    start: int
    end: int
    zone: str = "UTC"


@dataclass(frozen=True)
class Freeze:
    """A time in which nothing goes forward, in epoch seconds, `end` exclusive."""

    start: float
    end: float
    reason: str = ""


@dataclass(frozen=True)
class Probe:
    """Safe events sent through the alias while a version bakes; `events` are objects of the environment's bucket."""

    events: tuple[str, ...]
    per_minute: float


@dataclass(frozen=True)
class Notify:
    """Where what happens is told: a topic's ARN, or the name of the variable that holds a webhook's address."""

    kind: Literal["sns", "slack", "webhook"]
    target: str


@dataclass(frozen=True)
class Pace:
    """How finely numbers are counted, and how late they come after a request's end: both in seconds."""

    period_s: int
    lag_s: int


@dataclass(frozen=True)
class Terms:
    """The declared rules of a walk beside its steps."""

    checks: Checks = field(default_factory=Checks)
    fast: bool = False
    quiet: tuple[Quiet, ...] = ()
    freezes: tuple[Freeze, ...] = ()
    approvers: tuple[str, ...] = ()  # ARNs or names as STS reports them, `*` for any characters
    approval_timeout_s: float = 86_400.0
    rollback_window_s: float = 3_600.0  # for how long after promotion the safety net may go back
    together: str | None = None  # releases of one group end as one
    probe: Probe | None = None
    notify: tuple[Notify, ...] = ()
    evidence: Pace | None = None  # of what the service tells itself (EMF); None = as of the standard metrics


@dataclass(frozen=True)
class Order:
    """What a person asked of a release that is under way. `actor` is what STS said, `claimed_actor` what GitHub did."""

    kind: OrderKind
    release: str
    nonce: str
    actor: str
    claimed_actor: str | None
    reason: str
    at: float
    step: int | None = None  # at which it was asked: a promotion is the next step from there, not from later


def terms_of(data: Mapping[str, Any]) -> Terms:
    """Read terms back from the ledger; raises KeyError or TypeError when they are none."""
    fields = dict(data)
    evidence = fields.pop("evidence", None)
    return Terms(
        checks=checks_of(fields.pop("checks", {})),
        quiet=tuple(Quiet(**{**one, "days": tuple(one["days"])}) for one in fields.pop("quiet", ())),
        freezes=tuple(Freeze(**one) for one in fields.pop("freezes", ())),
        approvers=tuple(fields.pop("approvers", ())),
        probe=_probe(fields.pop("probe", None)),
        notify=tuple(Notify(**one) for one in fields.pop("notify", ())),
        evidence=None if evidence is None else Pace(**evidence),
        **fields,
    )


def checks_of(data: Mapping[str, Any]) -> Checks:
    """Read checks back from the ledger; raises KeyError or TypeError when they are none."""
    limits = tuple(_limit(one) for one in data.get("limits", ()))
    return Checks(**{**data, "alarms": tuple(data.get("alarms", ())), "limits": limits})


def _limit(data: Mapping[str, Any]) -> Limit:
    return Limit(**{**data, "dimensions": tuple((name, value) for name, value in data["dimensions"])})


def _probe(data: Mapping[str, Any] | None) -> Probe | None:
    return None if data is None else Probe(tuple(data["events"]), data["per_minute"])
