"""What a deploy would do, and why: the plan that `plan` prints and `deploy` executes. Changes nothing anywhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.abreast import abreast
from pipeline.deploying.standing import check_places, displaced
from pipeline.errors import ConflictError, UsageError
from pipeline.infra import Placement, Root, Scope, parts, render
from pipeline.infra.calls import needs, read_calls
from pipeline.infra.names import ALIAS
from pipeline.infra.scope import Ready
from pipeline.infra.unrendered import check_rendered
from pipeline.manifest.references import order

if TYPE_CHECKING:
    from pipeline.build import BuildPlan
    from pipeline.manifest.models import Service
    from pipeline.manifest.project import Environment, Project
    from pipeline.release.ledger.records import ServiceRecord, StackRecord
    from pipeline.release.walk.act import Engine
    from pipeline.workspace.affected import Affected
    from pipeline.workspace.git import Repository


@dataclass(frozen=True)
class Setting:
    """Where a deploy starts from: the commit, the manifests of an environment, and what the ledger knows."""

    project: Project
    env: Environment
    commit: str
    subject: str
    services: tuple[Service, ...]
    records: Mapping[str, ServiceRecord]  # also of services that no manifest declares any more
    stacks: Mapping[str, StackRecord | None]  # also of stacks that no manifest names any more
    now: float = 0.0  # epoch seconds
    live: Callable[[str], str | None] = lambda _: None  # the version a service's alias points at, asked of AWS

    @property
    def modules(self) -> Path:
        """The Terraform modules roots are made of."""
        return self.project.root / "modules"


@dataclass(frozen=True)
class StackPlan:
    """A root to be, and whether Terraform has anything to do for it."""

    stack: str
    root: Root
    applied: StackRecord | None

    @property
    def terraform(self) -> bool:
        """Whether what Terraform manages differs from what it last applied."""
        return self.applied is None or self.applied.fingerprint != self.root.fingerprint


@dataclass(frozen=True)
class DeployPlan:
    """Which services are released, built from what, with which infrastructure."""

    setting: Setting
    affected: tuple[Affected, ...]
    build: BuildPlan
    stacks: tuple[StackPlan, ...]

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


def read_setting(
    project: Project,
    env: Environment,
    services: Sequence[Service],
    repo: Repository,
    engine: Engine,
) -> Setting:
    """Read the ledger for every service and stack."""
    ledger = engine.ledger
    names = sorted({*ledger.services(), *(one.name for one in services)})
    stacks = sorted({*ledger.stacks(), *(service.stack for service in services)})
    return Setting(
        project=project,
        env=env,
        commit=repo.head,
        subject=repo.subject(repo.head),
        services=tuple(services),
        records=dict(zip(names, abreast(ledger.service, names), strict=True)),
        stacks=dict(zip(stacks, abreast(ledger.stack, stacks), strict=True)),
        now=engine.now(),
        live=partial(_live, project, env, engine),
    )


def _live(project: Project, env: Environment, engine: Engine, service: str) -> str | None:
    from pipeline.errors import AwsError

    try:
        return engine.functions.alias(project.function_name(env.name, service), ALIAS).version
    except AwsError:
        return None  # what cannot be told is kept


def check_checkout(repo: Repository, env: Environment) -> str | None:
    """Refuse a checkout that cannot tell what a commit asks for; returns a warning where `local` lets it pass.

    Raises UsageError for a shallow clone or uncommitted changes outside `local`.
    """
    dirty = repo.dirty()
    if env.embedded:
        return f"uncommitted changes are built in: {_few(dirty)}" if dirty else None
    if repo.shallow:
        raise UsageError(
            "this is a shallow clone: which services a commit affects cannot be told",
            where=str(repo.root),
            hint="git fetch --unshallow (in GitHub Actions: `fetch-depth: 0` for actions/checkout)",
        )
    if dirty:
        raise UsageError(
            f"there are uncommitted changes: {_few(dirty)}",
            where=str(repo.root),
            hint="commit or stash them; a release is what a commit says",
        )
    return None


def check_unmoved(setting: Setting) -> None:
    """What was built is the commit that is released: nobody committed, checked out or edited meanwhile.

    Raises ConflictError when the checkout moved, UsageError for uncommitted changes outside `local`.
    """
    from pipeline.workspace.git import Repository

    with Repository.open(setting.project.root) as repo:
        if repo.head != setting.commit:
            raise ConflictError(
                f"the checkout moved from {setting.commit[:12]} to {repo.head[:12]} while this deploy ran",
                where=str(repo.root),
                hint="deploy again; nothing was released",
            )
        check_checkout(repo, setting.env)


def check_order(repo: Repository, record: ServiceRecord) -> None:
    """Only the recorded commit or one that follows it may be deployed; ConflictError for another.

    A commit this clone does not have is newer than the clone, or history was rewritten: only a person can tell.
    """
    promoted = record.promoted
    if promoted is None or promoted.commit == repo.head:
        return
    if not repo.has_commit(promoted.commit):
        raise ConflictError(
            f"`{record.service}` is at {promoted.commit[:12]}, which this clone does not have",
            where=str(repo.root),
            hint="git fetch; if that commit is gone for good, name what to compare with: --base COMMIT",
        )
    if not repo.is_ancestor(promoted.commit, repo.head):
        raise ConflictError(
            f"`{record.service}` is already at {promoted.commit[:12]}, which {repo.head[:12]} does not contain",
            hint="deploy a commit that follows it; to go back, use `crabwalk rollback`",
        )


def plan_deploy(
    setting: Setting,
    repo: Repository,
    only: Sequence[str] = (),
    base: str | None = None,
    *,
    retry: bool = False,
    build: bool = True,
) -> DeployPlan:
    """Decide what a deploy would do; reads git and manifests, runs neither cargo nor Terraform.

    A service is released when the commit affects it, or when what walks with its canary is not what was released
    (a run died between apply and publish), or with `retry` when its last release was rolled back by hand. A service
    whose walk is not over is left alone. Without `build` the artifacts are there already, and no compiler is looked
    for. Raises ConflictError for a commit older than a released one.
    """
    from pipeline.build import BuildPlan, plan_build
    from pipeline.workspace.affected import affected

    wanted = _chosen(setting.services, only)
    check_places(setting.stacks, wanted, setting.env.name)
    check_rendered(wanted)
    chosen = [one for one in wanted if setting.records[one.name].under_way is None]
    commit = repo.base(base) if base else None
    bases = {service.name: commit or _base(setting.records[service.name]) for service in chosen}
    # Where uncommitted work may be built in, it also affects: somebody tries it out on their own machine.
    found = affected(repo, setting.project, chosen, bases, uncommitted=setting.env.embedded)
    first = {one.service: "" for one in found if one.affected and setting.records[one.service].promoted is None}
    stacks = tuple(plan_stack(setting, stack, first) for stack in sorted({one.stack for one in chosen}))
    found = tuple(_with_other_reasons(setting.records[one.service], one, stacks, retry=retry) for one in found)
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
        plan_build(root, releasing, compiler=how.compiler, auditable=how.auditable, deny=how.deny)
        if build
        else BuildPlan(root, (), (), ()),
        tuple(stack for stack in stacks if stack.stack in needed or (stack.terraform and stack.root.walk_fingerprints)),
    )


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


def plan_stack(setting: Setting, stack: str, keys: Mapping[str, str]) -> StackPlan:
    """Render a stack's root: the services that stand in it, and those with a key in `keys`, which are about to.

    A service that waits to be moved stays where it stands as it was last applied, and does not come to its new stack.
    """
    placements, applied = [], setting.stacks.get(stack)
    moving = displaced(setting.stacks, setting.services)
    standing = {name: read_calls(calls) for name, calls in applied.calls.items()} if applied else {}
    for service in setting.services:
        record = setting.records[service.name]
        stands = applied is not None and service.name in applied.services
        here = service.stack == stack and service.name not in moving
        if not here or (record.promoted is None and service.name not in keys and not stands):
            continue
        key = keys.get(service.name) or (f"artifacts/{record.promoted.artifact}.zip" if record.promoted else None)
        wanted, released = ready(setting, service).service, record.promoted is not None
        kept = standing.get(service.name, ())
        if kept and settled(setting, wanted):
            kept = ()
        placements.append(Placement(wanted, released, key, kept))
    declared = {service.name for service in setting.services} - moving.keys()
    orphans = {name: calls for name, calls in standing.items() if name not in declared}
    root = render(scope(setting), stack, placements, setting.modules, orphans)
    return StackPlan(stack, root, applied)


def settled(setting: Setting, service: Service) -> bool:
    """Whether no version runs, or may come back by itself, that needs more than the manifest says now."""
    record = setting.records[service.name]
    promoted = record.promoted
    if promoted is None:
        return True
    if record.frozen is not None or record.under_way is not None or setting.now < promoted.until:
        return False
    return promoted.needs == needs_of(setting, service) and setting.live(service.name) == promoted.version


def needs_of(setting: Setting, service: Service) -> str:
    """Hash of what a version made for this manifest may need around it."""
    return needs(parts.calls(scope(setting), service, released=True))


def scope(setting: Setting) -> Scope:
    """What references stand for, by what stacks put out last."""
    outputs = {name: made for stack in setting.stacks.values() if stack for name, made in stack.outputs.items()}
    return Scope(setting.project, setting.env, {one.name: one for one in setting.services}, outputs)


def ready(setting: Setting, service: Service) -> Ready:
    """A service with its references replaced by what stacks put out last."""
    return scope(setting).ready(service)


def _chosen(services: Sequence[Service], only: Sequence[str]) -> tuple[Service, ...]:
    if not only:
        return tuple(services)
    known = {service.name: service for service in services}
    missing = [name for name in only if name not in known]
    if missing:
        raise no_such_service(missing[0], tuple(known))
    return tuple(service for service in services if service.name in set(only))


def no_such_service(name: str, known: Sequence[str]) -> UsageError:
    """The error for a service that no manifest declares."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"declared: {', '.join(known) or 'none'}"
    return UsageError(f"there is no service `{name}`", hint=hint)


def _base(record: ServiceRecord) -> str | None:
    return record.promoted.commit if record.promoted else None


def _few(paths: Sequence[str]) -> str:
    return ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")


def service_url_of(setting: Setting, service: str) -> str | None:
    """Where a service answers over HTTP, by what Terraform last put out."""
    from pipeline.release.walk.outcome import service_url

    stack = next((one.stack for one in setting.services if one.name == service), "")
    return service_url(setting.env, setting.stacks.get(stack), service)
