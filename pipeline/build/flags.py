"""The flags of rustc and the environment of cargo: the same for every user and clone, whatever theirs says."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.build import linking, sccache, settings
from pipeline.build.model import CargoRun, Toolchain
from pipeline.build.targets import Architecture, Platform
from pipeline.build.toolchain import scripts
from pipeline.build.tools import cargo_home

# What every machine of that kind on Lambda has: Graviton2, and AVX2. The same that cargo-lambda would choose.
CPU: Mapping[Architecture, str] = {"arm64": "neoverse-n1", "x86_64": "haswell"}

BIN = "bin"  # in a target folder: programs that have the same path for everybody who builds in it
ID_BYTES = 20
# A build id of zeros, for `split` to fill in.
ID_FLAG = f"-Clink-arg=-Wl,--build-id=0x{'00' * ID_BYTES}"

# Variables that change what cargo does without being among the inputs; network and registry settings stay.
_SCRUBBED = ("CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "CARGO_ENCODED_", "CARGO_UNSTABLE_", "CARGO_LAMBDA_")
_SCRUBBED_NAMES = frozenset(
    {"CARGO", "RUSTC", "RUSTC_WORKSPACE_WRAPPER", "RUSTFLAGS", "RUSTC_BOOTSTRAP", "CFLAGS", "CXXFLAGS", "LDFLAGS"}
)
_KEPT_NAMES = frozenset({"CARGO_BUILD_JOBS"})


def flags(toolchain: Toolchain, platform: Platform, root: Path) -> tuple[str, ...]:
    """The flags of rustc, without any path of this machine; the workspace's own come last and win.

    Symbols and lines stay in until the build has put them aside; they change no byte that is run.
    """
    lines = () if settings.chooses_debug(root) else ("-Cdebuginfo=line-tables-only",)
    musl_from_source = toolchain.std == "source" and platform.glibc is None
    self_contained = ("-Clink-self-contained=no",) if musl_from_source else ()
    ours = (f"-Ctarget-cpu={CPU[platform.architecture]}", "-Cstrip=none", *lines, ID_FLAG, *self_contained)
    return (*ours, *settings.own_flags(root, platform.triple))


def inherited(base: Mapping[str, str]) -> dict[str, str]:
    """What of the user's environment a compilation may see."""
    return {
        name: value
        for name, value in base.items()
        if name in _KEPT_NAMES or not (name in _SCRUBBED_NAMES or name.startswith(_SCRUBBED))
    }


def environment(run: CargoRun, target_dir: Path, base: Mapping[str, str]) -> dict[str, str]:
    """This virtual environment's zig and the chosen compiler first on PATH; paths of this machine kept out of binaries.

    The workspace root is not remapped: cargo hands rustc relative paths of it already, and a flag that differs from
    clone to clone would compile every dependency again for each.
    """
    home = cargo_home(base)
    compiler = run.toolchain.compiler
    source = compiler.sysroot / "lib/rustlib/src/rust"
    places = [(home, "/cargo"), (source, "/rust"), (target_dir, "/target")]
    if source.resolve() != source:
        places.append((source.resolve(), "/rust"))
    remapped = [f"--remap-path-prefix={path}={name}" for path, name in places]
    made = inherited(base) | {
        "PATH": os.pathsep.join((str(target_dir / BIN), str(scripts()), str(compiler.directory), base.get("PATH", ""))),
        "CARGO_TARGET_DIR": str(target_dir),
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join((*run.flags, *remapped)),
        "CARGO_TERM_COLOR": "never",
        "CARGO_TERM_PROGRESS_WHEN": "never",
        "CARGO_INCREMENTAL": "0",
        **linking.variables(run.toolchain.linking, run.platform, base),
        **sccache.variables(base),
    }
    if run.toolchain.std == "source":
        made |= {"RUSTC_BOOTSTRAP": "1", "CARGO_UNSTABLE_BUILD_STD": "std,panic_abort"}
    return made
