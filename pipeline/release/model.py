"""A rollout is a value: everything the engine knows of one release, as the ledger keeps it. No behaviour, no I/O."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pipeline.release.terms import SIGNALS, TOLD, Checks, Order, Pace, Terms, checks_of, terms_of
from pipeline.release.words import ALIAS as ALIAS  # noqa: PLC0414 - most read them from here
from pipeline.release.words import percent as percent  # noqa: PLC0414

LATEST = "$LATEST"  # an alias that points there was never released

Phase = Literal["published", "walking", "promoted", "rolled-back", "held"]
OVER: frozenset[str] = frozenset({"promoted", "rolled-back"})
REJECTS: frozenset[str] = frozenset({"smoke", "hook"})  # what says no before any traffic
OnInconclusive = Literal["rollback", "hold", "promote"]
IntentKind = Literal["fence", "step", "back"]


@dataclass(frozen=True)
class StepSpec:
    """A declared step: `traffic` is the new version's share (0..1), `bake_s` how long it must last.

    `min_requests`: what the new version must have answered in this step itself. `approve`: a person says yes first.
    """

    traffic: float
    bake_s: float
    min_requests: int | None = None
    approve: bool = False
    checks: Checks | None = None  # where they differ from the walk's


@dataclass(frozen=True)
class Intent:
    """An alias write about to be made: it may be completed only while the alias still has `revision`."""

    step: int  # `step`: the one it begins, len(steps) = promotion; `fence`: the one it leaves as it is; `back`: -1
    nonce: str
    revision: str
    kind: IntentKind = "step"  # `fence` moves no traffic, `back` gives all of it to the stable version
    sentence: str = ""  # why it is made
    reason: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)  # the judge's numbers, for whoever records its success
    order: Order | None = None  # the person's word it carries out


@dataclass(frozen=True)
class Rollout:
    """One release of one service in one environment, from publish to its end. Times are epoch seconds."""

    release_id: str
    service: str
    environment: str
    function: str
    commit: str
    subject: str
    artifact: str
    configuration: str
    actor: str
    claimed_actor: str | None
    stable: str
    candidate: str
    previous: str | None  # the stable version before `stable`
    steps: tuple[StepSpec, ...]
    min_requests: int
    deadline_s: float
    on_inconclusive: OnInconclusive
    timeout_s: int  # of the function: an invocation's metrics arrive when it ends
    period_s: int  # of the environment: one metric period,
    lag_s: int  # and how late CloudWatch may be
    started: float
    phase: Phase = "published"
    step: int = -1
    step_starts: tuple[float, ...] = ()
    nonce: str = ""
    revision: str = ""  # the alias's, as read when the release was planned; what `begin` and the first step rely on
    intent: Intent | None = None  # the write announced last
    replaced: tuple[str, ...] = ()  # the alias's revisions that our last writes took the place of, the newest last
    unclear: tuple[Intent, ...] = ()  # earlier ones whose answer was lost and that may still arrive
    ended: float | None = None
    sentence: str = ""
    reason: str = ""
    terms: Terms = field(default_factory=Terms)
    ringing: tuple[str, ...] = ()  # alarms that rang before the walk: told, not counted
    clock: float | None = None  # since when the deadline counts, where a pause or a hold moved it
    paused: float | None = None  # since when
    waiting: float | None = None  # since when a step waits for a person's yes
    obeyed: tuple[Order, ...] = ()  # what people asked of it, the oldest first
    committed: float | None = None  # when the commit was made, where git told
    # The judge's numbers by which the step was taken: of a promotion that is not recorded yet, or where they are told.
    proof: dict[str, Any] = field(default_factory=dict)
    needs: str = ""  # hash of what its manifest wants around it
    judged: str = ""  # what the judge was told to say of the present step; kept where verdicts are told
    judged_at: float | None = None  # since when it says so

    @property
    def pause(self) -> Order | None:
        """The order that paused it last."""
        return next((one for one in reversed(self.obeyed) if one.kind == "pause"), None)

    @property
    def deadline(self) -> float:
        """When the walk must be over."""
        return (self.started if self.clock is None else self.clock) + self.deadline_s

    @property
    def checks(self) -> Checks:
        """What is looked at in the current step."""
        own = self.steps[self.step].checks if 0 <= self.step < len(self.steps) else None
        return self.terms.checks if own is None else own

    @property
    def alarms(self) -> tuple[str, ...]:
        """Every alarm that is looked at in some step."""
        declared = (self.terms.checks, *(one.checks for one in self.steps if one.checks is not None))
        return tuple(dict.fromkeys(name for checks in declared for name in checks.alarms))

    @property
    def signals(self) -> tuple[str, ...]:
        """Every signal that is judged in some step: they share alpha. Errors may be asked where seconds are doubted."""
        declared = [self.terms.checks, *(one.checks for one in self.steps if one.checks is not None)]
        used = [one for one in declared if one is not self.terms.checks or any(s.checks is None for s in self.steps)]
        asked = {"errors"} if self.terms.evidence is not None else set()
        return tuple(name for name in SIGNALS if name in asked or any(name in checks.signals for checks in used))

    def pace(self, signal: str) -> Pace:
        """How finely a signal is counted: the service's own may be told by the second."""
        if signal == TOLD and self.terms.evidence is not None:
            return self.terms.evidence
        return Pace(self.period_s, self.lag_s)

    @property
    def over(self) -> bool:
        """Whether traffic will not be moved any more by this rollout."""
        return self.phase in OVER

    def outdated(self, revision: str) -> bool:
        """Whether a read of the alias with this revision is older than a write of ours that is known to have happened.

        A RevisionId is never used twice, so a revision that a write took the place of cannot be the present one.
        """
        return bool(revision) and revision in self.replaced

    @property
    def moved(self) -> bool:
        """Whether all traffic is the new version's while its release goes on: its group has not all got there."""
        return not self.over and self.step >= len(self.steps)

    @property
    def announced(self) -> tuple[Intent, ...]:
        """Every write that may have been made and is not recorded yet, the newest first."""
        return (*((self.intent,) if self.intent is not None else ()), *self.unclear)

    def traffic(self, step: int) -> float:
        """The new version's share in a step: 0 before the first, 1 after the last."""
        if step < 0:
            return 0.0
        return self.steps[step].traffic if step < len(self.steps) else 1.0


