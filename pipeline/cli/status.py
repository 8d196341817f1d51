"""`crabwalk status`: what is where and what is going on, from the aliases themselves and the ledger."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

from pipeline.cli.options import Here, env_option, output_option
from pipeline.release.model import percent

if TYPE_CHECKING:
    from pipeline.release.head import Head
    from pipeline.release.lease import Holder
    from pipeline.release.ledger import ServiceRecord


@dataclass(frozen=True)
class ServiceStatus:
    """One service as it stands; `traffic` maps versions to their share."""

    service: str
    traffic: dict[str, float]
    state: str  # live | walking | held | rolled-back | never-released | changed-by-somebody-else | absent
    release: str | None
    commit: str | None
    doing: str
    next: str
    url: str | None = None


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@output_option
def command(services: tuple[str, ...], env_name: str | None, output: str) -> int:
    """Show each service's versions with their traffic, the release under way and who works on it."""
    from pipeline.planning import no_such_service
    from pipeline.release.outcome import service_url

    here = Here(env_name, json=output == "json")
    known = [service.name for service in here.services]
    for name in services:
        if name not in known:
            raise no_such_service(name, known)
    chosen = [service for service in here.services if not services or service.name in services]
    gone = () if services else tuple(sorted(set(here.engine.ledger.services()) - set(known)))
    stacks = {stack: here.engine.ledger.stack(stack) for stack in {service.stack for service in chosen}}
    found = [
        replace(_status(here, service.name), url=service_url(here.env, stacks[service.stack], service.name))
        for service in chosen
    ] + [_gone(_status(here, name)) for name in gone]
    if output == "json":
        here.console.json({"environment": here.env.name, "services": found})
        return 0
    here.console.table(
        f"environment {here.env.name}",
        ("service", "traffic", "state", "release", "commit", "what is going on"),
        [
            (one.service, _shares(one.traffic), one.state, one.release or "-", (one.commit or "-")[:12], one.doing)
            for one in found
        ],
    )
    for one in found:
        if one.url:
            here.console.line(f"{one.service} answers at {one.url}")
        if one.next:
            here.console.line(f"{one.service}: {one.next}")
    return 0


def _gone(found: ServiceStatus) -> ServiceStatus:
    """A service the ledger knows and no manifest declares: removed or renamed, its function is still there."""
    return replace(found, doing=f"no manifest declares it; {found.doing}")


def _status(here: Here, service: str) -> ServiceStatus:
    from pipeline.aws.functions import NotFoundError
    from pipeline.release.head import trusted
    from pipeline.release.lease import holder
    from pipeline.release.model import ALIAS

    function = here.project.function_name(here.env.name, service)
    record = here.engine.ledger.service(service)
    try:
        alias = here.engine.functions.alias(function, ALIAS)
    except NotFoundError:
        return ServiceStatus(service, {}, "absent", None, None, "not deployed", f"crabwalk deploy {service}")
    lease = holder(here.engine.objects, service)
    traffic = {alias.version: round(1 - sum(alias.weights.values()), 6), **alias.weights}
    if alias.version == "$LATEST":
        return ServiceStatus(service, {}, "never-released", None, None, _doing(lease), f"crabwalk deploy {service}")
    head = trusted(alias)
    if head is None:
        doing, after = _record(here, record, lease, None)
        after = after or f"crabwalk rollback {service} --env {here.env.name}, with --to if no weights are set"
        return ServiceStatus(service, traffic, "changed-by-somebody-else", None, None, doing, after)
    state = {"walk": "walking", "live": "live", "back": "rolled-back"}[head.state]
    if record.under_way is not None and record.under_way.phase == "held":
        state = "held"
    doing, after = _record(here, record, lease, head)
    if state == "rolled-back" and record.under_way is not None:
        doing = f"release {record.under_way.release_id} was rolled back, its end is not recorded yet"
        after = f"`crabwalk deploy --env {here.env.name}` records its end"
    release, commit = head.release, head.commit
    if state == "rolled-back" and record.promoted is not None and record.promoted.version == alias.version:
        # The head tells of the release that was taken back; who asks what runs is told of the one that does.
        doing = f"release {head.release} of {(head.commit or '')[:12]} was rolled back" if doing == "nothing" else doing
        release, commit = record.promoted.release_id, record.promoted.commit
    return ServiceStatus(service, traffic, state, release, commit, doing, after)


def _record(here: Here, record: ServiceRecord, lease: Holder | None, head: Head | None) -> tuple[str, str]:
    """What the ledger says is going on, and what to do about it; the share is the alias's where it is trusted."""
    from pipeline.release.model import percent

    rollout = record.under_way
    if rollout is None:
        return _doing(lease), ""
    walked = head is not None and head.release == rollout.release_id and head.state == "walk"
    share = head.weight if head is not None and walked else rollout.traffic(rollout.step)
    at = f"release {rollout.release_id} of version {rollout.candidate} at {percent(share)}"
    on = f"`crabwalk deploy --env {here.env.name}` goes on with it"
    end = f"`crabwalk rollback {record.service} --env {here.env.name}` ends it"
    if lease is not None and lease.nonce and not lease.expired:
        dead = f"if that process is gone, {on} once its lease has run out, in {lease.left_s:.0f} s"
        return f"{at}, walked by {lease.who}", f"{end}; {dead}"
    if rollout.phase == "held":
        return f"{at}, held: {rollout.sentence}", f"crabwalk rollback {record.service} --env {here.env.name}"
    # Before the first step there is no share to take away: a rollback would leave the stable version instead.
    after = f"{on}, {end}" if share > 0 else on
    return f"{at}, and nobody walks it: its controller ended", after


def _doing(lease: Holder | None) -> str:
    if lease is None or not lease.nonce or lease.expired:
        return "nothing"
    return f"{lease.doing} by {lease.who}"


def _shares(traffic: dict[str, float]) -> str:
    return ", ".join(f"v{version} {percent(share)}" for version, share in traffic.items()) or "-"
