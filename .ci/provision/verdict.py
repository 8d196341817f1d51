"""Run by the environment's own Python at the end of set-up: what the pipeline itself will use, as one JSON object.

The only file of set-up that imports the pipeline, so that nothing here decides a second time.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from pipeline.build import toolchain
from pipeline.build.targets import Platform
from pipeline.errors import CrabwalkError
from pipeline.infra import provider

LOCK = Path(__file__).resolve().parents[2] / "modules" / ".terraform.lock.hcl"
WAYS = {"installed": "std installed", "source": "std from source"}


def rust() -> str:
    """Which way the musl targets are built, and by which compiler; what rustup can add, set-up has added by now."""
    compilers = tuple(toolchain.probe())
    ways = {}
    for platform in (Platform("arm64"), Platform("x86_64")):
        found = toolchain.choose(compilers, platform.triple, tuple(WAYS), "", "cargo-zigbuild")
        ways[platform.architecture] = f"{WAYS[found.std]} with {found.compiler.directory / 'rustc'}"
    if len(set(ways.values())) == 1:
        return f"musl {next(iter(ways.values()))}"
    return ", ".join(f"{architecture} {way}" for architecture, way in ways.items())


def aws_provider() -> str | None:
    """Where Terraform gets its AWS provider; None when it is to be had nowhere."""
    configured = os.environ.get(provider.CLI_CONFIG)
    if configured and Path(configured).is_file():
        return f"as {provider.CLI_CONFIG} says"
    mirror = provider.choose_mirror(os.environ.get(provider.REQUEST), provider.locked_version(LOCK.read_bytes()))
    if mirror is not None:
        return f"in {mirror}"
    return "from the registry" if provider.registry_reachable() else None


if __name__ == "__main__":
    try:
        print(json.dumps({"rust": rust(), "provider": aws_provider()}))
    except CrabwalkError as fault:
        sys.exit("\n".join(part for part in (fault.what, fault.where, fault.hint) if part))
