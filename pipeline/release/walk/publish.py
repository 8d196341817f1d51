"""From an artifact to a published version. No traffic is moved here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.aws.functions import Configuration, Functions, FunctionState
from pipeline.errors import AwsError, ConflictError

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
