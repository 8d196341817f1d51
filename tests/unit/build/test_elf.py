"""What an executable was built for, on real binaries and on ones made by hand."""

from __future__ import annotations

import platform
import shutil
import struct
from pathlib import Path

import pytest

from pipeline.build import elf
from pipeline.errors import BuildError


def make(path: Path, machine: int, *, interpreter: bool = False, tags: tuple[int, ...] | None = None) -> Path:
    """A minimal ELF64: header, program headers, a dynamic section with these tags."""
    headers = [] if tags is None else [2]
    headers += [3] if interpreter else []
    dynamic = b"".join(struct.pack("<qQ", tag, 1) for tag in tags or ())
    start = 64 + 56 * len(headers)
    head = b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<HHI", 3, machine, 1)
    head += struct.pack("<QQQ", 0, 64, 0) + struct.pack("<IHHHHHH", 0, 64, 56, len(headers), 64, 0, 0)
    for kind in headers:
        head += struct.pack("<IIQQQQQQ", kind, 4, start, 0, 0, len(dynamic), len(dynamic), 8)
    path.write_bytes(head + dynamic)
    return path


def test_the_systems_own_programs_are_dynamic() -> None:
    found = elf.read(Path(shutil.which("env") or "/usr/bin/env"))
    assert elf.MACHINES[found.machine] == {"x86_64": "x86_64", "aarch64": "arm64"}[platform.machine()]
    assert found.interpreter
    assert found.needs_libraries
    assert not found.static


def test_qemu_is_static() -> None:
    assert elf.read(Path(shutil.which("qemu-aarch64-static") or "")).static


@pytest.mark.parametrize(("machine", "architecture"), [(62, "x86_64"), (183, "arm64")])
@pytest.mark.parametrize("tags", [None, (5, 6, 0, 1)])
def test_a_static_binary_of_the_right_machine_passes(tmp_path: Path, machine: int, architecture: str, tags) -> None:
    assert elf.check(make(tmp_path / "b", machine, tags=tags), architecture, "hello").static


def test_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="hello: the binary is for x86_64, the manifest says arm64"):
        elf.check(make(tmp_path / "b", 62), "arm64", "hello")
    with pytest.raises(BuildError, match="is for machine 243"):
        elf.check(make(tmp_path / "b", 243), "arm64", "hello")


@pytest.mark.parametrize("parts", [{"interpreter": True}, {"tags": (5, 1, 0)}])
def test_a_dynamic_binary_is_refused(tmp_path: Path, parts) -> None:
    with pytest.raises(BuildError, match="hello: the binary is linked dynamically"):
        elf.check(make(tmp_path / "b", 183, **parts), "arm64", "hello")


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01"])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b").write_bytes(data)
    with pytest.raises(BuildError, match="not a 64-bit little-endian ELF file"):
        elf.read(tmp_path / "b")


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path / "b", 183, tags=(5, 1))
    for length in (20, 70, len(path.read_bytes()) - 16):
        (tmp_path / "cut").write_bytes(path.read_bytes()[:length])
        with pytest.raises(BuildError, match="truncated"):
            elf.read(tmp_path / "cut")
