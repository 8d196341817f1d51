"""How a function's process starts: AWS's environment, nothing of this machine's, and it dies with the server.

A zip whose ELF machine is not the function's declared architecture is refused with a clear invoke error; a declared
foreign one runs under qemu-user. A bootstrap that is no ELF (a script) has no machine and runs as it is.
"""

from __future__ import annotations

import os
import platform
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from pipeline.local.edge import logs
from pipeline.local.executables import dying_with_parent, spawn_command
from pipeline.local.patching import Patch, replace, require_source

_local = threading.local()  # the emulator of the spawn under way in this thread

# one thread for all spawns: the kernel's parent-death signal fires when the spawning THREAD ends
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")


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
        "AWS_LAMBDA_LOG_GROUP_NAME": logs.group_name(config),
        **own,
        "AWS_SESSION_TOKEN": own.get("AWS_SESSION_TOKEN") or "embedded",  # AWS always sets one
        "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"],  # calls of the function come back here, never to AWS
    }


class _Subprocess:
    """Stands in for the `subprocess` module inside MiniStack's runtime."""

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    @staticmethod
    def Popen(command: list[str], **options: Any) -> subprocess.Popen[Any]:  # noqa: N802
        full = dying_with_parent([*getattr(_local, "prefix", ()), *command])
        return _spawner.submit(lambda: subprocess.Popen(full, **options)).result()


def apply() -> list[Patch]:
    def environment(_original: Callable[..., Any]) -> Callable[..., Any]:
        def build(config: dict[str, Any], code_dir: str, port: int) -> dict[str, str]:
            own = {**lambda_runtime.execution_credentials(config), **lambda_svc._runtime_env_vars(config)}  # noqa: SLF001
            built = function_environment(config, code_dir, port, own)
            return {
                **built,
                "AWS_LAMBDA_LOG_STREAM_NAME": logs.spawning_stream(),
                **lambda_svc._durable_env_overlay(),  # noqa: SLF001
            }

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
            with logs.spawning(self):
                return original(self, init_timeout)
        finally:
            _local.prefix = []

    return spawn
