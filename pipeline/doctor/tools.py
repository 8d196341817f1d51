"""The programs on this machine: versions asked, nothing installed. Each function is one thing to look for."""

from __future__ import annotations

import json
import os
import platform as host
import re
import shutil
import sys
from collections.abc import Collection, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

from pipeline.build.tools import asked, installed
from pipeline.doctor.finding import Finding, missing, ok, skipped, unsure
from pipeline.errors import CrabwalkError
from pipeline.infra.binary import find_binary, is_opentofu

if TYPE_CHECKING:
    from pipeline.build.model import Linking, Toolchain
    from pipeline.build.targets import Architecture

PART = "tools"
PYTHON = (3, 11)
GIT = (2, 28)  # the first whose `init` names the branch; everything else works with older ones
_SECONDS = 20


def python() -> Finding:
    """The Python that runs this."""
    found, needed = host.python_version(), f"Python {PYTHON[0]}.{PYTHON[1]} or newer"
    if sys.version_info[:2] < PYTHON:
        return missing(PART, "python", found, needed, "install it, then crabwalk into it: pip install crabwalk")
    return ok(PART, "python", f"{found} at {sys.executable}", needed)


def git() -> Finding:
    """git, which every release comes from."""
    needed = f"git {GIT[0]}.{GIT[1]} or newer"
    done = asked(("git", "--version"), seconds=_SECONDS)
    if done is None or done.returncode:
        return missing(PART, "git", "not on PATH", needed, "install git: apt-get install git, brew install git")
    said = done.stdout.strip()
    return _versioned("git", said, needed, GIT, "install a newer git")


def linking(compiler: str, *, auditable: bool) -> Iterator[Finding]:
    """cargo-lambda, and what it links with."""
    from pipeline.build.linking import tools
    from pipeline.build.targets import Platform
    from pipeline.build.toolchain import scripts

    needed = f"what `build: {{compiler: {compiler}}}` compiles with"
    try:
        said = tools(cast("Linking", compiler), Platform(_here()), os.environ, auditable=auditable)
    except CrabwalkError as error:
        yield missing(PART, "cargo-lambda", error.what, needed, error.hint or "pip install crabwalk")
        return
    program = shutil.which("cargo-lambda", path=f"{scripts()}{os.pathsep}{os.environ.get('PATH', '')}")
    if program is None:
        fix = "pip install --force-reinstall crabwalk cargo-lambda"
        yield missing(PART, "cargo-lambda", "its program is gone from the environment", needed, fix)
        return
    yield ok(PART, "cargo-lambda", ", ".join(said.splitlines()), needed)


def rust(triples: Collection[str], minimum: tuple[int, ...]) -> Iterator[Finding]:
    """A compiler, and for each target its standard library or a way to come by it."""
    from pipeline.build import toolchain

    try:
        ways = toolchain.allowed_ways()
        compilers = toolchain.new_enough(tuple(toolchain.probe()), minimum)
    except CrabwalkError as error:
        yield missing(PART, "rust", error.what, "a Rust compiler", error.hint or "")
        return
    for triple in sorted(triples):
        needed = f"the standard library of {triple}"
        try:
            chosen = toolchain.choose(compilers, triple, ways, "", "cargo-zigbuild")
        except CrabwalkError as error:
            yield missing(PART, triple, error.what, needed, error.hint or "")
            continue
        release, at = ".".join(map(str, chosen.compiler.release)), chosen.compiler.directory
        if chosen.std == "installed":
            yield ok(PART, triple, f"Rust {release} at {at} has it", needed)
        elif chosen.std == "source":
            yield ok(PART, triple, f"Rust {release} at {at} compiles it from its sources", needed)
        else:
            yield _by_rustup(chosen, release, needed)


def _by_rustup(chosen: Toolchain, release: str, needed: str) -> Finding:
    from pipeline.build.rustup import failed

    fix = f"rustup target add {chosen.triple}"
    said = failed(chosen.compiler, chosen.triple)
    if said:
        return unsure(PART, chosen.triple, said, needed, fix)
    return unsure(PART, chosen.triple, f"Rust {release}; the first build adds it by rustup", needed, fix)


