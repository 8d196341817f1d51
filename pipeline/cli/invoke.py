"""`crabwalk invoke`: sends a service an event, by alias, version or side of a canary, or to what `dev` runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import Here, env_option, output_option
from pipeline.cli.versions import check_version
from pipeline.errors import CrabwalkError, UsageError
from pipeline.quotas import ASYNC_BYTES, SYNC_BYTES

if TYPE_CHECKING:
    from pipeline.aws.functions import Invocation
    from pipeline.manifest.models import Service


@click.command()
@click.argument("service")
@env_option
@click.option("--event", "file", metavar="FILE", help="The event, - for stdin; by default the service's own sample.")
@click.option("--version", metavar="N", callback=check_version, help="A published version, or $LATEST.")
@click.option("--alias", metavar="NAME", help="An alias.  [default: live]")
@click.option("--candidate", is_flag=True, help="The version that a release walks.")
@click.option("--stable", is_flag=True, help="The version the candidate walks against.")
@click.option("--dev", "--local", "dev", is_flag=True, help="What `crabwalk dev` runs, in no environment.")
@click.option("--async", "later", is_flag=True, help="Hand the event over and do not wait for an answer.")
@output_option
def command(
    *,
    service: str,
    env_name: str | None,
    file: str | None,
    version: str | None,
    alias: str | None,
    candidate: bool,
    stable: bool,
    dev: bool,
    later: bool,
    output: str,
) -> int:
    """Send SERVICE an event and show the answer, what it took and what it logged.

    Ends with 1 when the function answers with an error.
    """
    chosen = [bool(version), bool(alias), candidate, stable, dev]
    if sum(chosen) > 1:
        raise click.UsageError("only one of --version, --alias, --candidate, --stable and --dev")
    if dev and (later or env_name):
        raise click.UsageError("--dev knows no environment and no --async")
    here = Here(env_name, json=output == "json")
    declared = _declared(here, service, dev=dev)
    payload = _event(declared, file, ASYNC_BYTES if later else SYNC_BYTES)
    if dev:
        return _dev(here, declared, payload)
    function = here.project.function_name(here.env.name, service)
    qualifier = _qualifier(here, function, service, version or alias, candidate=candidate, stable=stable)
    from pipeline.aws.functions import NotFoundError

    try:
        if later:
            return _sent(here, service, qualifier, here.engine.functions.send(function, qualifier, payload))
        answer = here.engine.functions.invoke(function, qualifier, payload, tail=True)
    except NotFoundError:
        raise _absent(here, function, service, qualifier) from None
    return _answered(here, service, qualifier, answer)


def _declared(here: Here, name: str, *, dev: bool) -> Service:
    from pipeline.manifest import load_services
    from pipeline.manifest.environments import LOCAL
    from pipeline.manifest.naming import function_named

    services = load_services(here.project, LOCAL) if dev else here.services
    what, hint = f"{name} is an extension: it takes no events", "invoke a function it runs beside"
    return function_named(services, name, lambda _: UsageError(what, hint=hint))


def _event(service: Service, file: str | None, limit: int) -> bytes:
    """The event's bytes, valid JSON and small enough; read before anything is asked of AWS."""
    if file == "-":
        where, raw = "stdin", sys.stdin.buffer.read(limit + 1)
    else:
        path = Path(file) if file is not None else _sample(service)
        where = str(path)
        try:
            with path.open("rb") as stream:
                raw = stream.read(limit + 1)
        except OSError as error:
            raise UsageError(f"the event cannot be read: {error.strerror}", where=where) from error
    if len(raw) > limit:
        raise UsageError(f"the event is larger than {limit:,} bytes, which Lambda does not take", where=where)
    try:
        json.loads(raw)
    except (ValueError, RecursionError) as error:
        place = f"{where}:{error.lineno}:{error.colno}" if isinstance(error, json.JSONDecodeError) else where
        what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        raise UsageError(f"the event is not JSON: {what}", where=place) from error
    return raw


