"""`crabwalk tune`: a service at several memory sizes, what each costs and how fast it is; writes one if asked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from pipeline.cli import amounts
from pipeline.cli.options import Here, env_option, output_option
from pipeline.errors import CrabwalkError, UsageError
from pipeline.quotas import SYNC_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.cost.prices import Prices
    from pipeline.manifest.models import Service
    from pipeline.tune.model import Measured, Strategy, Tuning

STRATEGY = click.Choice(["cost", "speed", "balanced"])


@click.command()
@click.argument("service")
@env_option
@click.option(
    "--sizes", callback=amounts.memories, metavar="SIZES", help="Such as `256 MB,1 GB`.  [default: 128 MB to 3008 MB]"
)
@click.option("--invocations", type=click.IntRange(5, 1000), default=20, show_default=True, help="Of each size.")
@click.option("--event", "files", multiple=True, metavar="FILE", help="Instead of the service's own; several in turn.")
@click.option("--unsafe", is_flag=True, help="Send events that are not declared safe to be repeated.")
@click.option("--weight", type=click.FloatRange(0, 1), default=0.5, show_default=True, help="Of cost in `balanced`.")
@click.option("--write", type=STRATEGY, metavar="cost|speed|balanced", help="Write what it chooses into the manifest.")
@output_option
def command(
    service: str,
    env_name: str | None,
    *,
    sizes: tuple[int, ...] | None,
    invocations: int,
    files: tuple[str, ...],
    unsafe: bool,
    weight: float,
    write: str | None,
    output: str,
) -> int:
    """Measure SERVICE at several memory sizes and show what each costs and how fast it is.

    Versions of its own are published behind the alias crabwalk-tune and deleted again; `live` is not touched. On the
    embedded AWS, where memory changes nothing, the sizes are simulated by their share of a processor.
    """
    from pipeline.report.tune import as_json, tune_lines
    from pipeline.tune.model import SIZES_MB

    here = Here(env_name, json=output == "json")
    declared = _declared(here, service)
    events = _events(declared, files, unsafe=unsafe)
    found = _tuned(here, declared, events, sizes or SIZES_MB, invocations=invocations, weight=weight)
    written = _written(here, declared, found.choices[cast("Strategy", write)]) if write else None
    if here.json:
        here.console.json(as_json(found, here.env.name, written))
        return 0
    head, *rest = tune_lines(found)
    here.console.title(head)
    for line in rest:
        here.console.line(line)
    if written:
        here.console.good(
            f"{written}: {found.choices[cast('Strategy', write)]:,} MB; the next deploy walks it like code"
        )
    return 0


def _declared(here: Here, name: str) -> Service:
    from pipeline.manifest.naming import function_named

    what, hint = f"{name} is an extension: it has no memory of its own", "tune a function it runs beside"
    return function_named(here.services, name, lambda _: UsageError(what, hint=hint))


def _events(service: Service, files: tuple[str, ...], *, unsafe: bool) -> tuple[bytes, ...]:
    """The events: those that were named, else the probe's, the smoke checks', or the samples.

    Declared safe are the probe's; a GET is safe by what HTTP says of it. Any other is sent only with `unsafe`.
    """
    from pipeline.manifest.package import method

    probe = service.release.probe
    safe = {(service.directory / one).resolve() for one in (probe.events if probe is not None else ())}
    paths = [Path(one) for one in files] or _own(service)
    found = []
    for path in paths:
        raw, event = _event(path)
        if not unsafe and path.resolve() not in safe and method(event) not in {"GET", "HEAD", "OPTIONS"}:
            raise UsageError(
                f"{service.name}: `{path.name}` is not declared safe to be sent again and again",
                where=str(path),
                hint="name it in `release.probe.events` if it is, choose another with --event, or add --unsafe",
            )
        found.append(raw)
    return tuple(found)


def _own(service: Service) -> list[Path]:
    release = service.release
    named = list(release.probe.events) if release.probe is not None else [one.event for one in release.smoke]
    paths = [service.directory / one for one in named] or sorted(service.directory.glob("events/*.json"))
    if not paths:
        raise UsageError(f"{service.name} has no sample event", hint="--event FILE")
    return paths


def _event(path: Path) -> tuple[bytes, Any]:
    try:
        with path.open("rb") as stream:
            raw = stream.read(SYNC_BYTES + 1)
    except OSError as error:
        raise UsageError(f"the event cannot be read: {error.strerror}", where=str(path)) from error
    if len(raw) > SYNC_BYTES:
        raise UsageError("the event is larger than the 6 MB that Lambda takes", where=str(path))
    try:
        return raw, json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the event is not JSON: {error}", where=str(path)) from error


def _tuned(
    here: Here, service: Service, events: tuple[bytes, ...], sizes: tuple[int, ...], *, invocations: int, weight: float
) -> Tuning:
    from pipeline.aws.functions import NotFoundError
    from pipeline.cost.prices import prices_of
    from pipeline.tune.measuring import Bench, Subject

    prices = prices_of(here.project.root)
    if (region := here.env.region) not in prices.regions():
        raise UsageError(f"there are no prices for `{region}`", hint="write your own: docs/cost.md")
    function = here.project.function_name(here.env.name, service.name)
    bench = Bench(here.engine, _report, here.console.progress, _processor(here))
    try:
        measured = bench.measure(Subject(service.name, function, events, invocations), sorted(sizes))
    except NotFoundError:
        what = f"{service.name} was never deployed to `{here.env.name}`"
        raise UsageError(what, hint=f"crabwalk deploy {service.name} --env {here.env.name}") from None
    return _chosen(here, service, measured, prices, invocations=invocations, weight=weight)


def _chosen(
    here: Here, service: Service, measured: tuple[Measured, ...], prices: Prices, *, invocations: int, weight: float
) -> Tuning:
    from pipeline.tune.model import STRATEGIES, Tuning, choose, simulated, sized

    worked = [one for one in measured if not one.fault]
    if not worked:
        raise CrabwalkError(
            f"{service.name} failed at every size: {measured[0].fault}",
            hint=f"try the event: crabwalk invoke {service.name} --env {here.env.name}",
        )
    region, simulation = here.env.region, None
    if here.env.embedded:
        simulation, found = simulated(worked, service.architecture, prices, region)
    else:
        found = tuple(sized(one, service.architecture, prices, region) for one in worked)
    return Tuning(
        service=service.name,
        region=region,
        architecture=service.architecture,
        now_mb=service.memory_mb,
        invocations=invocations,
        sizes=found,
        faults={one.memory_mb: one.fault for one in measured if one.fault},
        choices={strategy: choose(found, strategy, weight) for strategy in STRATEGIES},
        weight=weight,
        simulation=simulation,
    )


def _processor(here: Here) -> Callable[[str, str], float | None] | None:
    """What tells the processor's time of a version's process, where that runs on this machine."""
    if not here.env.embedded:
        return None
    from pipeline.local.processor import used_ms

    return used_ms


def _report(log: str) -> tuple[float, float, float | None, int] | None:
    from pipeline.report.invocation import usage_of

    used = usage_of(log)
    return None if used is None else (used.duration_ms, used.billed_ms, used.init_ms, used.max_memory_mb)


def _written(here: Here, service: Service, memory_mb: int) -> str:
    """The manifest with this memory; its name."""
    from pipeline.manifest.rewrite import with_memory

    shown = service.file.relative_to(here.project.root).as_posix()
    text = service.file.read_bytes().decode("utf-8")
    made = with_memory(text, shown, here.env.name, memory_mb)
    if made != text:
        service.file.write_bytes(made.encode("utf-8"))
    return shown
