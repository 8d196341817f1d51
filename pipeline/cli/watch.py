"""`crabwalk watch`: walks as they go, without touching them; `--unattended` is the watchdog for a schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from pipeline.cli import Terminated
from pipeline.cli.options import Here, env_option, output_option
from pipeline.cli.summarizing import summarize

if TYPE_CHECKING:
    from pipeline.release.walk.view import WalkView


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@env_option
@click.option("--unattended", is_flag=True, help="Go on with every release whose controller is gone.")
@click.option("--once", is_flag=True, help="With --unattended: do what is to be done now, and return.")
@click.option(
    "--max-minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=50.0,
    show_default=True,
    help="With --unattended: hand over to the next run after this time.",
)
@output_option
def command(
    services: tuple[str, ...],
    env_name: str | None,
    *,
    unattended: bool,
    once: bool,
    max_minutes: float,
    output: str,
) -> int:
    """Show the walks under way until none is, or Ctrl-C; nothing is held and nothing written.

    Ends with 5 where somebody else changed an alias, and with 4 where a walk is held and nobody walks it.

    With --unattended, for a schedule: every release whose controller is gone is taken over and walked to its end, or
    rolled back, as its manifest says. Two of them beside each other do no harm. The exit code is that of the worst
    release: 0 promoted, walking or nothing to do; 1 failed; 3 rolled back; 4 held, paused or waiting; 5 conflict.
    """
    here = Here(env_name, json=output == "json")
    if unattended:
        if services:
            raise click.UsageError("--unattended looks after every service; leave the names out")
        return _patrol_all(here, once=once, limit_s=max_minutes * 60)
    if once:
        raise click.UsageError("--once goes with --unattended")
    return _watch(here, services)


def _watch(here: Here, services: Sequence[str]) -> int:
    from contextlib import ExitStack

    from pipeline.release.verbs.steering import check_known
    from pipeline.release.verbs.watching import watch
    from pipeline.release.walk.outcome import exit_code, result_of
    from pipeline.report.live import WalkLive
    from pipeline.report.markdown.people import told as in_words
    from pipeline.report.release import show_result

    engine, console = here.engine, here.console
    for name in services:
        check_known(engine, engine.ledger.service(name))
    with ExitStack() as stack:
        live: list[WalkLive] = []

        def show(views: Sequence[WalkView]) -> None:
            if here.json:
                console.json_line({"environment": here.env.name, "at": engine.now(), "walks": views})
                return
            if not live:
                live.append(stack.enter_context(WalkLive(console)))
            live[0].update(views)

        ended = watch(engine, tuple(dict.fromkeys(services)) or engine.ledger.services(), show)
    rollouts = [walk.rollout for walk in ended]
    foreign = {walk.rollout.service: one for walk in ended if (one := walk.decision) and one.kind == "conflict"}
    results = [result_of(one, None if one.over else foreign.get(one.service), engine.now()) for one in rollouts]
    for result in results:
        show_result(console, result)
    if not ended:
        console.line(f"nothing is under way in `{here.env.name}`")
    told = [(one.service, one.outcome, one.sentence, one.next) for one in results]
    summarize(lambda limit: in_words("watch", here.env.name, told, limit))
    return exit_code(one for one in results if one.outcome in {"held", "conflict"})


def _patrol_all(here: Here, *, once: bool, limit_s: float) -> int:
    """The environment, or each target of one that is many: what is left of the time goes to the next."""
    if here.fleet is None:
        return _patrol(here, once=once, limit_s=limit_s)
    from time import monotonic

    from pipeline.release.walk.outcome import worst

    until, codes = monotonic() + limit_s, []
    for target in here.fleet.targets:
        member = here.member(target)
        here.console.title(f"{target}:")
        codes.append(_patrol(member, once=once, limit_s=max(1.0, until - monotonic())))
    code = worst(codes)
    if here.json:
        here.console.json({"environment": here.fleet.name, "exit": code, "services": []})
    return code


def _patrol(here: Here, *, once: bool, limit_s: float) -> int:
    from pipeline.aws.identity import whoami
    from pipeline.cli.asking import UNREAD
    from pipeline.release.verbs.watchdog import Watchdog
    from pipeline.release.walk.outcome import worst
    from pipeline.report.live import WalkLive
    from pipeline.report.markdown.people import told as in_words

    whoami(here.env)  # the right account, before anything is written
    with WalkLive(here.console) as live:
        watchdog = Watchdog(here.engine, once=once, limit_s=limit_s, say=here.console.progress, show=live.update)
        try:
            found = watchdog.patrol()
        except (KeyboardInterrupt, Terminated, BrokenPipeError) as ended:
            cause = UNREAD if isinstance(ended, BrokenPipeError) else ""
            goes_on = f"`crabwalk watch --unattended --env {here.env.name}` goes on with it"
            here.console.warn(f"{cause}what was walked stands where it is, recorded; {goes_on}")
            raise
    code = worst(one.exit_code for one in found)
    told = [(one.service, one.outcome, one.sentence, one.next) for one in found]
    summarize(lambda limit: in_words("watchdog", here.env.name, told, limit))
    for one in found:
        say = here.console.line if one.exit_code == 0 else here.console.bad
        say(f"{one.service}: {one.outcome.replace('-', ' ')}: {one.sentence}; next: {one.next}")
    if not found:
        here.console.line(f"nothing is under way in `{here.env.name}`")
    if here.json and here.env_of is None:
        here.console.json({"environment": here.env.name, "exit": code, "services": found})
    return code
