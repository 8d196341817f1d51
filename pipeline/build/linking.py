"""What cargo-lambda compiles and links with: cargo-zigbuild (the default), plain cargo, or cross in a container.

Says what each one is called with, and what is missing here before cargo would fail with other words.
"""

from __future__ import annotations

import os
import platform as host
import shutil
from collections.abc import Mapping
from importlib import metadata

from pipeline.build.model import Linking
from pipeline.build.targets import Platform
from pipeline.build.tools import asked
from pipeline.errors import BuildError

_MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_SECONDS = 20
_DEFAULT = "or leave it at cargo-zigbuild, the default: it needs no container and no other linker"


def target(linking: Linking, platform: Platform) -> str:
    """What `--target` gets: only zig knows a floor of glibc. What others link is checked afterwards."""
    return platform.name if linking == "cargo-zigbuild" else platform.triple


def tools(linking: Linking, platform: Platform, environ: Mapping[str, str], *, auditable: bool = False) -> str:
    """The versions that shape a binary beside the compiler's; a BuildError where something is missing."""
    found = [f"cargo-lambda {_version('cargo-lambda')}"]
    if auditable:
        if not shutil.which("cargo-auditable", path=environ.get("PATH")):
            hint = "cargo install cargo-auditable --locked, or build.auditable: false in crabwalk.yaml"
            raise BuildError("cargo-auditable is not installed, and crabwalk.yaml asks for it", hint=hint)
        found.append(_said("cargo-auditable", "auditable", "--version"))
    if linking == "cargo-zigbuild":
        found.append(f"zig {_version('ziglang')}")
    elif linking == "cargo":
        found.append(_said(linker(platform, environ), "--version"))
    else:
        _check_cross(environ)
        found.append(_said("cross", "--version"))
    return "\n".join(found)


def _check_cross(environ: Mapping[str, str]) -> None:
    if not shutil.which("cross", path=environ.get("PATH")):
        raise BuildError("the compiler `cross` is not installed", hint=f"cargo install cross --locked, {_DEFAULT}")
    if not any(shutil.which(name, path=environ.get("PATH")) for name in ("docker", "podman")):
        raise BuildError(
            "the compiler `cross` works in containers, and neither docker nor podman is on PATH",
            hint=f"install one of them, {_DEFAULT}",
        )


def variables(linking: Linking, platform: Platform, environ: Mapping[str, str]) -> dict[str, str]:
    """What the environment of cargo needs beside the flags."""
    if linking != "cargo":
        return {}
    return {_variable(platform): linker(platform, environ)}


def linker(platform: Platform, environ: Mapping[str, str]) -> str:
    """The program plain cargo links with: the user's, else the C compiler for that machine."""
    own = environ.get(_variable(platform))
    usual = "cc" if _MACHINES.get(host.machine()) == platform.architecture else f"{_prefix(platform)}-linux-gnu-gcc"
    name = own or usual
    if not shutil.which(name, path=environ.get("PATH", os.defpath)):
        package = "gcc" if usual == "cc" else f"gcc-{_prefix(platform).replace('_', '-')}-linux-gnu"
        raise BuildError(
            f"the compiler `cargo` needs a linker for {platform.triple}: `{name}` is not on PATH",
            hint=f"apt-get install {package}, or name another in {_variable(platform)}, {_DEFAULT}",
        )
    return name


def _variable(platform: Platform) -> str:
    return f"CARGO_TARGET_{platform.triple.upper().replace('-', '_')}_LINKER"


def _prefix(platform: Platform) -> str:
    return platform.triple.partition("-")[0]


def _version(package: str) -> str:
    """Without starting it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        hint = "install crabwalk with its dependencies: pip install crabwalk"
        raise BuildError(f"{package} is not installed in this Python environment", hint=hint) from None


def _said(*command: str) -> str:
    """A program's name and the first line of its version."""
    done = asked(command, seconds=_SECONDS)
    return command[0] if done is None else f"{command[0]}: {done.stdout.partition(chr(10))[0].strip()}"
