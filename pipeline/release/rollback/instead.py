"""What a person could do instead where a rollback found nothing to move: asked of AWS only once it has failed."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.aws.aliases import NotFoundError
from pipeline.aws.identity import whoami
from pipeline.aws.objects import Objects
from pipeline.aws.versions import Versions
from pipeline.errors import CrabwalkError, UsageError
from pipeline.manifest.environments import Environment
from pipeline.release.ledger.absent import never_released
from pipeline.release.ledger.ledger import Ledger
from pipeline.release.rollback.rollback import NoAliasError, WrongVersionError
from pipeline.release.words import ALIAS

SHOWN = 12  # versions in a hint


def explain(env: Environment, function: str, service: str | None, fault: CrabwalkError) -> CrabwalkError:
    """The fault with what there is instead of what was asked for; the fault itself where AWS cannot tell."""
    try:
        if isinstance(fault, WrongVersionError):
            there = _shown(Versions(env), function)
            return UsageError(fault.what, where=fault.where, hint=f"{fault.hint}; {there}" if fault.hint else there)
        if isinstance(fault, NoAliasError):
            return _without_alias(env, function, service) or fault
    except NotFoundError:
        return _without_function(env, function, service, fault)
    except UsageError as known:
        return known
    except CrabwalkError:
        return fault
    return fault


def _without_alias(env: Environment, function: str, service: str | None) -> CrabwalkError | None:
    versions = Versions(env)
    there = _shown(versions, function)
    others = [one.name for one in versions.aliases(function)]
    if ALIAS in others:
        return None
    deploy = f"`crabwalk deploy {service} --env {env.name}` makes it" if service else "`crabwalk deploy` makes it"
    by_hand = f"`aws lambda create-alias --function-name {function} --name {ALIAS} --function-version VERSION`"
    aliases = f"; its aliases: {', '.join(others)}" if others else ""
    return UsageError(
        f"function `{function}` has no alias `{ALIAS}`, so there is no traffic to move",
        where=f"{function}:{ALIAS}",
        hint=f"{deploy}, by hand {by_hand}; {there}{aliases}",
    )


def _without_function(env: Environment, function: str, service: str | None, fault: CrabwalkError) -> CrabwalkError:
    known: Sequence[str] | None = None
    try:
        if env.account:
            whoami(env)  # raises UsageError where these credentials are another account's
        known = Ledger(Objects(env)).services() if env.bucket else ()
    except UsageError as wrong:
        return wrong
    except CrabwalkError:
        pass  # the ledger may be away: what to look at can be said all the same
    if service is not None and known is not None and service not in known:
        return never_released(service, env.name, known)
    hint = f"check the name, the region ({env.region}) and whose credentials these are: `aws sts get-caller-identity`"
    return NotFoundError(fault.what, where=function, hint=hint)


def _shown(versions: Versions, function: str) -> str:
    """The versions there are, the newest first."""
    numbers = [one.number for one in reversed(versions.published(function))]
    if not numbers:
        return "no version was published yet"
    more = f" and {len(numbers) - SHOWN} older ones" if len(numbers) > SHOWN else ""
    if len(numbers) == 1:
        return f"there is only version {numbers[0]}"
    return f"there are versions {', '.join(numbers[:SHOWN])}{more}"