def emulator(architectures: Collection[str]) -> Finding:
    """What runs binaries of another machine on the embedded AWS."""
    from pipeline.local.executables import EMULATORS

    foreign = sorted(set(architectures) - {_here()})
    needed = "what runs functions of another architecture than this machine's on the embedded AWS"
    if not foreign:
        return skipped(PART, "qemu", f"all functions of `local` are {_here()}, as this machine", needed)
    lacking = [one for one in foreign if not any(shutil.which(name) for name in EMULATORS[one])]
    if lacking:
        fix = "apt-get install qemu-user-static, or `overlays: {local: {architecture: host}}` in the manifests"
        return missing(PART, "qemu", f"no emulator of {', '.join(lacking)} on PATH", needed, fix)
    return ok(PART, "qemu", f"emulates {', '.join(foreign)}", needed)


def embedded() -> Finding:
    """The packages of the embedded AWS."""
    needed = "the embedded AWS, for `local`"
    lacking = [name for name in ("ministack", "hypercorn") if find_spec(name) is None]
    if lacking:
        return unsure(PART, "embedded AWS", "not installed", needed, "pip install 'crabwalk[local]'")
    return ok(PART, "embedded AWS", "installed", needed)


def deny(mode: str, root: Path | None) -> Finding:
    """cargo-deny, where the project's builds must have it."""
    needed = "checks crates before a build: always with `deny: required`, in CI with `auto`"
    required = mode == "required" or (mode == "auto" and os.environ.get("CI") == "true")
    program = installed("cargo-deny", os.environ)
    if program is not None:
        return ok(PART, "cargo-deny", str(program), needed)
    if mode == "off" or root is None:
        return skipped(PART, "cargo-deny", "not asked for", needed)
    fix = "cargo install cargo-deny --locked, or `build: {deny: off}` in crabwalk.yaml"
    return (missing if required else unsure)(PART, "cargo-deny", "not installed", needed, fix)


def terraform(lock: bytes) -> Iterator[Finding]:
    """Terraform or OpenTofu, and where it gets the AWS provider from."""
    from pipeline.infra.terraform import MINIMUM

    needed = f"Terraform or OpenTofu {MINIMUM[0]}.{MINIMUM[1]} or newer"
    try:
        binary = find_binary(os.environ)
    except CrabwalkError as error:
        yield missing(PART, "terraform", error.what, needed, error.hint or "")
        return
    environment = {**os.environ, "CHECKPOINT_DISABLE": "1", "TF_CLI_CONFIG_FILE": os.devnull}
    done = asked((binary, "version", "-json"), seconds=_SECONDS, env=environment)
    try:
        version = str(json.loads(done.stdout)["terraform_version"]) if done is not None else ""
    except (ValueError, KeyError, TypeError):
        version = ""
    if not version:
        yield missing(PART, "terraform", f"{binary} does not tell its version", needed, f"install {needed}")
        return
    yield _versioned("terraform", f"{version} at {binary}", needed, MINIMUM, f"install {needed}")
    yield provider(lock, opentofu=is_opentofu(binary))


def provider(lock: bytes, *, opentofu: bool) -> Finding:
    """The provider hashicorp/aws in the version of the lock."""
    from pipeline.infra import provider as source

    version = source.locked_version(lock)
    needed = f"the provider {source.PROVIDER} {version}"
    registry = source.OPENTOFU_REGISTRY if opentofu else source.REGISTRY
    configured = os.environ.get(source.CLI_CONFIG)
    requested = os.environ.get(source.REQUEST)
    if not requested and configured and Path(configured).is_file():
        return ok(PART, "provider", f"as {source.CLI_CONFIG} says: {configured}", needed)
    try:
        mirror = source.choose_mirror(requested, version, registry)
    except CrabwalkError as error:
        return missing(PART, "provider", error.what, needed, error.hint or "")
    if mirror is not None:
        return ok(PART, "provider", f"in the mirror {mirror}", needed)
    if source.registry_reachable(registry):
        return ok(PART, "provider", f"from {registry}", needed)
    fix = f"let {registry} be reached, or unpack a filesystem mirror and name it in {source.REQUEST}"
    return unsure(PART, "provider", f"{registry} cannot be reached, and no mirror lies on this disk", needed, fix)


def _versioned(subject: str, said: str, needed: str, minimum: tuple[int, int], fix: str) -> Finding:
    found = re.search(r"(\d+)\.(\d+)", said)
    if found is None:
        return unsure(PART, subject, said or "it does not tell its version", needed, fix)
    if (int(found[1]), int(found[2])) < minimum:
        return missing(PART, subject, said, needed, fix)
    return ok(PART, subject, said, needed)


def _here() -> Architecture:
    from pipeline.local.executables import HOST_NAMES

    return cast("Architecture", HOST_NAMES.get(host.machine().lower(), host.machine()))
