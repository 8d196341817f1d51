"""`plan --save`: builds and uploads, makes the exact plan files, and stores them with all that must still be so."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.deploying.allowing import check_allowed
from pipeline.deploying.artifacts import built, uploaded
from pipeline.deploying.converge import losses
from pipeline.deploying.planning import DeployPlan
from pipeline.deploying.setting import Setting
from pipeline.deploying.stacks import StackPlan, plan_stack
from pipeline.errors import ConflictError, UsageError
from pipeline.infra.model import InfraPlan
from pipeline.infra.side_by_side import Teller, Work
from pipeline.plans import world
from pipeline.plans.model import Preview, SavedShown, StackShown, flags
from pipeline.plans.phases import beyond, planner, put_back, second_phase, side_by_side_of, waits
from pipeline.plans.preview import told
from pipeline.plans.saved import SavedArtifact, SavedPlan, SavedService, SavedStack
from pipeline.plans.store import PlanStore
from pipeline.release.model import new_release_id

if TYPE_CHECKING:
    from pipeline.build import Artifact
    from pipeline.deploying.run import Run


def save(run: Run) -> Preview:
    """Plan what `run` asks for and store it; the plan as it is shown, with the id it has now.

    Where there is nothing to do nothing is stored. Raises ConflictError while a service is walked, UsageError for
    what cannot be planned beforehand or would be refused.
    """
    check_allowed(run.engine.objects, run.setting, run.options.allow_destroy)
    plan = run.plan()
    _check(run, plan)
    artifacts = built(run, plan) if plan.services else {}
    for error in uploaded(run, list(artifacts.values())):
        if error is not None:
            raise error
    keys = {name: one.key for name, one in artifacts.items()}
    stacks = [plan_stack(run.setting, one.stack, keys) for one in plan.stacks]
    saving = _Saving(run, plan, stacks, keys)
    planned = side_by_side_of(stacks, saving.work, run.tell)
    shown = told(run.engine, plan, planned, artifacts.values(), retry=run.options.retry)
    if shown.refused:
        raise UsageError(
            f"the plan would {shown.refused[0].action} {shown.refused[0].address}, so it cannot be applied",
            hint=f"if that is meant: {flags(shown.refused)}",
        )
    if not plan.services and not saving.files:
        return shown
    saved = saving.saved(artifacts)
    PlanStore(run.engine.objects).save(saved, saving.files)
    return replace(shown, saved=SavedShown(saved.id, saved.expires))


def _check(run: Run, plan: DeployPlan) -> None:
    for name, record in sorted(run.setting.records.items()):
        if record.under_way is not None and run.wanted(name):
            raise ConflictError(
                f"release {record.under_way.release_id} of `{name}` is not over: a plan of now would not fit then",
                hint=f"crabwalk status {name}; save a plan when it is done",
            )
    for stack in plan.stacks:
        needed = waits(plan, stack)
        if needed:
            raise UsageError(
                f"stack {stack.stack} needs values that the release of {' and '.join(needed)} makes: "
                "what comes after it cannot be planned yet",
                hint=f"save and deploy it first: crabwalk plan {' '.join(needed)} --save",
            )


class _Saving:
    """The parts of one saved plan as they are made."""

    def __init__(self, run: Run, plan: DeployPlan, stacks: list[StackPlan], keys: dict[str, str]) -> None:
        self.files: dict[str, bytes] = {}
        self._run, self._plan, self._keys = run, plan, keys
        self._roots = stacks
        self._stacks: dict[str, SavedStack] = {}

    def work(self, stack: StackPlan) -> Work[StackShown]:
        """One stack's part, to be worked on beside others."""
        return lambda tell: self._planned(stack, tell)

    def _planned(self, stack: StackPlan, tell: Teller) -> StackShown:
        """Make the exact plan of the first phase, and the list of the second."""
        run = self._run
        state = world.state_of(run.engine.objects, stack.stack)
        first = self._first(stack, tell) if stack.terraform else None
        now, drift = (first.changes, put_back(first)) if first else ((), ())
        root = second_phase(self._plan, stack, self._keys)
        then = beyond(planner(run.setting, tell)(root).changes, now) if root is not None else ()
        if first is not None or root is not None:
            self._stacks[stack.stack] = SavedStack(
                fingerprint=stack.root.fingerprint,
                plan_sha256=first.plan_sha256 if first else "",
                pending=first is not None and first.pending,
                state=state,
                changes=now,
                then=then,
            )
        return StackShown(
            name=stack.stack,
            terraform=first is not None or root is not None,
            changes=now,
            then=then,
            drift=drift,
            refused=losses((*now, *then), run.options.allow_destroy, run.setting),
        )

    def _first(self, stack: StackPlan, tell: Teller) -> InfraPlan:
        def keep(path: Path) -> None:
            self.files[stack.stack] = path.read_bytes()

        made = planner(self._run.setting, tell, keep)(stack.root)
        if hashlib.sha256(self.files[stack.stack]).hexdigest() != made.plan_sha256:
            raise ConflictError(f"somebody else planned stack {stack.stack} in this folder", hint="save the plan again")
        return made

    def saved(self, artifacts: dict[str, Artifact]) -> SavedPlan:
        """All of it as one value."""
        run, setting = self._run, self._run.setting
        now = run.engine.now()
        needing = [one for one in self._roots if one.stack in self._stacks]
        return SavedPlan(
            id=new_release_id(now),
            created=now,
            actor=run.actor,
            environment=setting.env.name,
            account=setting.env.account,
            commit=setting.commit,
            manifests=world.manifests_of(setting),
            tools=world.tools_of(setting, needing),
            only=run.options.only,
            base=run.options.base,
            retry=run.options.retry,
            allow_destroy=tuple(sorted(run.options.allow_destroy)),
            services=dict(_services(run, setting, artifacts)),
            stacks=self._stacks,
        )


def _services(run: Run, setting: Setting, artifacts: dict[str, Artifact]) -> Iterator[tuple[str, SavedService]]:
    for name, one in sorted(artifacts.items()):
        kept = SavedArtifact(
            one.sha256, one.code_sha256, one.size, one.binary_size, one.architecture, one.triple, one.inputs
        )
        yield name, SavedService(kept, world.alias_of(run.engine, setting, name))
