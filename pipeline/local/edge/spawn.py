"""What a function's execution environment is made of: its variables, the command of its bootstrap, its extensions.

It sees AWS's variables and nothing of this machine's. A zip whose ELF machine is not the function's declared
architecture is refused with a clear invoke error; a declared foreign one runs under qemu-user. A bootstrap that is no
ELF (a script) has no machine and runs as it is. MiniStack mounts no layers and starts no extensions of `provided.*`.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from pipeline.local.edge import logs
from pipeline.local.executables import spawn_command
from pipeline.local.patching import Patch, require
from pipeline.local.runtime_api import Environment, Function, InitError


def environment(config: Mapping[str, Any], code: bytes, log: logs.EnvironmentLog) -> Environment:
    """A new execution environment of this version; InitError or ArchitectureError where there can be none."""
    root = Path(lambda_svc._provided_runtime_code_dir(code))  # noqa: SLF001
    bootstrap = root / "bootstrap"
    if not bootstrap.is_file() or not os.access(bootstrap, os.X_OK):
        raise InitError("Runtime.InvalidEntrypoint", "No bootstrap binary found in the deployment package.")
    declared = (config.get("Architectures") or ["x86_64"])[0]
    layers = tuple(_layers(config))
    extensions = {
        path.name: spawn_command(path, declared, platform.machine())
        for layer in layers
        for path in sorted((layer / "extensions").glob("*"))
        if path.is_file() and os.access(path, os.X_OK)
    }
    function = described(config, log.stream)
    return Environment(
        function,
        spawn_command(bootstrap, declared, platform.machine()),
        _variables(function, config, root, layers),
        folder=root,
        extensions=extensions,
        late=log.late,
        starting=lambda_svc._provided_code_lock,  # noqa: SLF001  # a fork must not overlap the writing of an executable
    )


def described(config: Mapping[str, Any], stream: str) -> Function:
    """The function as its own process is told of it."""
    account, region = lambda_svc._account_region_from_function_config(dict(config))  # noqa: SLF001
    return Function(
        name=str(config.get("FunctionName", "unknown")),
        version=str(config.get("Version", "$LATEST")),
        handler=str(config.get("Handler", "bootstrap")),
        runtime=str(config.get("Runtime", "provided.al2023")),
        memory=int(config.get("MemorySize", 128)),
        timeout_s=float(config.get("Timeout", 3)),
        region=region,
        account=account,
        log_group=logs.group_name(config),
        log_stream=stream,
    )


def _variables(function: Function, config: Mapping[str, Any], root: Path, layers: tuple[Path, ...]) -> dict[str, str]:
    own = {**lambda_runtime.execution_credentials(dict(config)), **lambda_svc._runtime_env_vars(dict(config))}  # noqa: SLF001
    built = function.environment(str(root), own)
    for name, folder in (("PATH", "bin"), ("LD_LIBRARY_PATH", "lib")):
        if found := [str(layer / folder) for layer in reversed(layers) if (layer / folder).is_dir()]:
            built[name] = ":".join((*found, *filter(None, [built.get(name)])))
    # Calls of the function come back here, never to AWS.
    return {**built, "AWS_ENDPOINT_URL": os.environ["AWS_ENDPOINT_URL"]}


def _layers(config: Mapping[str, Any]) -> Iterator[Path]:
    """Where each layer lies unpacked, in their order: of equal names the later one counts."""
    for attachment in config.get("Layers") or ():
        content = lambda_svc._resolve_layer_zip(attachment)  # noqa: SLF001
        if content is None:
            arn = attachment if isinstance(attachment, str) else attachment.get("Arn")
            raise InitError("Runtime.LayerNotFound", f"the content of the layer {arn} is gone")
        yield Path(lambda_svc._provided_runtime_code_dir(content))  # noqa: SLF001


def required() -> list[Patch]:
    """What this calls of MiniStack."""
    return [
        require(lambda_svc, "_provided_runtime_code_dir", "code_zip"),
        require(lambda_svc, "_runtime_env_vars", "config"),
        require(lambda_svc, "_resolve_layer_zip", "attachment"),
        require(lambda_runtime, "execution_credentials", "config"),
    ]
