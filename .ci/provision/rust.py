"""Finds a Rust toolchain that can build the musl targets, and says what to fetch when there is none.

The order: a target's installed std, `rustup target add`, std from source with the distribution's compiler. A rustup
proxy without a toolchain answers `rustc` with an error, so only a compiler that really runs counts. Which way the
build then takes is the build stage's own verdict (pipeline/build/toolchain.py); here candidates are provided.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from provision import apt
from provision.apt import Version, version
from provision.shell import PROBE_SECONDS, Done, probe, run, say

TRIPLES = ("x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl")
LINTERS = ("clippy", "rustfmt")
FETCH_SECONDS = 300
# Asking for a version must not make rustup fetch a toolchain.
RUSTUP = {"RUSTUP_AUTO_INSTALL": "0", "RUST_BACKTRACE": "0"}


@dataclass(frozen=True)
class Toolchain:
    """One compiler that runs."""

    directory: Path  # of rustc and cargo
    release: Version
    sysroot: Path
    targets: tuple[str, ...]  # musl targets whose std is installed
    source: bool  # the standard library's source is there
    linters: tuple[str, ...]
    rustup: bool

    @property
    def ready(self) -> bool:
        """Builds and lints as it is."""
        return self.linters == LINTERS and (self.targets == TRIPLES or (self.source and not self.rustup))


def needed(root: Path) -> Version:
    """The workspace's rust-version."""
    manifest = tomllib.loads((root / "Cargo.toml").read_text())
    return version(manifest["workspace"]["package"]["rust-version"])


def directories() -> tuple[Path, ...]:
    """Where compilers may be: PATH in its order, then where Debian and Ubuntu put theirs, newest first."""
    on_path = [Path(part) for part in os.environ.get("PATH", "").split(os.pathsep) if part]
    versioned = sorted(
        Path("/usr/lib").glob("rust-*/bin"), key=lambda path: version(path.parent.name[5:]), reverse=True
    )
    found: dict[Path, Path] = {}
    for path in (*on_path, Path("/usr/bin"), *versioned):
        if (path / "rustc").exists():
            found.setdefault(path.resolve(), path)
    return tuple(found.values())


def inspect(directory: Path) -> Toolchain | None:
    """The toolchain in a directory, or None when it does not run."""
    rustc = directory / "rustc"
    said = probe((rustc, "-vV"), env=RUSTUP)
    release = re.search(r"^release: (\S+)$", said or "", re.MULTILINE)
    sysroot = probe((rustc, "--print", "sysroot"), env=RUSTUP)
    if not release or not sysroot or probe((directory / "cargo", "-V"), env=RUSTUP) is None:
        return None
    library = Path(sysroot) / "lib" / "rustlib"
    return Toolchain(
        directory=directory,
        release=version(release[1]),
        sysroot=Path(sysroot),
        targets=tuple(triple for triple in TRIPLES if any((library / triple / "lib").glob("libstd-*.rlib"))),
        source=(library / "src/rust/library/std/Cargo.toml").exists(),
        linters=tuple(name for name in LINTERS if lints(directory, name)),
        rustup=(directory / "rustup").exists(),
    )


def lints(directory: Path, name: str) -> bool:
    """Whether a linter is there and runs: rustup's proxies exist without their components."""
    program = "cargo-clippy" if name == "clippy" else name
    return probe((directory / program, "--version"), env=RUSTUP) is not None


def find(oldest: Version) -> tuple[Toolchain, ...]:
    """All toolchains that run and are new enough, in the order they are preferred."""
    found = (inspect(directory) for directory in directories())
    return tuple(toolchain for toolchain in found if toolchain and toolchain.release >= oldest)


def choose(found: Sequence[Toolchain]) -> Toolchain | None:
    """The one to use as it is: prebuilt std before std from source."""
    ready = [toolchain for toolchain in found if toolchain.ready]
    return next((toolchain for toolchain in ready if toolchain.targets == TRIPLES), ready[0] if ready else None)


def with_rustup(found: Sequence[Toolchain]) -> Toolchain | None:
    """The rustup toolchain that targets and linters could be added to."""
    return next((toolchain for toolchain in found if toolchain.rustup and toolchain.targets != TRIPLES), None) or next(
        (toolchain for toolchain in found if toolchain.rustup and not toolchain.ready), None
    )


def add(toolchain: Toolchain) -> Done:
    """Adds what is missing to a rustup toolchain: no root, and it may be refused where its server is not reachable."""
    rustup = toolchain.directory / "rustup"
    targets = [triple for triple in TRIPLES if triple not in toolchain.targets]
    say(f"rust: rustup adds {', '.join(targets) or 'its linters'}")
    done = run((rustup, "target", "add", *targets), seconds=FETCH_SECONDS, env=RUSTUP) if targets else Done(0, "")
    components = [name for name in LINTERS if name not in toolchain.linters]
    if done.ok and components:
        done = run((rustup, "component", "add", *components), seconds=FETCH_SECONDS, env=RUSTUP)
    return done


def empty_rustup(found: Sequence[Toolchain]) -> str | None:
    """A rustup that runs but has no toolchain that does (a new user, a new home)."""
    rustup = shutil.which("rustup")
    if rustup is None or any(toolchain.rustup for toolchain in found):
        return None
    return rustup if probe((rustup, "--version")) is not None else None


def install_toolchain(rustup: str) -> Done:
    """Lets an empty rustup fetch the stable compiler with everything needed."""
    say("rust: rustup has no toolchain, fetching the stable one")
    what = [f"--component={name}" for name in LINTERS] + [f"--target={triple}" for triple in TRIPLES]
    done = run(
        (rustup, "toolchain", "install", "stable", "--profile=minimal", "--no-self-update", *what),
        seconds=FETCH_SECONDS,
    )
    return run((rustup, "default", "stable"), seconds=PROBE_SECONDS) if done.ok else done


def provide(oldest: Version) -> Toolchain | None:
    """The toolchain to use, after what can be had without root; None leaves it to the distribution's packages."""
    found = find(oldest)
    best = choose(found)
    if best and best.targets == TRIPLES:
        return best
    extendable = with_rustup(found)
    rustup = None if best or extendable or apt.can_install() else empty_rustup(found)
    if extendable:
        done = add(extendable)
    elif rustup:
        done = install_toolchain(rustup)
    else:
        return best
    if not done.ok:
        say(f"rust: rustup could not, so the distribution's compiler it is\n{done.tail()}")
    return choose(find(oldest))
