"""What to do with a rollout now: pure and total, from the rollout, what was observed, and the time.

The rules, in order: the alias always wins (a foreign write is observed, never overwritten); evidence that the new
version is worse goes back; then what a person asked; a pause holds; a verdict PASS takes the next step, once its
approval and the calendar allow it; anything inconclusive holds the weight until the deadline, and then does what the
manifest declares; but nothing goes forward on metrics that cannot be read. Nothing is kept that the rollout and the
observation do not have.
"""

from __future__ import annotations

from pipeline.aws.aliases import AliasState
from pipeline.release.decide.calendar import closed
from pipeline.release.decide.decision import Decision, Observation
from pipeline.release.decide.doubts import DOUBTS
from pipeline.release.decide.evidence import Evidence, weigh
from pipeline.release.decide.standing import Standing, arrived, expected, overruled, standing, traffic
from pipeline.release.decide.steer import name, obey, pending
from pipeline.release.judge.judge import LONGEST, Verdict, unavailable
from pipeline.release.ledger.head import trusted
from pipeline.release.model import LATEST, Rollout, percent


def decide(rollout: Rollout, seen: Observation, now: float) -> Decision:
    """Decide for a rollout that is not over."""
    where = standing(rollout, seen.alias)
    if where != "ours":
        return _elsewhere(rollout, seen, where)
    baking = 0 <= rollout.step < len(rollout.steps)
    evidence = weigh(rollout, seen) if baking else None
    if evidence is not None and evidence.failed:
        why = evidence.fault or evidence.verdict.sentence
        return _back(rollout, why, evidence, evidence.check)
    order = pending(rollout, seen)
    if order is not None:
        return obey(rollout, order, evidence)
    if rollout.paused is not None:
        return _paused(rollout, evidence)
    if evidence is None:
        return _at_an_end(rollout, now)
    return _baking(rollout, seen, evidence, now)


def away(rollout: Rollout, why: str, verdict: Verdict | None, *, passing: bool = False) -> Decision:
    """AWS stayed away for too long: this controller gives up, and what it recorded stands.

    `passing`: what keeps it away ends some time, as an outage does, or new credentials end it; the walk is held then.
    """
    goes_on = f"`crabwalk deploy --env {rollout.environment}` goes on with it once AWS answers"
    ends = f"`crabwalk rollback {rollout.service} --env {rollout.environment}` ends it"
    return Decision("away", why, f"{goes_on}, {ends}", verdict, check="aws" if passing else "")


def patience(rollout: Rollout) -> float:
    """For how long metrics that cannot be read are waited for, however late it is: outages of CloudWatch pass."""
    return max(5.0 * rollout.period_s + rollout.lag_s, rollout.steps[rollout.step].bake_s)


def due(rollout: Rollout) -> float:
    """When the last period of the current step should be complete."""
    late = rollout.timeout_s + rollout.lag_s + 2.0 * rollout.period_s
    return rollout.step_starts[-1] + rollout.steps[rollout.step].bake_s + late


def _baking(rollout: Rollout, seen: Observation, evidence: Evidence, now: float) -> Decision:
    verdict, left = evidence.verdict, rollout.deadline - now
    if seen.metrics_error is not None:
        return _blind(rollout, evidence, max(left, patience(rollout) - seen.metrics_away_s))
    if verdict.reason == "baking" and left <= 0 and now > due(rollout) + patience(rollout):
        return _blind(rollout, Evidence(unavailable("some periods never became complete"), ""), left)
    if verdict.outcome == "PASS":
        return _forward(rollout, rollout.step + 1, evidence, verdict.sentence, now)
    if verdict.reason == "baking" or left > 0:
        return Decision("wait", verdict.sentence, _waiting(rollout, evidence, left), verdict, check=evidence.check)
    return _late(rollout, evidence, now)


def _late(rollout: Rollout, evidence: Evidence, now: float) -> Decision:
    """The deadline came without a conclusion."""
    late = f"no conclusion within {_span(rollout.deadline_s)}: {evidence.verdict.sentence}"
    doubted = evidence.verdict.reason in DOUBTS
    if rollout.on_inconclusive == "promote" and not doubted:
        return _forward(rollout, rollout.step + 1, evidence, late, now)
    if rollout.on_inconclusive != "rollback":
        after = "the weight stays; deploy again once there is traffic, or roll back"
        return Decision("hold", late, after, evidence.verdict, check=evidence.check)
    return _back(rollout, late, evidence)


def _elsewhere(rollout: Rollout, seen: Observation, where: Standing) -> Decision:
    """The alias is not as this rollout recorded it."""
    alias = seen.alias
    intent = arrived(rollout, alias)
    if where == "intent" and intent is not None:
        if overruled(rollout, intent) and rollout.intent is not None:
            return Decision("roll-back", rollout.intent.sentence, f"version {rollout.stable} has all traffic")
        why = intent.sentence or rollout.sentence or "the write was ours and succeeded"
        return Decision("settled", why, "go on", step=intent.step)
    if where == "undone":
        when = "in mid-walk" if rollout.step >= 0 else "before the new version got any traffic"
        return Decision(
            "undone",
            f"somebody rolled {rollout.service} back to version {alias.version} {when}",
            _unfrozen(rollout, alias),
        )
    found, left = traffic(alias), expected(rollout)
    env, adopt = rollout.environment, ""
    if not alias.weights and alias.version != LATEST:
        adopt = f", or `crabwalk adopt {rollout.service} --env {env} --reason TEXT`: what is there stays"
    what = f"{found}, not {left}" if found != left else f"{found} as before, but described by somebody else"
    return Decision(
        "conflict",
        f"the alias was changed by somebody else in mid-walk: {what}; nothing was written",
        f"find out who, then `crabwalk rollback {rollout.service} --env {env}`{adopt}",
    )


