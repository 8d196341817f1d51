"""The provenance of a package: an in-toto Statement v1 with SLSA's provenance v1. Signs nothing and runs nothing.

`actions/attest` takes the digest of the zip, the predicate's type and the file with the bare predicate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.build.record import Built, Source, build_record, dump, write

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:crabwalk:build:1"
_HERE = "urn:crabwalk:builder:unattested"  # somebody's machine, which vouches for nothing


@dataclass(frozen=True)
class Builder:
    """Who built, as far as the surroundings say."""

    identity: str = _HERE
    invocation: str = ""


def builder(env: Mapping[str, str]) -> Builder:
    """GitHub's own names of the workflow and its run; no other variable is looked at."""
    if env.get("GITHUB_ACTIONS") != "true":
        return Builder()
    server, repository = env.get("GITHUB_SERVER_URL", ""), env.get("GITHUB_REPOSITORY", "")
    workflow, run = env.get("GITHUB_WORKFLOW_REF", ""), env.get("GITHUB_RUN_ID", "")
    if not (server and repository and workflow and run):
        return Builder()
    attempt = env.get("GITHUB_RUN_ATTEMPT") or "1"
    return Builder(f"{server}/{workflow}", f"{server}/{repository}/actions/runs/{run}/attempts/{attempt}")


def predicate(built: Built, source: Source, by: Builder) -> dict[str, Any]:
    """SLSA's predicate: what was asked for, what was decided, what went in, who did it."""
    external = {
        "repository": source.repository,
        "commit": source.commit,
        "service": built.service,
        "target": built.triple,
    }
    internal = {
        "architecture": built.architecture,
        "package": built.package,
        "binary": built.binary,
        "features": list(built.features),
        "flags": list(built.flags),
        "toolchain": list(built.toolchain),
        "inputs": built.inputs,
        "uncommittedChanges": source.dirty,
    }
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {name: value for name, value in external.items() if value},
            "internalParameters": internal,
            "resolvedDependencies": [
                *_commit(source),
                {"name": "Cargo.lock", "digest": {"sha256": built.lock_sha256}},
            ],
        },
        "runDetails": {
            "builder": {"id": by.identity},
            **({"metadata": {"invocationId": by.invocation}} if by.invocation else {}),
        },
    }


def statement(built: Built, source: Source, by: Builder) -> dict[str, Any]:
    """The predicate, said of the zip."""
    return {
        "_type": STATEMENT,
        "subject": [{"name": f"{built.service}.zip", "digest": {"sha256": built.zip_sha256}}],
        "predicateType": PREDICATE,
        "predicate": predicate(built, source, by),
    }


def folder_of(directory: Path, source: Source) -> Path:
    """Where the statements of one commit lie."""
    return directory / ((source.commit or "uncommitted") + ("-dirty" if source.dirty else ""))


def state(directory: Path, built: Built, source: Source, env: Mapping[str, str]) -> Path:
    """Writes record, statement and bare predicate of one commit below the folder of the inputs; returns the folder."""
    folder = folder_of(directory, source)
    by = builder(env)
    write(folder / "record.json", dump(build_record(built, source)))
    write(folder / "provenance.json", dump(statement(built, source, by)))
    write(folder / "predicate.json", dump(predicate(built, source, by)))
    return folder


def _commit(source: Source) -> list[dict[str, Any]]:
    if not source.commit:
        return []
    address = {"uri": f"git+{source.repository}@{source.commit}"} if source.repository else {"name": "source"}
    return [{**address, "digest": {"gitCommit": source.commit}}]