def new_release_id(now: float) -> str:
    """A release id that sorts by time and is unique without coordination."""
    return f"{datetime.fromtimestamp(now, UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def second(release_id: str) -> str:
    """When, as a release id says it, or a key that ends in one: without its random end."""
    return release_id.rpartition("-")[0]


def to_json(rollout: Rollout) -> dict[str, Any]:
    """The rollout as JSON-ready data."""
    return asdict(rollout)


def from_json(data: dict[str, Any]) -> Rollout:
    """Read a rollout back; raises KeyError or TypeError when the data is not one."""
    fields = dict(data)
    fields["steps"] = tuple(_step(one) for one in data["steps"])
    fields["step_starts"] = tuple(float(t) for t in data["step_starts"])
    fields["intent"] = _intent(data["intent"], data["step"]) if data["intent"] else None
    fields["replaced"] = tuple(data.get("replaced", ()))
    fields["unclear"] = tuple(_intent(one, data["step"]) for one in data.get("unclear", ()))
    fields["terms"] = terms_of(data.get("terms", {}))
    fields["ringing"] = tuple(data.get("ringing", ()))
    fields["obeyed"] = tuple(Order(**one) for one in data.get("obeyed", ()))
    return Rollout(**fields)


def _step(data: dict[str, Any]) -> StepSpec:
    shares = {"traffic": float(data["traffic"]), "bake_s": float(data["bake_s"])}
    checks = data.get("checks")
    return StepSpec(**{**data, **shares, "checks": None if checks is None else checks_of(checks)})


def _intent(data: dict[str, Any], step: int) -> Intent:
    """An intent; one recorded without its kind was a fence where it changed no step."""
    kind = "fence" if data["step"] == step else "back" if data["step"] < 0 else "step"
    order = Order(**data["order"]) if data.get("order") else None
    return Intent(**{"kind": kind, **data, "order": order})
