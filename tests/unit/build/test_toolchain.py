"""How a triple comes by its std: the choice as a table, and the probe on the compilers that are here."""

from __future__ import annotations

import stat
import time
from pathlib import Path

import pytest
from build_kit import compiler, toolchain

from pipeline.build import rustup
from pipeline.build import toolchain as chosen
from pipeline.build.targets import Platform
from pipeline.build.toolchain import WAYS, choose
from pipeline.errors import BuildError, UsageError

TRIPLE = "aarch64-unknown-linux-musl"
WITH_STD = compiler("/a", targets=frozenset({TRIPLE}))
RUSTUP = compiler("/b", rustup=Path("/b/rustup"))
SOURCE = compiler("/c", source=True)
BARE = compiler("/d")
ARM = Platform("arm64")
EVERYTHING = {"targets": frozenset({TRIPLE})}


@pytest.mark.parametrize(
    ("compilers", "ways", "expected"),
    [
        ([BARE, SOURCE, RUSTUP, WITH_STD], WAYS, (WITH_STD, "installed")),
        ([BARE, SOURCE, RUSTUP], WAYS, (RUSTUP, "add")),
        ([BARE, SOURCE], WAYS, (SOURCE, "source")),
        ([WITH_STD, RUSTUP, SOURCE], ("source",), (SOURCE, "source")),
        ([WITH_STD, RUSTUP, SOURCE], ("add",), (RUSTUP, "add")),
    ],
)
def test_the_first_way_that_works(compilers, ways, expected) -> None:
    found = choose(compilers, TRIPLE, ways, "tools", "cargo-zigbuild")
    assert (found.compiler, found.std) == expected


@pytest.mark.parametrize("compilers", [[], [BARE]])
def test_without_a_way_the_commands_to_type(compilers) -> None:
    with pytest.raises(BuildError) as caught:
        choose(compilers, TRIPLE, WAYS, "tools", "cargo-zigbuild")
    assert f"rustup target add {TRIPLE}" in (caught.value.hint or "")
    assert "apt-get install rustc cargo rust-src" in (caught.value.hint or "")


def test_an_added_std_is_the_same_toolchain_as_an_installed_one() -> None:
    assert toolchain(TRIPLE, "add").identity == toolchain(TRIPLE, "installed").identity
    assert toolchain(TRIPLE, "source").identity != toolchain(TRIPLE, "installed").identity


def test_the_override_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRABWALK_RUST", "source")
    assert chosen.allowed_ways() == ("source",)
    monkeypatch.setenv("CRABWALK_RUST", "sauce")
    with pytest.raises(UsageError, match="CRABWALK_RUST is `sauce`"):
        chosen.allowed_ways()


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def fake_rust(directory: Path, sysroot: Path) -> None:
    program(directory / "rustc", f'case "$1" in -vV) echo "rustc 1.90.0";; --print) echo "{sysroot}";; esac')
    program(directory / "cargo", "echo cargo 1.90.0")


def test_the_probe_passes_over_a_proxy_without_a_toolchain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "proxy/rustc", "echo no default toolchain >&2; exit 1")
    program(tmp_path / "proxy/cargo", "exit 1")
    fake_rust(tmp_path / "good", tmp_path / "sysroot")
    (tmp_path / "sysroot/lib/rustlib" / TRIPLE / "lib").mkdir(parents=True)
    (tmp_path / "sysroot/lib/rustlib" / TRIPLE / "lib/libstd-0123.rlib").touch()
    (tmp_path / "half/lib").mkdir(parents=True)
    monkeypatch.setenv("PATH", f"{tmp_path}/proxy:{tmp_path}/good:/usr/bin:/bin")
    first = next(chosen.probe())
    assert (first.directory, first.verbose, first.source, first.rustup) == (
        tmp_path / "good",
        "rustc 1.90.0",
        False,
        None,
    )
    assert first.targets == {TRIPLE}
    toolchains, notices = chosen.find([ARM], "cargo-zigbuild", (1, 85))
    assert (toolchains[ARM].std, notices) == ("installed", ())


def test_who_looks_ahead_asks_the_first_compiler_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = tmp_path / "said"
    program(tmp_path / "bin/rustc", f'echo rustc >> {said}; echo "{tmp_path}"')
    program(tmp_path / "bin/cargo", f"echo cargo >> {said}; echo cargo 1.90.0")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    chosen.look_ahead()
    assert next(chosen.probe()).directory == tmp_path / "bin"
    assert sorted(said.read_text().split()) == ["cargo", "rustc", "rustc"]
    assert next(chosen.probe()).directory == tmp_path / "bin", "whoever comes later asks for himself"
    assert len(said.read_text().split()) == 6


def test_a_compiler_that_is_too_old_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = (
        compiler("/old", verbose="rustc 1.63.0 (4b91a6ea7 2022-08-08)", **EVERYTHING),
        compiler("/new", **EVERYTHING),
    )
    monkeypatch.setattr(chosen, "probe", lambda: iter((old, new)))
    assert chosen.find([ARM], minimum=(1, 85))[0][ARM].compiler is new
    assert chosen.find([ARM])[0][ARM].compiler is old
    monkeypatch.setattr(chosen, "probe", lambda: iter((old,)))
    with pytest.raises(
        BuildError, match=r"needs Rust 1\.85 \(rust-version\), the newest compiler here is 1\.63\.0"
    ) as caught:
        chosen.find([ARM], minimum=(1, 85))
    assert caught.value.where == "/old/rustc"


def test_each_target_has_its_own_std(monkeypatch: pytest.MonkeyPatch) -> None:
    gnu = compiler("/gnu", targets=frozenset({"aarch64-unknown-linux-gnu"}))
    monkeypatch.setattr(chosen, "probe", lambda: iter((gnu, WITH_STD)))
    found, _ = chosen.find([ARM, Platform("arm64", (2, 34))])
    assert [(platform.name, one.compiler) for platform, one in found.items()] == [
        ("aarch64-unknown-linux-gnu.2.34", gnu),
        (TRIPLE, WITH_STD),
    ]


def test_where_rustup_cannot_the_source_is_taken_and_it_is_not_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path / "cache"))
    program(tmp_path / "rustup", "echo error: could not download >&2; exit 1")
    offline = compiler("/b", rustup=tmp_path / "rustup")
    monkeypatch.setattr(chosen, "probe", lambda: iter((offline, SOURCE)))
    (first,) = chosen.find([ARM])[0].values()
    assert first.std == "add"
    lines: list[str] = []
    found = chosen.obtain(first, (), lines.append)
    assert (found.compiler, found.std) == (SOURCE, "source")
    assert lines == [f"rustup target add {TRIPLE}", "error: could not download"]
    toolchains, (notice,) = chosen.find([ARM])
    assert toolchains[ARM] == found
    assert notice.text.startswith(f"rustup could not add {TRIPLE} 1 min ago (error: could not download); it is asked")
    later = time.time() + rustup.REMEMBERED_SECONDS
    monkeypatch.setattr(rustup.time, "time", lambda: later)
    assert chosen.find([ARM])[0][ARM].std == "add"


def test_a_std_that_rustup_added_is_installed(tmp_path: Path) -> None:
    program(tmp_path / "rustup", f'test "$*" = "target add {TRIPLE}"')
    assert chosen.obtain(toolchain(TRIPLE, "add", rustup=tmp_path / "rustup"), (), print).std == "installed"
