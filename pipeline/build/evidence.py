"""Keeps the evidence of a package in the store: what the inputs decide once, what the commit decides each time.

`evidence/INPUTS/` has the facts, the bill of materials and the symbols; a folder in it per commit has its statements.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pipeline.build import growth, provenance, record, resolved, sbom
from pipeline.build.model import Artifact, CargoRun, Target
from pipeline.build.record import Built, Source, without_credentials
from pipeline.build.split import Halves
from pipeline.build.store import Store

_SECONDS = 30


def source(root: Path) -> Source:
    """The commit of the work tree, as git says it; nothing outside of a repository or without git."""
    asked = (
        ("rev-parse", "--verify", "--quiet", "HEAD"),
        ("status", "--porcelain", "--untracked-files=normal"),
        ("config", "--get", "remote.origin.url"),
    )
    with ThreadPoolExecutor(len(asked)) as pool:
        commit, changed, remote = pool.map(lambda words: _git(root, words), asked)
    return Source(without_credentials(remote), commit, dirty=bool(commit and changed))


def facts(run: CargoRun, target: Target, halves: Halves, *, zipped: bytes, lock: bytes, inputs: str) -> Built:
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
        record.write(file, record.dump({"inputs": built.inputs, "commit": of.commit}))
    if before is None or before.zip_sha256 == built.zip_sha256:
        return ""
    since = str(last.get("commit") or "the last build")[:12]
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


def told(store: Store, artifact: Artifact, of: Source) -> Artifact:
    """The artifact with the folder of this commit's statements, written where they are missing.

    What is reused was not built by this run, so nobody's name stands for it; an earlier statement is left as it is.
    """
    folder = store.evidence(artifact.inputs)
    built = record.kept(folder)
    if built is None:
        return artifact
    made = provenance.folder_of(folder, of)
    if not (artifact.reused and (made / "record.json").is_file()):
        provenance.state(folder, built, of, {} if artifact.reused else os.environ)
    return replace(artifact, evidence=made)


def _git(root: Path, words: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            ("git", "-C", str(root), *words),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
