"""The bill of materials of one service's package, as CycloneDX 1.6. Pure: no clock, no chance, no machine in it."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from pipeline.build.resolved import Crate

_CRATES_IO = frozenset({"registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"})


def cyclonedx(
    crates: Sequence[Crate], *, service: str, zip_sha256: str, properties: Mapping[str, str], tools: Mapping[str, str]
) -> dict[str, Any]:
    """The document of one service; `crates` begins with the service's own package, `tools` are names and versions."""
    own, *others = crates
    component = {
        **_component(own),
        "type": "application",
        "name": service,
        "hashes": [{"alg": "SHA-256", "content": zip_sha256}],
        "properties": _properties({"crabwalk:package": own.name, **_facts(own), **properties}),
    }
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "lifecycles": [{"phase": "build"}],
            "tools": {
                "components": [
                    {"type": "application", "name": name, "version": version} for name, version in sorted(tools.items())
                ]
            },
            "component": component,
        },
        "components": [_component(crate) for crate in others],
        "dependencies": [{"ref": crate.ref, "dependsOn": list(crate.dependencies)} for crate in crates],
    }
    return {**document, "serialNumber": _serial(document)}


def _component(crate: Crate) -> dict[str, Any]:
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": crate.ref,
        "name": crate.name,
        "version": crate.version,
        "scope": "required",
    }
    if crate.source:
        component["purl"] = purl(crate)
    if crate.checksum:
        component["hashes"] = [{"alg": "SHA-256", "content": crate.checksum}]
    if crate.licence:
        component["licenses"] = [{"expression": crate.licence}]
    if facts := _facts(crate):
        component["properties"] = _properties(facts)
    return component


def purl(crate: Crate) -> str:
    """The package URL of a crate from elsewhere.

    The project's own crates have none: `pkg:cargo/NAME` is the crate of that name on crates.io, somebody else's.
    """
    name = f"pkg:cargo/{quote(crate.name)}@{quote(crate.version)}"
    if crate.source.startswith("git+"):
        address, _, commit = crate.source.partition("#")
        return f"{name}?vcs_url={quote(address.partition('?')[0] + (f'@{commit}' if commit else ''), safe=':/')}"
    if crate.source not in _CRATES_IO:
        return f"{name}?repository_url={quote(crate.source.partition('+')[2], safe=':/')}"
    return name


def _facts(crate: Crate) -> dict[str, str]:
    facts = {"crabwalk:path": crate.path, "crabwalk:features": ",".join(crate.features)}
    return {name: value for name, value in facts.items() if value}


def _properties(facts: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in sorted(facts.items())]


def _serial(document: Mapping[str, Any]) -> str:
    """The same document has the same number, on every machine and in every year."""
    digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'crabwalk:sbom:{digest}')}"
