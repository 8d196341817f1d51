"""`crabwalk resume`: go on with a walk that was paused, held or left; or unfreeze a service a person rolled back."""

from __future__ import annotations

import click

from pipeline.cli.asking import asker, detach_option, finish, reason_option, services_argument
from pipeline.cli.options import Here, env_option, output_option


@click.command()
@services_argument
@env_option
@reason_option
@detach_option
@output_option
def command(services: tuple[str, ...], env_name: str | None, *, reason: str, detach: bool, output: str) -> int:
    """Go on with each SERVICE's release that was paused, held, or whose controller is gone.

    What was held begins a new deadline. A service that a person rolled back is unfrozen: nothing is started and no
    traffic moved, and `deploy` takes it up again.
    """
    from pipeline.release.terms import Order
    from pipeline.release.verbs.steering import Steered, ask
    from pipeline.release.verbs.unfreeze import frozen, unfreeze

    here = Here(env_name, json=output == "json")
    chosen, who = tuple(dict.fromkeys(services)), asker(here, reason)
    functions = {service: here.project.function_name(here.env.name, service) for service in chosen}
    marked = [service for service in chosen if frozen(here.engine, service, functions[service])]
    walked = tuple(service for service in chosen if service not in marked)
    asked: dict[str, Order | Steered] = dict(zip(walked, ask(here.engine, "resume", walked, who), strict=True))
    for service in marked:
        asked[service] = unfreeze(here.engine, service, functions[service], who, here.console.progress)
    return finish(here, tuple((service, asked[service]) for service in chosen), go_on=not detach, detach=detach)
