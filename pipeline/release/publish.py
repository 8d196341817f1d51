"""From an artifact to a published version that has answered its smoke events. No traffic is moved here."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.aws.functions import Configuration, Functions, FunctionState
from pipeline.errors import AwsError, ConflictError, UsageError

Pause = Callable[[float], None]


@dataclass(frozen=True)
class Package:
    """What a version is published from: the zip as it lies in the environment's bucket, and its configuration."""

    bucket: str
    key: str
    code_sha256: str
    architecture: str
    configuration: Configuration  # what the function must have; Terraform sets it


def publish(
    functions: Functions, function: str, package: Package, description: str, pause: Pause = time.sleep
) -> FunctionState:
    """Publish `package` and return the settled version.

    `$LATEST` is first made to hold the package (after a rollback it still holds the bad one) and read back; the
    version is published with the revision that was read, so nobody's change can slip in between. AWS returns the
    last version when nothing changed since it was published.
    Raises ConflictError when somebody else changes the function at the same time, or when its configuration is not
    the package's: another deploy's would be tried out with our code.
    """
    current = functions.settle(function, None, pause, now=time.monotonic)
    _check_configuration(function, current, package)
    if (current.code_sha256, current.architecture) != (package.code_sha256, package.architecture):
        functions.update_code(
            function,
            bucket=package.bucket,
            key=package.key,
            architecture=package.architecture,
            revision=current.revision,
        )
        current = functions.settle(function, None, pause, now=time.monotonic)
        _check_configuration(function, current, package)
    if current.code_sha256 != package.code_sha256:
        raise _interfered(function)
    try:
        version = functions.publish(
            function, code_sha256=package.code_sha256, revision=current.revision, description=description
        )
    except AwsError as error:  # other code than the named one is refused as a wrong parameter, before the revision
        if functions.state(function).code_sha256 != package.code_sha256:
            raise _interfered(function) from error
        raise
    if version.code_sha256 != package.code_sha256 or not version.version.isdigit():
        raise _interfered(function)
    return functions.settle(function, version.version, pause, now=time.monotonic)


@dataclass(frozen=True)
class SmokeResult:
    """What a sample event was answered; `fault` is empty when it was fine."""

    event: str
    fault: str


def smoke(functions: Functions, function: str, version: str, events: Sequence[Path]) -> tuple[SmokeResult, ...]:
    """Invoke `version` once with each sample event, before it gets any traffic.

    A fault is a function error or an answered status of 500 and above. AwsError when AWS did not let it be tried out,
    which says nothing of the version; UsageError when an event cannot be read.
    """
    return tuple(_smoke_one(functions, function, version, event) for event in events)


def _smoke_one(functions: Functions, function: str, version: str, event: Path) -> SmokeResult:
    try:
        payload = event.read_bytes()
    except OSError as error:
        raise UsageError(f"the smoke event cannot be read: {error.strerror}", where=str(event)) from error
    answer = functions.invoke(function, version, payload)
    if answer.error:
        return SmokeResult(event.name, f"version {version} failed: {_message(answer.payload)}")
    status = answer.payload.get("statusCode") if isinstance(answer.payload, dict) else None
    if isinstance(status, int) and status >= 500:
        return SmokeResult(event.name, f"version {version} answered {status}")
    return SmokeResult(event.name, "")


def _message(payload: Any) -> str:
    if isinstance(payload, dict) and "errorMessage" in payload:
        return str(payload["errorMessage"])[:300]
    return str(payload)[:300]


def _interfered(function: str) -> ConflictError:
    return ConflictError(
        f"function `{function}` does not hold the package that was just uploaded: somebody else changed it",
        where=function,
        hint="see who deploys, then deploy again",
    )


def _check_configuration(function: str, state: FunctionState, package: Package) -> None:
    different = package.configuration.differences(state.configuration)
    if different:
        raise ConflictError(
            f"function `{function}` is not configured as the manifest says: {', '.join(different)}",
            where=function,
            hint="another deploy or a hand set it; see who, put it right if it was by hand, then deploy again",
        )
