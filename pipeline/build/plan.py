"""Decides what must be compiled, and in which cargo runs. Reads files and the compiler's version, builds nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.build import inputs, toolchain
from pipeline.build.cargo_lambda import flags
from pipeline.build.model import TRIPLES, Artifact, Buildable, BuildPlan, CargoRun, Target, Toolchain
from pipeline.build.packages import Workspace, read_workspace
from pipeline.build.store import Store
from pipeline.errors import BuildError


def plan_build(root: Path, services: Sequence[Buildable]) -> BuildPlan:
    """What the store has, and the cargo runs for the rest."""
    toolchains = toolchain.find(TRIPLES[service.architecture] for service in services)
    return plan_with(root, services, toolchains, Store.default())


def plan_with(
    root: Path, services: Sequence[Buildable], toolchains: Mapping[str, Toolchain], store: Store
) -> BuildPlan:
    """The plan for these toolchains."""
    workspace = read_workspace(root)
    if services and not (workspace.root / "Cargo.lock").is_file():
        raise BuildError("there is no Cargo.lock", where=str(root), hint="run `cargo generate-lockfile` and commit it")
    stored: list[Artifact] = []
    missing: defaultdict[tuple[Toolchain, tuple[str, ...], tuple[str, ...]], list[tuple[Buildable, str]]]
    missing = defaultdict(list)
    for service in sorted(services, key=lambda service: service.name):
        chosen = toolchains[TRIPLES[service.architecture]]
        packages = _selected(workspace, service)
        key = input_key(workspace, service, packages, chosen)
        artifact = store.find(key, service.name)
        if artifact:
            stored.append(artifact)
        else:
            missing[chosen, packages, service.features].append((service, key))
    runs = (_run(workspace, *group, wanted) for group, wanted in missing.items())
    ordered = sorted(runs, key=lambda run: (run.triple, run.services))
    return BuildPlan(workspace.root, tuple(services), tuple(ordered), tuple(stored))


def input_key(workspace: Workspace, service: Buildable, packages: Sequence[str], chosen: Toolchain) -> str:
    """Names the inputs of one service's package."""
    parameters = {
        "package": service.package,
        "binary": service.binary,
        "features": sorted(service.features),
        "selected": packages,
        "architecture": service.architecture,
        "triple": chosen.triple,
        "profile": "release",
        "flags": flags(chosen, service.architecture),
        "toolchain": chosen.identity,
    }
    return inputs.key(workspace, workspace.package(service.package), parameters=parameters)


def _selected(workspace: Workspace, service: Buildable) -> tuple[str, ...]:
    """The packages cargo selects with this service's; one with features of its own is built by itself."""
    package = workspace.package(service.package)
    if service.binary not in package.binaries:
        known = ", ".join(sorted(package.binaries)) or "none"
        raise BuildError(
            f"{service.name}: the package `{package.name}` has no binary `{service.binary}`, it has {known}"
        )
    twins = sorted(name for name, other in workspace.packages.items() if service.binary in other.binaries)
    if len(twins) > 1:
        # cargo writes both to one file, and which of them stays is chance.
        raise BuildError(f"the packages {' and '.join(twins)} both have a binary `{service.binary}`", hint="rename one")
    if service.features:
        return (package.name,)
    return tuple(companion.name for companion in workspace.companions(package.name))


def _run(
    workspace: Workspace,
    chosen: Toolchain,
    packages: tuple[str, ...],
    features: tuple[str, ...],
    wanted: Sequence[tuple[Buildable, str]],
) -> CargoRun:
    targets = tuple(Target(service.name, service.package, service.binary, key) for service, key in wanted)
    local = sorted({package.name for target in targets for package in workspace.closure(target.package)})
    return CargoRun(chosen, wanted[0][0].architecture, packages, features, targets, tuple(local))
