"""Chooses the Rust compiler and how it comes by the std of a triple. Chooses purely, from what a probe found.

The order: an installed std, `rustup target add`, std from source (a distribution's compiler with its source package),
else an error with the commands to type. `CRABWALK_RUST=installed|add|source` allows only that way. A compiler older
than the workspace's `rust-version` is as good as none.
"""

from __future__ import annotations

import os
import re
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from pipeline.build.linking import tools as linking_tools
from pipeline.build.model import Compiler, Linking, Notice, Toolchain
from pipeline.build.rustup import add, failed
from pipeline.build.targets import Platform
from pipeline.build.tools import asked
from pipeline.errors import BuildError, UsageError

Release = tuple[int, ...]

WAYS = ("installed", "add", "source")
_PROBE_SECONDS = 20


def allowed_ways() -> tuple[str, ...]:
    """The ways `CRABWALK_RUST` leaves, all without it."""
    asked = os.environ.get("CRABWALK_RUST", "")
    if asked and asked not in WAYS:
        raise UsageError(f"CRABWALK_RUST is `{asked}`", hint=f"it may be {', '.join(WAYS)}, or unset")
    return (asked,) if asked else WAYS


def choose(compilers: Sequence[Compiler], triple: str, ways: Sequence[str], tools: str, linking: Linking) -> Toolchain:
    """The first way that works, and within a way the first compiler, in PATH's order."""
    for compiler in compilers if "installed" in ways else ():
        if triple in compiler.targets:
            return Toolchain(compiler, triple, "installed", tools, linking)
    for compiler in compilers if "add" in ways else ():
        if compiler.rustup:
            return Toolchain(compiler, triple, "add", tools, linking)
    for compiler in compilers if "source" in ways else ():
        if compiler.source:
            return Toolchain(compiler, triple, "source", tools, linking)
    if not compilers:
        raise BuildError("no Rust compiler runs here", hint=_commands(triple))
    raise BuildError(
        f"no compiler here has the standard library of {triple}", where=_places(compilers), hint=_commands(triple)
    )


def new_enough(compilers: Sequence[Compiler], minimum: Release) -> tuple[Compiler, ...]:
    """Those at least as new as the workspace asks; a BuildError when there are only older ones."""
    found = tuple(compiler for compiler in compilers if compiler.release >= minimum)
    if compilers and not found:
        newest = max(compiler.release for compiler in compilers)
        raise BuildError(
            f"the workspace needs Rust {_shown(minimum)} (rust-version), the newest compiler here is {_shown(newest)}",
            where=_places(compilers),
            hint="`rustup update`, or a newer rustc and cargo first on PATH",
        )
    return found


def probe() -> Iterator[Compiler]:
    """The compilers that run, in the order they are preferred; lazily, since each costs three processes."""
    for directory in _directories():
        begun = _ahead.pop(directory, None)
        compiler = begun.result() if begun is not None else _compiler(directory)
        if compiler is not None:
            yield compiler


def look_ahead() -> None:
    """Begin to ask the compiler that is looked at first, for whoever probes in a moment."""
    first = next(iter(_directories()), None)
    if first is not None:
        pool = ThreadPoolExecutor(1)
        _ahead[first] = pool.submit(_compiler, first)
        pool.shutdown(wait=False)


_ahead: dict[Path, Future[Compiler | None]] = {}


def _compiler(directory: Path) -> Compiler | None:
    rustc = str(directory / "rustc")
    asked = ((rustc, "-vV"), (rustc, "--print", "sysroot"), (str(directory / "cargo"), "-V"))
    with ThreadPoolExecutor(len(asked)) as pool:
        verbose, sysroot, cargo = pool.map(_output, asked)
    if not (verbose and sysroot and cargo):
        return None
    library = Path(sysroot) / "lib" / "rustlib"
    rustup = directory / "rustup"
    return Compiler(
        directory,
        verbose,
        Path(sysroot),
        frozenset(path.parts[-3] for path in library.glob("*/lib/libstd-*.rlib")),
        (library / "src/rust/library/std/Cargo.toml").exists(),
        rustup if rustup.exists() else None,
    )


