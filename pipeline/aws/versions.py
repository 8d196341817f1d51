"""Lambda: which versions and aliases a function has, and the deletion of a version. One call a method; no decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from pipeline.aws import client
from pipeline.aws.aliases import AliasState, alias_state, found
from pipeline.manifest.environments import Environment


@dataclass(frozen=True)
class Version:
    """A published version; `at` is when it was published (epoch seconds), `size` its zip in bytes."""

    number: str
    description: str
    code_sha256: str
    at: float
    size: int


class Versions:
    """Versions and aliases of one environment's functions."""

    def __init__(self, env: Environment) -> None:
        self._client = client(env, "lambda")

    def published(self, function: str) -> tuple[Version, ...]:
        """Every published version, oldest first; NotFoundError when there is no such function."""
        with found(f"list the versions of function `{function}`"):
            pages = self._client.get_paginator("list_versions_by_function").paginate(FunctionName=function)
            answers = [one for page in pages for one in page["Versions"] if str(one["Version"]).isdigit()]
        versions = [
            Version(
                number=str(one["Version"]),
                description=str(one.get("Description") or ""),
                code_sha256=str(one.get("CodeSha256") or ""),
                at=_epoch(str(one.get("LastModified") or "")),
                size=int(one.get("CodeSize") or 0),
            )
            for one in answers
        ]
        return tuple(sorted(versions, key=lambda one: int(one.number)))

    def aliases(self, function: str) -> tuple[AliasState, ...]:
        """Every alias of the function, by name."""
        with found(f"list the aliases of function `{function}`"):
            pages = self._client.get_paginator("list_aliases").paginate(FunctionName=function)
            aliases = [alias_state(function, one) for page in pages for one in page["Aliases"]]
        return tuple(sorted(aliases, key=lambda one: one.name))

    def delete(self, function: str, version: str) -> None:
        """Delete a published version; AWS refuses one that an alias names."""
        with found(f"delete version {version} of function `{function}`"):
            self._client.delete_function(FunctionName=function, Qualifier=version)


def _epoch(stamp: str) -> float:
    """Lambda writes `2026-01-02T03:04:05.678+0000`; 0 for what is not such a time."""
    for form in ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z"):
        try:
            return datetime.strptime(stamp, form).astimezone(UTC).timestamp()
        except ValueError:
            continue
    return 0.0
