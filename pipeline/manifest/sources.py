"""Finds files a service is compiled from that lie outside its crates, and checks the ones it declares as `inputs`.

Reads only the Rust sources of crates that services reach, each once; runs nothing. What macros compute it cannot see.
"""

from __future__ import annotations

import os
import posixpath
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from pipeline.errors import Problem
from pipeline.manifest.node import Mark, Node, nearest

if TYPE_CHECKING:
    from pipeline.manifest.models import Manifest, Service
    from pipeline.workspace.cargo import Manifest as Crate

_MAX_BYTES = 4 * 1024 * 1024  # of one source file; larger ones are generated
_SHOWN = 3  # services or manifests named in one warning
_UNBUILT = frozenset({"tests", "benches", "examples", "target", "node_modules"})
_ROOTS = frozenset({"main.rs", "lib.rs", "mod.rs"})  # whose modules lie beside them
_BUILD_SCRIPT = "build.rs"


@lru_cache(maxsize=4096)
def parsed(toml: bytes) -> Mapping[str, Any]:
    """A Cargo.toml's tables, not to be changed: several checks look at each. Raises ValueError and RecursionError."""
    return tomllib.loads(toml.decode())


def check_inputs(root: Path, node: Node, manifest: Manifest, problems: list[Problem]) -> None:
    """Adds the `inputs` that do not exist, leave the project by a link or are made by builds."""
    written = (node.mapping or {}).get("inputs")
    for item in (written.items or ()) if written is not None else ():
        if item.text not in manifest.inputs:
            continue
        fault = _input_fault(root, item.text)
        if fault is not None:
            problems.append(item.mark.problem(f"inputs: {fault[0]}", fault[1]))


def _input_fault(root: Path, text: str) -> tuple[str, str] | None:
    path = PurePosixPath(text)
    if not path.parts:
        return f"`{text}` is the whole project", "name the files and folders the build reads"
    if path.parts[0] in {"target", ".git", ".crabwalk"}:
        return f"`{text}` is made by builds", "name what it is made from"
    try:
        real = (root / path).resolve(strict=True)
    except (OSError, RuntimeError):
        beside = {(path.parent / name).as_posix() for name in _names(root / path.parent)} - {path.as_posix()}
        return f"the project has no file or folder `{text}`", nearest(text, beside)
    if not real.is_relative_to(root.resolve()):
        return f"`{text}` leads out of the project", "move the files into it"
    return None


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 - names are what is needed
    except OSError:
        return []


@dataclass(frozen=True)
class _Outside:
    """A file or folder outside of its crate that the crate is compiled from."""

    mark: Mark
    by: str
    path: str | None  # seen from the project's folder; None when it lies outside of that too
    written: str


def check_sources(root: Path, services: Sequence[Service], warnings: list[Problem]) -> None:
    """Warns of files that services are compiled from, and whose changes nobody would notice.

    The crates are those of `affected`, so that both agree on what a service is made of.
    """
    from pipeline.workspace.graph import read_graph

    root = root.resolve()
    homes = {service.name: service.directory.resolve().relative_to(root).as_posix() for service in services}
    graph = read_graph(_OnDisk(root), homes.values(), {})
    owners = {*graph.crates, *homes.values()}
    reach = {service.name: graph.closure(homes[service.name]) for service in services}
    for directory in sorted({crate for closure in reach.values() for crate in closure if crate in graph.crates}):
        for outside in _outsides(root, directory):
            concerned = [service for service in services if directory in reach[service.name]]
            unaware = [it for it in concerned if not _covered(outside, reach[it.name], owners, it)]
            if unaware:
                warnings.append(_warning(outside, unaware, root))


def _covered(outside: _Outside, closure: Collection[str], owners: set[str], service: Service) -> bool:
    """Whether `affected` sees a change of it: in one of the service's crates, or declared."""
    if outside.path is None:
        return False
    path = PurePosixPath(outside.path)
    folders = [path.as_posix(), *(parent.as_posix() for parent in path.parents)]
    owner = next((folder for folder in ("" if it == "." else it for it in folders) if folder in owners), None)
    declared = {PurePosixPath(entry).as_posix() for entry in service.inputs}
    return (owner is not None and owner in closure) or not declared.isdisjoint(folders)


def _warning(outside: _Outside, services: Sequence[Service], root: Path) -> Problem:
    names = [f"`{service.name}`" for service in services]
    if outside.path is None:
        what = f"{outside.by} reads `{outside.written}`, outside of the project: no commit says what it was"
        return outside.mark.problem(what, "move it into the project")
    files = [service.file.resolve().relative_to(root).as_posix() for service in services]
    what = f"{outside.by} reads `{outside.path}`, outside of its crate: a change of it would not rebuild {_list(names)}"
    some = any(service.inputs for service in services)
    instead = f"add `{outside.path}` to `inputs`" if some else f"write `inputs: [{outside.path}]`"
    return outside.mark.problem(what, f"{instead} in {_list(files)}")


