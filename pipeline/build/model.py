"""What the build stage takes and returns: its plan and the artifacts. Values only, nothing is read or run here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, get_args

from pipeline.build.targets import Architecture, Platform, platform

Linking = Literal["cargo-zigbuild", "cargo", "cross"]  # what cargo-lambda compiles and links with
LINKINGS: tuple[Linking, ...] = get_args(Linking)

MEGABYTE = 1_000_000
LAMBDA_UNZIPPED_BYTES = 250 * 1024 * 1024


class Sizes(Protocol):
    """How large a zip may be."""

    @property
    def warn_bytes(self) -> int: ...
    @property
    def fail_bytes(self) -> int: ...


class Buildable(Protocol):
    """The part of a service's manifest the build looks at."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def package(self) -> str: ...
    @property
    def binary(self) -> str: ...
    @property
    def features(self) -> tuple[str, ...]: ...
    @property
    def architecture(self) -> Architecture: ...
    @property
    def target(self) -> str: ...
    @property
    def runtime(self) -> str: ...
    @property
    def inputs(self) -> tuple[str, ...]: ...
    @property
    def budget(self) -> Sizes: ...


@dataclass(frozen=True)
class Wanted:
    """One binary as its manifest asks for it."""

    service: str
    package: str
    binary: str
    features: tuple[str, ...]
    platform: Platform
    entry: str  # its name in the zip
    inputs: tuple[str, ...]  # files and folders, relative to the workspace, that its compilation also reads
    warn_bytes: int
    fail_bytes: int


def wanted(service: Buildable) -> Wanted:
    """What a manifest asks for."""
    return Wanted(
        service.name,
        service.package,
        service.binary,
        tuple(service.features),
        platform(service.architecture, service.target, service.runtime),
        f"extensions/{service.name}" if service.kind == "extension" else "bootstrap",
        tuple(service.inputs),
        service.budget.warn_bytes,
        service.budget.fail_bytes,
    )


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
    triple: str  # with the floor of glibc where there is one: `aarch64-unknown-linux-gnu.2.34`
    inputs: str  # the hash of what it was made of
    reused: bool = False  # nothing was compiled for it
    evidence: Path | None = None  # folder of its record, provenance, bill of materials and symbols
    grew: str = ""  # since the last one on this machine, by crate

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

    @property
    def release(self) -> tuple[int, ...]:
        """Its version; empty when it does not say."""
        words = self.verbose.split()
        number = words[1].partition("-")[0] if len(words) > 1 else ""
        return tuple(int(part) for part in number.split(".") if part.isdigit())


@dataclass(frozen=True)
class Toolchain:
    """A compiler, how it comes by the std of one triple, and what links."""

    compiler: Compiler
    triple: str
    std: Literal["installed", "add", "source"]
    tools: str  # versions of cargo-lambda and of what links
    linking: Linking = "cargo-zigbuild"

    @property
    def identity(self) -> str:
        """Everything of the toolchain that shapes a binary; an added std is the same as an installed one."""
        std = "source" if self.std == "source" else "prebuilt"
        return f"{self.compiler.verbose}\nstd: {std}\n{self.linking}\n{self.tools}\n"


@dataclass(frozen=True)
class Target:
    """One binary to compile, and the key its artifact gets in the store."""

    wanted: Wanted
    key: str

    @property
    def service(self) -> str:
        return self.wanted.service


@dataclass(frozen=True)
class CargoRun:
    """One run of cargo-lambda. `packages` are selected together, so that cargo unifies their features the same way
    whichever of their binaries are wanted; only `targets` are compiled.
    """

    toolchain: Toolchain
    platform: Platform
    packages: tuple[str, ...]
    features: tuple[str, ...]
    flags: tuple[str, ...]  # of rustc, without any path of this machine: among the inputs
    targets: tuple[Target, ...]
    local: tuple[str, ...]  # packages of the workspace that may be compiled: the targets' and those they depend on
    auditable: bool = False

    @property
    def triple(self) -> str:
        return self.toolchain.triple

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(target.service for target in self.targets)


@dataclass(frozen=True)
class Notice:
    """Something to know about a build that does not stop it; `where` is `file` or `file:line`."""

    text: str
    where: str = ""


@dataclass(frozen=True)
class BuildPlan:
    """What would be compiled, and what the store already has."""

    root: Path
    services: tuple[Buildable, ...]
    runs: tuple[CargoRun, ...]
    stored: tuple[Artifact, ...]
    auditable: bool = False
    deny: str = "off"  # whether cargo-deny must pass before anything is compiled
    notices: tuple[Notice, ...] = ()
