"""Compiles what the store does not have: inspects, packs and keeps it. Decides nothing that the plan has decided."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.build import cache, elf, facts, package, sccache, split, supply, toolchain, variables, words
from pipeline.build.cargo_lambda import Compiled, compiled
from pipeline.build.flags import environment, inherited
from pipeline.build.inputs import Inputs, parse_dep_info
from pipeline.build.model import Artifact, BuildPlan, CargoRun, Notice, Target
from pipeline.build.packages import Workspace, read_workspace
from pipeline.build.plan import plan_with
from pipeline.build.record import Source
from pipeline.build.resolved import Resolved
from pipeline.build.store import Made, Store
from pipeline.build.view import View
from pipeline.errors import BuildError


def compile_runs(plan: BuildPlan, store: Store, source: Source, view: View) -> tuple[Artifact, ...]:
    """All artifacts of the plan, those of the store included."""
    if not os.environ.get("HOME"):
        raise BuildError("HOME is not set", hint="set it: cargo and cargo-lambda keep their files there")
    workspace = read_workspace(plan.root)
    supply.check(plan.root, plan.deny, view.line, environment(plan.runs[0], cache.directory(), os.environ))
    plan = _with_std(plan, workspace, store, view)
    for line in (*words.compilers(plan.runs, os.environ), *words.apart(workspace, plan.runs)):
        view.line(line)
    work, before = _Work(workspace, Inputs(workspace), store, source, view), sccache.counts()
    made = [artifact for run in plan.runs for artifact in work.execute(run)]
    after = sccache.counts() if before and plan.runs else None
    if before and after:
        view.line(after.since(before) or "sccache was not asked for anything")
    return (*plan.stored, *made)


def _with_std(plan: BuildPlan, workspace: Workspace, store: Store, view: View) -> BuildPlan:
    """Fetches a missing std. Where rustup cannot, the toolchain is another one, and so are all inputs."""
    minimum = workspace.rust_version(target.wanted.package for run in plan.runs for target in run.targets)
    planned = {run.platform: run.toolchain for run in plan.runs}
    obtained = {platform: toolchain.obtain(chosen, minimum, view.line) for platform, chosen in planned.items()}
    if obtained == planned:
        return plan
    missing = {name for run in plan.runs for name in run.services}
    services = tuple(service for service in plan.services if service.name in missing)
    again = plan_with(workspace, services, obtained, store, auditable=plan.auditable)
    return replace(plan, runs=again.runs, stored=(*plan.stored, *again.stored))


@dataclass(frozen=True)
class _Work:
    """What every run of one build needs."""

    workspace: Workspace
    inputs: Inputs
    store: Store
    source: Source
    view: View

    def execute(self, run: CargoRun) -> list[Artifact]:
        """The artifacts of one cargo run."""
        dependents = defaultdict(list)
        for target in run.targets:
            for local in self.workspace.closure(target.wanted.package):
                dependents[local.name].append(target.service)
        with compiled(self.workspace.root, run, dependents, self.view) as binaries:
            crates = facts.crates(self.workspace.root, run, binaries.environment)
            # Hashing and compressing leave Python's lock, so that all processors pack.
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                return list(pool.map(lambda target: self._artifact(run, target, binaries, crates), run.targets))

    def _artifact(self, run: CargoRun, target: Target, binaries: Compiled, crates: Resolved) -> Artifact:
        """Checks, splits, packs and remembers one binary."""
        one, names = target.wanted, binaries.variables
        inputs = variables.key(target.key, names, inherited(os.environ))
        hidden = self._hidden(target, binaries)
        halves = _halves(run, target, binaries.binary(one.binary))
        zipped = package.pack(halves.binary, one.entry)
        if hidden:
            inputs = hashlib.sha256(inputs.encode() + zipped).hexdigest()
        lock = (self.workspace.root / "Cargo.lock").read_bytes()
        built = facts.built(run, target, halves, zipped=zipped, lock=lock, inputs=inputs)
        grew = facts.grew(self.store, built, self.source, self.workspace.root)
        made = Made(one.service, inputs, run.platform.architecture, run.platform.name, len(halves.binary))
        artifact = self.store.put(zipped, made)
        facts.keep(self.store, built, crates, halves.symbols)
        if not hidden:
            self.store.remember(target.key, names, artifact)
        return replace(artifact, grew=grew)

    def _hidden(self, target: Target, binaries: Compiled) -> bool:
        """Whether the compilation read files that no key covers; they are said."""
        one = target.wanted
        read = parse_dep_info(binaries.dep_info(one.binary))
        hidden = self.inputs.outside(one.package, one.inputs, read)
        if hidden:
            shown = ", ".join(path.relative_to(self.workspace.root).as_posix() for path in hidden)
            self.view.notice(
                Notice(
                    f"{one.service} reads {shown} from outside its package, so it is compiled anew each time; "
                    "name it in the manifest under `inputs`"
                )
            )
        return bool(hidden)


def _halves(run: CargoRun, target: Target, path: Path) -> split.Halves:
    try:
        linked = path.read_bytes()
        elf.check(linked, run.platform, target.service)
        return split.split(linked)
    except BuildError as error:
        raise BuildError(error.what, where=str(path), hint=error.hint) from None
