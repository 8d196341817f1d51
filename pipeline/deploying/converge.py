"""Brings one stack's infrastructure to what its manifests say, by Terraform, and records what was applied.

Terraform does not run where the recorded fingerprint is the desired one. Nothing is destroyed or replaced unless its
address was named. What is applied is the plan that was shown. While it is applied the record says so, so that a run
that dies half-way is gone on with by the next one, whatever that one is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from pipeline.deploying.setting import Setting
from pipeline.deploying.stacks import StackPlan
from pipeline.errors import UsageError
from pipeline.infra.model import when
from pipeline.infra.side_by_side import Teller
from pipeline.release.ledger.records import StackRecord
from pipeline.release.walk.act import Engine

if TYPE_CHECKING:
    from pipeline.infra import Change
    from pipeline.plans.reviewed import Reviewed


UNFINISHED = ""  # the fingerprint of no root
_OF_A_VERSION = frozenset({"aws_lambda_alias", "aws_lambda_function"})
_WARNING = "warning: "


def converge(
    engine: Engine,
    setting: Setting,
    stack: StackPlan,
    allowed: Collection[str],
    tell: Teller,
    *,
    before_apply: Callable[[], None],
    reviewed: Reviewed | None = None,
    applied: Callable[[str, Sequence[Change]], None] = lambda *_: None,
) -> StackRecord | None:
    """Plan, refuse what nobody asked for, apply, record; None when there was nothing to do.

    `before_apply` is called between plan and apply, and may raise to stop there; `applied` with the stack's name and
    what was changed once something in it was. `reviewed`: a saved plan, which is applied instead of one made now.
    Raises UsageError for a plan that destroys something not in `allowed`, ConflictError for one that is not what was
    reviewed, TerraformError when Terraform fails.
    """
    if not stack.terraform:
        tell.progress(f"stack {stack.stack}: nothing Terraform manages changed, it does not run")
        return None
    from pipeline.infra import apply_infra, plan_infra, stack_directory

    directory = stack_directory(setting.project.root, setting.env, stack.stack)
    with tell.group(f"terraform: stack {stack.stack}"):
        if reviewed is None:
            planned = plan_infra(stack.root, setting.env, directory, said_to(tell))
        else:
            planned = reviewed.infra(stack, setting, directory, said_to(tell))
        for change in planned.changes:
            tell.progress(f"{change.action} {change.address} ({when(change)})")
        bad = losses(planned.changes, allowed, setting)
        if bad:
            raise _destroys(stack, bad)
        before_apply()
        if planned.pending:
            engine.ledger.save_stack(_unfinished(engine, setting, stack))
        with reviewed.applying(stack.stack) if reviewed is not None else nullcontext():
            outputs = apply_infra(planned, setting.env, said_to(tell))
        if planned.changes:
            applied(stack.stack, planned.changes)
    record = replace(
        _unfinished(engine, setting, stack),
        fingerprint=stack.root.fingerprint,
        outputs=dict(outputs),
        services=tuple(sorted(stack.root.walk_fingerprints)),
        calls=_calls(stack),
    )
    engine.ledger.save_stack(record)
    return record


def said_to(tell: Teller) -> Callable[[str], None]:
    """What Terraform says; its warnings are told as such."""

    def said(text: str) -> None:
        if text.startswith(_WARNING):
            tell.warn(text.removeprefix(_WARNING))
        else:
            tell.progress(text)

    return said


def _unfinished(engine: Engine, setting: Setting, stack: StackPlan) -> StackRecord:
    """A stack in the middle of an apply: what stood there, and what is about to, stays in the next root."""
    applied = stack.applied
    standing = {*(applied.services if applied else ()), *stack.root.walk_fingerprints}
    outputs = applied.outputs if applied else {}
    return StackRecord(
        stack=stack.stack,
        fingerprint=UNFINISHED,
        outputs=outputs,
        services=tuple(sorted(standing)),
        at=engine.now(),
        commit=setting.commit,
        calls={**(applied.calls if applied else {}), **_calls(stack)},
    )


def _calls(stack: StackPlan) -> dict[str, Any]:
    return {name: tuple(asdict(call) for call in calls) for name, calls in stack.root.calls.items()}


def losses(changes: Sequence[Change], allowed: Collection[str], setting: Setting) -> tuple[Change, ...]:
    """What these changes would destroy that cannot be made again, was not named, and somebody would miss."""
    from pipeline.infra import refused

    return tuple(one for one in refused(changes, allowed) if not _nobody_misses(one, setting))


def _nobody_misses(change: Change, setting: Setting) -> bool:
    """Whether it belongs to a function that never had traffic: one whose creation failed half-way is made anew."""
    if change.type not in _OF_A_VERSION or change.service is None:
        return False
    record = setting.records.get(change.service)
    return record is None or (record.promoted is None and record.under_way is None)


def _destroys(stack: StackPlan, bad: Collection[Change]) -> UsageError:
    first, *others = bad
    return UsageError(
        f"the plan would {first.action} {first.address}" + (f" and {len(others)} more" if others else ""),
        where=f"stack {stack.stack}",
        hint="if that is meant: " + " ".join(f"--allow-destroy '{one.address}'" for one in bad),
    )
