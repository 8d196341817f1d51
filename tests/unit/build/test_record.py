"""The build record and the files that travel with a package."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from evidence_kit import BUILT, SOURCE

from pipeline.build import provenance
from pipeline.build.record import build_record, companions, dump, keep, kept, without_credentials


@dataclass(frozen=True)
class Packed:
    sha256: str
    evidence: Path | None


def test_the_record_says_what_was_built_from_what_with_what() -> None:
    record = build_record(BUILT, SOURCE)
    assert record["service"] == "todos"
    assert record["source"] == {"repository": "https://example.org/shop.git", "commit": "1a2b3c4d", "dirty": False}
    assert record["zip"] == {"sha256": "aa" * 32, "bytes": 1000}
    assert record["binary"] == {"sha256": "bb" * 32, "bytes": 3000, "build_id": "0123"}
    assert record["cargo_lock"] == {"sha256": "cc" * 32}
    assert record["toolchain"] == ["rustc 1.96.0", "zig 0.17"]
    assert record["crates"] == {"todos": 2000}


def test_what_was_kept_is_read_back(tmp_path: Path) -> None:
    keep(tmp_path, BUILT, {"bomFormat": "CycloneDX"}, b"symbols")
    assert kept(tmp_path) == BUILT
    assert json.loads((tmp_path / "sbom.json").read_text()) == {"bomFormat": "CycloneDX"}
    assert (tmp_path / "symbols.debug").read_bytes() == b"symbols"


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"features": 1}'])
def test_damaged_facts_count_as_none(tmp_path: Path, damage: str) -> None:
    (tmp_path / "built.json").write_text(damage)
    assert kept(tmp_path) is None


def test_companions_lie_beside_the_zip_under_their_own_hash(tmp_path: Path) -> None:
    keep(tmp_path, BUILT, {"bomFormat": "CycloneDX"}, b"symbols")
    folder = provenance.state(tmp_path, BUILT, SOURCE, {})
    found = {companion.path.name: companion for companion in companions(Packed(BUILT.zip_sha256, folder))}
    assert sorted(found) == ["provenance.json", "record.json", "sbom.json", "symbols.debug"]
    digest = hashlib.sha256(b"symbols").hexdigest()[:16]
    assert found["symbols.debug"].key == f"artifacts/{'aa' * 32}/symbols-{digest}.debug"
    assert found["sbom.json"].content_type == "application/vnd.cyclonedx+json; version=1.6"


def test_another_commit_with_the_same_bytes_meets_no_other_companion_but_the_bill(tmp_path: Path) -> None:
    keep(tmp_path, BUILT, {})
    folders = [provenance.state(tmp_path, BUILT, replace(SOURCE, commit=commit), {}) for commit in ("1", "2")]
    keys = [{companion.key for companion in companions(Packed(BUILT.zip_sha256, folder))} for folder in folders]
    assert [len(found) for found in keys] == [3, 3]
    assert [key.split("/")[-1][:5] for key in keys[0] & keys[1]] == ["sbom-"]


def test_an_artifact_without_evidence_has_no_companions() -> None:
    assert companions(Packed("aa", None)) == ()


def test_there_is_one_spelling_of_a_document() -> None:
    assert dump({"b": "é", "a": [1]}) == b'{\n  "a": [\n    1\n  ],\n  "b": "\xc3\xa9"\n}\n'


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("https://me:t0ken@example.org/org/shop.git", "https://example.org/org/shop.git"),
        ("https://t0ken@example.org:8443/shop", "https://example.org:8443/shop"),
        ("https://example.org/shop?private_token=t0ken#x", "https://example.org/shop"),
        ("git@example.org:org/shop.git", "ssh://example.org/org/shop.git"),
        ("ssh://git@example.org/org/shop.git", "ssh://example.org/org/shop.git"),
        ("/home/me/shop", ""),
        ("../shop", ""),
        ("file:///home/me/shop", ""),
        ("https://[broken/shop", ""),
        ("https://example.org:port/shop", ""),
        ("", ""),
    ],
)
def test_a_remote_is_told_without_credentials_and_folders(address: str, told: str) -> None:
    assert without_credentials(address) == told
