"""What a deploy would do, and why: the plan that `plan` prints and `deploy` executes. Changes nothing anywhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pipeline.deploying.checkout import check_order
from pipeline.deploying.setting import Setting
from pipeline.deploying.stacks import StackPlan, plan_stack
from pipeline.deploying.standing import check_places
from pipeline.manifest.naming import named, only_beside
from pipeline.manifest.references import order

if TYPE_CHECKING:
    from pipeline.build import BuildPlan
    from pipeline.manifest.models import Service
    from pipeline.release.ledger.records import Frozen, ServiceRecord
    from pipeline.workspace.affected import Affected
    from pipeline.workspace.git import Repository


@dataclass(frozen=True)
class DeployPlan:
    """Which services are released, built from what, with which infrastructure."""

    setting: Setting
    affected: tuple[Affected, ...]
    build: BuildPlan
    stacks: tuple[StackPlan, ...]
    frozen: Mapping[str, Frozen] = field(default_factory=dict)  # whom a person rolled back, and nobody reverted
    stays: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # what waits to be taken away, by service

    @property
    def services(self) -> tuple[Service, ...]:
        """The services to be released."""
        names = {one.service for one in self.affected if one.affected}
        return tuple(service for service in self.setting.services if service.name in names)

    @property
    def waves(self) -> tuple[tuple[Service, ...], ...]:
        """The services to be released, in the order their references ask for; those of one wave go side by side."""
        released = {one.name for one in self.services}
        ordered = (tuple(one for one in wave if one.name in released) for wave in order(self.setting.services))
        return tuple(wave for wave in ordered if wave)

    def without(self, busy: Collection[str]) -> DeployPlan:
        """The plan without the services somebody else works on, and without the stacks that cannot change for that."""
        stuck = {one.stack for one in self.setting.services if one.name in busy}
        stacks = tuple(stack for stack in self.stacks if not (stack.terraform and stack.stack in stuck))
        kept = {stack.stack for stack in stacks}
        names = {one.name for one in self.setting.services if one.stack in kept and one.name not in busy}
        return replace(self, affected=tuple(one for one in self.affected if one.service in names), stacks=stacks)

    @property
    def leases(self) -> frozenset[str]:
        """The services nobody else may work on meanwhile: those released, and all of a stack Terraform changes."""
        changing = {stack.stack for stack in self.stacks if stack.terraform}
        return frozenset(
            [one.name for one in self.services] + [one.name for one in self.setting.services if one.stack in changing]
        )

    def stack_of(self, name: str) -> str | None:
        """The stack a service's lease is taken for, in words; None for one that is itself released."""
        if any(one.name == name for one in self.services):
            return None
        stack = next(one.stack for one in self.setting.services if one.name == name)
        released = [f"`{one.name}`" for one in self.services if one.stack == stack]
        return f"stack `{stack}`" + (f" of {' and '.join(released)}" if released else "")


