"""What a Cargo.lock pins for one local package, and what differs between two of them. Pure.

Every format cargo has written is read: 1 (checksums under [metadata]), 2, 3 and 4 (git sources percent-encoded).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from pipeline.workspace import toml
from pipeline.workspace.reach import Reach

_TEXT = r'"([^"\\\x00-\x1f]*)"'
# One entry exactly as cargo writes it; `dependencies` is one a line.
_ENTRY = re.compile(
    rf"name = {_TEXT}\nversion = {_TEXT}\n(?:source = {_TEXT}\n)?(?:checksum = {_TEXT}\n)?"
    rf'(?:dependencies = \[\n((?: "[^"\\\x00-\x1f]*",\n)*)\]\n)?\Z'
)
_HEADER = re.compile(r"(?:#[^\x00-\x08\x0a-\x1f\x7f]*\n)*(?:version = [0-9]+\n)?\Z")


class Package(NamedTuple):
    """One pinned package; `source` is empty for a local one."""

    name: str
    version: str
    source: str
    checksum: str


class Lock:
    """The packages of one Cargo.lock and, by position, what each depends on."""

    def __init__(self, packages: Sequence[Package], words: Sequence[Sequence[str]]) -> None:
        self.packages = tuple(packages)
        by_word: dict[str, list[int]] = {}
        for index, package in enumerate(self.packages):
            exact = f"{package.name} {package.version}"
            url = package.source.partition("#")[0]
            for word in {package.name, exact, f"{exact} ({package.source})", f"{exact} ({url})"}:
                by_word.setdefault(word, []).append(index)
        # A word that fits nothing is taken for every version of its name.
        self.edges = tuple(
            tuple([index for word in some for index in by_word.get(word) or by_word.get(word.partition(" ")[0]) or ()])
            for some in words
        )

    @classmethod
    def read(cls, data: bytes | None) -> Lock | None:
        """From the file's bytes; None when it is absent or cannot be read."""
        rows = _rows(data) if data is not None else None
        if rows is not None:
            return cls([package for package, _ in rows], [words for _, words in rows])
        content = toml.parse(data)
        return cls.of(content) if content is not None else None

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Lock:
        """From the parsed file."""
        listed = [*_list(content, "package"), content.get("root")]  # [root] is from before 2017
        entries = [entry for entry in listed if isinstance(entry, Mapping)]
        metadata = content.get("metadata")
        checksums = metadata if isinstance(metadata, Mapping) else {}
        packages = []
        for entry in entries:
            name, version, source, checksum = (str(entry.get(key, "")) for key in Package._fields)
            old = checksums.get(f"checksum {name} {version} ({source})", "")
            packages.append(Package(name, version, unquote(source), checksum or str(old)))
        return cls(packages, [[unquote(str(word)) for word in _list(entry, "dependencies")] for entry in entries])


def _rows(data: bytes) -> list[tuple[Package, Sequence[str]]] | None:
    """The entries of a file as cargo writes it; None for every other."""
    try:
        head, *parts = data.decode("utf-8").split("\n[[package]]\n")
    except UnicodeDecodeError:
        return None
    if not _HEADER.match(head) or not parts:
        return None
    rows: list[tuple[Package, Sequence[str]]] = []
    for part in parts:
        found = _ENTRY.match(part if part.endswith("\n") else part + "\n")
        if found is None:
            return None
        name, version, source, checksum, words = found.groups("")
        wanted = words[2:-3].split('",\n "') if words else ()
        rows.append((Package(name, version, unquote(source), checksum), [unquote(word) for word in wanted]))
    return rows


def unquote(text: str) -> str:
    """Without percent-encoding, which format 4 brought for git sources."""
    if "%" not in text:
        return text
    from urllib import parse

    return parse.unquote(text)


