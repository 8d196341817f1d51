"""The bill of materials: CycloneDX 1.6, the same bytes for the same build."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pipeline.build.resolved import Crate
from pipeline.build.sbom import cyclonedx, purl

CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"
SERDE = Crate("serde", "1.0.1", source=CRATES_IO, checksum="ab" * 32, licence="MIT OR Apache-2.0", features=("std",))
SHARED = Crate("shared", "0.2.0", path="shared", dependencies=(SERDE.ref,))
TODOS = Crate("todos", "0.1.0", path="services/todos", dependencies=(SERDE.ref, SHARED.ref))
ZIP = "cd" * 32


def document(**changed: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "service": "todo-list",
        "zip_sha256": ZIP,
        "properties": {"crabwalk:target": "aarch64-unknown-linux-musl"},
        "tools": {"rustc": "1.96.0", "crabwalk": "0.1.0"},
        **changed,
    }
    return cyclonedx((TODOS, SERDE, SHARED), **facts)


def test_the_service_is_the_component_that_the_zip_is() -> None:
    component = document()["metadata"]["component"]
    assert (component["type"], component["name"], component["version"]) == ("application", "todo-list", "0.1.0")
    assert component["hashes"] == [{"alg": "SHA-256", "content": ZIP}]
    assert component["bom-ref"] == TODOS.ref
    assert {"name": "crabwalk:target", "value": "aarch64-unknown-linux-musl"} in component["properties"]
    assert {"name": "crabwalk:package", "value": "todos"} in component["properties"]


def test_a_crate_has_its_purl_checksum_licence_and_features() -> None:
    (serde, shared) = document()["components"]
    assert serde == {
        "type": "library",
        "bom-ref": "serde@1.0.1",
        "name": "serde",
        "version": "1.0.1",
        "scope": "required",
        "purl": "pkg:cargo/serde@1.0.1",
        "hashes": [{"alg": "SHA-256", "content": "ab" * 32}],
        "licenses": [{"expression": "MIT OR Apache-2.0"}],
        "properties": [{"name": "crabwalk:features", "value": "std"}],
    }
    assert shared["properties"] == [{"name": "crabwalk:path", "value": "shared"}]
    assert not shared.keys() & {"purl", "hashes", "licenses"}


def test_every_edge_names_a_component_and_every_reference_is_unique() -> None:
    made = document()
    refs = [made["metadata"]["component"]["bom-ref"], *(component["bom-ref"] for component in made["components"])]
    assert len(set(refs)) == len(refs)
    assert [edge["ref"] for edge in made["dependencies"]] == refs
    assert {ref for edge in made["dependencies"] for ref in edge["dependsOn"]} <= set(refs)
    assert made["dependencies"][0]["dependsOn"] == [SERDE.ref, SHARED.ref]


def test_it_is_a_cyclonedx_document_without_a_date() -> None:
    made = document()
    assert (made["bomFormat"], made["specVersion"], made["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made["serialNumber"])
    assert "timestamp" not in json.dumps(made)
    assert [tool["name"] for tool in made["metadata"]["tools"]["components"]] == ["crabwalk", "rustc"]


def test_the_serial_number_follows_the_content() -> None:
    assert document() == document()
    assert document()["serialNumber"] != document(zip_sha256="00" * 32)["serialNumber"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (CRATES_IO, "pkg:cargo/a@1.0.0%2Bx"),
        (
            "git+https://example.org/a.git?tag=v1#0123",
            "pkg:cargo/a@1.0.0%2Bx?vcs_url=git%2Bhttps://example.org/a.git%400123",
        ),
        (
            "registry+https://crates.example.org/index",
            "pkg:cargo/a@1.0.0%2Bx?repository_url=https://crates.example.org/index",
        ),
        ("sparse+https://crates.example.org/", "pkg:cargo/a@1.0.0%2Bx?repository_url=https://crates.example.org/"),
    ],
)
def test_a_purl_says_where_the_crate_is_from(source: str, expected: str) -> None:
    assert purl(Crate("a", "1.0.0+x", source=source)) == expected
