"""What a service compiles, by `cargo tree` of what `crabwalk build` selects: no AWS SDK where none is asked."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from pipeline.build.packages import Package, read_workspace

ROOT = Path(__file__).parents[2]
TARGET = "x86_64-unknown-linux-musl"
# The SDK's crates and what only they bring: TLS and cryptography. `aws_lambda_events` are types.
SDK = re.compile(r"aws-(?:sdk|smithy|config|credential-types|runtime|sigv4|types)\b.*|(?:.*-)?rustls(?:-.*)?|ring")
LINE = re.compile(r"^(\d+)(\S+) v", re.MULTILINE)

WORKSPACE = read_workspace(ROOT)
SERVICES = {name: package for name, package in WORKSPACE.packages.items() if package.binaries}


def asks(package: Package) -> bool:
    """Whether its manifest asks for an SDK: the feature of rust_shared, or a crate of its own."""
    dependencies = tomllib.loads((package.directory / "Cargo.toml").read_text())["dependencies"]
    feature = any("aws" in dependency.features for dependency in package.dependencies)
    return feature or any(SDK.fullmatch(name) for name in dependencies)


def compiled(selected: Sequence[str], features: Sequence[str] = ()) -> dict[str, set[str]]:
    """All crates that each of the packages compiles when they are selected together."""
    packages = [part for name in selected for part in ("--package", name)]
    options = ("--target", TARGET, "--edges", "normal,build", "--prefix", "depth", "--no-dedupe")
    command = ("cargo", "tree", "--locked", "--quiet", *options, "--features", ",".join(features), *packages)
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found: dict[str, set[str]] = {}
    crates: set[str] = set()
    for depth, name in LINE.findall(said):
        if depth == "0":
            crates = found.setdefault(name, set())
        crates.add(name)
    return found


@pytest.fixture(scope="module")
def alone() -> dict[str, set[str]]:
    """What is compiled for each service that asks for no SDK, selected with the companions of its builds."""
    plain = [name for name, package in SERVICES.items() if not asks(package)]
    groups = {tuple(package.name for package in WORKSPACE.companions(name)) for name in plain}
    trees = [compiled(group) for group in sorted(groups)]
    return {name: tree[name] for tree in trees for name in tree if name in plain}


def test_a_service_without_an_sdk_compiles_none(alone: dict[str, set[str]]) -> None:
    assert {"health", "hello"} <= set(alone)
    for name, crates in alone.items():
        assert {"lambda_runtime", "rust_shared"} & crates, name
        assert [crate for crate in sorted(crates) if SDK.fullmatch(crate)] == [], name


def test_hello_is_small(alone: dict[str, set[str]]) -> None:
    """What everybody compiles grows only on purpose."""
    assert len(alone["hello"]) <= 100, sorted(alone["hello"])


def test_the_feature_brings_the_sdk() -> None:
    """The other way round, so that the pattern above is known to find it."""
    (crates,) = compiled(["rust_shared"], ["aws"]).values()
    found = {crate for crate in crates if SDK.fullmatch(crate)}
    assert {"aws-sdk-secretsmanager", "aws-smithy-http-client", "aws-types", "ring", "rustls"} <= found
    assert not {"aws-config", "aws-lc-rs", "openssl", "native-tls"} & crates


def test_builds_never_mix_those_that_ask_with_those_that_do_not() -> None:
    """cargo unifies features over what it builds at once: rust_shared would bring the SDK to all of them."""
    for name in SERVICES:
        companions = WORKSPACE.companions(name)
        features = {
            dependency.features
            for package in companions
            for dependency in package.dependencies
            if dependency.directory == ROOT / "rust_shared"
        }
        assert len(features) <= 1, (name, features)
