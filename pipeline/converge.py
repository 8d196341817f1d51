"""Brings one stack's infrastructure to what its manifests say, by Terraform, and records what was applied.

Terraform does not run where the recorded fingerprint is the desired one. Nothing is destroyed or replaced unless its
address was named. What is applied is the plan that was shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import asdict
from typing import TYPE_CHECKING, Protocol

from pipeline.errors import UsageError
from pipeline.planning import Setting, StackPlan
from pipeline.release.ledger.records import StackRecord
from pipeline.release.walk.act import Engine

if TYPE_CHECKING:
    from pipeline.infra import Change


class Teller(Protocol):
    """Who tells a person what happens; `pipeline.report.console.Console` is one."""

    def progress(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...
    def group(self, title: str) -> AbstractContextManager[None]: ...


def converge(
    engine: Engine,
    setting: Setting,
    stack: StackPlan,
    allowed: Collection[str],
    tell: Teller,
    *,
    before_apply: Callable[[], None],
) -> StackRecord | None:
    """Plan, refuse what nobody asked for, apply, record; None when there was nothing to do.

    `before_apply` is called between plan and apply, and may raise to stop there. Raises UsageError for a plan that
    destroys something not in `allowed`, TerraformError when Terraform fails.
    """
    if not stack.terraform:
        tell.progress(f"stack {stack.stack}: nothing Terraform manages changed, it does not run")
        return None
    from pipeline.infra import apply_infra, plan_infra, refused, stack_directory

    directory = stack_directory(setting.project.root, setting.env, stack.stack)
    with tell.group(f"terraform: stack {stack.stack}"):
        planned = plan_infra(stack.root, setting.env, directory, tell.progress)
        for change in planned.changes:
            tell.progress(f"{change.action} {change.address} ({change.effect})")
        bad = refused(planned.changes, allowed)
        if bad:
            raise _destroys(stack, bad)
        before_apply()
        outputs = apply_infra(planned, setting.env, tell.progress)
    record = StackRecord(
        stack=stack.stack,
        fingerprint=stack.root.fingerprint,
        outputs=dict(outputs),
        services=tuple(sorted(stack.root.walk_fingerprints)),
        at=engine.now(),
        commit=setting.commit,
        calls={name: tuple(asdict(call) for call in calls) for name, calls in stack.root.calls.items()},
    )
    engine.ledger.save_stack(record)
    return record


def _destroys(stack: StackPlan, bad: Collection[Change]) -> UsageError:
    first, *others = bad
    return UsageError(
        f"the plan would {first.action} {first.address}" + (f" and {len(others)} more" if others else ""),
        where=f"stack {stack.stack}",
        hint="if that is meant: " + " ".join(f"--allow-destroy '{one.address}'" for one in bad),
    )
