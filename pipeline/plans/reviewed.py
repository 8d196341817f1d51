"""`deploy --plan ID`: exactly what was reviewed, or nothing. Refuses with what moved; makes no plan of its own.

The first phase applies the stored plan files. What comes after a first release can only be planned then: it is
planned anew, and refused when it has an action that was not in the reviewed list.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConflictError
from pipeline.plans import world
from pipeline.plans.saved import SavedPlan, SavedStack, Seen, Tools, moved, outside
from pipeline.plans.store import AGAIN, PlanStore, Use

if TYPE_CHECKING:
    from pipeline.build import Artifact
    from pipeline.deploying.planning import DeployPlan
    from pipeline.deploying.setting import Setting
    from pipeline.deploying.stacks import StackPlan
    from pipeline.infra import InfraPlan
    from pipeline.infra.drive import OnEvent
    from pipeline.release.walk.act import Engine

_SHOWN = 5  # actions named in an error


class Reviewed:
    """A saved plan while it is applied; `begin` must be called before anything is written."""

    def __init__(self, engine: Engine, plan: SavedPlan) -> None:
        self.plan = plan
        self._engine = engine
        self._store = PlanStore(engine.objects)
        self._applied: set[str] = set()
        self._tools: Tools | None = None

    @cached_property
    def artifacts(self) -> dict[str, Artifact]:
        """What is released: by hash from the bucket, nothing is built."""
        from pipeline.build import Artifact

        found = {}
        for name, one in self.plan.services.items():
            kept = one.artifact
            found[name] = Artifact(
                service=name,
                path=Path(),
                sha256=kept.sha256,
                code_sha256=kept.code_sha256,
                size=kept.size,
                architecture=kept.architecture,  # type: ignore[arg-type]
                binary_size=kept.binary_size,
                triple=kept.triple,
                inputs=kept.inputs,
                reused=True,
            )
        return found

    def check(self, setting: Setting, plan: DeployPlan) -> None:
        """Raises ConflictError, with everything that moved, when the plan does not fit any more."""
        saved = self.plan
        if self._store.used(saved.id) is not None:
            raise self._store.taken(saved.id)
        what = moved(saved, self._seen(setting, plan))
        if what:
            raise ConflictError(f"plan `{saved.id}` cannot be applied: {'; '.join(what)}", hint=AGAIN)

    def begin(self, setting: Setting, plan: DeployPlan, busy: Iterable[ConflictError], use: Use) -> None:
        """Check once more, now under the leases, and use the plan up: it is applied once."""
        for conflict in busy:
            raise ConflictError(f"plan `{self.plan.id}` cannot be applied: {conflict.what}", hint=conflict.hint)
        self.check(setting, plan)
        self._store.claim(self.plan.id, use)

    def infra(self, stack: StackPlan, setting: Setting, directory: Path, say: OnEvent) -> InfraPlan:
        """The stored plan of a stack, once; afterwards one made now that has nothing nobody reviewed."""
        from pipeline.infra import InfraPlan, plan_infra
        from pipeline.infra.drive import restore_plan

        known = self.plan.stacks.get(stack.stack)
        if known is None:
            raise self._unreviewed(stack.stack, "Terraform has something to do there now")
        if known.plan_sha256 and stack.stack not in self._applied:
            if stack.root.fingerprint != known.fingerprint:
                raise self._unreviewed(stack.stack, "what Terraform is to make is not what was planned")
            self._applied.add(stack.stack)
            content = self._store.file(self.plan, stack.stack)
            kept = InfraPlan(stack.root, directory, known.changes, known.pending, known.plan_sha256)
            return restore_plan(kept, content, setting.env, say)
        made = plan_infra(stack.root, setting.env, directory, say)
        self._hold(stack.stack, known, made)
        return made

    @contextmanager
    def applying(self, stack: str) -> Iterator[None]:
        """Around an apply: that the state moved in the last moment is told as this plan's end."""
        from pipeline.infra.events import StalePlanError

        try:
            yield
        except StalePlanError as error:
            raise self._unreviewed(stack, f"its state moved meanwhile: {error.what}") from error

    def _hold(self, stack: str, known: SavedStack, made: InfraPlan) -> None:
        strange = outside(made.changes, known.then)
        if strange:
            named = "; ".join(f"{one.action} {one.address}" for one in strange[:_SHOWN])
            more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
            what = f"nobody reviewed {named}{more}"
            raise self._unreviewed(stack, f"{what}; what is released stays so, without what should have followed")

    def _unreviewed(self, stack: str, what: str) -> ConflictError:
        return ConflictError(f"plan `{self.plan.id}` stops at stack {stack}: {what}", hint=AGAIN)

    def _look(self, setting: Setting, roots: list[StackPlan]) -> Tools:
        self._tools = world.tools_of(setting, roots)
        return self._tools

    def _seen(self, setting: Setting, plan: DeployPlan) -> Seen:
        from pipeline.deploying.stacks import plan_stack

        saved, objects = self.plan, self._engine.objects
        roots = [plan_stack(setting, name, saved.keys) for name in saved.stacks]
        rest = [plan_stack(setting, one.stack, saved.keys) for one in plan.stacks if one.stack not in saved.stacks]
        return Seen(
            now=self._engine.now(),
            environment=setting.env.name,
            account=setting.env.account,
            commit=setting.commit,
            manifests=world.manifests_of(setting),
            tools=self._tools or self._look(setting, roots),
            services=frozenset(name for one in plan.services for name in (one.name, *one.extensions)),
            roots={one.stack: one.root.fingerprint for one in roots},
            states={name: world.state_of(objects, name) for name in saved.stacks},
            aliases={name: world.alias_of(self._engine, setting, name) for name in saved.services},
            absent=tuple(name for name, key in saved.keys.items() if not objects.exists(key)),
            others=tuple(one.stack for one in rest if one.terraform),
        )
