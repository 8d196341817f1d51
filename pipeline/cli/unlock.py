"""`crabwalk unlock`: who holds the lock of a stack's Terraform state; frees it where that run is dead."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.infra.locks import StateLock, Verdict


@dataclass(frozen=True)
class Told:
    """A lock as `--output json` shows it; `since` in epoch seconds, null where the lock does not tell."""

    stack: str
    lock: str
    operation: str
    who: str
    since: float | None
    dead: bool
    why: str
    freed: bool


@click.command()
@click.argument("stack", required=False)
@env_option
@click.option("--force", is_flag=True, help="Free it although its run may be alive.")
@output_option
def command(stack: str | None, env_name: str | None, *, force: bool, output: str) -> int:
    """Show who holds the lock of STACK's state and since when; without STACK, of every stack's.

    A lock is freed when its run is dead for certain: it was started on this machine and its process is gone, or
    crabwalk had to kill it and said so. Of any other nobody can tell from here: --force frees it, and two Terraforms
    may then write the same state. On a terminal it asks before. Ends with 5 when a lock stays.
    """
    from pipeline.errors import ConflictError
    from pipeline.infra import locks
    from pipeline.infra.drive import drift_directory, stack_directory

    here = Here(env_name, json=output == "json")
    objects, found = here.engine.objects, []
    for name in (stack,) if stack else locks.locked(objects):
        lock = locks.held(objects, name)
        if lock is None:
            _check_known(here, name)
            here.console.line(f"stack {name}: nobody holds its lock")
            continue
        places = [one(here.project.root, here.env, name) for one in (stack_directory, drift_directory)]
        verdict = locks.looked_at(objects, lock, places)
        _show(here, lock, verdict)
        if not verdict.dead and (hint := _at_work(here, name)):
            here.console.line(f"  {hint}")
        frees = (verdict.dead or force) and _agreed(here, lock, verdict)
        if frees:
            locks.free(objects, lock)
        _tell(here, lock, verdict, freed=frees)
        found.append(Told(name, lock.id, lock.operation, lock.who, lock.since, verdict.dead, verdict.why, freed=frees))
    if not stack and not found:
        here.console.line(f"no stack of `{here.env.name}` is locked")
    code = 0 if all(one.freed for one in found) else ConflictError.exit_code
    if here.json:
        here.console.json({"environment": here.env.name, "exit": code, "locks": found})
    return code


def _check_known(here: Here, stack: str) -> None:
    """UsageError for a stack that neither a manifest names nor ever had a state."""
    from pipeline.errors import UsageError
    from pipeline.infra.locks import stacks_with_state
    from pipeline.manifest.node import nearest

    known = {*stacks_with_state(here.engine.objects), *here.engine.ledger.stacks()}
    known |= {one.stack for one in here.services}
    if stack not in known:
        raise UsageError(f"there is no stack `{stack}` in `{here.env.name}`", hint=nearest(stack, known) or None)


def _show(here: Here, lock: StateLock, verdict: Verdict) -> None:
    since = "" if lock.since is None else f" since {datetime.fromtimestamp(lock.since, UTC):%Y-%m-%d %H:%M:%SZ}"
    here.console.title(f"stack {lock.stack}: {lock.who} holds its lock{since} for {lock.operation} (lock {lock.id})")
    here.console.line(f"  {'dead' if verdict.dead else 'not known to be dead'}: {verdict.why}")


def _at_work(here: Here, stack: str) -> str | None:
    """Whether a deploy of crabwalk is at work there: it holds leases. No proof that its Terraform is dead."""
    from pipeline.release.ledger.lease import holder

    record = here.engine.ledger.stack(stack)
    services = record.services if record is not None else ()
    found = [one for one in (holder(here.engine.objects, name) for name in services) if one is not None and one.living]
    if found:
        return f"crabwalk is at work there: {found[0].told}"
    return f"no deploy is at work on {', '.join(services)}: nobody holds their leases" if services else None


def _agreed(here: Here, lock: StateLock, verdict: Verdict) -> bool:
    if not (here.console.terminal and sys.stdin.isatty()):
        return True
    doubt = "" if verdict.dead else " although its run may be alive"
    return click.confirm(f"Free the lock of stack {lock.stack}{doubt}?", err=True)


def _tell(here: Here, lock: StateLock, verdict: Verdict, *, freed: bool) -> None:
    env = here.env.name
    if freed:
        here.console.good(f"stack {lock.stack}: freed")
        here.console.line(
            f"  what that run had not saved is not in the state: `crabwalk plan --env {env}` shows what is left to do"
        )
    elif verdict.dead:
        here.console.line(f"stack {lock.stack}: its lock stays")
    else:
        here.console.bad(f"stack {lock.stack}: its lock stays")
        here.console.line(
            f"  wait for that run, or make sure that it is dead and then `crabwalk unlock {lock.stack} --env {env} "
            "--force`"
        )
