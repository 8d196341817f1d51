"""`crabwalk cost`: what services cost a month, from CloudWatch or from figures given here."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.cli import amounts
from pipeline.cli.options import Here, env_option, output_option
from pipeline.cli.since import stretch
from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.cost.measured import Sample, Traffic
    from pipeline.cost.model import Work
    from pipeline.cost.prices import Prices
    from pipeline.manifest.models import Service
    from pipeline.report.cost import Costed

MONTHLY = 1_000_000.0  # requests, where only a duration is given


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@click.option("--all", "every", is_flag=True, help="All services; so it is too where none is named.")
@env_option
@click.option("--since", callback=stretch, default="7d", show_default=True, metavar="TIME", help="How far back.")
@click.option("--requests", callback=amounts.count, metavar="N", help="A month: 250000, 50k, 2M.")
@click.option("--duration", callback=amounts.milliseconds, metavar="TIME", help="Of an invocation: 20 ms, 1.5 s.")
@click.option(
    "--memory", callback=amounts.memory, metavar="SIZE", help="A memory size, `256 MB`.  [default: the manifest's]"
)
@click.option("--cold-share", callback=amounts.share, metavar="SHARE", help="Of the invocations: 0.5 %.")
@click.option("--init", callback=amounts.milliseconds, metavar="TIME", help="Of a cold start: 30 ms.")
@click.option("--streamed", callback=amounts.size, metavar="SIZE", help="Of a streamed answer: 8 MB.")
@click.option(
    "--architecture", type=click.Choice(["arm64", "x86_64"]), help="The processor.  [default: the manifest's]"
)
@click.option("--region", metavar="NAME", help="Whose prices.  [default: the environment's]")
@click.option("--prices", "file", metavar="FILE", help="Instead of the project's crabwalk.prices.json.")
@output_option
def command(  # noqa: PLR0917 - click passes them by name
    services: tuple[str, ...],
    every: bool,
    env_name: str | None,
    since: float,
    requests: float | None,
    duration: float | None,
    memory: int | None,
    cold_share: float | None,
    init: float | None,
    streamed: float | None,
    architecture: str | None,
    region: str | None,
    file: str | None,
    output: str,
) -> int:
    """Show what services cost a month by AWS's formulas, line by line, on both architectures.

    Requests, durations and cold starts come from CloudWatch; what is given here is not measured. With --duration
    nothing is asked of AWS, and a million requests are computed unless --requests says how many.
    """
    from pipeline.cost.prices import prices_of

    if since <= 0:
        raise click.BadParameter("there is nothing in no time: write for example 7d", param_hint="--since")
    here = Here(env_name, json=output == "json")
    chosen = _chosen(here, () if every else services)
    where = region or here.env.region
    table = prices_of(here.project.root, Path(file) if file else None)
    if where not in table.regions():
        raise UsageError(
            f"there are no prices for `{where}`",
            hint=f"--region {table.regions()[0]} for others', or write your own: docs/cost.md",
        )
    found = []
    for service in chosen:
        work = _declared(service, memory, architecture, streamed)
        seen, sample = None, None
        if duration is not None:
            work = replace(work, requests=requests if requests is not None else MONTHLY, mean_ms=duration)
        else:
            work, seen, sample = _measured(here, service.name, work, since)
            work = work if requests is None else replace(work, requests=requests)
        if cold_share is not None or init is not None:
            share, length = (cold_share, init) if cold_share is not None else (work.cold_share, init)
            work = replace(work, cold_share=share, init_ms=length if length is not None else work.init_ms)
        found.append(_costed(service.name, where, work, table, seen=seen, sample=sample))
    _shown(here, found)
    return 0


def _chosen(here: Here, names: tuple[str, ...]) -> list[Service]:
    """The functions that were named, or all; UsageError for a name nobody declares, and for an extension."""
    from pipeline.manifest.naming import function_named

    for name in names:
        function_named(here.services, name, _no_function)
    return [one for one in here.services if one.kind != "extension" and (not names or one.name in names)]


def _no_function(extension: Service) -> UsageError:
    what = f"{extension.name} is an extension: it costs what it adds to functions"
    return UsageError(what, hint="name a function")


def _declared(service: Service, memory: int | None, architecture: str | None, streamed: float | None) -> Work:
    """What the manifest says of the function, without any traffic."""
    from pipeline.cost.evidence import METRICS
    from pipeline.cost.model import Work
    from pipeline.manifest.models_http import FunctionUrlTrigger

    url = next((one for one in service.triggers if isinstance(one, FunctionUrlTrigger)), None)
    return Work(
        requests=0,
        mean_ms=0,
        memory_mb=memory or service.memory_mb,
        architecture=architecture or service.architecture,
        storage_mb=service.ephemeral_storage_mb,
        provisioned=service.concurrency.provisioned or 0,
        http_api=any(one.kind == "http" for one in service.triggers),
        function_url=url is not None,
        streams=url is not None and url.stream,
        streamed_bytes=streamed,
        own_metrics=METRICS if service.release.evidence is not None else 0,
    )


def _measured(here: Here, service: str, work: Work, since: float) -> tuple[Work, Traffic, Sample | None]:
    """The work with what CloudWatch and the log know of the last `since` seconds."""
    from pipeline.aws.logs import Query, group_of, read
    from pipeline.aws.versions import Versions
    from pipeline.cost.measured import HOUR_S, SAMPLE, Sample, filled, traffic
    from pipeline.report.logs import usage

    function = here.project.function_name(here.env.name, service)
    now = here.engine.now()
    window = max(HOUR_S, since // HOUR_S * HOUR_S)
    seen = traffic(here.engine.metrics, function, now, window)
    if not seen.requests:
        return work, seen, None
    query = Query(group_of(function), since_ms=int((now - window) * 1000), text="REPORT RequestId")
    standing = {one.number for one in Versions(here.env).published(function)}  # not what `tune` or `dev` tried out
    lines = (event.message for event in read(here.env, query) if event.version in standing)
    reports = (one for line in lines if (one := usage(line)) is not None)
    sample = Sample.of((one.billed_ms, one.init_ms) for one in islice(reports, SAMPLE))
    return filled(work, seen, sample), seen, sample


def _costed(
    service: str, region: str, work: Work, table: Prices, *, seen: Traffic | None, sample: Sample | None
) -> Costed:
    from pipeline.cost.model import a_millisecond, bill, elsewhere
    from pipeline.report.cost import Costed

    silent = not work.requests or not work.mean_ms
    request = table.of("requests", region)
    return Costed(
        service=service,
        region=region,
        work=work,
        bill=None if silent else bill(work, table, region),
        other=None if silent else bill(elsewhere(work), table, region),
        a_request=request.amount if request else None,
        a_millisecond=a_millisecond(work.memory_mb, work.architecture, table, region),
        seen=seen,
        sample=sample,
    )


def _shown(here: Here, found: list[Costed]) -> None:
    from pipeline.report.cost import as_json, cost_lines, dollars

    if here.json:
        here.console.json({"services": [as_json(one) for one in found]})
        return
    for one in found:
        head, *rest = cost_lines(one)
        here.console.title(head)
        for line in rest:
            here.console.line(line)
    whole = [one.bill.monthly for one in found if one.bill is not None]
    if len(found) > 1:
        silent = len(found) - len(whole)
        without = f", {silent} without traffic" if silent else ""
        here.console.title(f"{len(found)} services: {dollars(sum(whole))} $ a month{without}")
