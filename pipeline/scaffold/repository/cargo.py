"""The workspace of a new repository, made of crabwalk's own: its Cargo.toml, and the part of its Cargo.lock. Pure."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

_LICENCE = ("license = ", "license.workspace = ")


def manifest(text: str) -> str:
    """A Cargo.toml without its licence: which one a repository has, its owner says."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(_LICENCE))


def lock(text: str, member: str) -> str:
    """The Cargo.lock of a workspace with that one member: the versions crabwalk is tested with."""
    packages = tomllib.loads(text)["package"]
    needed = _reachable(packages, member)
    head, *blocks = text.split("\n[[package]]\n")
    kept = [block for package, block in zip(packages, blocks, strict=True) if _key(package) in needed]
    return "\n[[package]]\n".join((head, *kept))


def _reachable(packages: list[Mapping[str, Any]], member: str) -> set[tuple[str, str]]:
    """A dependency is `name`, with a version where there are several; the rest of the text is its source."""
    waiting = [package for package in packages if package["name"] == member]
    found: set[tuple[str, str]] = set()
    while waiting:
        package = waiting.pop()
        if _key(package) in found:
            continue
        found.add(_key(package))
        for dependency in package.get("dependencies", ()):
            name, *version = dependency.split(" ")[:2]
            waiting += [one for one in packages if one["name"] == name and version in ([], [one["version"]])]
    return found


def _key(package: Mapping[str, Any]) -> tuple[str, str]:
    return package["name"], package["version"]
