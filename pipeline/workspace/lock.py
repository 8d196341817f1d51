"""What a Cargo.lock pins for one local package, and what differs between two of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Package:
    """One pinned package; `source` is empty for a local one."""

    name: str
    version: str
    source: str
    checksum: str
    dependencies: tuple[str, ...]  # "name", "name version" or "name version (source)"


@dataclass(frozen=True)
class Lock:
    """The packages of one Cargo.lock by name."""

    packages: Mapping[str, tuple[Package, ...]]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Lock:
        """From the parsed file."""
        by_name: dict[str, list[Package]] = {}
        for entry in content.get("package", ()):
            package = Package(
                str(entry.get("name", "")),
                str(entry.get("version", "")),
                str(entry.get("source", "")),
                str(entry.get("checksum", "")),
                tuple(entry.get("dependencies", ())),
            )
            by_name.setdefault(package.name, []).append(package)
        return cls({name: tuple(packages) for name, packages in by_name.items()})

    def reached(self, name: str, wanted: Mapping[str, frozenset[str]]) -> frozenset[Package]:
        """The third-party packages built into the local package `name`.

        The file does not tell dev-dependencies apart, so of a local package only the `wanted` ones are followed.
        """
        queue = [package for package in self.packages.get(name, ()) if not package.source]
        seen = set(queue)
        for package in queue:
            only = None if package.source else wanted.get(package.name)
            for dependency in package.dependencies:
                if only is None or dependency.split(" ", 1)[0] in only:
                    fresh = [found for found in self._find(dependency) if found not in seen]
                    seen.update(fresh)
                    queue.extend(fresh)
        return frozenset(package for package in seen if package.source)

    def _find(self, dependency: str) -> Iterable[Package]:
        name, _, rest = dependency.partition(" ")
        version, _, source = rest.partition(" ")
        for package in self.packages.get(name, ()):
            if version in {"", package.version} and source.strip("()") in {"", package.source}:
                yield package


def differences(before: frozenset[Package], after: frozenset[Package]) -> tuple[str, ...]:
    """What changed, a phrase for each name: `serde 1.0.1 → 1.0.2`."""
    old, new = _pins(before), _pins(after)
    found = []
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name, frozenset()), new.get(name, frozenset())
        if was == now:
            continue
        gone, come = _versions(was - now), _versions(now - was)
        if not gone or not come:
            found.append(f"{name} {gone} removed" if gone else f"{name} {come} added")
        elif gone == come:
            found.append(f"{name} {come} from another source")
        else:
            found.append(f"{name} {gone} → {come}")
    return tuple(found)


def _pins(packages: frozenset[Package]) -> Mapping[str, frozenset[tuple[str, str, str]]]:
    pins: dict[str, set[tuple[str, str, str]]] = {}
    for package in packages:
        pins.setdefault(package.name, set()).add((package.version, package.source, package.checksum))
    return {name: frozenset(found) for name, found in pins.items()}


def _versions(pins: Iterable[tuple[str, str, str]]) -> str:
    return ", ".join(sorted({version for version, _, _ in pins}))
