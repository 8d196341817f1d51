"""Rollback: GetAlias, UpdateAlias, nothing before them. Imports neither Terraform, git, pydantic nor the build.

The decision is pure (`plan_rollback`); the write is repeated until it has won, because a person at 03:00 outranks
every controller. The mark it leaves in the alias's description tells a running controller to stop.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pipeline.aws import TransientError
from pipeline.aws.aliases import Aliases, AliasMoved, AliasState, AliasUncertain, NotFoundError
from pipeline.errors import AwsError, UsageError
from pipeline.release.ledger.head import Head, State, fresh_nonce, trusted
from pipeline.release.words import STALE, moment, percent

ATTEMPTS = 50
TROUBLES = 8  # answers that were none, before a person is told to see for themselves
PAUSE_S = 0.2
PAUSE_MAX_S = 5.0
UNKNOWN_RELEASE = "unknown"
MARK: State = "frozen"  # by a person: not deployed to until `resume`


class WrongVersionError(UsageError):
    """There is no such version to go to, or none is known; which there are helps."""


class NoAliasError(NotFoundError):
    """The alias, or its function, does not exist."""


@dataclass(frozen=True)
class RollbackPlan:
    """What to write; `target` None means there is nothing to do, and `sentence` says why.

    `warning`: what a person should know of the version it goes to; it keeps nobody from going there.
    """

    target: str | None
    origin: str | None  # the version that loses its traffic
    release: str
    previous: str | None
    commit: str | None
    sentence: str
    warning: str = ""


@dataclass(frozen=True)
class RollbackDone:
    """What was done."""

    plan: RollbackPlan
    before: AliasState
    after: AliasState


def plan_rollback(alias: AliasState, to: str | None, now: float = 0.0) -> RollbackPlan:
    """Where to go back to from the alias as it is; `now` in epoch seconds, for what it says of the rollback window.

    Raises WrongVersionError when the alias does not tell and `to` is not given. A second rollback without `to` is a
    no-op, never a toggle back to the bad version.
    """
    head = trusted(alias)
    where = f"{alias.function}:{alias.name}"
    if to is not None:
        return _plan_to(alias, head, to, now)
    if alias.weights:
        return _take_back(alias, head)
    if alias.version == "$LATEST":
        raise WrongVersionError(
            "it was never released, there is nothing to go back to",
            where=where,
            hint="deploy it, or name a version with --to VERSION",
        )
    if head is None:
        raise WrongVersionError(
            f"the alias says nothing of crabwalk's, so the version before {alias.version} is not known",
            where=where,
            hint="name the version: --to VERSION",
        )
    if head.rolled_back:
        sentence = f"already rolled back from version {head.origin} to {alias.version}"
        return RollbackPlan(None, head.origin, head.release, head.previous, head.commit, sentence)
    if head.previous is None:
        raise WrongVersionError(
            f"version {alias.version} is the first release, there is nothing to go back to",
            where=where,
            hint="fix forward and deploy, name a version with --to VERSION, or stop its traffic with "
            f"`aws lambda put-function-concurrency --function-name {alias.function} "
            "--reserved-concurrent-executions 0`",
        )
    sentence = f"version {head.previous} has all traffic, version {alias.version} has none"
    late = _outside(head, head.previous, now)
    return RollbackPlan(head.previous, alias.version, head.release, None, head.commit, sentence, late)


def _take_back(alias: AliasState, head: Head | None) -> RollbackPlan:
    """The share of the new version, whoever gave it."""
    extra = next(iter(alias.weights))
    sentence = f"version {extra} loses its {percent(alias.weights[extra])}, version {alias.version} has all traffic"
    if head is None:
        return RollbackPlan(alias.version, extra, UNKNOWN_RELEASE, None, None, sentence)
    return RollbackPlan(alias.version, extra, head.release, head.previous, head.commit, sentence)


def _plan_to(alias: AliasState, head: Head | None, to: str, now: float) -> RollbackPlan:
    check_version(to)
    release, commit = (head.release, head.commit) if head is not None else (UNKNOWN_RELEASE, None)
    # Where the description is not trusted the mark is written all the same: whoever walks must see the decision.
    if alias.version == to and not alias.weights and head is not None:
        return RollbackPlan(None, None, release, None, commit, f"version {to} has all traffic already")
    origin = alias.version if alias.version != to else next(iter(alias.weights), None)
    if origin is not None and not origin.isdigit():
        origin = None
    late = _outside(head, to, now) if head is not None and alias.version != to else ""
    return RollbackPlan(to, origin, release, None, commit, f"version {to} has all traffic", late)


def check_version(to: str) -> None:
    """Raise WrongVersionError for what is no version number."""
    if not to.isascii() or not to.isdigit():
        raise WrongVersionError(f"`{to}` is not a version number", hint="for example --to 7")


def _outside(head: Head, target: str, now: float) -> str:
    """What to say of a version that was rolled back itself, or whose needs may be gone: its rollback window is over."""
    gone = "what it needs (tables, variables, permissions) may have been removed since"
    if head.rolled_back and target == head.origin:
        return f"version {target} is the one that was rolled back last (release {head.release})"
    if target in {head.extra, head.origin}:  # it has traffic, or had it a moment ago
        return ""
    if target != head.previous:
        return f"version {target} is outside of the rollback window: {gone}"
    if head.until is not None and now > head.until:
        return f"the rollback window of version {target} ended {moment(head.until)}: {gone}"
    return ""


def roll_back(
    functions: Aliases,
    function: str,
    alias_name: str,
    to: str | None,
    *,
    account: str | None = None,
    say: Callable[[str], None] = lambda _: None,
    pause: Callable[[float], None] = time.sleep,
    outdated: Callable[[AliasState], bool] = lambda _: False,
) -> RollbackDone:
    """Go back now; re-reads and repeats until the write has won, with pauses while AWS is in trouble.

    `account`: where it is known, the alias must lie in it (UsageError otherwise, nothing is written). `outdated`:
    whether what was read is known to be older than what was written since; it is asked only before it is concluded
    that there is nothing to do, because a write based on an old read is refused anyway. Raises
    NoAliasError, WrongVersionError (AWS has no such version; nothing was written), or AwsError with AWS's own last
    words when it refuses, or stays in trouble.
    """
    if to is not None:
        check_version(to)
    attempt = _Attempt(functions, function, alias_name, to, account, outdated)
    troubles = 0
    for _ in range(ATTEMPTS):
        try:
            done = attempt.make(last=troubles >= TROUBLES)
        except AliasMoved:
            continue
        except (AliasUncertain, TransientError) as error:
            trouble = error
        else:
            if done is not None:
                return done
            raise _in_trouble(function, troubles, trouble)
        if troubles >= TROUBLES:
            raise _in_trouble(function, troubles, trouble)
        troubles += 1
        say(f"{_words(trouble)}; trying again")
        pause(min(PAUSE_S * 2 ** (troubles - 1), PAUSE_MAX_S))
    raise AwsError(
        f"the alias of `{function}` changed under each of {ATTEMPTS} attempts",
        hint="stop whatever writes it, then try again",
    )


@dataclass
class _Attempt:
    """What is wanted, and what was sent so far."""

    functions: Aliases
    function: str
    alias_name: str
    to: str | None
    account: str | None
    outdated: Callable[[AliasState], bool]
    sent: dict[str, tuple[RollbackPlan, AliasState]] = field(default_factory=dict)  # by nonce: one may arrive late

    def make(self, *, last: bool) -> RollbackDone | None:
        """One read and one write; with `last` only the read, and None where nothing of ours has arrived."""
        alias = _read(self.functions, self.function, self.alias_name)
        head = trusted(alias)
        if head is not None and head.nonce in self.sent:
            plan, before = self.sent[head.nonce]
            return RollbackDone(plan, before, alias)
        if last:
            return None
        _check_account(alias, self.account)
        plan = self._plan(alias)
        if plan.target is None:
            return RollbackDone(plan, alias, alias)
        nonce = fresh_nonce()
        self.sent[nonce] = plan, alias
        after = _write(self.functions, alias, plan, plan.target, nonce)
        return RollbackDone(plan, alias, after)

    def _plan(self, alias: AliasState) -> RollbackPlan:
        """Raises TransientError instead of finding nothing to do in an alias that is not like this any more."""
        try:
            plan = plan_rollback(alias, self.to, time.time())
        except WrongVersionError:
            if not self.outdated(alias):
                raise
        else:
            if plan.target is not None or not self.outdated(alias):
                return plan
        raise TransientError(STALE)


def _in_trouble(function: str, troubles: int, trouble: AliasUncertain | TransientError) -> AwsError:
    return AwsError(
        f"the alias of `{function}` could not be moved in {troubles} attempts: {_words(trouble)}",
        hint=getattr(trouble, "hint", None) or "see where its traffic is with `crabwalk status`, then try again",
    )


def _read(functions: Aliases, function: str, alias_name: str) -> AliasState:
    try:
        return functions.alias(function, alias_name)
    except NotFoundError as error:
        raise NoAliasError(error.what, where=f"{function}:{alias_name}") from error


def _write(functions: Aliases, alias: AliasState, plan: RollbackPlan, target: str, nonce: str) -> AliasState:
    no_weights: Mapping[str, float] = {}
    try:
        return functions.write_alias(alias, target, no_weights, str(_head(plan, target, nonce)))
    except NotFoundError as error:
        raise WrongVersionError(
            f"version {target} does not exist, so the traffic stays where it is: {error.what}",
            where=f"{alias.function}:{alias.name}",
            hint="name another one: --to VERSION",
        ) from error


def _check_account(alias: AliasState, account: str | None) -> None:
    if account and alias.account != account:
        raise UsageError(
            f"this is account {alias.account}, the environment is account {account}",
            where=alias.arn,
            hint="choose the right profile or role",
        )


def _words(trouble: AliasUncertain | TransientError) -> str:
    return trouble.what if isinstance(trouble, TransientError) else f"AWS gave no clear answer ({trouble})"


def _head(plan: RollbackPlan, target: str, nonce: str) -> Head:
    return Head(
        state=MARK,
        release=plan.release,
        primary=target,
        extra=None,
        weight=0.0,
        previous=plan.previous,
        origin=plan.origin,
        commit=plan.commit,
        nonce=nonce,
    )