def find(
    platforms: Iterable[Platform],
    linking: Linking = "cargo-zigbuild",
    minimum: Release = (),
    *,
    auditable: bool = False,
) -> tuple[dict[Platform, Toolchain], tuple[Notice, ...]]:
    """A toolchain for each platform; looks no further than the first compiler that has all their std installed."""
    wanted = sorted(set(platforms), key=lambda platform: platform.name)
    triples, ways, found = {platform.triple for platform in wanted}, allowed_ways(), list[Compiler]()
    tools = {platform: linking_tools(linking, platform, os.environ, auditable=auditable) for platform in wanted}
    for compiler in probe() if wanted else ():
        found.append(compiler)
        if "installed" in ways and compiler.release >= minimum and compiler.targets.issuperset(triples):
            found = [compiler]
            break
    usable = new_enough(found, minimum) if wanted else ()
    chosen, told = dict[Platform, Toolchain](), dict[str, Notice]()
    for platform in wanted:
        first = choose(usable, platform.triple, ways, tools[platform], linking)
        words = failed(first.compiler, platform.triple) if first.std == "add" else ""
        if words:
            told[platform.triple] = Notice(words)
            first = _without_rustup(usable, first)
        chosen[platform] = first
    return chosen, tuple(told.values())


def obtain(toolchain: Toolchain, minimum: Release, on_line: Callable[[str], None]) -> Toolchain:
    """Carries out `add`; where rustup cannot (no network, no such release), the next way is taken."""
    if toolchain.std != "add":
        return toolchain
    if add(toolchain.compiler, toolchain.triple, on_line):
        return replace(toolchain, std="installed")
    return _without_rustup(new_enough(tuple(probe()), minimum), toolchain)


def _without_rustup(compilers: Sequence[Compiler], instead_of: Toolchain) -> Toolchain:
    ways = tuple(way for way in allowed_ways() if way == "source")
    return choose(compilers, instead_of.triple, ways, instead_of.tools, instead_of.linking)


def _commands(triple: str) -> str:
    return (
        f"with rustup: `rustup target add {triple}`; on Debian or Ubuntu: `apt-get install rustc cargo rust-src` "
        "(rustc-web cargo-web rust-web-src where they are newer)"
    )


def _places(compilers: Sequence[Compiler]) -> str:
    return ", ".join(str(compiler.directory / "rustc") for compiler in compilers)


def _shown(release: Release) -> str:
    return ".".join(map(str, release)) or "of an unknown version"


def scripts() -> Path:
    """Where this environment has cargo-lambda, and the python3 that has zig."""
    return Path(sys.prefix) / "bin" if sys.prefix != sys.base_prefix else Path(sysconfig.get_path("scripts"))


def _directories() -> tuple[Path, ...]:
    """PATH in its order, then where Debian and Ubuntu put their compilers, newest first."""
    on_path = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    versioned = sorted(Path("/usr/lib").glob("rust-*/bin"), key=_release, reverse=True)
    found: dict[Path, Path] = {}
    for path in (*on_path, Path("/usr/bin"), *versioned):
        if (path / "rustc").exists() and (path / "cargo").exists():
            found.setdefault(path.resolve(), path)
    return tuple(found.values())


def _release(path: Path) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", path.parent.name))


def _output(command: Sequence[str]) -> str | None:
    """What a program says; None when it does not run, as rustup's proxies without a toolchain."""
    # Asking must not make rustup fetch a toolchain.
    done = asked(command, seconds=_PROBE_SECONDS, env={**os.environ, "RUSTUP_AUTO_INSTALL": "0"})
    return done.stdout.strip() if done is not None and done.returncode == 0 else None
