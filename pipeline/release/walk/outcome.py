"""How releases ended, in words and as an exit code. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pipeline.release.decide.decision import Decision
from pipeline.release.decide.together import TOGETHER
from pipeline.release.ledger.story import ended_as
from pipeline.release.model import LATEST, REJECTS, Rollout
from pipeline.release.walk.view import ReleaseOutcome, ReleaseResult

if TYPE_CHECKING:
    from pipeline.release.ledger.records import ServiceRecord

EXIT_CODES: dict[str, int] = {
    "promoted": 0,
    "no-op": 0,
    "skipped": 0,
    "handed-over": 0,
    "failed": 1,
    "conflict": 5,
    "rolled-back": 3,
    "rejected": 3,
    "aborted": 3,
    "held": 4,
}
WORST_FIRST = (1, 3, 5, 4, 0)
_FIX = "commit {}, commit a fix and deploy it (the same artifact is not tried again without --retry)"


def exit_code(results: Iterable[ReleaseResult]) -> int:
    """The exit code of a deploy: the worst of its releases."""
    return worst(EXIT_CODES[result.outcome] for result in results)


def worst(codes: Iterable[int]) -> int:
    """What a verb ends with that did several things: the worst of their exit codes."""
    found = set(codes)
    return next((code for code in WORST_FIRST if code in found), 0)


def result_of(rollout: Rollout, decision: Decision | None, now: float) -> ReleaseResult:
    """The result of a rollout that is over, or that its controller stopped walking now."""
    outcome = _outcome(rollout, decision)
    verdict = decision.verdict if decision else None
    return ReleaseResult(
        service=rollout.service,
        environment=rollout.environment,
        release_id=rollout.release_id,
        outcome=outcome,
        stable=None if rollout.stable == LATEST else rollout.stable,
        candidate=rollout.candidate,
        commit=rollout.commit,
        duration_s=(rollout.ended or now) - rollout.started,
        sentence=_why(rollout, decision),
        check=_check(rollout, decision) if outcome in {"rolled-back", "rejected"} else None,
        canary=verdict.canary if verdict else None,
        baseline=verdict.baseline if verdict else None,
        next=_next(rollout, outcome, decision),
        url=None,  # known once the infrastructure stands
    )


def how_it_ended(rollout: Rollout) -> str:
    """How a release that is over ended, and why: "was rejected: the smoke checks failed"."""
    word = "promoted" if rollout.phase == "promoted" else ended_as(rollout).replace("-", " ")
    if rollout.reason == "adopted":
        word = "superseded"
    why = rollout.sentence
    return f"was {why}" if why.startswith(word) else f"was {word}: {why}" if why else f"was {word}"


def skipped(
    record: ServiceRecord, environment: str, commit: str, outcome: ReleaseOutcome, sentence: str
) -> ReleaseResult:
    """The result of a service for which nothing was walked."""
    live = record.promoted.version if record.promoted else None
    after = {
        "no-op": "nothing to do",
        "skipped": f"commit a fix, or `crabwalk retry {record.service} --env {environment}` to try the same again",
    }.get(outcome, f"crabwalk status {record.service} --env {environment}")
    return ReleaseResult(
        service=record.service,
        environment=environment,
        release_id="",
        outcome=outcome,
        stable=live,
        candidate=None,
        commit=commit,
        duration_s=0.0,
        sentence=sentence,
        check=None,
        canary=None,
        baseline=None,
        next=after,
        url=None,  # known once the infrastructure stands
    )


def _why(rollout: Rollout, decision: Decision | None) -> str:
    if rollout.stable == LATEST and rollout.phase == "promoted":
        return "the first release: nothing to compare with, its smoke checks passed"
    return decision.sentence if decision else rollout.sentence


def _check(rollout: Rollout, decision: Decision | None) -> str | None:
    """What took it back: a signal, an alarm, a limit, its smoke checks, a hook, its deadline."""
    before = rollout.reason if rollout.reason in {"smoke", "hook", TOGETHER} else ""
    return (decision.check if decision else before) or None


def _outcome(rollout: Rollout, decision: Decision | None) -> ReleaseOutcome:
    if rollout.phase == "promoted":
        return "promoted"
    if rollout.phase == "rolled-back":
        return ended_as(rollout)
    if decision is not None and decision.kind == "away":
        return "held" if decision.check == "aws" else "failed"
    return "conflict" if decision is not None and decision.kind == "conflict" else "held"


def _next(rollout: Rollout, outcome: ReleaseOutcome, decision: Decision | None) -> str:
    env = rollout.environment
    if outcome == "promoted" and rollout.stable == LATEST:
        return "the next release is walked against this one"
    if outcome == "promoted":
        return f"to go back: crabwalk rollback {rollout.service} --env {env}"
    if decision is not None and decision.kind == "undone":
        return decision.next
    if outcome == "aborted":
        return f"deploy with --retry walks it again: crabwalk retry {rollout.service} --env {env}"
    if outcome in {"rejected", "rolled-back"}:
        return _after_rollback(rollout)
    return decision.next if decision else f"crabwalk status {rollout.service} --env {env}"


def _after_rejection(rollout: Rollout) -> str:
    """A hook speaks of the moment as well as of the version, so it is asked again; a smoke check is not."""
    env = rollout.environment
    if rollout.reason == "hook":
        return f"the hook is asked again by the next deploy: crabwalk deploy {rollout.service} --env {env}"
    return f"look into {_FIX.format(rollout.commit[:12])}"


def _after_rollback(rollout: Rollout) -> str:
    if rollout.reason in REJECTS:
        return _after_rejection(rollout)
    if rollout.reason == TOGETHER:
        return f"it is tried again with the next deploy of its group `{rollout.terms.together}`"
    kept = f"version {rollout.stable} has all traffic; " if rollout.stable != LATEST else "no traffic was moved; "
    return f"{kept}look into {_FIX.format(rollout.commit[:12])}"
