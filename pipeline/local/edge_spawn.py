"""How a function's process starts: AWS's environment and nothing of this machine's, the right architecture, dead with the server.

A zip whose ELF machine is not the function's declared architecture is refused with a clear invoke error; a declared foreign
one runs under qemu-user. A bootstrap that is no ELF (a script) has no machine and runs as it is.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from pipeline.local import edge_logs
from pipeline.local.patching import Patch, replace, require_source

ELF_MACHINES = {62: "x86_64", 183: "arm64"}
HOST_NAMES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
EMULATORS = {
    "arm64": ("qemu-aarch64-static", "qemu-aarch64"),
    "x86_64": ("qemu-x86_64-static", "qemu-x86_64"),
}
Find = Callable[[str], str | None]

_local = threading.local()  # the emulator of the spawn under way in this thread

# one thread for all spawns: the kernel's parent-death signal fires when the spawning THREAD ends
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


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
    """The command under a parent-death signal, where util-linux is there to set it; `down` finds the others by directory."""
    setpriv = find("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *command] if setpriv else command


def function_environment(config: Mapping[str, Any], code_dir: str, port: int, own: Mapping[str, str]) -> dict[str, str]:
    """What AWS documents that a custom runtime sees; `own` are credentials and the declared variables."""
    region = lambda_svc.get_region()
    name = str(config.get("FunctionName", "unknown"))
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LAMBDA_TASK_ROOT": code_dir,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "_HANDLER": str(config.get("Handler", "bootstrap")),
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{config.get('Runtime', 'provided.al2023')}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_VERSION": str(config.get("Version", "$LATEST")),
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.get("MemorySize", 128)),
        "AWS_LAMBDA_LOG_GROUP_NAME": edge_logs.group_name(config),
        **own,
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],  # calls of the function come back here, never to AWS
    }


class _Subprocess:
    """Stands in for the `subprocess` module inside MiniStack's runtime."""

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    @staticmethod
    def Popen(command: list[str], **options: Any) -> subprocess.Popen[Any]:  # noqa: N802
        full = dying_with_parent([*getattr(_local, "prefix", ()), *command])
        return _spawner.submit(subprocess.Popen, full, **options).result()


def apply() -> list[Patch]:
    def environment(_original: Callable[..., Any]) -> Callable[..., Any]:
        def build(config: dict[str, Any], code_dir: str, port: int) -> dict[str, str]:
            own = {**lambda_runtime.execution_credentials(config), **lambda_svc._runtime_env_vars(config)}  # noqa: SLF001
            built = function_environment(config, code_dir, port, own)
            return {
                **built,
                "AWS_LAMBDA_LOG_STREAM_NAME": edge_logs.spawning_stream(),
                **lambda_svc._durable_env_overlay(),
            }  # noqa: SLF001

        return build

    runtime = lambda_runtime.ProvidedWorker
    require_source(runtime, "_spawn", "subprocess.Popen(\n                        [bootstrap_path],")
    patches = [
        replace(
            lambda_svc, "_provided_worker_env", "config code_dir port", "leaked the server's environment", environment
        ),
        replace(runtime, "_spawn", "self init_timeout", "never looked at the architecture", _spawning),
    ]
    lambda_runtime.subprocess = _Subprocess()
    return patches


def _spawning(original: Callable[..., Any]) -> Callable[..., Any]:
    def spawn(self: Any, init_timeout: float | None = None) -> Any:
        bootstrap = Path(lambda_svc._provided_runtime_code_dir(self.code_zip)) / "bootstrap"  # noqa: SLF001
        if bootstrap.is_file():
            declared = (self.config.get("Architectures") or ["x86_64"])[0]
            _local.prefix = spawn_command(bootstrap, declared, platform.machine())[:-1]
        try:
            with edge_logs.spawning(self):
                return original(self, init_timeout)
        finally:
            _local.prefix = []

    return spawn
