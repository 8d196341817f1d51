"""Carries out a build plan: compiles, inspects, packs and stores. Decides nothing that the plan has decided."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from pipeline.build import elf, inputs, package, toolchain
from pipeline.build.cargo_lambda import Compiled, compiled
from pipeline.build.model import Artifact, BuildPlan, CargoRun, Target
from pipeline.build.packages import Workspace, read_workspace
from pipeline.build.plan import plan_with
from pipeline.build.store import Store

OnLine = Callable[[str], None]


def execute_build(plan: BuildPlan, on_line: OnLine) -> tuple[Artifact, ...]:
    """The artifacts of all services of the plan, sorted by name."""
    plan = _with_std(plan, on_line)
    workspace, store = read_workspace(plan.root), Store.default()
    made = [artifact for run in plan.runs for artifact in _execute(workspace, run, store, on_line)]
    return tuple(sorted((*plan.stored, *made), key=lambda artifact: artifact.service))


def _with_std(plan: BuildPlan, on_line: OnLine) -> BuildPlan:
    """Fetches a missing std. Where rustup cannot, the toolchain is another one, and so are all inputs."""
    planned = {run.triple: run.toolchain for run in plan.runs}
    obtained = {triple: toolchain.obtain(chosen, on_line) for triple, chosen in planned.items()}
    if obtained == planned:
        return plan
    missing = {name for run in plan.runs for name in run.services}
    affected = tuple(service for service in plan.services if service.name in missing)
    again = plan_with(plan.root, affected, obtained, Store.default())
    return BuildPlan(plan.root, plan.services, again.runs, (*plan.stored, *again.stored))


def _execute(workspace: Workspace, run: CargoRun, store: Store, on_line: OnLine) -> list[Artifact]:
    dependents = defaultdict(list)
    for target in run.targets:
        for local in workspace.closure(target.package):
            dependents[local.name].append(target.service)
    made = []
    with compiled(workspace.root, run, dependents, on_line) as binaries:
        for target in run.targets:
            artifact = _pack(run, target, binaries, store)
            hidden = _hidden_inputs(workspace, target, binaries)
            if hidden:
                shown = ", ".join(path.relative_to(workspace.root).as_posix() for path in hidden)
                on_line(f"{target.service} reads {shown} from outside its package, so it is compiled anew each time")
            else:
                store.remember(target.key, artifact)
            made.append(artifact)
    return made


def _pack(run: CargoRun, target: Target, binaries: Compiled, store: Store) -> Artifact:
    binary = binaries.binary(target.binary)
    elf.check(binary, run.architecture, target.service)
    data = binary.read_bytes()
    return store.put(package.pack(data), target.service, run.architecture, len(data))


def _hidden_inputs(workspace: Workspace, target: Target, binaries: Compiled) -> tuple[Path, ...]:
    read = inputs.parse_dep_info(binaries.dep_info(target.binary))
    return inputs.outside(workspace, workspace.package(target.package), read)
