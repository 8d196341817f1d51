"""A Lambda alias: what is known of one, the two calls the release engine makes of it, and what their errors mean.

Two clients speak it: `functions.Functions` (boto3) and `lean.LeanAliases` (one connection, for `rollback`). Both read
answers and errors through this module, so that a fault means the same to whoever asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from pipeline.aws import aws_errors, error_code, http_status
from pipeline.errors import AwsError


class NotFoundError(AwsError):
    """The function, version or alias does not exist."""


class AliasMoved(Exception):  # noqa: N818 - a signal to read again, not a failure
    """412: the alias is not at the RevisionId we named; nothing was written."""


class AliasUncertain(Exception):  # noqa: N818 - a signal to read again, not a failure
    """The write was sent and no clear answer came back: it may or may not have happened."""


@dataclass(frozen=True)
class AliasState:
    """An alias as AWS has it; `weights` maps additional versions to their share (0..1)."""

    function: str
    name: str
    arn: str
    version: str
    weights: Mapping[str, float]
    description: str
    revision: str

    @property
    def account(self) -> str:
        """The account it lies in."""
        return self.arn.split(":")[4]


class Aliases(Protocol):
    """Reads and moves aliases."""

    def alias(self, function: str, name: str) -> AliasState:
        """Read an alias; NotFoundError when there is none."""

    def write_alias(self, seen: AliasState, version: str, weights: Mapping[str, float], description: str) -> AliasState:
        """Move the alias if it is still as `seen`; one attempt, weights always written explicitly.

        Raises AliasMoved (412), AliasUncertain (timeout or 5xx: it may have happened), NotFoundError (the version) or
        AwsError.
        """


def alias_state(function: str, answer: Mapping[str, Any]) -> AliasState:
    """An alias from the answer of GetAlias or UpdateAlias."""
    routing = answer.get("RoutingConfig") or {}
    weights = {str(k): float(v) for k, v in (routing.get("AdditionalVersionWeights") or {}).items()}
    return AliasState(
        function=function,
        name=str(answer["Name"]),
        arn=str(answer["AliasArn"]),
        version=str(answer["FunctionVersion"]),
        weights=weights,
        description=str(answer.get("Description") or ""),
        revision=str(answer["RevisionId"]),
    )


def update_of(seen: AliasState, version: str, weights: Mapping[str, float], description: str) -> dict[str, Any]:
    """The body of UpdateAlias: guarded by the revision that was read, the weights never left out."""
    return {
        "FunctionVersion": version,
        "Description": description,
        "RoutingConfig": {"AdditionalVersionWeights": dict(weights)},
        "RevisionId": seen.revision,
    }


@contextmanager
def found(doing: str) -> Iterator[None]:
    """Like aws_errors, with NotFoundError for what does not exist."""
    from botocore.exceptions import ClientError

    with aws_errors(doing):
        try:
            yield
        except ClientError as error:
            if error_code(error) == "ResourceNotFoundException":
                message = error.response.get("Error", {}).get("Message", "")
                raise NotFoundError(f"could not {doing}: it does not exist ({message})") from error
            raise


@contextmanager
def moving(seen: AliasState) -> Iterator[None]:
    """Around UpdateAlias: what came back, or did not, as AliasMoved, AliasUncertain or an AwsError."""
    from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, HTTPClientError

    with found(f"move alias `{seen.name}` of function `{seen.function}`"):
        try:
            yield
        except ClientError as error:
            if error_code(error) == "PreconditionFailedException":
                raise AliasMoved(seen.function) from error
            if http_status(error) >= 500:
                raise AliasUncertain(str(error)) from error
            raise
        except (EndpointConnectionError, ConnectTimeoutError):
            raise
        except HTTPClientError as error:
            raise AliasUncertain(str(error)) from error
