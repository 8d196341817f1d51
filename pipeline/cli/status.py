"""`crabwalk status`: what is where and what is going on, from the aliases themselves and the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.manifest.models import Service
    from pipeline.release.ledger.records import Entry, ServiceRecord
    from pipeline.release.verbs.status import ServiceStatus
    from pipeline.release.walk.state import Walk

LOOK_BACK = 50  # entries of the history, for the release of a version that was rolled back to


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@output_option
def command(services: tuple[str, ...], env_name: str | None, output: str) -> int:
    """Show each service's versions with their traffic, the release under way, its evidence, and what comes next.

    Also who paused it or waits for approval, who rolled back by hand and why, and what can be done about it.
    """
    from pipeline.deploying.standing import told_gone
    from pipeline.report.status import status_lines

    here = Here(env_name, json=output == "json")
    if here.fleet is not None:
        from pipeline.cli.fleets import status

        return status(here, services)
    here.settle_unrecorded()
    found, left = statuses(here, services, here.warn)
    if output == "json":
        here.console.json({"environment": here.env.name, "services": found})
        return 0
    width = here.console.rich.size.width if here.console.terminal else None
    for one in found:
        head, *rest = status_lines(one, width)
        here.console.title(head)
        for line in rest:
            here.console.line(line)
    for line in told_gone(left, here.env.name):
        here.console.note(line)
    return 0


def statuses(
    here: Here, services: Sequence[str], say: Callable[[str], None]
) -> tuple[list[ServiceStatus], Mapping[str, str]]:
    """How each service stands, and the stacks of services that no manifest declares; `say`: what is not known.

    Raises UsageError for a name that nothing has.
    """
    from pipeline.abreast import abreast
    from pipeline.deploying.standing import gone
    from pipeline.infra.scope import service_url
    from pipeline.manifest.naming import no_such_service
    from pipeline.release.verbs.status import absent

    known = [service.name for service in here.services]
    destroyed = []
    for name in services:
        if name not in known:
            last = _last(here, name)
            if last is None or last.kind != "destroy":
                raise no_such_service(name, known)
            destroyed.append(absent(name, last, here.env.name, declared=False))
    chosen = _functions(here, services)
    ledger = here.engine.ledger
    names = sorted({service.stack for service in chosen} | (set() if services else set(ledger.stacks())))
    stacks = dict(zip(names, abreast(ledger.stack, names), strict=True))
    left = {} if services else gone(stacks, known)
    others = () if services else tuple(sorted({*ledger.services(), *left} - set(known)))
    recorded = abreast(ledger.service, [*(one.name for one in chosen), *others])
    # Of what was destroyed the ledger keeps the history, and nothing that is current.
    records = [one for one in recorded if one.etag is not None or one.service in known or one.service in left]
    walks = _looked(here, records, say)
    found = list(abreast(lambda record: _status(here, record, walks.get(record.service)), records))
    for index, service in enumerate(chosen):
        found[index] = replace(found[index], url=service_url(here.env, stacks[service.stack], service.name))
    for index in range(len(chosen), len(found)):  # the ledger knows it: removed or renamed, its function is there
        found[index] = replace(found[index], doing=f"no manifest declares it; {found[index].doing}")
    return [*found, *destroyed], left


def _functions(here: Here, asked: Sequence[str]) -> list[Service]:
    """Those that were asked for, or all; an extension has no versions but those of the functions it runs in."""
    from pipeline.manifest.naming import only_beside

    functions = [service for service in here.services if service.kind == "function"]
    extensions = {service.name for service in here.services} - {service.name for service in functions}
    for name in asked:
        if name in extensions:
            raise only_beside(name, functions, "part of", verb="status")
    return [service for service in functions if not asked or service.name in asked]


def _status(here: Here, record: ServiceRecord, walk: Walk | None) -> ServiceStatus:
    from pipeline.aws.functions import NotFoundError
    from pipeline.release.ledger.lease import holder
    from pipeline.release.model import ALIAS
    from pipeline.release.verbs.status import absent, describe

    engine, service = here.engine, record.service
    try:
        alias = engine.functions.alias(here.project.function_name(here.env.name, service), ALIAS)
    except NotFoundError:
        return absent(service, _last(here, service), here.env.name)
    decision = walk.decision if walk is not None else None
    lease = holder(engine.objects, service)
    found = describe(record, alias, lease, env=here.env.name, now=engine.now(), decision=decision)
    if found.state != "rolled-back" or found.release is not None:
        return found
    made = next(
        (one for one in islice(engine.ledger.entries([service]), LOOK_BACK) if _is_of(one, alias.version)), None
    )
    return found if made is None else replace(found, release=made.release_id, commit=made.commit)


def _last(here: Here, service: str) -> Entry | None:
    """The newest entry of its history."""
    return next(iter(here.engine.ledger.history(service, 1)), None)


def _is_of(entry: Entry, version: str) -> bool:
    """Whether this is how the version came to its traffic."""
    return entry.candidate == version and entry.outcome in {"promoted", "adopted"}


def _looked(here: Here, records: Sequence[ServiceRecord], say: Callable[[str], None]) -> dict[str, Walk]:
    """What the controllers of the releases under way would see and decide now; their evidence is worth a warning."""
    from pipeline.errors import CrabwalkError
    from pipeline.release.verbs.watching import looked, onlooker

    walks = [onlooker(here.engine, record) for record in records if record.under_way is not None]
    if not walks:
        return {}
    try:
        return looked(here.engine, walks, here.engine.now())
    except CrabwalkError as fault:
        say(f"the evidence could not be read: {fault.what}")
        return {}
