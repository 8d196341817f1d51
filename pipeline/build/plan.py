"""Decides what must be compiled, and in which cargo runs. Reads files and the compiler's version, builds nothing."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.build import settings, toolchain
from pipeline.build.flags import flags, inherited
from pipeline.build.inputs import Inputs
from pipeline.build.model import (
    LINKINGS,
    Artifact,
    Buildable,
    BuildPlan,
    CargoRun,
    Target,
    Toolchain,
    Wanted,
    wanted,
)
from pipeline.build.package import PACKER
from pipeline.build.packages import Workspace, read_workspace
from pipeline.build.store import Store
from pipeline.build.targets import Platform
from pipeline.errors import BuildError, UsageError


@dataclass(frozen=True)
class _Group:
    """What one cargo run has in common."""

    platform: Platform
    packages: tuple[str, ...]
    features: tuple[str, ...]


def plan_build(
    root: Path,
    services: Sequence[Buildable],
    *,
    compiler: str = "cargo-zigbuild",
    auditable: bool = False,
    deny: str = "off",
    force: bool = False,
) -> BuildPlan:
    """What the store has, and the cargo runs for the rest; with `force` everything is compiled.

    `compiler`, `auditable` and `deny` are the `build` settings of the project file.
    """
    _check_home()
    workspace, wishes = _read(root, services), tuple(map(wanted, services))
    linking = next((name for name in LINKINGS if name == compiler), None)
    if linking is None:
        raise UsageError(f"`{compiler}` is no compiler of cargo-lambda", hint=f"it has {', '.join(LINKINGS)}")
    minimum = workspace.rust_version(one.package for one in wishes)
    toolchains, notices = toolchain.find((one.platform for one in wishes), linking, minimum, auditable=auditable)
    plan = plan_with(workspace, services, toolchains, None if force else Store.default(), auditable=auditable)
    if not plan.runs:
        return plan
    said = settings.lost(workspace.root, os.environ, [run.triple for run in plan.runs])
    return replace(plan, deny=deny, notices=(*notices, *said))


def oldest_rust(root: Path, services: Sequence[Buildable]) -> tuple[int, ...]:
    """The oldest compiler that the packages of these services allow; empty when they do not say."""
    return _read(root, services).rust_version(service.package for service in services)


def plan_with(
    workspace: Workspace,
    services: Sequence[Buildable],
    toolchains: Mapping[Platform, Toolchain],
    store: Store | None,
    *,
    auditable: bool = False,
) -> BuildPlan:
    """The plan for these toolchains; without a store nothing is known."""
    stored: list[Artifact] = []
    missing: defaultdict[_Group, list[Target]] = defaultdict(list)
    found, environ = Inputs(workspace), inherited(os.environ)
    fixed = {platform: flags(chosen, platform, workspace.root) for platform, chosen in toolchains.items()}
    for one in sorted(map(wanted, services), key=lambda one: one.service):
        chosen, packages = toolchains[one.platform], _selected(workspace, one)
        parameters = {
            "package": one.package,
            "binary": one.binary,
            "entry": one.entry,
            "features": sorted(one.features),
            "selected": packages,
            "platform": one.platform.name,
            "profile": "release",
            "flags": fixed[one.platform],
            "auditable": auditable,
            "packer": PACKER,
            "toolchain": chosen.identity,
        }
        target = Target(one, found.key(one.package, one.inputs, parameters))
        artifact = store.find(target.key, one.service, environ) if store else None
        if artifact:
            stored.append(artifact)
        else:
            missing[_Group(one.platform, packages, one.features)].append(target)
    runs = [
        CargoRun(
            toolchains[group.platform],
            group.platform,
            group.packages,
            group.features,
            fixed[group.platform],
            tuple(targets),
            _local(workspace, targets),
            auditable,
        )
        for group, targets in missing.items()
    ]
    ordered = tuple(sorted(runs, key=lambda run: (run.platform.name, run.services)))
    return BuildPlan(workspace.root, tuple(services), ordered, tuple(stored), auditable)


def _check_home() -> None:
    """A user without HOME and without an entry in the machine's list has no cache either."""
    try:
        Path.home()
    except RuntimeError:
        raise BuildError("HOME is not set", hint="set it: the cache, cargo and cargo-lambda are in it") from None


def _read(root: Path, services: Sequence[Buildable]) -> Workspace:
    workspace = read_workspace(root)
    if services and not (workspace.root / "Cargo.lock").is_file():
        raise BuildError("there is no Cargo.lock", where=str(root), hint="run `cargo generate-lockfile` and commit it")
    return workspace


def _selected(workspace: Workspace, one: Wanted) -> tuple[str, ...]:
    """The packages cargo selects with this service's; one with features of its own is built by itself."""
    package = workspace.package(one.package)
    if one.binary not in package.binaries:
        known = ", ".join(sorted(package.binaries)) or "none"
        raise BuildError(f"{one.service}: the package `{package.name}` has no binary `{one.binary}`, it has {known}")
    twins = sorted(name for name, other in workspace.packages.items() if one.binary in other.binaries)
    if len(twins) > 1:
        # cargo writes both to one file, and which of them stays is chance.
        raise BuildError(f"the packages {' and '.join(twins)} both have a binary `{one.binary}`", hint="rename one")
    if one.features:
        return (package.name,)
    return tuple(companion.name for companion in workspace.companions(package.name))


def _local(workspace: Workspace, targets: Sequence[Target]) -> tuple[str, ...]:
    return tuple(sorted({package.name for one in targets for package in workspace.closure(one.wanted.package)}))
