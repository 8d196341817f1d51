"""Which command runs a bootstrap on this host; decides, starts nothing, knows nothing of MiniStack."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

ELF_MACHINES = {62: "x86_64", 183: "arm64"}
HOST_NAMES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
EMULATORS = {
    "arm64": ("qemu-aarch64-static", "qemu-aarch64"),
    "x86_64": ("qemu-x86_64-static", "qemu-x86_64"),
}
Find = Callable[[str], str | None]


class ArchitectureError(Exception):
    """Becomes the invocation's error."""

    error_type = "Runtime.InvalidArchitecture"


def elf_architecture(head: bytes) -> str | None:
    """What an executable's first bytes say it was built for; None for a script."""
    if head[:4] != b"\x7fELF" or len(head) < 20:
        return None
    machine = int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")
    return ELF_MACHINES.get(machine, f"ELF machine {machine}")


def spawn_command(bootstrap: Path, declared: str, host: str, find: Find = shutil.which) -> list[str]:
    """The argument vector that runs this bootstrap on this host; ArchitectureError if it must not or cannot run."""
    with bootstrap.open("rb") as executable:
        built_for = elf_architecture(executable.read(20))
    if built_for is None:
        return [str(bootstrap)]
    if built_for != declared:
        raise ArchitectureError(
            f"the bootstrap is built for {built_for}, but the function's architecture is {declared}"
        )
    if built_for == HOST_NAMES.get(host.lower()):
        return [str(bootstrap)]
    for name in EMULATORS[built_for]:
        if emulator := find(name):
            return [emulator, str(bootstrap)]
    names = " or ".join(EMULATORS[built_for])
    raise ArchitectureError(f"running {built_for} on {host} needs {names} on PATH (Debian: qemu-user-static)")


def dying_with_parent(command: list[str], find: Find = shutil.which) -> list[str]:
    """The command under a parent-death signal, where util-linux can set it; `down` finds the others by directory."""
    setpriv = find("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else command
