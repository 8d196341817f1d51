"""What a Cargo.lock pins for one local package, and what differs between two of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

_KEYS = ("name", "version", "source", "checksum")


@dataclass(frozen=True)
class Package:
    """One pinned package; `source` is empty for a local one."""

    name: str
    version: str
    source: str
    checksum: str


@dataclass(frozen=True)
class Lock:
    """The packages of one Cargo.lock and, by position, what each depends on."""

    packages: tuple[Package, ...]
    edges: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Lock:
        """From the parsed file."""
        entries = [entry for entry in _list(content, "package") if isinstance(entry, Mapping)]
        packages = tuple(Package(*(str(entry.get(key, "")) for key in _KEYS)) for entry in entries)
        by_word: dict[str, list[int]] = {}
        for index, package in enumerate(packages):
            exact = f"{package.name} {package.version}"
            for word in (package.name, exact, f"{exact} ({package.source})"):
                by_word.setdefault(word, []).append(index)
        return cls(
            packages,
            tuple(
                tuple(index for word in _list(entry, "dependencies") for index in by_word.get(str(word), ()))
                for entry in entries
            ),
        )

    def reached(self, name: str, wanted: Mapping[str, frozenset[str]]) -> frozenset[Package]:
        """The third-party packages built into the local package `name`.

        The file does not tell dev-dependencies apart, so of a local package only the `wanted` ones are followed.
        """
        queue = [index for index, package in enumerate(self.packages) if package.name == name and not package.source]
        seen = set(queue)
        for here in queue:
            package = self.packages[here]
            only = None if package.source else wanted.get(package.name)
            for index in self.edges[here]:
                if index not in seen and (only is None or self.packages[index].name in only):
                    seen.add(index)
                    queue.append(index)
        return frozenset(self.packages[index] for index in seen if self.packages[index].source)


def _list(parent: Mapping[str, Any], key: str) -> list[Any]:
    value = parent.get(key)
    return value if isinstance(value, list) else []


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