def _unfrozen(rollout: Rollout, alias: AliasState) -> str:
    """How it can be deployed to again: a person's rollback froze it, the safety net's did not."""
    head = trusted(alias)
    if head is None or head.state != "frozen":
        return "the release is over; fix forward, then deploy"
    goes_on = f"`crabwalk resume {rollout.service} --env {rollout.environment}`"
    return f"it is frozen: `deploy` passes it over until {goes_on}, or until a commit reverts {rollout.commit[:12]}"


def _blind(rollout: Rollout, evidence: Evidence, left: float) -> Decision:
    """The metrics cannot be read: wait, and when that lasts hold or go back, never forward."""
    verdict = evidence.verdict
    if left > 0:
        return Decision("wait", verdict.sentence, _waiting(rollout, evidence, left), verdict)
    late = f"no conclusion within {_span(rollout.deadline_s)}: {verdict.sentence}"
    if rollout.on_inconclusive == "rollback":
        return _back(rollout, late, evidence)
    return Decision("hold", late, "the weight stays; deploy again once the metrics can be read, or roll back", verdict)


def _back(rollout: Rollout, why: str, evidence: Evidence, check: str = "deadline") -> Decision:
    return Decision("roll-back", why, f"version {rollout.stable} has all traffic", evidence.verdict, check=check)


def _paused(rollout: Rollout, evidence: Evidence | None) -> Decision:
    """Nothing goes forward, and the deadline does not count; evidence that it is worse was looked at before."""
    last = rollout.pause
    why = f"paused by {name(last)}" if last else "paused"
    if last and last.reason:
        why += f": {last.reason}"
    goes_on = f"`crabwalk resume {rollout.service} --env {rollout.environment}` goes on"
    return Decision("wait", why, goes_on, evidence.verdict if evidence else None)


def _at_an_end(rollout: Rollout, now: float) -> Decision:
    """Before the first step, or after the last where its group is not all there: there is nothing to judge."""
    if rollout.moved:
        after = f"its promotion is recorded once all of its group `{rollout.terms.together}` have all traffic"
        return Decision("promote", rollout.sentence, after, step=rollout.step)
    why = "no steps are declared" if rollout.stable.isdigit() else "the first release, nothing to compare with"
    return _forward(rollout, 0, None, "the smoke checks passed" if rollout.steps else why, now)


def _forward(rollout: Rollout, step: int, evidence: Evidence | None, why: str, now: float) -> Decision:
    """The next step, or promotion; unless a person must say yes first, or nothing goes forward at this time."""
    verdict, check = (evidence.verdict, evidence.check) if evidence else (None, "")
    held = _asks(rollout, step, verdict, now) or _shut(rollout, verdict, now)
    if held is not None:
        return held
    if step < len(rollout.steps):
        goal, bake = _goal(rollout, step + 1), _span(rollout.steps[step].bake_s)
        return Decision("shift", why, f"{goal} after {bake} of clean evidence", verdict, step, check)
    step = len(rollout.steps)
    return Decision("promote", why, f"version {rollout.candidate} has all traffic", verdict, step, check)


def _asks(rollout: Rollout, step: int, verdict: Verdict | None, now: float) -> Decision | None:
    """Wait for a person's yes to `step`, which comes as an order to promote; no answer in time goes back."""
    if step >= len(rollout.steps) or not rollout.steps[step].approve:
        return None
    goal, limit = percent(rollout.traffic(step)), rollout.terms.approval_timeout_s
    if rollout.waiting is not None and now >= rollout.waiting + limit:
        why = f"nobody approved {goal} within {_span(limit)}"
        if rollout.step < 0 and not rollout.announced:
            return Decision("abandon", why, "no traffic was moved", verdict, check="approval")
        return Decision("roll-back", why, f"version {rollout.stable} has all traffic", verdict, check="approval")
    asked = f"{goal} of the traffic waits for approval"
    yes = f"crabwalk promote {rollout.service} --env {rollout.environment}"
    return Decision("approval", asked, yes, verdict, step, check="approval")


def _shut(rollout: Rollout, verdict: Verdict | None, now: float) -> Decision | None:
    why = closed(rollout.terms, now)
    if why is None:
        return None
    if rollout.step >= 0:
        return Decision("wait", why, f"{_goal(rollout, rollout.step + 1)} after it", verdict)
    goes_on = f"`crabwalk deploy --env {rollout.environment}` or the watchdog goes on then"
    return Decision("quiet", why, goes_on)


def _goal(rollout: Rollout, step: int) -> str:
    return percent(rollout.traffic(step)) if step < len(rollout.steps) else "promotion"


def _waiting(rollout: Rollout, evidence: Evidence, left: float) -> str:
    verdict = evidence.verdict
    goal, bake = _goal(rollout, rollout.step + 1), verdict.bake or 0
    if verdict.reason == "baking":
        return f"{goal} after {_missing(rollout, evidence, bake)} more of clean evidence"
    if verdict.reason == "suspicious":
        longest = _missing(rollout, evidence, LONGEST * bake)
        return f"{goal} after {longest} more at the latest, unless it is found worse"
    forward = "held" if verdict.reason == "metrics unavailable" or verdict.reason in DOUBTS else "let through"
    ends = {"rollback": "rolled back", "hold": "held", "promote": forward}[rollout.on_inconclusive]
    return f"held at {percent(rollout.traffic(rollout.step))} ({verdict.reason}); {ends} in {_span(max(0.0, left))}"


def _missing(rollout: Rollout, evidence: Evidence, periods: float) -> str:
    return _span(max(0, periods - evidence.verdict.minutes) * rollout.pace(evidence.check).period_s)


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
