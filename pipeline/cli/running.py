"""What `deploy` and `plan --save` both begin with: a run for what the working directory and the ledger say now."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.cli.options import Here
    from pipeline.deploying.run import Options, Run
    from pipeline.release.walk.view import WalkView
    from pipeline.report.markdown.walk import Tracks


def prepared(here: Here, options: Options, record: Path | None = None, tracks: Tracks | None = None) -> Run:
    """A run for what the working directory and the ledger say now. `tracks`: sees the walks as they are shown."""
    from pipeline.aws.identity import whoami
    from pipeline.deploying.checkout import check_checkout
    from pipeline.deploying.run import Run
    from pipeline.deploying.setting import read_setting
    from pipeline.deploying.standing import gone, told_gone
    from pipeline.report.build import BuildView

    warning = check_checkout(here.repo, here.env)
    if warning:
        here.console.warn(warning)
    actor = whoami(here.env).arn
    here.settle_unrecorded()
    setting = read_setting(here.project, here.env, here.services, here.repo, here.engine)
    for left in told_gone(gone(setting.stacks, {one.name for one in setting.services}), here.env.name):
        here.console.warn(left)
    building = partial(BuildView, here.console)
    return Run(here.engine, setting, here.repo, actor, options, here.console, building, _walking(here, record, tracks))


def reviewing(run: Run, plan_id: str) -> Run:
    """The run that applies a saved plan: what it asks for, and with which permissions, was reviewed."""
    from pipeline.plans.reviewed import Reviewed
    from pipeline.plans.store import PlanStore

    saved = PlanStore(run.engine.objects).load(plan_id)
    asked = replace(
        run.options,
        only=saved.only,
        base=saved.base,
        retry=saved.retry,
        allow_destroy=frozenset(saved.allow_destroy),
    )
    setting = replace(run.setting, now=saved.created)  # what has to stay for an old version had to stay then
    return replace(run, options=asked, setting=setting, reviewed=Reviewed(run.engine, saved))


def _walking(
    here: Here, record: Path | None, tracks: Tracks | None
) -> Callable[[], AbstractContextManager[Callable[[Sequence[WalkView]], None]]]:
    @contextmanager
    def opened() -> Iterator[Callable[[Sequence[WalkView]], None]]:
        from pipeline.report.live import WalkLive

        with WalkLive(here.console, record) as live:
            if tracks is None:
                yield live.update
                return

            def show(views: Sequence[WalkView]) -> None:
                tracks.update(views)
                live.update(views)

            yield show

    return opened