def plan_deploy(
    setting: Setting,
    repo: Repository,
    only: Sequence[str] = (),
    base: str | None = None,
    *,
    retry: bool = False,
    build: bool = True,
    replacing: bool = False,
) -> DeployPlan:
    """Decide what a deploy would do; reads git and manifests, runs neither cargo nor Terraform.

    A service is released when the commit affects it, or when what walks with its canary is not what was released
    (a run died between apply and publish), or with `retry` when its last release was rolled back by hand. A service
    whose walk is not over is left alone. Without `build` the artifacts are there already, and no compiler is looked
    for. Raises ConflictError for a commit older than a released one.
    """
    from pipeline.build import BuildPlan, look_ahead, plan_build
    from pipeline.workspace.affected import affected

    wanted = _chosen(setting, only)
    check_places(setting.stacks, wanted, setting.env.name)
    after = {name for name, one in setting.records.items() if replacing and _of_another(one, setting.commit)}
    chosen = [one for one in wanted if one.name in after or setting.records[one.name].under_way is None]
    commit = repo.base(base) if base else None
    bases = {service.name: commit or _base(setting.records[service.name]) for service in chosen}
    if build and any(one != repo.head for one in bases.values()):  # something is likely to be built
        look_ahead()
    # Where uncommitted work may be built in, it also affects: somebody tries it out on their own machine.
    beside = _beside(setting, chosen)
    found = affected(repo, setting.project, (*chosen, *beside), bases, uncommitted=setting.env.embedded)
    found = tuple(one for one in found if one.service not in setting.extensions)
    first = {one.service: "" for one in found if one.affected and setting.records[one.service].promoted is None}
    stacks = tuple(plan_stack(setting, stack, first) for stack in sorted({one.stack for one in chosen}))
    found = tuple(_with_other_reasons(setting.records[one.service], one, stacks, retry=retry) for one in found)
    found = tuple(_after(setting.records[one.service], one) if one.service in after else one for one in found)
    names = {one.service for one in found if one.affected}
    changing = {stack.stack for stack in stacks if stack.terraform}
    for service in setting.services:
        if commit is None and (service in chosen or service.stack in changing):
            check_order(repo, setting.records[service.name])
    releasing = tuple(service for service in chosen if service.name in names)
    needed = {service.stack for service in releasing}
    how = setting.project.build
    root = setting.project.root
    return DeployPlan(
        setting,
        found,
        plan_build(
            root,
            (*releasing, *_beside(setting, releasing)),
            compiler=how.compiler,
            auditable=how.auditable,
            deny=how.deny,
        )
        if build
        else BuildPlan(root, (), (), ()),
        tuple(stack for stack in stacks if stack.stack in needed or (stack.terraform and stack.root.walk_fingerprints)),
        {one.name: mark for one in chosen if (mark := _mark(repo, setting.records[one.name])) is not None},
        {name: found for stack in stacks for name, found in stack.stays.items()},
    )


def _mark(repo: Repository, record: ServiceRecord) -> Frozen | None:
    """Of a service that a person rolled back, unless a commit reverts what was bad."""
    mark = record.frozen
    return mark if mark is None or not mark.commit or repo.reverts(mark.commit) is None else None


def _with_other_reasons(record: ServiceRecord, one: Affected, stacks: Sequence[StackPlan], *, retry: bool) -> Affected:
    """Add the reasons of a service that no change of the commit affects."""
    from pipeline.workspace.affected import Reason

    promoted = record.promoted
    if one.affected or promoted is None:
        return one
    desired = next((v for stack in stacks for k, v in stack.root.walk_fingerprints.items() if k == one.service), None)
    if desired not in {None, promoted.configuration}:
        return replace(one, reasons=(Reason("configuration", "its configuration is not the one that was released"),))
    if retry and record.rejection(promoted.artifact, promoted.configuration) is not None:
        return replace(one, reasons=(Reason("retry", f"release {promoted.release_id} was rolled back, --retry"),))
    return one


def _of_another(record: ServiceRecord, commit: str) -> bool:
    """Whether another commit's release is under way."""
    return record.under_way is not None and record.under_way.commit != commit


def _after(record: ServiceRecord, one: Affected) -> Affected:
    """It follows the release that is under way, however that ends."""
    from pipeline.workspace.affected import Reason

    if one.affected or record.under_way is None:
        return one
    return replace(one, reasons=(Reason("unfinished", f"release {record.under_way.release_id} is not over"),))


def _beside(setting: Setting, services: Sequence[Service]) -> tuple[Service, ...]:
    """The extensions that run beside these services."""
    return tuple(setting.extensions[name] for name in sorted({name for one in services for name in one.extensions}))


def _chosen(setting: Setting, only: Sequence[str]) -> tuple[Service, ...]:
    services = setting.services
    for name in only:
        if name in setting.extensions:
            raise only_beside(name, services, "released with", verb="deploy")
    return named(services, only)


def _base(record: ServiceRecord) -> str | None:
    return record.promoted.commit if record.promoted else None
