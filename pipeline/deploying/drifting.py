"""Looks at the world: a full plan with refresh of every root of an environment. Never applies anything.

Also roots whose manifest is gone: what has a state is looked at. Each root is planned in a directory of its own, so
that a deploy may run beside it; one whose state is locked meanwhile is told as not read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipeline.deploying.converge import UNFINISHED, said_to
from pipeline.deploying.setting import Setting
from pipeline.deploying.stacks import plan_stack
from pipeline.errors import CrabwalkError, UsageError
from pipeline.infra.drift import Parted, StackDrift, parted
from pipeline.infra.locks import stacks_with_state
from pipeline.infra.model import Root
from pipeline.infra.side_by_side import Teller, Work, side_by_side

if TYPE_CHECKING:
    from pipeline.release.walk.act import Engine


def look(engine: Engine, setting: Setting, wanted: Sequence[str], tell: Teller) -> tuple[StackDrift, ...]:
    """What was found of each stack that has a state, or of those named by service or stack; in their order."""
    stood = stacks_with_state(engine.objects)
    setting = _with_records(engine, setting, stood)
    chosen = _chosen(setting, stood, wanted)
    roots = {name: root for name in chosen if (root := _root(setting, name)) is not None}

    def work(root: Root) -> Work[Parted]:
        return lambda teller: _looked_at(setting, root, teller)

    made = side_by_side(
        tell, lambda name: f"terraform plan: stack {name}", {name: work(root) for name, root in roots.items()}
    )
    return tuple(_told(setting, name, made[name]) for name in roots)


def reapply(engine: Engine, drifted: Sequence[StackDrift]) -> tuple[str, ...]:
    """Let the next deploy run Terraform for these, though no manifest changed; the stacks this was noted of."""
    noted = []
    for one in drifted:
        record = engine.ledger.stack(one.stack)
        if record is not None:
            engine.ledger.save_stack(replace(record, fingerprint=UNFINISHED))
            noted.append(one.stack)
    return tuple(noted)


def _looked_at(setting: Setting, root: Root, tell: Teller) -> Parted:
    from pipeline.infra.drive import drift_directory, plan_infra
    from pipeline.infra.workdir import PLAN

    directory = drift_directory(setting.project.root, setting.env, root.stack)
    with tell.group(f"terraform plan: stack {root.stack}"):
        try:
            plan = plan_infra(root, setting.env, directory, said_to(tell), drift=True)
        finally:
            (directory / PLAN).unlink(missing_ok=True)  # it holds secrets
    record = setting.stacks.get(root.stack)
    return parted(plan, applied=record is None or record.fingerprint == root.fingerprint)


def _told(setting: Setting, name: str, made: Parted | CrabwalkError) -> StackDrift:
    services = tuple(sorted(one.name for one in setting.services if one.stack == name))
    record = setting.stacks.get(name)
    declared = bool(services) or record is None
    stand = services or (record.services if record else ())
    if isinstance(made, CrabwalkError):
        return StackDrift(name, stand, declared, Parted(), made.what, made.hint)
    return StackDrift(name, stand, declared, made)


def _root(setting: Setting, name: str) -> Root | None:
    """As the manifests of this commit want it; None for a state that this version does not know the root of."""
    from pipeline.infra.render import ENVIRONMENT_STACK, render_environment
    from pipeline.infra.roles import ROLES_STACK, recorded_root

    if name == ENVIRONMENT_STACK:
        return render_environment(setting.project, setting.env, setting.modules, remote=True, adopt=False)
    if name == ROLES_STACK:
        return recorded_root(setting.project, setting.env, setting.modules)
    return plan_stack(setting, name, {}).root


def _with_records(engine: Engine, setting: Setting, stood: Collection[str]) -> Setting:
    """With what was applied to stacks that no manifest names any more."""
    gone = {name: engine.ledger.stack(name) for name in stood if name not in setting.stacks}
    return replace(setting, stacks={**setting.stacks, **gone})


def _chosen(setting: Setting, stood: Collection[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """The stacks to look at; UsageError for a name that is neither a service nor a stack."""
    if not wanted:
        return tuple(stood)
    lies = {one.name: one.stack for one in setting.services}
    found = []
    for name in wanted:
        stack = lies.get(name, name)
        if stack not in stood:
            from pipeline.manifest.node import nearest

            known = {*stood, *(service for service, stack in lies.items() if stack in stood)}
            what = f"`{name}` has no infrastructure in `{setting.env.name}`"
            raise UsageError(what, hint=nearest(name, known) or f"there: {', '.join(sorted(known)) or 'nothing'}")
        found.append(stack)
    return tuple(dict.fromkeys(found))
