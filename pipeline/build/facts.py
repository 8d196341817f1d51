"""What is known of a package right after it was compiled: facts, bill of materials, symbols, and what grew."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from pipeline.build import growth, record, resolved, sbom
from pipeline.build.model import CargoRun, Target
from pipeline.build.record import Built, Source
from pipeline.build.split import Halves
from pipeline.build.store import Store


def built(run: CargoRun, target: Target, halves: Halves, *, zipped: bytes, lock: bytes, inputs: str) -> Built:
    """What is known of one binary right after it was packed."""
    one = target.wanted
    return Built(
        service=one.service,
        package=one.package,
        binary=one.binary,
        features=one.features,
        architecture=one.platform.architecture,
        triple=one.platform.name,
        inputs=inputs,
        flags=run.flags,
        toolchain=tuple(run.toolchain.identity.splitlines()),
        lock_sha256=hashlib.sha256(lock).hexdigest(),
        zip_sha256=hashlib.sha256(zipped).hexdigest(),
        zip_bytes=len(zipped),
        binary_sha256=hashlib.sha256(halves.binary).hexdigest(),
        binary_bytes=len(halves.binary),
        build_id=halves.build_id,
        crates=growth.sizes_by_crate(halves.symbols),
    )


def grew(store: Store, built: Built, of: Source, root: Path) -> str:
    """What the zip grew by since the last other one of this service and target; that one is then the last."""
    name = hashlib.sha256("\n".join((of.repository or str(root), built.service, built.triple)).encode()).hexdigest()
    file = store.directory / "last" / f"{name}.json"
    try:
        last = json.loads(file.read_bytes())
    except (OSError, ValueError):
        last = {}
    before = record.kept(store.evidence(str(last.get("inputs")))) if isinstance(last, dict) else None
    if before is None or before.zip_sha256 != built.zip_sha256:
        record.write(
            file, record.dump({"inputs": built.inputs, "commit": "" if of.dirty else of.commit, "clean": not of.dirty})
        )
    if before is None or before.zip_sha256 == built.zip_sha256:
        return ""
    # A commit stands for what was compared only when it was built as it is, by the same compiler.
    alike = last.get("clean") is True and before.toolchain == built.toolchain
    commit = str(last.get("commit") or "")[:12] if alike else ""
    since = f"the last build here ({commit})" if commit else "the last build here"
    return growth.report(before.crates, built.crates, growth=built.zip_bytes - before.zip_bytes, since=since)


def crates(root: Path, run: CargoRun, env: Mapping[str, str]) -> resolved.Resolved:
    """The crates of all binaries of a run, as cargo resolved them."""
    cargo = run.toolchain.compiler.directory / "cargo"
    return resolved.read(root, cargo, env, packages=run.packages, features=run.features, triple=run.triple)


def keep(store: Store, built: Built, of: resolved.Resolved, symbols: bytes) -> None:
    """Writes what the inputs decide."""
    words = (line.split(" ", 2) for line in built.toolchain)
    tools = {found[0]: found[1] for found in words if found[0] in {"rustc", "cargo-lambda", "zig"}}
    document = sbom.cyclonedx(
        of.of(built.package),
        service=built.service,
        zip_sha256=built.zip_sha256,
        properties={"crabwalk:target": built.triple, "crabwalk:inputs": built.inputs},
        tools=tools,
    )
    record.keep(store.evidence(built.inputs), built, document, symbols)