class Comparison:
    """Two locks seen from local packages, with one numbering for both, so that what a package reaches is comparable.

    The file does not tell dev-dependencies apart, so of a local package only the `wanted` names are followed; a package
    that `wanted` does not know is followed in all.
    """

    def __init__(
        self,
        before: Lock,
        after: Lock,
        wanted_before: Mapping[str, frozenset[str]],
        wanted: Mapping[str, frozenset[str]],
    ) -> None:
        self._numbers: dict[Package, int] = {}
        for package in (*after.packages, *before.packages):
            self._numbers.setdefault(package, len(self._numbers))
        self.packages = tuple(self._numbers)
        self._local: dict[str, list[int]] = {}
        self._named: dict[str, int] = {}
        self._third_party = 0
        for package, number in self._numbers.items():
            self._named[package.name] = self._named.get(package.name, 0) | 1 << number
            if package.source:
                self._third_party |= 1 << number
            else:
                self._local.setdefault(package.name, []).append(number)
        self.before = Reach(self._edges(before, wanted_before))
        self.after = Reach(self._edges(after, wanted))

    def _edges(self, lock: Lock, wanted: Mapping[str, frozenset[str]]) -> list[Sequence[int]]:
        edges: list[Sequence[int]] = [()] * len(self.packages)
        numbers = [self._numbers[package] for package in lock.packages]
        for number, package, targets in zip(numbers, lock.packages, lock.edges, strict=True):
            only = None if package.source else wanted.get(package.name)
            followed = [numbers[target] for target in targets if only is None or lock.packages[target].name in only]
            edges[number] = [*edges[number], *followed]
        return edges

    def named(self, name: str) -> int:
        """The packages of a name, as bits."""
        return self._named.get(name, 0)

    def reached(self, reach: Reach, name: str) -> int:
        """What the local package `name` is built from on a side, as bits."""
        bits = 0
        for number in self._local.get(name, ()):
            bits |= reach.bits[number]
        return bits

    def differences(self, was: str, now: str) -> tuple[Difference, ...]:
        """What differs in the third-party packages of a local package, by its name on each side."""
        before, after = self.reached(self.before, was), self.reached(self.after, now)
        gone, come = ([self.packages[n] for n in positions(bits)] for bits in (before & ~after, after & ~before))
        return differences((one for one in gone if one.source), (one for one in come if one.source))

    def way(self, name: str, was: str, now: str) -> tuple[Package, ...]:
        """The shortest way from a local package to one that differs and is called `name`, both ends included."""
        sides = (
            (self.after, self.before, now, was),
            (self.before, self.after, was, now),
        )
        for reach, other, start, other_start in sides:
            fresh = self.reached(reach, start) & ~self.reached(other, other_start) & self.named(name)
            ways = [reach.way(place, end) for place in self._local.get(start, ()) for end in positions(fresh)]
            shortest = min((way for way in ways if way), key=len, default=())
            if shortest:
                return tuple(self.packages[number] for number in shortest)
        return ()

    def touches(self, asked: str, name: str) -> bool:
        """Is something that the package `asked` is, or is built from, also built into the local package `name`?"""
        for reach in (self.after, self.before):
            mine = self.reached(reach, name) & self._third_party
            if any(reach.bits[number] & mine for number in positions(self.named(asked))):
                return True
        return False


def positions(bits: int) -> list[int]:
    """The places of the ones."""
    found = []
    while bits:
        low = bits & -bits
        found.append(low.bit_length() - 1)
        bits ^= low
    return found


def _list(parent: Mapping[str, Any], key: str) -> list[Any]:
    value = parent.get(key)
    return value if isinstance(value, list) else []


class Difference(NamedTuple):
    """How one name differs between two sets of packages."""

    name: str
    text: str  # `serde 1.0.1 → 1.0.2`


def differences(before: Iterable[Package], after: Iterable[Package]) -> tuple[Difference, ...]:
    """What changed, one for each name."""
    old, new = _pins(before), _pins(after)
    found = []
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name, frozenset()), new.get(name, frozenset())
        if was == now:
            continue
        gone, come = _versions(was - now), _versions(now - was)
        if not gone or not come:
            found.append(Difference(name, f"{name} {gone} removed" if gone else f"{name} {come} added"))
        elif gone == come:
            found.append(Difference(name, f"{name} {come} from another source"))
        else:
            found.append(Difference(name, f"{name} {gone} → {come}"))
    return tuple(found)


def _pins(packages: Iterable[Package]) -> Mapping[str, frozenset[Package]]:
    pins: dict[str, set[Package]] = {}
    for package in packages:
        pins.setdefault(package.name, set()).add(package)
    return {name: frozenset(found) for name, found in pins.items()}


def _versions(pins: Iterable[Package]) -> str:
    return ", ".join(sorted({package.version for package in pins}))
