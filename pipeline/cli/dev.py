"""`crabwalk dev`: a service on this machine, against the embedded AWS, compiled anew as its files change."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import click

from pipeline.cli.options import Here, env_option, output_option
from pipeline.errors import CrabwalkError, UsageError

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.models import Service


@click.command()
@click.argument("service")
@env_option
@click.option("--port", type=click.IntRange(1, 65_535), help="Where to listen, on 127.0.0.1.  [default: 9000 or free]")
@output_option
def command(*, service: str, env_name: str | None, port: int | None, output: str) -> int:
    """Run SERVICE with `cargo lambda watch` and its manifest's environment, until Ctrl-C.

    It is compiled for this machine with the first event, and again when a file changes. What it calls of AWS is the
    embedded one; without that, nothing.
    """
    from pipeline import dev
    from pipeline.build.toolchain import scripts
    from pipeline.manifest import load_services
    from pipeline.manifest.environments import LOCAL
    from pipeline.manifest.naming import function_named

    if env_name not in {None, LOCAL}:
        raise UsageError(f"dev runs against the embedded AWS, not against `{env_name}`", hint=f"--env {LOCAL}")
    here = Here(LOCAL, json=output == "json")
    found = function_named(load_services(here.project, LOCAL), service, _no_function)
    env = _environment(here)
    variables, missing = _variables(here, found, env)
    tool = scripts() / "cargo-lambda"
    session = dev.plan(
        found, root=here.project.root, variables=variables, base=_base(env), tool=tool, port=dev.free_port(port)
    )
    invoke = f"crabwalk invoke {service} --dev"
    if here.json:
        aws = env.endpoint if env else None
        told = {"service": service, "url": session.url, "aws": aws, "missing": missing, "invoke": invoke}
        here.console.json(told)
    else:
        here.console.title(f"{service} listens on {dev.HOST}:{session.port}; the first event compiles it")
        here.console.line(f"call it: {invoke}" + (f", or {session.url}" if _http(found) else ""))
    if env is None:
        here.console.warn("the embedded AWS is down: every call to AWS will fail (crabwalk local up)")
    for name in missing:
        here.console.warn(f"{name} is not set: nothing deployed to `{LOCAL}` says what it is")
    ended = dev.run(session, sys.stderr if here.json else sys.stdout)
    if ended:
        raise CrabwalkError(f"cargo-lambda ended by itself, with {ended}", hint="it says above why")
    return 0


def _no_function(extension: Service) -> UsageError:
    what = f"{extension.name} is an extension: it runs beside a function"
    return UsageError(what, hint=f"cargo test -p {extension.package}")


def _environment(here: Here) -> Environment | None:
    """The embedded AWS, if it is up."""
    from pipeline.local import running

    return here.env if running() is not None else None


def _base(env: Environment | None) -> dict[str, str]:
    """What the processes start from: the embedded AWS, or an address where nothing answers."""
    from pipeline.aws import AWS_PREFIX, subprocess_environment
    from pipeline.dev import NOWHERE

    if env is not None:
        base = subprocess_environment(env)
        base.pop("AWS_DEFAULT_REGION", None)
        return base
    kept = {name: value for name, value in os.environ.items() if not name.startswith(AWS_PREFIX)}
    region = {"AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
    return {**kept, **region, "AWS_ENDPOINT_URL": NOWHERE, "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


def _variables(here: Here, service: Service, env: Environment | None) -> tuple[dict[str, str], tuple[str, ...]]:
    """The manifest's variables with their references resolved, and the names of those that cannot be."""
    from pipeline.manifest.references import references, resolve

    wanted = references(service)
    values = {}
    if env is not None and wanted:
        from pipeline.infra.scope import Scope

        outputs = _outputs(here, {one.service for one in wanted})
        scope = Scope(here.project, env, {one.name: one for one in here.services}, outputs)
        values = {one: text for one in wanted if (text := scope.value(one)) is not None}
    known, missing = {}, list(service.secrets)
    for name, text in service.environment.items():
        try:
            known[name] = resolve(text, values)
        except KeyError:
            missing.append(name)
    return known, tuple(sorted(missing))


def _outputs(here: Here, services: Collection[str]) -> dict[str, dict[str, Any]]:
    """What Terraform made for these services."""
    from pipeline.errors import AwsError

    found: dict[str, dict[str, Any]] = {}
    try:
        for stack in {one.stack for one in here.services if one.name in services}:
            record = here.engine.ledger.stack(stack)
            found |= record.outputs if record is not None else {}
    except AwsError as fault:
        here.console.warn(f"what was deployed is not known: {fault.what}")
    return found


def _http(service: Service) -> bool:
    return any(trigger.kind in {"http", "function-url"} for trigger in service.triggers)
