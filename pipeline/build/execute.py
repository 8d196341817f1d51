"""Carries out a build plan. What the store has needs no compiler, and loads nothing that only a compilation needs."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.build import evidence, prune
from pipeline.build.model import Artifact, BuildPlan
from pipeline.build.record import Source
from pipeline.build.store import Store
from pipeline.build.view import View, view_of


def execute_build(plan: BuildPlan, told: View | Callable[[str], None]) -> tuple[Artifact, ...]:
    """The artifacts of all services of the plan, sorted by name, with the evidence of this commit."""
    view, store = view_of(told), Store.default()
    for notice in plan.notices:
        view.notice(notice)
    source = evidence.source(plan.root) if plan.services else Source()
    artifacts = plan.stored
    if plan.runs:
        from pipeline.build.compile import compile_runs

        artifacts = compile_runs(plan, store, source, view)
    prune.daily(view.line)
    found = (evidence.told(store, artifact, source) for artifact in artifacts)
    return tuple(sorted(found, key=lambda artifact: artifact.service))
