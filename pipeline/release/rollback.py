"""Rollback: GetAlias, UpdateAlias, nothing before them. Imports neither Terraform, git, pydantic nor the build.

The decision is pure (`plan_rollback`); the write is repeated on 412 until it has won, because a person at 03:00
outranks every controller. The mark it leaves in the alias's description tells a running controller to stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.aws.functions import AliasMoved, AliasState, AliasUncertain, Functions
from pipeline.errors import AwsError, UsageError
from pipeline.release.head import Head, fresh_nonce, parse, trusted
from pipeline.release.model import percent

ATTEMPTS = 50
UNKNOWN_RELEASE = "unknown"


@dataclass(frozen=True)
class RollbackPlan:
    """What to write; `target` None means there is nothing to do, and `sentence` says why."""

    target: str | None
    origin: str | None  # the version that loses its traffic
    release: str
    previous: str | None
    commit: str | None
    sentence: str


@dataclass(frozen=True)
class RollbackDone:
    """What was done."""

    plan: RollbackPlan
    before: AliasState
    after: AliasState


def plan_rollback(alias: AliasState, to: str | None) -> RollbackPlan:
    """Where to go back to from the alias as it is.

    Raises UsageError when the alias does not tell and `to` is not given. A second rollback without `to` is a no-op,
    never a toggle back to the bad version.
    """
    head = trusted(alias)
    if to is not None:
        return _plan_to(alias, head, to)
    if alias.weights:
        extra = next(iter(alias.weights))
        release, previous, commit = (
            (head.release, head.previous, head.commit) if head is not None else (UNKNOWN_RELEASE, None, None)
        )
        return RollbackPlan(
            alias.version,
            extra,
            release,
            previous,
            commit,
            f"version {extra} loses its {percent(alias.weights[extra])}, version {alias.version} has all traffic",
        )
    if head is None:
        raise UsageError(
            f"the alias says nothing of crabwalk's, so the version before {alias.version} is not known",
            where=f"{alias.function}:{alias.name}",
            hint="name the version: --to VERSION (`aws lambda list-versions-by-function` shows them)",
        )
    if head.state == "back":
        return RollbackPlan(
            None,
            head.origin,
            head.release,
            head.previous,
            head.commit,
            f"already rolled back from version {head.origin} to {alias.version}; --to VERSION goes further",
        )
    if head.previous is None:
        raise UsageError(
            f"version {alias.version} is the first release, there is nothing to go back to",
            where=f"{alias.function}:{alias.name}",
            hint="fix forward and deploy, or name a version: --to VERSION",
        )
    return RollbackPlan(
        head.previous,
        alias.version,
        head.release,
        None,
        head.commit,
        f"version {head.previous} has all traffic, version {alias.version} has none",
    )


def roll_back(
    functions: Functions, function: str, alias_name: str, to: str | None, *, account: str | None = None
) -> RollbackDone:
    """Go back now; re-reads and repeats until the write has won.

    `account`: where it is known, the alias must lie in it (UsageError otherwise, nothing is written).
    """
    for _ in range(ATTEMPTS):
        alias = functions.alias(function, alias_name)
        if account and alias.arn.split(":")[4] != account:
            raise UsageError(
                f"this is account {alias.arn.split(':')[4]}, the environment is account {account}",
                where=alias.arn,
                hint="choose the right profile or role",
            )
        plan = plan_rollback(alias, to)
        if plan.target is None:
            return RollbackDone(plan, alias, alias)
        nonce = fresh_nonce()
        no_weights: Mapping[str, float] = {}
        try:
            after = functions.write_alias(alias, plan.target, no_weights, str(_head(plan, plan.target, nonce)))
        except (AliasMoved, AliasUncertain):
            now = functions.alias(function, alias_name)
            found = parse(now.description)
            if found is not None and found.nonce == nonce:
                return RollbackDone(plan, alias, now)
            continue
        return RollbackDone(plan, alias, after)
    raise AwsError(
        f"the alias of `{function}` changed under each of {ATTEMPTS} attempts",
        hint="stop whatever writes it, then try again",
    )


def _plan_to(alias: AliasState, head: Head | None, to: str) -> RollbackPlan:
    if not to.isascii() or not to.isdigit():
        raise UsageError(f"`{to}` is not a version number", hint="for example --to 7")
    release, commit = (head.release, head.commit) if head is not None else (UNKNOWN_RELEASE, None)
    # Where the description is not trusted the mark is written all the same: whoever walks must see the decision.
    if alias.version == to and not alias.weights and head is not None:
        return RollbackPlan(None, None, release, None, commit, f"version {to} has all traffic already")
    origin = alias.version if alias.version != to else next(iter(alias.weights), None)
    if origin is not None and not origin.isdigit():
        origin = None
    return RollbackPlan(to, origin, release, None, commit, f"version {to} has all traffic")


def _head(plan: RollbackPlan, target: str, nonce: str) -> Head:
    return Head(
        state="back",
        release=plan.release,
        primary=target,
        extra=None,
        weight=0.0,
        previous=plan.previous,
        origin=plan.origin,
        commit=plan.commit,
        nonce=nonce,
    )