def _list(words: Sequence[str]) -> str:
    shown, more = words[:_SHOWN], len(words) - _SHOWN
    if more > 0:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _outsides(root: Path, directory: str) -> Iterator[_Outside]:
    """What one crate reads outside of its folder; a folder stands for the files named inside it."""
    kept: dict[str, _Outside] = {}
    for outside in sorted(_found(root, directory), key=lambda it: (it.path or "", it.mark.file, it.mark.line)):
        if outside.path is None:
            yield outside
        elif not any(outside.path == folder or outside.path.startswith(f"{folder}/") for folder in kept):
            kept[outside.path] = outside
    yield from kept.values()


def _found(root: Path, directory: str) -> Iterator[_Outside]:
    from pipeline.manifest.rust import Source, may_reach_outside  # only `check` reads sources

    sources: dict[str, Source] = {}
    tests: set[str] = set()
    for path in _rust_files(root, directory):
        try:
            with open(f"{root}/{path}", "rb") as stream:  # noqa: PTH123 - a Path for each would take longer
                raw = stream.read(_MAX_BYTES)
        except OSError:
            continue  # cargo will say it better
        outside = may_reach_outside(raw)
        if outside or b"cfg(test)" in raw:
            source = Source(raw.decode("utf-8", "replace"))
            tests.update(posixpath.join(_modules_of(path), module) for module in source.test_modules())
            if outside:
                sources[path] = source
    for path, source in sources.items():
        if tests and not tests.isdisjoint(_above(posixpath.splitext(path)[0])):
            continue
        script = path == posixpath.join(directory, _BUILD_SCRIPT)
        for literal in source.read_by_build_script() if script else source.read_at_compile_time():
            base = posixpath.dirname(path) if literal.from_file else directory
            target = _outside(root, directory, posixpath.join(base, literal.path))
            if target is not None:
                mark = Mark(path, *source.place(literal.offset))
                yield _Outside(mark, f"`{literal.by}`", target or None, literal.path)


def _rust_files(root: Path, directory: str) -> Iterator[str]:
    """The crate's sources that are not only tests; crates inside its folder are others'."""
    waiting = [directory]
    while waiting:
        folder = waiting.pop()
        try:
            entries = sorted(os.scandir(f"{root}/{folder}"), key=lambda entry: entry.name)
        except OSError:
            continue
        if folder != directory and any(entry.name == "Cargo.toml" for entry in entries):
            continue
        for entry in entries:
            path = posixpath.join(folder, entry.name)
            if entry.is_dir(follow_symlinks=False):
                top = folder == directory
                if not entry.name.startswith(".") and entry.name not in (_UNBUILT if top else ()):
                    waiting.append(path)
            elif entry.name.endswith(".rs"):
                yield path


def _modules_of(path: str) -> str:
    """Where the modules lie that a source file declares."""
    folder, name = posixpath.split(path)
    return folder if name in _ROOTS else posixpath.splitext(path)[0]


def _above(path: str) -> Iterator[str]:
    while path:
        yield path
        path = posixpath.dirname(path)


def _outside(root: Path, directory: str, written: str) -> str | None:
    """The path from the project's folder, "" when it leaves that; None when it stays in the crate or is not there."""
    path = posixpath.normpath(written)
    if "\0" in path or not (root / path).exists():
        return None
    if path.startswith("/"):
        inside = Path(path).is_relative_to(root)
        path = Path(path).relative_to(root).as_posix() if inside else ".."
    if path == ".." or path.startswith("../"):
        return ""
    if not directory or path == directory or path.startswith(f"{directory}/"):
        return None
    return path


class _OnDisk:
    """The working tree as `affected`'s graph reads it, each file once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[str, Crate | None] = {}

    def load(self, paths: Iterable[str]) -> None:
        """Nothing to fetch first."""

    def real(self, directory: str) -> str:
        return directory

    def get(self, path: str) -> Crate | None:
        if path not in self._read:
            from pipeline.workspace.cargo import manifest

            content = self._toml(path)
            self._read[path] = manifest(content) if content is not None else None
        return self._read[path]

    def _toml(self, path: str) -> Mapping[str, Any] | None:
        try:
            with open(f"{self._root}/{path}", "rb") as stream:  # noqa: PTH123 - a Path for each would take longer
                return parsed(stream.read())
        except (OSError, ValueError, RecursionError):
            return None
