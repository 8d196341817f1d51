"""`crabwalk logs`: what a service's function said, once or as it comes."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option
from pipeline.cli.since import stretch
from pipeline.cli.versions import check_version

if TYPE_CHECKING:
    from pipeline.aws.logs import LogEvent, Query


@click.command()
@click.argument("service")
@env_option
@click.option("--follow", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--version", metavar="N", callback=check_version, help="Only what this version said; $LATEST is one too.")
@click.option("--since", callback=stretch, default="10m", show_default=True, help="How far back: 30s, 10m, 2h, 1d.")
@click.option("--filter", "text", default="", metavar="TEXT", help="Only lines that contain this text.")
@click.option("--metrics", is_flag=True, help="Also the lines that are metrics for CloudWatch.")
@output_option
def command(
    *,
    service: str,
    env_name: str | None,
    follow: bool,
    version: str | None,
    since: float,
    text: str,
    metrics: bool,
    output: str,
) -> int:
    """Show what SERVICE's function logged: time (UTC), version, level, message, fields, and the request's id.

    Lines in the embedded metric format are left out: CloudWatch makes metrics of them.
    With --output json every line is as it was written; with --follow as well, one JSON object a line.
    """
    from pipeline.aws import logs
    from pipeline.report.logs import is_metrics

    here = Here(env_name, json=output == "json")
    function = _function(here, service)
    query = logs.Query(logs.group_of(function), max(0, int((time.time() - since) * 1000)), version, text)
    if follow:
        if version is not None and not _exists(here, function, version):
            here.console.warn(f"{service} has no version {version} on `{here.env.name}` now")
        soon, late = (0.2, 1.0) if here.env.embedded else (1.0, 5.0)
        found: Iterable[LogEvent] = logs.follow(
            here.env,
            query,
            time.sleep,
            quickest_s=soon,
            slowest_s=late,
            on_trouble=lambda trouble: here.console.warn(trouble.what),
        )
    else:
        found = _some(here, service, function, query, since)
    if not metrics:
        found = (event for event in found if not is_metrics(event.message))
    if output == "json":
        return _as_json(here, service, query.group, found, follow=follow)
    return _as_text(here, service, found, since)


def _function(here: Here, service: str) -> str:
    """The function's name; a service nobody declared or deployed is an error."""
    from pipeline.aws.functions import NotFoundError
    from pipeline.errors import UsageError
    from pipeline.manifest.naming import no_such_service

    function = here.project.function_name(here.env.name, service)
    try:
        here.engine.functions.state(function)
    except NotFoundError:
        known = [one.name for one in here.services]
        if service not in known:
            raise no_such_service(service, known) from None
        what = f"{service} was never deployed to `{here.env.name}`: it has no function and no logs"
        raise UsageError(what, hint=f"crabwalk deploy {service} --env {here.env.name}") from None
    return function


def _some(here: Here, service: str, function: str, query: Query, since: float) -> Iterator[LogEvent]:
    """The events; UsageError where there is none and the version is not there either, as one that is deleted."""
    from pipeline.aws import logs
    from pipeline.errors import UsageError
    from pipeline.report.text import duration

    found = logs.read(here.env, query)
    first = next(found, None)
    if first is not None:
        yield first
        yield from found
    elif query.version is not None and not _exists(here, function, query.version):
        if query.text and next(logs.read(here.env, replace(query, text="")), None) is not None:
            return
        what = f"{service} has no version {query.version} on `{here.env.name}`, and none logged in the last"
        raise UsageError(f"{what} {duration(since)}", hint=f"crabwalk status {service} --env {here.env.name}")


def _exists(here: Here, function: str, version: str) -> bool:
    from pipeline.aws.functions import NotFoundError

    try:
        here.engine.functions.state(function, version)
    except NotFoundError:
        return False
    return True


def _as_text(here: Here, service: str, found: Iterable[LogEvent], since: float) -> int:
    from pipeline.report.logs import LogLines
    from pipeline.report.text import duration

    lines, count = LogLines(), 0
    for event in found:
        line = lines.line(event.time_ms, event.stream, event.version, event.message)
        count += 1
        if line is not None:
            here.console.line(line)
    if not count:
        here.console.note(f"{service} on `{here.env.name}`: nothing in the last {duration(since)}")
    return 0


def _as_json(here: Here, service: str, group: str, found: Iterable[LogEvent], *, follow: bool) -> int:
    from pipeline.report.logs import LogLines

    lines = LogLines()
    shown = (
        {
            "time_ms": event.time_ms,
            "stream": event.stream,
            "version": event.version,
            "request_id": lines.request(event.stream, event.message),
            "message": event.message,
        }
        for event in found
    )
    if follow:
        for one in shown:
            here.console.json_line(one)
        return 0
    here.console.json(
        {"service": service, "environment": here.env.name, "group": group, "events": list(shown)},
    )
    return 0
