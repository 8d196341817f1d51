"""What rustc and cargo are told, and what of the user's environment they never see."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from build_kit import cargo_run, toolchain, write

from pipeline.build.flags import ID_FLAG, environment, flags, inherited
from pipeline.build.targets import Platform
from pipeline.build.toolchain import scripts

ARM = Platform("arm64")
OURS = ("-Ctarget-cpu=neoverse-n1", "-Cstrip=none", "-Cdebuginfo=line-tables-only", ID_FLAG)


def test_the_environment_has_nothing_of_the_users_flags() -> None:
    base = {
        "PATH": "/usr/bin",
        "HOME": "/home/me",
        "CARGO_HOME": "/home/me/.cargo",
        "RUSTFLAGS": "-Cdebuginfo=2",
        "RUSTC_WORKSPACE_WRAPPER": "clippy-driver",
        "CARGO_PROFILE_RELEASE_OPT_LEVEL": "0",
        "CARGO_BUILD_TARGET_DIR": "/elsewhere",
        "CARGO_BUILD_JOBS": "2",
        "CARGO_NET_OFFLINE": "true",
    }
    dropped = {"RUSTFLAGS", "RUSTC_WORKSPACE_WRAPPER", "CARGO_PROFILE_RELEASE_OPT_LEVEL", "CARGO_BUILD_TARGET_DIR"}
    assert base.keys() - inherited(base).keys() == dropped
    env = environment(cargo_run(), Path("/cache/target"), base)
    assert env["PATH"].split(os.pathsep) == ["/cache/target/bin", str(scripts()), "/opt/rust/bin", "/usr/bin"]
    assert base.keys() - env.keys() == dropped
    assert env["CARGO_ENCODED_RUSTFLAGS"].split("\x1f") == [
        "-Cflag",
        "--remap-path-prefix=/home/me/.cargo=/cargo",
        "--remap-path-prefix=/opt/rust/lib/rustlib/src/rust=/rust",
        "--remap-path-prefix=/cache/target=/target",
    ]
    assert "RUSTC_BOOTSTRAP" not in env
    assert "RUSTC_WRAPPER" not in env


def test_std_from_source_is_switched_on_only_then(tmp_path: Path) -> None:
    env = environment(cargo_run(std="source"), Path("/cache/target"), {"PATH": "/usr/bin"})
    assert env["CARGO_UNSTABLE_BUILD_STD"] == "std,panic_abort"
    assert env["RUSTC_BOOTSTRAP"] == "1"
    assert flags(toolchain(ARM.triple, "source"), ARM, tmp_path) == (*OURS, "-Clink-self-contained=no")
    gnu = Platform("x86_64", (2, 34))
    assert "-Clink-self-contained=no" not in flags(toolchain(gnu.triple, "source"), gnu, tmp_path)


@pytest.mark.parametrize(
    ("config", "own"),
    [
        ("[build]\nrustflags = ['--cfg', 'tokio_unstable']\n", ("--cfg", "tokio_unstable")),
        ("[build]\nrustflags = '--cfg a'\n[target.aarch64-unknown-linux-musl]\nrustflags = ['-Cb']\n", ("-Cb",)),
        ("[target.x86_64-unknown-linux-musl]\nrustflags = ['-Cb']\n", ()),
        ("[build]\njobs = 3\n", ()),
    ],
)
def test_the_workspaces_own_flags_are_added(tmp_path: Path, config: str, own: tuple[str, ...]) -> None:
    write(tmp_path, {".cargo/config.toml": config})
    assert flags(toolchain(ARM.triple), ARM, tmp_path) == (*OURS, *own)


def test_a_profile_that_says_how_much_debug_information_keeps_it(tmp_path: Path) -> None:
    write(tmp_path, {"Cargo.toml": "[profile.release]\ndebug = 2\n"})
    assert "-Cdebuginfo=line-tables-only" not in flags(toolchain(ARM.triple), ARM, tmp_path)
