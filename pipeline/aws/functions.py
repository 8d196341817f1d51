"""Lambda: functions, versions and aliases, as the release engine needs them. One call a method; no decisions."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from pipeline.aws import client, error_code
from pipeline.aws.aliases import (
    AliasMoved,
    AliasState,
    AliasUncertain,
    NotFoundError,
    alias_state,
    found,
    moving,
    update_of,
)
from pipeline.errors import AwsError, ConflictError
from pipeline.manifest.environments import Environment

INVOKE_TIMEOUT_S = 930  # Lambda ends an invocation after 900 s
WAIT_TOTAL_S = 300.0
POLL_S = 0.05
POLL_MAX_S = 2.0


__all__ = [
    "AliasMoved",
    "AliasState",
    "AliasUncertain",
    "Configuration",
    "FunctionState",
    "Functions",
    "Invocation",
    "NotFoundError",
]


@dataclass(frozen=True)
class Configuration:
    """What of a function's configuration is published with a version, as crabwalk's Terraform sets it."""

    runtime: str
    memory_mb: int
    timeout_s: int
    environment: Mapping[str, str]
    tracing: bool
    ephemeral_storage_mb: int = 512
    layers: tuple[str, ...] = ()
    kms_key: str | None = None
    subnets: frozenset[str] = frozenset()
    security_groups: frozenset[str] = frozenset()

    def differences(self, other: Configuration) -> tuple[str, ...]:
        """Names of what differs; never values, which may be secrets."""
        found = [
            field.name.removesuffix("_mb").removesuffix("_s").replace("_", " ")
            for field in fields(self)
            if field.name != "environment" and getattr(self, field.name) != getattr(other, field.name)
        ]
        mine, theirs = self.environment, other.environment
        found += [f"variable {name}" for name in sorted({*mine, *theirs}) if mine.get(name) != theirs.get(name)]
        return tuple(found)


@dataclass(frozen=True)
class FunctionState:
    """What GetFunctionConfiguration says of a function or version."""

    version: str
    code_sha256: str
    revision: str
    state: str
    update_status: str
    architecture: str
    configuration: Configuration
    reason: str = ""
    role: str = ""  # ARNs
    dead_letter: str = ""

    @property
    def timeout_s(self) -> int:
        """How long an invocation may last."""
        return self.configuration.timeout_s


@dataclass(frozen=True)
class Invocation:
    """Answer of an invocation; `error` is Lambda's FunctionError, if any, `log` the last 4 KB of what it logged."""

    version: str
    error: str
    payload: Any
    log: str = ""
    request_id: str = ""


