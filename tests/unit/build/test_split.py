"""The two halves of real executables: what runs is the same and smaller, what debuggers need has its name."""

from __future__ import annotations

import platform
import struct
import subprocess
from pathlib import Path

import pytest

from pipeline.build import elf
from pipeline.build.flags import ID_FLAG
from pipeline.build.split import Halves, split

SOURCE = """\
fn main() { println!("{}", deep(std::env::args().count())); }
#[inline(never)]
fn deep(n: usize) -> usize { n + 41 }
"""


def linked(folder: Path, *flags: str) -> bytes:
    folder.mkdir(parents=True)
    (folder / "main.rs").write_text(SOURCE)
    subprocess.run(["rustc", "-O", *flags, "main.rs", "-o", "out"], cwd=folder, check=True, capture_output=True)
    return (folder / "out").read_bytes()


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return linked(tmp_path_factory.mktemp("split") / "a", ID_FLAG, "-Cdebuginfo=line-tables-only")


def test_what_runs_is_stripped_and_runs(binary: bytes, tmp_path: Path) -> None:
    halves = split(binary)
    found = elf.read(halves.binary)
    assert not elf.read(binary).stripped
    assert found.stripped
    assert len(halves.binary) < len(binary) / 4
    program = tmp_path / "program"
    program.write_bytes(halves.binary)
    program.chmod(0o755)
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "42\n"
    shown = subprocess.run(["readelf", "-SWn", program], capture_output=True, text=True, check=True)
    assert f"Build ID: {halves.build_id}" in shown.stdout
    assert {".text", ".dynsym", ".note.gnu.build-id"} <= set(shown.stdout.split())
    assert shown.stderr == ""


def test_only_the_build_id_of_what_is_loaded_changed(binary: bytes) -> None:
    halves = split(binary)
    before, after = elf.read(binary), elf.read(halves.binary)
    assert after.segments == before.segments
    end = max(segment.offset + segment.length for segment in before.segments)
    different = [index for index in range(64, end) if binary[index] != halves.binary[index]]
    assert len(different) <= 20
    assert max(different) - min(different) < 20
    kept = [section.name for section in before.sections if section.flags & 2]
    assert [section.name for section in after.sections if section.name] == [*kept, ".shstrtab"]


def test_symbols_and_lines_are_found_by_address(binary: bytes, tmp_path: Path) -> None:
    halves, symbols = split(binary), tmp_path / "symbols"
    symbols.write_bytes(halves.symbols)
    assert len(halves.symbols) < len(binary)
    names = subprocess.run(["nm", symbols], capture_output=True, text=True, check=True).stdout
    address = next(line.split()[0] for line in names.splitlines() if "4deep" in line)
    found = subprocess.run(
        ["addr2line", "-f", "-C", "-e", symbols, address], capture_output=True, text=True, check=True
    )
    assert "deep" in found.stdout
    assert "main.rs:3" in found.stdout
    shown = subprocess.run(["readelf", "-n", symbols], capture_output=True, text=True, check=True).stdout
    assert f"Build ID: {halves.build_id}" in shown


def test_the_id_is_of_what_runs_and_not_of_where_it_was_compiled(binary: bytes, tmp_path: Path) -> None:
    elsewhere = linked(tmp_path / "a longer way" / "b", ID_FLAG, "-Cdebuginfo=line-tables-only")
    assert elsewhere != binary, "debug information names the folder"
    assert split(elsewhere).binary == split(binary).binary


def test_the_list_of_crates_stays_in_what_runs(binary: bytes, tmp_path: Path) -> None:
    (tmp_path / "linked").write_bytes(binary)
    (tmp_path / "crates").write_bytes(b"the crates")
    added = ["objcopy", "--add-section", f".dep-v0={tmp_path / 'crates'}", tmp_path / "linked", tmp_path / "with"]
    subprocess.run(added, check=True)
    halves = split((tmp_path / "with").read_bytes())
    (found,) = [section for section in elf.read(halves.binary).sections if section.name == ".dep-v0"]
    assert halves.binary[found.offset : found.offset + found.length] == b"the crates"
    (tmp_path / "program").write_bytes(halves.binary)
    (tmp_path / "program").chmod(0o755)
    assert subprocess.run([tmp_path / "program"], capture_output=True, text=True, check=True).stdout == "42\n"


def test_an_id_of_the_linker_is_left_alone(tmp_path: Path) -> None:
    own = "ab" * 20
    halves = split(linked(tmp_path / "own", f"-Clink-arg=-Wl,--build-id=0x{own}"))
    assert halves.build_id == own
    without = split(linked(tmp_path / "without", "-Clink-arg=-Wl,--build-id=none"))
    assert without.build_id == ""


def test_a_file_without_sections_stays_what_it_is() -> None:
    machine = {"x86_64": 62, "aarch64": 183}[platform.machine()]
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HHI", 3, machine, 1)
    head += struct.pack("<QQQ", 0, 64, 0) + struct.pack("<IHHHHHH", 0, 64, 56, 0, 64, 0, 0)
    assert split(head) == Halves(head, b"", "")
