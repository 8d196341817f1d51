"""`crabwalk affected`: which services a deploy of this commit would release, and why. Changes nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option

if TYPE_CHECKING:
    from pipeline.manifest.models import Service
    from pipeline.report.console import Console
    from pipeline.workspace.affected import Affected


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@click.option("--base", metavar="COMMIT", help="Compare with this commit instead of each service's last release.")
@click.option("--github", is_flag=True, help='Print a matrix for GitHub Actions, to be appended to "$GITHUB_OUTPUT".')
@output_option
def command(services: tuple[str, ...], env_name: str | None, base: str | None, *, github: bool, output: str) -> int:
    """Show which services the commit affects, each with its reasons.

    Each service is compared with the commit of its last promoted release in the environment, or with --base, which
    needs no AWS. What cannot be told, as in a shallow clone, counts as affected.
    """
    from pipeline.workspace.affected import affected

    here = Here(env_name, json=output == "json")
    chosen = _chosen(_services(here, base), services)
    found = affected(here.repo, here.project, chosen, _bases(here, chosen, base))
    dirty = here.repo.dirty()
    if dirty:
        more = f" and {len(dirty) - 3} more" if len(dirty) > 3 else ""
        here.console.warn(f"uncommitted changes are not looked at: {', '.join(dirty[:3])}{more}")
    if github:
        _show_matrix(here.console, found)
    elif output == "json":
        here.console.json({"commit": here.repo.head, "services": [_listed(one) for one in found]})
    else:
        _show(here.console, found)
    return 0


def _services(here: Here, base: str | None) -> tuple[Service, ...]:
    if base is None:
        return here.services
    from pipeline.manifest import load_services

    return load_services(here.project, here.env_name)


def _chosen(services: Sequence[Service], only: Sequence[str]) -> tuple[Service, ...]:
    known = [service.name for service in services]
    for name in only:
        if name not in known:
            from pipeline.planning import no_such_service

            raise no_such_service(name, known)
    return tuple(service for service in services if not only or service.name in only)


def _bases(here: Here, services: Sequence[Service], base: str | None) -> Mapping[str, str | None]:
    if base is not None:
        commit = here.repo.resolve(base)
        return {service.name: commit for service in services}
    records = {service.name: here.engine.ledger.service(service.name) for service in services}
    return {name: record.promoted.commit if record.promoted else None for name, record in records.items()}


def _show(console: Console, found: Sequence[Affected]) -> None:
    for one in found:
        since = f" since {one.base[:12]}" if one.base else ""
        if one.affected:
            console.title(f"{one.service}: affected{since}")
            for reason in one.reasons:
                console.line(f"  {reason.detail}")
        else:
            console.line(f"{one.service}: not affected{since}")
    count = sum(one.affected for one in found)
    console.note(f"{count} of {len(found)} service{'' if len(found) == 1 else 's'} affected")


def _show_matrix(console: Console, found: Sequence[Affected]) -> None:
    """GitHub refuses an empty matrix, hence `any` for the job's `if`."""
    names = [{"service": one.service} for one in found if one.affected]
    console.line(f"any={'true' if names else 'false'}")
    console.line(f"matrix={json.dumps({'include': names}, separators=(',', ':'))}")


def _listed(one: Affected) -> dict[str, object]:
    return {"service": one.service, "base": one.base, "affected": one.affected, "reasons": one.reasons}