class Functions:
    """Lambda of one environment."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._reads = client(env, "lambda")
        self._writes = client(env, "lambda", retries=False)

    @cached_property
    def _invokes(self) -> Any:
        return client(self._env, "lambda", retries=False, read_timeout_s=INVOKE_TIMEOUT_S)

    def alias(self, function: str, name: str) -> AliasState:
        """Read an alias; NotFoundError when there is none."""
        with found(f"read alias `{name}` of function `{function}`"):
            return alias_state(function, self._reads.get_alias(FunctionName=function, Name=name))

    def write_alias(self, seen: AliasState, version: str, weights: Mapping[str, float], description: str) -> AliasState:
        """Move the alias if it is still as `seen`; one attempt, weights always written explicitly.

        Raises AliasMoved (412), AliasUncertain (timeout or 5xx: it may have happened) or AwsError.
        """
        with moving(seen):
            answer = self._writes.update_alias(
                FunctionName=seen.function, Name=seen.name, **update_of(seen, version, weights, description)
            )
        return alias_state(seen.function, answer)

    def state(self, function: str, qualifier: str | None = None) -> FunctionState:
        """Read a function's or version's configuration."""
        wanted = {"Qualifier": qualifier} if qualifier else {}
        with found(f"read function `{function}`{f' version {qualifier}' if qualifier else ''}"):
            return _function(self._reads.get_function_configuration(FunctionName=function, **wanted))

    def provisioned(self, function: str, qualifier: str) -> bool:
        """Whether an alias or version has provisioned concurrency."""
        from botocore.exceptions import ClientError

        with found(f"read the provisioned concurrency of function `{function}:{qualifier}`"):
            try:
                self._reads.get_provisioned_concurrency_config(FunctionName=function, Qualifier=qualifier)
            except ClientError as error:
                if error_code(error) == "ProvisionedConcurrencyConfigNotFoundException":
                    return False
                raise
        return True

    def update_code(self, function: str, *, bucket: str, key: str, architecture: str, revision: str) -> FunctionState:
        """Make `$LATEST` hold the zip at `key`, if the function is still at `revision`."""
        with guarded(f"update the code of function `{function}`", function):
            return _function(
                self._writes.update_function_code(
                    FunctionName=function,
                    S3Bucket=bucket,
                    S3Key=key,
                    Architectures=[architecture],
                    RevisionId=revision,
                    Publish=False,
                )
            )

    def publish(self, function: str, *, code_sha256: str, revision: str, description: str) -> FunctionState:
        """Publish `$LATEST` as a version if its code and revision are the named ones."""
        with guarded(f"publish a version of function `{function}`", function):
            return _function(
                self._writes.publish_version(
                    FunctionName=function, CodeSha256=code_sha256, RevisionId=revision, Description=description[:256]
                )
            )

    def settle(
        self, function: str, qualifier: str | None, pause: Callable[[float], None], *, now: Callable[[], float]
    ) -> FunctionState:
        """Poll until the function or version is Active and its last update done; AwsError when that failed.

        Polls from 50 ms, doubling to 2 s: boto3's own waiter asks once a second or slower.
        """
        until, wait = now() + WAIT_TOTAL_S, POLL_S
        while True:
            state = self.state(function, qualifier)
            if state.update_status == "Failed" or state.state == "Failed":
                raise AwsError(f"function `{function}` could not be updated: {state.reason or 'AWS gives no reason'}")
            if state.state in {"Active", "Inactive", ""} and state.update_status in {"Successful", ""}:
                return state
            if now() >= until:
                raise AwsError(f"function `{function}` is still {state.update_status} after {WAIT_TOTAL_S:.0f} s")
            pause(wait)
            wait = min(wait * 2, POLL_MAX_S) if now() > until - WAIT_TOTAL_S + 2 else wait

    def invoke(self, function: str, qualifier: str, payload: bytes, *, tail: bool = False) -> Invocation:
        """Invoke synchronously by qualifier, once: an SDK's retry would run a slow function again beside itself."""
        with found(f"invoke function `{function}:{qualifier}`"):
            answer = self._invokes.invoke(
                FunctionName=function, Qualifier=qualifier, Payload=payload, LogType="Tail" if tail else "None"
            )
            body = answer["Payload"].read()
        try:
            parsed: Any = json.loads(body) if body else None
        except ValueError:
            parsed = body.decode(errors="backslashreplace")
        return Invocation(
            version=str(answer.get("ExecutedVersion", qualifier)),
            error=str(answer.get("FunctionError", "")),
            payload=parsed,
            log=base64.b64decode(answer.get("LogResult", "")).decode(errors="backslashreplace"),
            request_id=str(answer["ResponseMetadata"].get("RequestId", "")),
        )

    def send(self, function: str, qualifier: str, payload: bytes) -> str:
        """Hand over an event to be processed later; the request's id."""
        with found(f"invoke function `{function}:{qualifier}`"):
            answer = self._invokes.invoke(
                FunctionName=function, Qualifier=qualifier, Payload=payload, InvocationType="Event"
            )
        return str(answer["ResponseMetadata"].get("RequestId", ""))


def _function(answer: Mapping[str, Any]) -> FunctionState:
    return FunctionState(
        version=str(answer["Version"]),
        code_sha256=str(answer["CodeSha256"]),
        revision=str(answer["RevisionId"]),
        state=str(answer.get("State") or ""),
        update_status=str(answer.get("LastUpdateStatus") or ""),
        architecture=str((answer.get("Architectures") or ["x86_64"])[0]),
        configuration=Configuration(
            runtime=str(answer.get("Runtime") or ""),
            memory_mb=int(answer.get("MemorySize") or 128),
            timeout_s=int(answer.get("Timeout") or 3),
            environment=dict((answer.get("Environment") or {}).get("Variables") or {}),
            tracing=(answer.get("TracingConfig") or {}).get("Mode") == "Active",
            ephemeral_storage_mb=int((answer.get("EphemeralStorage") or {}).get("Size") or 512),
            layers=tuple(str(layer["Arn"]) for layer in answer.get("Layers") or ()),
            kms_key=str(answer["KMSKeyArn"]) if answer.get("KMSKeyArn") else None,
            subnets=frozenset((answer.get("VpcConfig") or {}).get("SubnetIds") or ()),
            security_groups=frozenset((answer.get("VpcConfig") or {}).get("SecurityGroupIds") or ()),
        ),
        role=str(answer.get("Role") or ""),
        dead_letter=str((answer.get("DeadLetterConfig") or {}).get("TargetArn") or ""),
        reason=str(answer.get("LastUpdateStatusReason") or answer.get("StateReason") or ""),
    )


@contextmanager
def guarded(doing: str, function: str) -> Iterator[None]:
    """Like found, with ConflictError when somebody else changed the function meanwhile."""
    from botocore.exceptions import ClientError

    with found(doing):
        try:
            yield
        except ClientError as error:
            if error_code(error) in {"PreconditionFailedException", "ResourceConflictException"}:
                raise ConflictError(
                    f"could not {doing}: somebody else changed it at the same time",
                    where=function,
                    hint="see who deploys, then deploy again",
                ) from error
            raise
