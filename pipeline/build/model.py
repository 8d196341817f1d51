"""What the build stage returns: its plan and the artifacts. Values only, nothing is read or run here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Architecture = Literal["arm64", "x86_64"]

TRIPLES: dict[Architecture, str] = {"arm64": "aarch64-unknown-linux-musl", "x86_64": "x86_64-unknown-linux-musl"}


class Buildable(Protocol):
    """The part of a service's manifest the build looks at."""

    @property
    def name(self) -> str: ...
    @property
    def package(self) -> str: ...
    @property
    def binary(self) -> str: ...
    @property
    def features(self) -> tuple[str, ...]: ...
    @property
    def architecture(self) -> Architecture: ...


@dataclass(frozen=True)
class Artifact:
    """One service's deployment package, in the local store."""

    service: str
    path: Path
    sha256: str  # of the zip, hex
    code_sha256: str  # the same in base64, as Lambda says CodeSha256
    size: int
    architecture: Architecture
    binary_size: int

    @property
    def key(self) -> str:
        """Where it lies in an environment's bucket."""
        return f"artifacts/{self.sha256}.zip"


@dataclass(frozen=True)
class Compiler:
    """One Rust compiler found on this machine."""

    directory: Path  # of its rustc and cargo
    verbose: str  # `rustc -vV`
    sysroot: Path
    targets: frozenset[str]  # triples whose std is installed
    source: bool  # the standard library's source is installed
    rustup: Path | None  # the rustup that manages it


@dataclass(frozen=True)
class Toolchain:
    """A compiler, and how it comes by the std of one triple."""

    compiler: Compiler
    triple: str
    std: Literal["installed", "add", "source"]
    tools: str  # versions of cargo-lambda and zig

    @property
    def identity(self) -> str:
        """Everything of the toolchain that shapes a binary; an added std is the same as an installed one."""
        std = "source" if self.std == "source" else "prebuilt"
        return f"{self.compiler.verbose}\nstd: {std}\n{self.tools}\n"


@dataclass(frozen=True)
class Target:
    """One binary to compile, and the key its artifact gets in the store."""

    service: str
    package: str
    binary: str
    key: str


@dataclass(frozen=True)
class CargoRun:
    """One run of cargo-lambda. `packages` are selected together, so that cargo unifies their features the same way
    whichever of their binaries are wanted; only `targets` are compiled.
    """

    toolchain: Toolchain
    architecture: Architecture
    packages: tuple[str, ...]
    features: tuple[str, ...]
    targets: tuple[Target, ...]
    local: tuple[str, ...]  # packages of the workspace that may be compiled: the targets' and those they depend on

    @property
    def triple(self) -> str:
        return self.toolchain.triple

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(target.service for target in self.targets)


@dataclass(frozen=True)
class BuildPlan:
    """What would be compiled, and what the store already has."""

    root: Path
    services: tuple[Buildable, ...]
    runs: tuple[CargoRun, ...]
    stored: tuple[Artifact, ...]
