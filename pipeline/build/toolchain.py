"""Chooses the Rust compiler and how it comes by the musl std of a triple. Chooses purely, from what a probe found.

The order: an installed std, `rustup target add`, std from source (a distribution's compiler with its source package),
else an error with the commands to type. `CRABWALK_RUST=installed|add|source` allows only that way.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from pipeline.build.model import TRIPLES, Compiler, Toolchain
from pipeline.errors import BuildError, UsageError

WAYS = ("installed", "add", "source")
_PROBE_SECONDS = 20
_ADD_SECONDS = 180


def allowed_ways() -> tuple[str, ...]:
    """The ways `CRABWALK_RUST` leaves, all without it."""
    asked = os.environ.get("CRABWALK_RUST", "")
    if asked and asked not in WAYS:
        raise UsageError(f"CRABWALK_RUST is `{asked}`", hint=f"it may be {', '.join(WAYS)}, or unset")
    return (asked,) if asked else WAYS


def choose(compilers: Sequence[Compiler], triple: str, ways: Sequence[str], tools: str) -> Toolchain:
    """The first way that works, and within a way the first compiler, in PATH's order."""
    for compiler in compilers if "installed" in ways else ():
        if triple in compiler.targets:
            return Toolchain(compiler, triple, "installed", tools)
    for compiler in compilers if "add" in ways else ():
        if compiler.rustup:
            return Toolchain(compiler, triple, "add", tools)
    for compiler in compilers if "source" in ways else ():
        if compiler.source:
            return Toolchain(compiler, triple, "source", tools)
    if not compilers:
        raise BuildError("no Rust compiler runs here", hint=_commands(triple))
    found = ", ".join(str(compiler.directory / "rustc") for compiler in compilers)
    raise BuildError(f"no compiler here has the standard library of {triple}", where=found, hint=_commands(triple))


def _commands(triple: str) -> str:
    return (
        f"with rustup: `rustup target add {triple}`; on Debian or Ubuntu: `apt-get install rustc cargo rust-src` "
        "(rustc-web cargo-web rust-web-src where they are newer)"
    )


def probe() -> Iterator[Compiler]:
    """The compilers that run, in the order they are preferred; lazily, since each costs two processes."""
    for directory in _directories():
        rustc = directory / "rustc"
        verbose = _output(str(rustc), "-vV")
        sysroot = _output(str(rustc), "--print", "sysroot")
        if verbose and sysroot and _output(str(directory / "cargo"), "-V"):
            library = Path(sysroot) / "lib" / "rustlib"
            rustup = directory / "rustup"
            yield Compiler(
                directory,
                verbose,
                Path(sysroot),
                frozenset(triple for triple in TRIPLES.values() if any((library / triple).glob("lib/libstd-*.rlib"))),
                (library / "src/rust/library/std/Cargo.toml").exists(),
                rustup if rustup.exists() else None,
            )


def find(triples: Iterable[str]) -> dict[str, Toolchain]:
    """A toolchain for each triple; looks no further than the first compiler that has them all installed."""
    ways, wanted, tools, found = allowed_ways(), sorted(set(triples)), tool_versions(), list[Compiler]()
    for compiler in probe() if wanted else ():
        found.append(compiler)
        if "installed" in ways and compiler.targets.issuperset(wanted):
            found = [compiler]
            break
    return {triple: choose(found, triple, ways, tools) for triple in wanted}


def obtain(toolchain: Toolchain, on_line: Callable[[str], None]) -> Toolchain:
    """Carries out `add`; where rustup cannot (no network, no such release), the next way is taken."""
    if toolchain.std != "add":
        return toolchain
    rustup = str(toolchain.compiler.rustup)
    on_line(f"rustup target add {toolchain.triple}")
    try:
        done = subprocess.run(
            [rustup, "target", "add", toolchain.triple],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            errors="backslashreplace",
            timeout=_ADD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        on_line(f"rustup did not answer within {_ADD_SECONDS} s")
    else:
        if done.returncode == 0:
            return replace(toolchain, std="installed")
        on_line(done.stdout.strip())
    ways = tuple(way for way in allowed_ways() if way == "source")
    return choose(tuple(probe()), toolchain.triple, ways, toolchain.tools)


def scripts() -> Path:
    """Where this environment has cargo-lambda, and the python3 that has zig."""
    return Path(sys.prefix) / "bin" if sys.prefix != sys.base_prefix else Path(sysconfig.get_path("scripts"))


def tool_versions() -> str:
    """cargo-lambda's and zig's, without starting them."""
    try:
        return f"cargo-lambda {metadata.version('cargo-lambda')}\nzig {metadata.version('ziglang')}"
    except metadata.PackageNotFoundError as error:
        raise BuildError(
            f"{error.name} is not installed in {sys.prefix}",
            hint="install crabwalk with its dependencies: `make setup`",
        ) from None


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


def _output(*command: str) -> str | None:
    """What a program says; None when it does not run, as rustup's proxies without a toolchain."""
    # Asking must not make rustup fetch a toolchain.
    env = {**os.environ, "RUSTUP_AUTO_INSTALL": "0"}
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            errors="backslashreplace",
            env=env,
            timeout=_PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
