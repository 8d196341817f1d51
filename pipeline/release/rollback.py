"""Rollback: GetAlias, UpdateAlias, nothing before them. Imports neither Terraform, git, pydantic nor the build.

The decision is pure (`plan_rollback`); the write is repeated until it has won, because a person at 03:00 outranks
every controller. The mark it leaves in the alias's description tells a running controller to stop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipeline.aws import TransientError
from pipeline.aws.functions import AliasMoved, AliasState, AliasUncertain, Functions
from pipeline.errors import AwsError, UsageError
from pipeline.release.head import Head, fresh_nonce, trusted
from pipeline.release.model import percent

ATTEMPTS = 50
TROUBLES = 8  # answers that were none, before a person is told to see for themselves
PAUSE_S = 0.2
PAUSE_MAX_S = 5.0
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
    if head.rolled_back:
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
    functions: Functions,
    function: str,
    alias_name: str,
    to: str | None,
    *,
    account: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
) -> RollbackDone:
    """Go back now; re-reads and repeats until the write has won, with pauses while AWS is in trouble.

    `account`: where it is known, the alias must lie in it (UsageError otherwise, nothing is written). Raises AwsError
    with AWS's own last words when it refuses, or stays in trouble.
    """
    sent: dict[str, tuple[RollbackPlan, AliasState]] = {}  # by nonce: a write without an answer may arrive late
    troubles = 0
    trouble: AliasUncertain | TransientError | None = None
    for _ in range(ATTEMPTS):
        try:
            alias = functions.alias(function, alias_name)
            head = trusted(alias)
            if head is not None and head.nonce in sent:
                plan, before = sent[head.nonce]
                return RollbackDone(plan, before, alias)
            if troubles >= TROUBLES:
                break
            _check_account(alias, account)
            plan = plan_rollback(alias, to)
            if plan.target is None:
                return RollbackDone(plan, alias, alias)
            nonce = fresh_nonce()
            sent[nonce] = plan, alias
            no_weights: Mapping[str, float] = {}
            after = functions.write_alias(alias, plan.target, no_weights, str(_head(plan, plan.target, nonce)))
        except AliasMoved:
            continue
        except (AliasUncertain, TransientError) as error:
            trouble = error
        else:
            return RollbackDone(plan, alias, after)
        troubles += 1
        if troubles > TROUBLES:
            break
        say(f"{_words(trouble)}; trying again")
        pause(min(PAUSE_S * 2 ** (troubles - 1), PAUSE_MAX_S))
    if trouble is not None and troubles >= TROUBLES:
        raise AwsError(
            f"the alias of `{function}` could not be moved in {troubles} attempts: {_words(trouble)}",
            hint=getattr(trouble, "hint", None) or "see where its traffic is with `crabwalk status`, then try again",
        )
    raise AwsError(
        f"the alias of `{function}` changed under each of {ATTEMPTS} attempts",
        hint="stop whatever writes it, then try again",
    )


def _check_account(alias: AliasState, account: str | None) -> None:
    if account and alias.arn.split(":")[4] != account:
        raise UsageError(
            f"this is account {alias.arn.split(':')[4]}, the environment is account {account}",
            where=alias.arn,
            hint="choose the right profile or role",
        )


def _words(trouble: AliasUncertain | TransientError) -> str:
    return trouble.what if isinstance(trouble, TransientError) else f"AWS gave no clear answer ({trouble})"


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
