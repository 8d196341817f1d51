"""What of cargo's settings counts, and that everything that does not is said with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from build_kit import write

from pipeline.build.settings import lost
from pipeline.errors import BuildError

TRIPLE = "aarch64-unknown-linux-musl"
MOVE = "write flags to build.rustflags of this workspace's .cargo/config.toml"


def said(root: Path, **environ: str) -> list[tuple[str, str]]:
    return [(notice.where, notice.text) for notice in lost(root, {"CARGO_HOME": "/nowhere", **environ}, [TRIPLE])]


def test_nothing_is_said_of_a_plain_workspace(tree: Path) -> None:
    write(tree, {".cargo/config.toml": "[build]\njobs = 2\nrustflags = ['--cfg', 'a']\n[net]\nretry = 3\n"})
    assert said(tree, RUST_BACKTRACE="1", RUSTFLAGS="") == []


@pytest.mark.parametrize(
    "name",
    [
        "RUSTFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_BUILD_RUSTFLAGS",
        "CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_RUSTFLAGS",
    ],
)
def test_flags_of_the_environment(tree: Path, name: str) -> None:
    ((where, text),) = said(tree, **{name: "-Copt-level=0"})
    assert where == ""
    assert text.startswith(f"{name} is not used: ")
    assert text.endswith("write flags to build.rustflags of the workspace's .cargo/config.toml")


def test_a_profile_of_the_environment(tree: Path) -> None:
    assert said(tree, CARGO_PROFILE_RELEASE_LTO="off", CARGO_PROFILE_DEV_LTO="off") == [
        ("", "CARGO_PROFILE_RELEASE_LTO is not used: write it to [profile.release] of Cargo.toml")
    ]


def test_flags_of_a_configuration_outside_of_the_workspace(tree: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    write(home, {"config.toml": "[net]\n\n[build]\nrustflags = ['-Ca']\n"})
    write(tmp_path, {".cargo/config.toml": f"[target.{TRIPLE}]\nrustflags = '-Cb'\n"})
    assert said(tree, CARGO_HOME=str(home)) == [
        (
            f"{tmp_path}/.cargo/config.toml:2",
            f"the rustflags of [target.{TRIPLE}] are not used: {MOVE}",
        ),
        (
            f"{home}/config.toml:4",
            f"the rustflags of [build] are not used: {MOVE}",
        ),
    ]


def test_flags_by_condition_and_a_cpu_of_its_own(tree: Path) -> None:
    config = "[target.'cfg(unix)']\nrustflags = ['-Ca']\n\n[build]\nrustflags = ['-Ctarget-cpu=native']\n"
    write(tree, {".cargo/config.toml": config})
    assert said(tree) == [
        (".cargo/config.toml:5", "the target-cpu of [build] replaces the one every Lambda machine has"),
        (
            ".cargo/config.toml:2",
            f"the rustflags of [target.cfg(unix)] are not used: name the target, as in [target.{TRIPLE}]",
        ),
    ]


def test_a_profile_in_the_configuration_that_cargo_lambda_replaces(tree: Path) -> None:
    write(tree, {".cargo/config.toml": '[profile.release]\nopt-level = 3\nlto = "fat"\npanic = "unwind"\n'})
    write(tree, {"Cargo.toml": (tree / "Cargo.toml").read_text() + "\n[profile.release]\npanic = 'abort'\n"})
    assert said(tree) == [
        (
            ".cargo/config.toml:3",
            "[profile.release] lto is not used: cargo-lambda replaces it; write it to Cargo.toml",
        )
    ]


def test_a_custom_profile_and_disabled_optimisations(tree: Path) -> None:
    top = (tree / "Cargo.toml").read_text()
    write(tree, {"Cargo.toml": top + '\n[workspace.metadata.lambda.build]\nprofile = "lambda"\n'})
    write(tree, {"CargoLambda.toml": "[build]\ndisable_optimizations = true\nprofile = 'release'\n"})
    assert [text.partition(":")[0] for _, text in said(tree)] == [
        "disable_optimizations drops LTO and stripping where [profile.release] does not set them",
        "the profile `lambda` is not used",
    ]
    assert said(tree)[0][0] == "CargoLambda.toml:2"


def test_a_profile_that_drops_optimisations(tree: Path) -> None:
    top = (tree / "Cargo.toml").read_text()
    write(tree, {"Cargo.toml": top + "\n[profile.release]\nlto = false\ncodegen-units = 16\nopt-level = 0\n"})
    ((where, text),) = said(tree)
    assert where == f"Cargo.toml:{(tree / 'Cargo.toml').read_text().splitlines().index('lto = false') + 1}"
    assert text == (
        "[profile.release] lto = false, codegen-units = 16, opt-level = 0 drops optimisations, cargo-lambda and cargo "
        'would have set lto = "thin", codegen-units = 1, opt-level = 3: the zip becomes larger and slower to start'
    )


@pytest.mark.parametrize("level", ["2", "3", '"s"', '"z"'])
def test_a_profile_that_only_chooses(tree: Path, level: str) -> None:
    top = (tree / "Cargo.toml").read_text()
    chosen = f"opt-level = {level}\nlto = true\ncodegen-units = 1\npanic = 'unwind'\nstrip = false\n"
    write(tree, {"Cargo.toml": f"{top}\n[profile.release]\n{chosen}"})
    assert said(tree) == []


def test_a_configuration_that_is_no_toml(tree: Path) -> None:
    write(tree, {".cargo/config.toml": "rustflags = [\n"})
    with pytest.raises(BuildError, match="cannot be read as TOML"):
        said(tree)
