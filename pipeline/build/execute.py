"""Carries out a build plan. What the store has needs no compiler, and loads nothing that only a compilation needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pipeline.build import budget, cache, evidence, prune
from pipeline.build.model import Artifact, BuildPlan, wanted
from pipeline.build.record import Source
from pipeline.build.store import Store
from pipeline.build.view import View, view_of


def execute_build(plan: BuildPlan, told: View | Callable[[str], None]) -> tuple[Artifact, ...]:
    """The artifacts of all services of the plan, sorted by name, with the evidence of this commit."""
    with cache.writing():
        return _execute(plan, view_of(told), Store.default())


def _execute(plan: BuildPlan, view: View, store: Store) -> tuple[Artifact, ...]:
    for notice in plan.notices:
        view.notice(notice)
    source = evidence.source(plan.root) if plan.services else Source()
    artifacts = plan.stored
    _judge(plan, artifacts, view)
    if plan.runs:
        from pipeline.build.compile import compile_runs

        artifacts = compile_runs(plan, store, source, view)
        _judge(plan, [artifact for artifact in artifacts if artifact not in plan.stored], view)
    prune.daily(view.line)
    found = (evidence.told(store, artifact, source) for artifact in artifacts)
    return tuple(sorted(found, key=lambda artifact: artifact.service))


def _judge(plan: BuildPlan, artifacts: Sequence[Artifact], view: View) -> None:
    """Holds packages to their budgets, whenever they were built: a budget is no part of what they were made of."""
    wishes = {service.name: wanted(service) for service in plan.services}
    for artifact in artifacts:
        notice = budget.check(wishes[artifact.service], artifact.size, artifact.binary_size, artifact.grew)
        if notice:
            view.notice(notice)
