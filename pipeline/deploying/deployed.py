"""What a deploy came to, as its job's summary tells it: releases, sizes, Terraform's changes and their cost."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.deploying.sizes import sizes_before
from pipeline.errors import CrabwalkError
from pipeline.plans.usage import costs_of

if TYPE_CHECKING:
    from pipeline.cost.changes import Cost
    from pipeline.deploying.run import Run
    from pipeline.infra.model import Change
    from pipeline.release.walk.view import ReleaseResult


@dataclass(frozen=True)
class SizeShown:
    """A package's zip, and the zip of the release before it where that is known; bytes."""

    service: str
    size: int
    before: int | None


@dataclass(frozen=True)
class Deployed:
    """What a deploy came to. `affected`: services with their reasons; `changed`: what Terraform changed, and where."""

    project: str
    environment: str
    commit: str
    subject: str
    results: tuple[ReleaseResult, ...]
    affected: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sizes: tuple[SizeShown, ...] = ()
    changed: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    costs: tuple[tuple[str, Cost], ...] = ()  # by service
    interrupted: bool = False


def deployed(run: Run, results: Sequence[ReleaseResult], *, interrupted: bool) -> Deployed:
    """What a run came to. Of one that was interrupted nothing is asked any more: neither sizes before nor costs."""
    known: dict[str, int] = {}
    costs: tuple[tuple[str, Cost], ...] = ()
    if not interrupted:
        known = sizes_before(
            run.engine.objects, {name: run.before[name] for name in run.artifacts if name in run.before}
        )
        with suppress(CrabwalkError):  # only shown
            costs = tuple(costs_of(run.engine, run.setting, run.changes))
    return Deployed(
        project=run.setting.project.name,
        environment=run.setting.env.name,
        commit=run.setting.commit,
        subject=run.setting.subject,
        results=tuple(results),
        affected=tuple((one.service, tuple(why.detail for why in one.reasons)) for one in run.affected),
        sizes=tuple(SizeShown(name, one.size, known.get(name)) for name, one in sorted(run.artifacts.items())),
        changed=tuple(sorted({*run.changed})),
        changes=tuple(run.changes),
        costs=costs,
        interrupted=interrupted,
    )
