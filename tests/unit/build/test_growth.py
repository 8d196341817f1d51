"""Bytes by crate: names of both manglings, a real binary, and what is said of two of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline.build import toolchain
from pipeline.build.growth import crate_of, report, sizes_by_crate


@pytest.mark.parametrize(
    ("symbol", "crate"),
    [
        ("_ZN5hyper6client4conn17h0123456789abcdefE", "hyper"),
        ("_ZN4core3fmt5float52_$LT$impl$u20$core..fmt..Display$u20$for$u20$f64$GT$3fmt17h0123456789abcdefE", "core"),
        ("_ZN60_$LT$hyper..Body$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE", "hyper"),
        ("_ZN42_$LT$$RF$T$u20$as$u20$core..fmt..Debug$GT$3fmt17h0123456789abcdefE", "core"),
        ("_ZN54_$LT$$LP$$RP$$u20$as$u20$std..process..Termination$GT$6report17h879d14a4f8b2b5c2E", "std"),
        ("_ZN9_$LT$T$GT$3fmt17h0123456789abcdefE", "other"),
        ("_ZNxx", "other"),
        ("_RNvMNtCsgEmfK2I1SDS_4core3stre4trim", "core"),
        ("_RINvMs0_NtNtNtCsjrHSEGnQ3l9_3std12backtrace_rs9symbolize5gimliNtB6_5Cache", "std"),
        ("_RNvMs1C5_NtCs4X4t9plMPHF_9addr2line4unitNtB4_7DwoUnit3new", "addr2line"),
        ("_RNvYNtC5hyper4BodyNtNtCsgEmfK2I1SDS_4core3fmt5Debug3fmt", "hyper"),
        ("_RNvYRNtC5hyper4BodyNtNtCsgEmfK2I1SDS_4core3fmt5Debug3fmt", "hyper"),
        ("_RNvCsfLfy6EI15iL_7___rustc11___rdl_alloc", "other"),
        ("_R", "other"),
        ("memcpy", "other"),
    ],
)
def test_a_symbol_names_its_crate(symbol: str, crate: str) -> None:
    assert crate_of(symbol) == crate


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library crate with a table, and a program that holds it."""
    folder = tmp_path_factory.mktemp("growth")
    (folder / "tables.rs").write_text(
        "pub static TABLE: [u8; 70000] = [7; 70000];\n#[inline(never)]\npub fn sum() -> usize { TABLE.len() }\n"
    )
    (folder / "app.rs").write_text('fn main() { println!("{} {:p}", tables::sum(), &tables::TABLE); }\n')
    compile_in(folder, "--crate-type=rlib", "tables.rs")
    compile_in(folder, "--extern=tables=libtables.rlib", "app.rs")
    return folder / "app"


def compile_in(folder: Path, *arguments: str) -> None:
    rustc = next(toolchain.probe()).directory / "rustc"
    subprocess.run((rustc, "--edition=2024", *arguments), cwd=folder, check=True)


def test_a_binarys_bytes_are_counted_by_crate(binary: Path) -> None:
    sizes = sizes_by_crate(binary.read_bytes())
    assert 70_000 <= sizes["tables"] < 71_000
    assert sizes["std"] > 10_000
    assert 0 < sizes["app"] < 5_000


def test_nothing_is_known_of_a_stripped_or_broken_binary(binary: Path) -> None:
    whole = binary.read_bytes()
    stripped = binary.with_name("stripped")
    compile_in(binary.parent, "--extern=tables=libtables.rlib", "-Cstrip=symbols", "-ostripped", "app.rs")
    assert sizes_by_crate(stripped.read_bytes()) == {}
    for cut in (0, 10, 63, 1000, len(whole) // 2, len(whole) - 1):
        assert sizes_by_crate(whole[:cut]) == {}
    assert sizes_by_crate(b"\x7fELF" + b"\xff" * 200) == {}


def test_what_grew_is_named_with_the_largest_first() -> None:
    before = {"todos": 100_000, "hyper": 20_000, "gone": 30_000, "std": 5_000}
    after = {"todos": 101_000, "hyper": 100_000, "aws_sdk_dynamodb": 201_000, "std": 5_400}
    said = report(before, after, growth=25_000, since="the last build here")
    assert said == (
        "zip +25 kB since the last build here; "
        "in the binary: aws_sdk_dynamodb +201 kB, hyper +80 kB, gone -30 kB, todos +1 kB"
    )


def test_many_changes_are_counted() -> None:
    after = {f"crate{number}": 1000 * (number + 1) for number in range(8)}
    assert report({"a": 1}, after, growth=36_000, since="x").endswith("crate3 +4 kB, and 3 more crates")
    after = {f"crate{number}": 1000 for number in range(6)}
    assert report({"a": 1}, after, growth=6_000, since="x").endswith(", and 1 more crate")


def test_without_symbols_or_changes_only_the_whole_is_said() -> None:
    assert report({}, {"a": 5000}, growth=-1_234_567, since="1a") == "zip -1,235 kB since 1a"
    assert report({"a": 5000}, {"a": 5400}, growth=400, since="1a") == ""
