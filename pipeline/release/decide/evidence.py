"""What the evidence says of a walk: every declared signal judged, with alpha shared among them, and joined. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pipeline.release.decide.decision import Observation
from pipeline.release.decide.doubts import doubt
from pipeline.release.decide.seconds import opening
from pipeline.release.decide.signals import TRAFFIC
from pipeline.release.judge.judge import Counts, Minute, Verdict, combine, judge, unavailable
from pipeline.release.judge.process import FAST_MINUTES
from pipeline.release.judge.verdict import VERBS
from pipeline.release.model import Rollout
from pipeline.release.terms import TOLD

ALPHA = 0.01  # of a whole walk


@dataclass(frozen=True)
class Evidence:
    """The joined verdict, the signal that speaks, and what each said.

    `fault` is a sentence where an alarm or a static limit decides, whatever the signals say; `check` names it then.
    `silent` are the declared signals that are not judged, because the old version never gave them.
    """

    verdict: Verdict
    check: str
    signals: Mapping[str, Verdict] = field(default_factory=dict)
    fault: str = ""
    silent: tuple[str, ...] = ()

    @property
    def failed(self) -> bool:
        """Whether the new version is not to stay."""
        return bool(self.fault) or self.verdict.outcome == "FAIL"


def weigh(rollout: Rollout, seen: Observation) -> Evidence:
    """The word on the walk so far, in a step; metrics that cannot be read are inconclusive, never a failure.

    An alarm that rang before the walk is not held against the new version. A signal that the old version never gave
    is not judged, and said: a service may have none, and there is nothing to compare a new one with. Throttled calls
    never ran and belong to no version: they are said beside the verdict, and change nothing.
    """
    fault, what = _fault(rollout, seen)
    if seen.metrics_error is not None:
        return Evidence(unavailable(seen.metrics_error), what, fault=fault)
    evidence = _doubted(rollout, seen, _weighed(rollout, seen, fault, what))
    if not seen.throttled:
        return evidence
    calls = f"{seen.throttled:,} call{'s' if seen.throttled != 1 else ''}"
    said = f"{evidence.verdict.sentence}; {calls} throttled (429), which counts for neither version"
    return replace(evidence, verdict=replace(evidence.verdict, sentence=said))


def _doubted(rollout: Rollout, seen: Observation, evidence: Evidence) -> Evidence:
    """The same, held where what the service tells of itself is not all there is: FAIL stands, nothing else is said."""
    found = doubt(rollout, seen.told)
    if found is None or evidence.verdict.outcome == "FAIL":
        return evidence
    reason, sentence = found
    verdict = replace(evidence.verdict, outcome="INCONCLUSIVE", reason=reason, sentence=sentence)
    return replace(evidence, verdict=verdict)


def _weighed(rollout: Rollout, seen: Observation, fault: str, what: str) -> Evidence:
    """As `weigh`, of metrics that could be read."""
    traffic = seen.minutes.get(TRAFFIC, ())
    rows = {name: seen.minutes[name] for name in _judged_now(rollout, seen) if name in seen.minutes}
    silent = tuple(name for name, found in rows.items() if name != TRAFFIC and _silent(found, traffic))
    spoken = {name: found for name, found in rows.items() if name not in silent}
    if rollout.terms.evidence is not None:  # of two that say as much, the one that is there first
        spoken = dict(sorted(spoken.items(), key=lambda one: one[0] != TOLD))
    if not spoken:  # what is not judged must still be served
        spoken = {"": tuple(_without_bad(one) for one in traffic)}
    alpha = ALPHA / max(1, len(rollout.signals))
    verdicts = {
        name: _told(rollout, name, _judged(rollout, name, found, alpha), traffic) for name, found in spoken.items()
    }
    failed = next((verdict for verdict in verdicts.values() if verdict.outcome == "FAIL"), None)
    joined = failed or combine(tuple(verdicts.values()))  # of several that failed, the first that is declared
    speaks = next(name for name, verdict in verdicts.items() if verdict is joined)
    if silent and joined.outcome == "PASS":
        joined = replace(joined, sentence=f"{joined.sentence} (not judged, as it is not told: {', '.join(silent)})")
    return Evidence(joined, what or speaks, verdicts, fault, silent)


def _judged_now(rollout: Rollout, seen: Observation) -> tuple[str, ...]:
    """The declared signals; and the platform's errors, asked or not, where the service's own word is doubted."""
    declared = rollout.checks.signals
    return declared if TRAFFIC in declared or doubt(rollout, seen.told) is None else (TRAFFIC, *declared)


def _fault(rollout: Rollout, seen: Observation) -> tuple[str, str]:
    """The sentence of an alarm or limit that fails the walk, and what it is called."""
    new = [name for name in seen.alarms if name not in rollout.ringing]
    if new:
        return f"alarm `{new[0]}` rings since the walk began", f"alarm {new[0]}"
    return (seen.broken[0], "limit") if seen.broken else ("", "")


def _judged(rollout: Rollout, name: str, rows: tuple[Minute, ...], alpha: float) -> Verdict:
    step, period_s = rollout.steps[rollout.step], rollout.pace(name).period_s
    # Proof of a good version takes three of the environment's periods, however finely they are counted.
    lasted = sum(row.periods for row in rows if row.step == rollout.step) * period_s
    verdict = judge(
        rows,
        steps=len(rollout.steps),
        bake=math.ceil(step.bake_s / period_s),
        min_requests=rollout.min_requests,
        alpha=alpha,
        fast=rollout.terms.fast and lasted >= FAST_MINUTES * rollout.period_s,
        opening=opening(rollout) if name == TOLD else 1,
        names=(f"version {rollout.candidate}", f"version {rollout.stable}"),
        verb=f"took longer than {rollout.checks.slow_ms or 0:g} ms" if name == "slow" else VERBS.get(name, "failed"),
    )
    if verdict.outcome == "FAIL":
        return verdict
    if verdict.step != rollout.step:
        # No complete period of this step yet: what an earlier step proved does not end this one.
        return replace(verdict, outcome="INCONCLUSIVE", reason="baking", step=rollout.step, minutes=0)
    floor = step.min_requests or 0
    if verdict.outcome == "PASS" and verdict.step_canary.n < floor:
        few = f"version {rollout.candidate} answered {verdict.step_canary.n:,} requests in this step"
        said = f"{few}; too few to decide, {floor:,} are required"
        return replace(verdict, outcome="INCONCLUSIVE", reason="low traffic", sentence=said)
    return verdict


def _silent(rows: tuple[Minute, ...], traffic: tuple[Minute, ...]) -> bool:
    """Whether the old version never gave a signal, in periods in which it did serve."""
    if any(one.baseline.n for one in rows):
        return False
    served = {one.t for one in traffic if one.baseline.n}
    return any(one.t in served for one in rows)


def _told(rollout: Rollout, name: str, verdict: Verdict, traffic: tuple[Minute, ...]) -> Verdict:
    """The verdict in the signal's own words."""
    served = sum(one.canary.n for one in traffic if one.step == rollout.step)
    if name != TRAFFIC and verdict.reason == "no data" and served and not verdict.step_canary.n:
        lost = (
            f"version {rollout.candidate} served {served:,} requests and gave no `{name}` of them, as the old one does"
        )
        return replace(verdict, sentence=f"{lost}; `checks: {{{name}: false}}` does without")
    return verdict


def _without_bad(row: Minute) -> Minute:
    return Minute(row.t, row.step, Counts(row.canary.n, 0), Counts(row.baseline.n, 0))
