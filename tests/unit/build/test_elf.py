"""What an executable was built for and needs, on real binaries and on ones made by hand."""

from __future__ import annotations

import platform as host
import shutil
from pathlib import Path

import pytest
from elf_kit import elf as made

from pipeline.build import elf
from pipeline.build.targets import INTERPRETERS, Platform
from pipeline.errors import BuildError

MUSL, GNU = Platform("arm64"), Platform("arm64", (2, 34))
LOADER = INTERPRETERS["arm64"]


def system(name: str) -> bytes:
    return Path(shutil.which(name) or f"/usr/bin/{name}").read_bytes()


def test_the_systems_own_programs_are_dynamic() -> None:
    found = elf.read(system("env"))
    assert elf.MACHINES[found.machine] == {"x86_64": "x86_64", "aarch64": "arm64"}[host.machine()]
    assert found.interpreter == INTERPRETERS[elf.MACHINES[found.machine]]
    assert "libc.so.6" in found.libraries
    assert any(version.startswith("GLIBC_2.") for version in found.versions)
    assert not found.static


def test_qemu_is_static() -> None:
    assert elf.read(system("qemu-aarch64-static")).static


@pytest.mark.parametrize(("machine", "architecture"), [(62, "x86_64"), (183, "arm64")])
@pytest.mark.parametrize("tags", [None, (6, 7)])
def test_a_static_binary_of_the_right_machine_passes(machine: int, architecture: str, tags) -> None:
    assert elf.check(made(machine, tags=tags), Platform(architecture), "hello").static


def test_another_machine_is_refused() -> None:
    with pytest.raises(BuildError, match="hello: the binary is for x86_64, the manifest says arm64"):
        elf.check(made(62), MUSL, "hello")
    with pytest.raises(BuildError, match="is for machine 243"):
        elf.check(made(243), GNU, "hello")


@pytest.mark.parametrize("parts", [{"interpreter": LOADER}, {"libraries": ("libc.so.6",)}])
def test_a_dynamic_binary_is_refused_for_musl(parts) -> None:
    with pytest.raises(BuildError, match="hello: the binary is linked dynamically"):
        elf.check(made(**parts), MUSL, "hello")


def test_glibc_up_to_the_floor_passes() -> None:
    binary = made(interpreter=LOADER, libraries=("libc.so.6", "libm.so.6"), versions=("GLIBC_2.17", "GLIBC_2.34"))
    found = elf.check(binary, GNU, "hello")
    assert (found.libraries, found.versions) == (("libc.so.6", "libm.so.6"), ("GLIBC_2.17", "GLIBC_2.34"))


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"libraries": ("libc.so.6", "libssl.so.3", "libz.so.1")}, "needs libssl.so.3, libz.so.1, which the Lambda"),
        ({"interpreter": "/lib/ld-musl-aarch64.so.1"}, "asks for the loader /lib/ld-musl-aarch64.so.1"),
        ({"interpreter": INTERPRETERS["x86_64"]}, "asks for the loader"),
        ({"versions": ("GLIBC_2.9", "GLIBC_2.38", "GLIBC_2.4.1")}, r"needs glibc 2\.38, and may count on 2\.34 only"),
    ],
)
def test_what_the_runtime_has_not_is_refused(parts, words: str) -> None:
    with pytest.raises(BuildError, match=f"hello: the binary {words}"):
        elf.check(made(**parts), GNU, "hello")


@pytest.mark.parametrize("data", [b"", b"#!/bin/sh\n", b"\x7fELF\x01\x01"])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(BuildError, match="not a 64-bit little-endian ELF file"):
        elf.read(data)


def test_a_truncated_file_is_refused() -> None:
    whole = made(interpreter=LOADER, libraries=("libc.so.6",), versions=("GLIBC_2.17",))
    for length in (20, 70, len(whole) - 16, len(whole) - 60):
        with pytest.raises(BuildError, match="truncated"):
            elf.read(whole[:length])
