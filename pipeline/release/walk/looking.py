"""Whose alias a round looks at, and who goes forward in it, where Lambda's limit on calls does not let it be all.

Lambda answers 15 GetAlias a second in an account and region (AWS Lambda, "Lambda quotas", API requests), so 500 looks
take 33 s. A walk that bakes has no use for most of them: its evidence is CloudWatch's, and whatever is written carries
the RevisionId of the alias as it was seen last, so a write that relies on an old look is refused and moves nothing.
What a look alone finds is somebody else's write. Where there are more walks than looks, each walk is decided on the
alias as it was seen last, and the aliases are looked at in turn. Writes are as slow: who would take a step after
the round's time for that does so in the next one, so that what is worse is found and taken back meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.aws import shared
from pipeline.manifest.environments import Environment
from pipeline.release.decide.decision import STOPPED, Decision
from pipeline.release.decide.together import FORWARD
from pipeline.release.walk.state import Walk

SHARE = 0.5  # of the calls Lambda lets through between two rounds; the rest is for writes and for others
GUARDED = frozenset({"wait", "shift", "promote", "roll-back"})  # no write at all, or one that AWS checks


def looks(env: Environment) -> float:
    """How many aliases a round may look at: without a budget, which nobody needs for a few walks, all."""
    budgets = shared()
    if budgets is None:
        return float("inf")
    rate = budgets.of(env.account, env.region).rate("lambda", "GetAlias")
    return max(1.0, looking_s(env) * rate)


def looking_s(env: Environment) -> float:
    """For how long a round looks at aliases in turn, and for how long it takes steps forward, in seconds."""
    return SHARE * env.tick_s


def can_wait(walk: Walk, decision: Decision) -> bool:
    """Whether nothing is lost if it is done in the next round: a step forward. A group goes forward in one round."""
    return decision.kind in FORWARD and walk.rollout.terms.together is None


def waiting(walks: Sequence[Walk], many: float) -> frozenset[str]:
    """The services that have no traffic yet and are not begun in this round, because it may look at no more aliases."""
    new = [walk for walk in walks if walk.rollout.step < 0 and not walk.settled and not remembered(walk)]
    alone = [walk.rollout.service for walk in new if walk.rollout.terms.together is None]
    return frozenset(alone[int(min(many, len(alone))) :])


def remembered(walk: Walk) -> bool:
    """Whether a walk may be decided on its alias as it was seen last. A group's end relies on all of its aliases."""
    return walk.seen is not None and walk.away_since is None and walk.rollout.terms.together is None


def enough(walk: Walk, decision: Decision) -> bool:
    """Whether a decision made on an alias that was seen a while ago may be carried out.

    What goes into the ledger alone is not checked by AWS: there the alias is looked at first. What stopped it in the
    round before is in the ledger already.
    """
    if walk.decision is not None and walk.decision.kind in STOPPED:
        return decision.kind == walk.decision.kind
    return decision.kind in GUARDED and not walk.rollout.moved


def turn(walks: Sequence[Walk], many: float) -> frozenset[str]:
    """The services whose aliases are looked at now: those that were not for the longest time, as many as may be."""
    waiting = sorted((walk for walk in walks if not walk.settled and remembered(walk)), key=lambda walk: walk.looked)
    return frozenset(walk.rollout.service for walk in waiting[: int(min(many, len(waiting)))])
