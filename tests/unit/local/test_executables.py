from __future__ import annotations

import pytest

from pipeline.local.executables import ArchitectureError, dying_with_parent, elf_architecture, spawn_command


def elf(machine: int) -> bytes:
    return b"\x7fELF\x02\x01\x01" + bytes(9) + (2).to_bytes(2, "little") + machine.to_bytes(2, "little") + bytes(44)


@pytest.fixture
def bootstrap(tmp_path):
    def write(content: bytes):
        path = tmp_path / "bootstrap"
        path.write_bytes(content)
        return path

    return write


def nothing(_name: str) -> None:
    return None


def test_the_machine_is_read_from_the_elf_header():
    assert elf_architecture(elf(62)) == "x86_64"
    assert elf_architecture(elf(183)) == "arm64"
    assert elf_architecture(elf(243)) == "ELF machine 243"
    assert elf_architecture(b"#!/bin/sh\n") is None
    assert elf_architecture(b"") is None


@pytest.mark.parametrize(("machine", "declared", "host"), [(62, "x86_64", "x86_64"), (183, "arm64", "aarch64")])
def test_native_binaries_run_directly(bootstrap, machine, declared, host):
    path = bootstrap(elf(machine))
    assert spawn_command(path, declared, host, nothing) == [str(path)]


def test_foreign_binaries_run_under_qemu(bootstrap):
    path = bootstrap(elf(183))
    found = {"qemu-aarch64-static": "/usr/bin/qemu-aarch64-static"}
    assert spawn_command(path, "arm64", "x86_64", found.get) == ["/usr/bin/qemu-aarch64-static", str(path)]
    found = {"qemu-aarch64": "/opt/qemu-aarch64"}
    assert spawn_command(path, "arm64", "x86_64", found.get) == ["/opt/qemu-aarch64", str(path)]


def test_without_qemu_the_message_says_what_to_install(bootstrap):
    with pytest.raises(ArchitectureError, match="qemu-user-static"):
        spawn_command(bootstrap(elf(183)), "arm64", "x86_64", nothing)


def test_a_binary_for_another_architecture_than_declared_is_refused(bootstrap):
    with pytest.raises(ArchitectureError, match="built for x86_64, but the function's architecture is arm64"):
        spawn_command(bootstrap(elf(62)), "arm64", "x86_64", nothing)


def test_a_script_has_no_machine(bootstrap):
    path = bootstrap(b"#!/bin/sh\n")
    assert spawn_command(path, "arm64", "x86_64", nothing) == [str(path)]


def test_functions_die_with_the_server_where_the_system_can_do_it():
    assert dying_with_parent(["b"], {"setpriv": "/usr/bin/setpriv"}.get) == [
        "/usr/bin/setpriv",
        "--pdeathsig",
        "KILL",
        "b",
    ]
    assert dying_with_parent(["b"], nothing) == ["b"]
