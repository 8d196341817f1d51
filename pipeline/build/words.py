"""What is said once before anything is compiled: which compiler, and why one target takes several cargo runs."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pipeline.build.model import CargoRun, Toolchain
from pipeline.build.packages import Workspace
from pipeline.build.targets import Platform


def compilers(runs: Sequence[CargoRun], environ: Mapping[str, str]) -> tuple[str, ...]:
    """`rustc 1.95.0`; with its folder where it is not the first on PATH or has no std to link."""
    first = shutil.which("rustc", path=environ.get("PATH", ""))
    return tuple(dict.fromkeys(_compiler(run.toolchain, Path(first).parent if first else None) for run in runs))


def _compiler(toolchain: Toolchain, first: Path | None) -> str:
    compiler = toolchain.compiler
    said = " ".join(compiler.verbose.split()[:2])
    if toolchain.std == "source":
        kind = "musl" if "musl" in toolchain.triple else "gnu"
        return f"{said} from {compiler.directory}; no {kind} std there, so it is compiled too"
    usual = first is not None and first.resolve() == compiler.directory.resolve()
    return said if usual else f"{said} from {compiler.directory}"


def apart(workspace: Workspace, runs: Sequence[CargoRun]) -> tuple[str, ...]:
    """`hello is built apart: it asks other features of rust_shared`."""
    by_platform = defaultdict[Platform, list[CargoRun]](list)
    for run in runs:
        by_platform[run.platform].append(run)
    return tuple(line for several in by_platform.values() for line in _apart(workspace, several))


def _apart(workspace: Workspace, runs: Sequence[CargoRun]) -> Iterator[str]:
    usual = max(runs, key=lambda run: (not run.features, len(run.packages)))
    for run in runs:
        if run is usual:
            continue
        one = len(run.services) == 1
        who = f"{' and '.join(run.services)} {'is' if one else 'are'} built apart"
        asked = {name for mine in run.packages for name in workspace.unlike(mine, usual.packages)}
        if run.features:
            yield f"{who}: the manifest asks for features ({', '.join(run.features)})"
        elif asked:
            yield f"{who}: {'it asks' if one else 'they ask'} other features of {', '.join(sorted(asked))}"
