"""What the verbs that steer a release share: their options, and the way from a word to what came of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pipeline.cli.options import Here
from pipeline.cli.summarizing import summarize

if TYPE_CHECKING:
    from pipeline.release.terms import Order, OrderKind
    from pipeline.release.verbs.carry import HandOn, Show
    from pipeline.release.verbs.steering import Asker, Steered
    from pipeline.release.walk.state import Walk

F = TypeVar("F", bound=Callable[..., Any])

services_argument: Callable[[F], F] = click.argument("services", nargs=-1, required=True, metavar="SERVICE...")
UNREAD = "nobody reads the output any more: "
reason_option: Callable[[F], F] = click.option(
    "--reason", metavar="TEXT", default="", help="Why; it stays in the history."
)
detach_option: Callable[[F], F] = click.option(
    "--detach", is_flag=True, help="Return once it is done; another controller goes on with the walk."
)


def steer(
    kind: OrderKind, services: Sequence[str], here: Here, reason: str, *, go_on: bool, detach: bool = False
) -> int:
    """Ask it of each service's release, see it carried out, tell what came of it; the exit code."""
    from pipeline.release.verbs.steering import ask

    chosen = tuple(dict.fromkeys(services))
    answers = ask(here.engine, kind, chosen, asker(here, reason))
    return finish(here, tuple(zip(chosen, answers, strict=True)), go_on=go_on, detach=detach)


def asker(here: Here, reason: str) -> Asker:
    """Who runs this verb."""
    from pipeline.aws.identity import whoami
    from pipeline.release.verbs.steering import Asker

    return Asker(whoami(here.env).arn, os.environ.get("GITHUB_ACTOR") or None, " ".join(reason.split()))


def finish(here: Here, asked: Sequence[tuple[str, Order | Steered]], *, go_on: bool, detach: bool = False) -> int:
    """See placed orders carried out and tell what came of each; with `detach` the environment's controller goes on."""
    from pipeline.release.terms import Order
    from pipeline.release.verbs.carry import carry_out

    known = {service: one for service, one in asked if not isinstance(one, Order)}
    orders = [(service, one) for service, one in asked if isinstance(one, Order)]
    with _live(here) as show:
        try:
            hand_on = _handing(here) if detach else None
            done = carry_out(here.engine, orders, go_on=go_on, hand_on=hand_on, show=show, say=here.console.progress)
        except BaseException as ended:
            unread = isinstance(ended, BrokenPipeError)
            _interrupted(here, [service for service, _ in orders], UNREAD if unread else "")
            raise
    told = {**known, **{one.service: one for one in done}}
    return tell(here, [told[service] for service, _ in asked])


def _handing(here: Here) -> HandOn | None:
    """What gives walks to Step Functions, where that is the environment's controller; UsageError where it is absent."""
    from pipeline.controller.start import give, installed, wanted

    if not wanted(here.env):
        return None
    machine = installed(here.engine.objects, here.env)

    def hand_on(walks: Sequence[Walk]) -> Mapping[str, str]:
        found = give(here.engine, machine, walks)
        for one in found:
            if one.fault is not None:
                here.console.warn(f"{one.service}: Step Functions could not take it: {one.fault.what}")
        return {one.service: one.url for one in found if one.fault is None}

    return hand_on


def tell(here: Here, steered: Sequence[Steered]) -> int:
    """Show what came of each order; the exit code of the worst."""
    from pipeline.release.walk.outcome import worst
    from pipeline.report.markdown.people import told as in_words
    from pipeline.report.steering import show_steered

    for one in steered:
        show_steered(here.console, one)
    code = worst(one.exit_code for one in steered)
    told = [(one.service, one.outcome, one.sentence, one.next) for one in steered]
    verb = steered[0].asked if steered else "nothing"
    summarize(lambda limit: in_words(verb, here.env.name, told, limit))
    if here.json and here.env_of is None:
        here.console.json({"environment": here.env.name, "exit": code, "services": steered})
    return code


@contextmanager
def _live(here: Here) -> Iterator[Show]:
    """The live view, opened with the first walk there is to show."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        shown: list[Show] = []

        def show(views: Any) -> None:
            if not shown:
                from pipeline.report.live import WalkLive

                shown.append(stack.enter_context(WalkLive(here.console)).update)
            shown[0](views)

        yield show


def _interrupted(here: Here, services: Sequence[str], cause: str) -> None:
    env = here.env.name
    for service in services:
        here.console.warn(
            f"{cause}what was asked of {service} stands, recorded; "
            f"`crabwalk status {service} --env {env}` tells how far it got, "
            f"`crabwalk resume {service} --env {env}` goes on with the walk"
        )