def _sample(service: Service) -> Path:
    """The event a release is smoke-tested with, else the first of the samples."""
    files = [service.directory / one.event for one in service.release.smoke] or sorted(
        service.directory.glob("events/*.json")
    )
    if not files:
        raise UsageError(f"{service.name} has no sample event", hint="--event FILE, or --event - for stdin")
    return files[0]


def _qualifier(here: Here, function: str, service: str, named: str | None, *, candidate: bool, stable: bool) -> str:
    """The alias or version to invoke; the sides of a canary are what the alias's weights say now."""
    from pipeline.aws.functions import NotFoundError
    from pipeline.release.model import ALIAS

    if named is not None or not (candidate or stable):
        return named or ALIAS
    try:
        alias = here.engine.functions.alias(function, ALIAS)
    except NotFoundError:
        raise _absent(here, function, service, ALIAS) from None
    if stable:
        return alias.version
    if not alias.weights:
        raise UsageError(
            f"{service} has no candidate on `{here.env.name}`: version {alias.version} has all traffic",
            hint=f"crabwalk status {service} --env {here.env.name}",
        )
    return next(iter(alias.weights))


def _absent(here: Here, function: str, service: str, qualifier: str) -> CrabwalkError:
    from pipeline.aws.functions import NotFoundError

    try:
        here.engine.functions.state(function)
    except NotFoundError:
        what = f"{service} was never deployed to `{here.env.name}`"
        return UsageError(what, hint=f"crabwalk deploy {service} --env {here.env.name}")
    kind = "version" if qualifier.isdigit() else "alias"
    what = f"{service} has no {kind} `{qualifier}` on `{here.env.name}`"
    return UsageError(what, hint=f"crabwalk status {service} --env {here.env.name}")


def _sent(here: Here, service: str, qualifier: str, request: str) -> int:
    if here.json:
        found = {"service": service, "environment": here.env.name, "qualifier": qualifier, "request_id": request}
        here.console.json(found)
    else:
        here.console.good(f"{service}:{qualifier} on `{here.env.name}` took the event, request {request}")
    return 0


def _answered(here: Here, service: str, qualifier: str, answer: Invocation) -> int:
    from pipeline.report.invocation import logged, pretty, reason, usage_of

    used = usage_of(answer.log)
    code = 1 if answer.error else 0
    if here.json:
        here.console.json(
            {
                "service": service,
                "environment": here.env.name,
                "qualifier": qualifier,
                "version": answer.version,
                "request_id": answer.request_id,
                "error": answer.error or None,
                "usage": used,
                "payload": answer.payload,
                "log": answer.log.splitlines(),
            }
        )
        return code
    whom = f"{service}:{qualifier} on `{here.env.name}`"
    by = "" if answer.version == qualifier else f", version {answer.version}"
    if answer.error:
        here.console.bad(f"{whom} failed{by}: {reason(answer.payload)}")
    else:
        here.console.good(f"{whom} answered{by}")
    if used is not None:
        here.console.line(f"took {used}")
    here.console.line(pretty(answer.payload))
    lines = logged(answer.log)
    if lines:
        here.console.title("logged")
        for line in lines:
            here.console.line(f"  {line}")
    return code


def _dev(here: Here, service: Service, payload: bytes) -> int:
    from pipeline.dev import call
    from pipeline.report.invocation import pretty, reason

    failed, answer = call(here.project.root, service.name, service.binary, payload)
    if here.json:
        found: dict[str, Any] = {"service": service.name, "error": "Unhandled" if failed else None, "payload": answer}
        here.console.json(found)
    elif failed:
        here.console.bad(f"{service.name} failed, in `crabwalk dev`: {reason(answer)}")
    else:
        here.console.good(f"{service.name} answered, in `crabwalk dev`")
        here.console.line(pretty(answer))
    return 1 if failed else 0
