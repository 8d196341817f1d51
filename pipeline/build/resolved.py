"""The crates one service's binary is made of: cargo's own resolution, with the checksums of Cargo.lock.

Never resolves by itself: features and platforms decide what is compiled, and only cargo knows them exactly.
"""

from __future__ import annotations

import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.errors import BuildError

_SEPARATOR = "\t"
_SEEN = " (*)"  # cargo shows what is below such a crate only the first time
_SECONDS = 60


@dataclass(frozen=True, order=True)
class Crate:
    """One crate as it is compiled; `dependencies` are names of other crates, as `ref` says them."""

    name: str
    version: str
    source: str = ""  # as Cargo.lock says it; empty for a crate of the project
    path: str = ""  # relative to the project, only for a crate of the project
    checksum: str = ""
    licence: str = ""
    features: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()

    @property
    def ref(self) -> str:
        """A name no other crate of the project's Cargo.lock has."""
        where = self.source or f"path+{self.path or '.'}"
        return f"{self.name}@{self.version}" if where.startswith("registry+") else f"{self.name}@{self.version} {where}"


@dataclass(frozen=True)
class Resolved:
    """All crates of the packages that were selected together."""

    crates: Mapping[str, Crate]  # by ref

    def of(self, package: str) -> tuple[Crate, ...]:
        """A package of the project first, then all it is made of, sorted."""
        own = [crate for crate in self.crates.values() if crate.name == package and not crate.source]
        if len(own) != 1:
            raise BuildError(f"cargo's tree has no package `{package}`")
        waiting, found = list(own), {own[0].ref: own[0]}
        while waiting:
            for ref in waiting.pop().dependencies:
                if ref not in found:
                    found[ref] = self.crates[ref]
                    waiting.append(self.crates[ref])
        return (own[0], *sorted(crate for crate in found.values() if crate != own[0]))


def read(
    root: Path,
    cargo: Path,
    env: Mapping[str, str],
    *,
    packages: Sequence[str],
    features: Sequence[str],
    triple: str,
) -> Resolved:
    """Asks cargo for the tree of the packages that one run selects together; right after the run, so offline."""
    arguments = command(cargo, packages, features, triple)
    try:
        done = subprocess.run(
            arguments,
            cwd=root,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"cargo cannot tell what was compiled: {error}", where=str(cargo)) from None
    if done.returncode != 0:
        raise BuildError(f"cargo cannot tell what was compiled: {done.stderr.strip()}", where=str(root))
    return parse(done.stdout, tomllib.loads((root / "Cargo.lock").read_text("utf-8")), root)


def command(cargo: Path, packages: Sequence[str], features: Sequence[str], triple: str) -> tuple[str, ...]:
    """The whole command line: what goes into a binary or runs while it is built, nothing that only tests need."""
    selected = [part for name in packages for part in ("--package", name)]
    asked = ("--features", ",".join(features)) if features else ()
    shown = ("--prefix", "depth", "--format", _SEPARATOR.join(("{p}", "{l}", "{f}")))
    fixed = ("--offline", "--locked", "--edges", "normal,build", "--target", triple)
    return (str(cargo), "tree", *fixed, *shown, *selected, *asked)


def parse(text: str, lock: Mapping[str, Any], root: Path) -> Resolved:
    """The lines of `cargo tree`, each with its depth before it, and Cargo.lock as parsed."""
    pinned = _pinned(lock)
    crates: dict[str, Crate] = {}
    edges: dict[str, set[str]] = {}
    above: list[str] = []
    for depth, crate in _lines(text, pinned, root):
        known = crates.get(crate.ref)
        # The same crate may be compiled twice, for the build and for the binary, with other features.
        features = sorted({*crate.features, *(known.features if known else ())})
        crates[crate.ref] = replace(crate, features=tuple(features))
        edges.setdefault(crate.ref, set())
        del above[depth:]
        if above:
            edges[above[-1]].add(crate.ref)
        above.append(crate.ref)
    return Resolved({ref: replace(crate, dependencies=tuple(sorted(edges[ref]))) for ref, crate in crates.items()})


def _lines(
    text: str, pinned: Mapping[tuple[str, str], list[Mapping[str, Any]]], root: Path
) -> Iterator[tuple[int, Crate]]:
    for line in text.splitlines():
        digits = len(line) - len(line.lstrip("0123456789"))
        if not digits:
            continue  # the empty line between two selected packages
        package, licence, features = line[digits:].removesuffix(_SEEN).split(_SEPARATOR)
        yield int(line[:digits]), _crate(package, licence, features, pinned, root)


def _crate(
    package: str, licence: str, features: str, pinned: Mapping[tuple[str, str], list[Mapping[str, Any]]], root: Path
) -> Crate:
    """`NAME vVERSION`, then `(proc-macro)` where it is one, then where it comes from unless that is crates.io."""
    name, version, *rest = package.split(" ", 2)
    version = version.removeprefix("v")
    place = rest[0].replace("(proc-macro)", "").strip()[1:-1] if rest else ""
    entry = _entry(pinned.get((name, version), []), place)
    path = ""
    if Path(place).is_absolute():
        local = Path(place)
        path = local.relative_to(root).as_posix() if local.is_relative_to(root) else f"outside:{local.name}"
    return Crate(
        name=name,
        version=version,
        source=str(entry.get("source", "")),
        path=path,
        checksum=str(entry.get("checksum", "")),
        licence=licence.replace("/", " OR ") if " " not in licence else licence,
        features=tuple(feature for feature in features.split(",") if feature),
    )


def _entry(found: Sequence[Mapping[str, Any]], place: str) -> Mapping[str, Any]:
    """The pinned crate that cargo means with a place: a folder, a repository, another registry, or none: crates.io."""
    if Path(place).is_absolute():
        return next((entry for entry in found if "source" not in entry), {})
    address = place.partition("#")[0]
    mirrored = [entry for entry in found if str(entry.get("source", "")).startswith(("registry+", "sparse+"))]
    exact = [entry for entry in found if "://" in address and address in str(entry.get("source", ""))]
    return next(iter((*exact, *mirrored)), {})


def _pinned(lock: Mapping[str, Any]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    pinned: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for entry in lock.get("package", ()):
        pinned.setdefault((entry["name"], entry["version"]), []).append(entry)
    return pinned
