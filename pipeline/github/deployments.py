"""A commit's deployments and their statuses at GitHub: found again by what they are of, made where there is none.

https://docs.github.com/en/rest/deployments/deployments, https://docs.github.com/en/rest/deployments/statuses
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

from pipeline.errors import GitHubError
from pipeline.github.api import Api, UnsureError

State = Literal["queued", "in_progress", "success", "failure", "error", "inactive"]

LONGEST = 140  # characters of a description
LOOK_BACK = 5  # deployments in which the one before is searched


@dataclass(frozen=True)
class Deployment:
    """What is deployed where; one commit, environment and task have one. `payload` is only written, never read."""

    commit: str
    environment: str
    task: str
    description: str = ""
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Status:
    """How a deployment stands; `log` is an https address or empty. `before`: what is said of the one it replaces."""

    state: State
    description: str
    log: str = ""
    before: str = ""


def keep(api: Api, of: Deployment, status: Status) -> int:
    """Set the status of a deployment, and end the one it takes the place of; its number. Raises GitHubError."""
    number = _number(api, of)
    # GitHub itself would end every deployment of the environment, also those of other services.
    _set(api, number, status)
    if status.before:
        _end_before(api, of, number, status.before)
    return number


def _number(api: Api, of: Deployment) -> int:
    """The deployment's, made where there is none; after a call whose end nobody knows it is looked for once more."""
    unsure: GitHubError | None = None
    for _ in range(2):
        found = _found(api, of, sha=of.commit)
        if found:
            return int(found[0]["id"])
        try:
            return int(api.post("deployments", _made(of))["id"])
        except UnsureError as fault:
            unsure = fault
    assert unsure is not None  # noqa: S101
    raise unsure


def _found(api: Api, of: Deployment, **more: str) -> list[Mapping[str, Any]]:
    """The newest first."""
    asked = {"task": of.task, "environment": of.environment, **more, "per_page": str(LOOK_BACK)}
    return list(api.get(f"deployments?{urlencode(asked)}") or ())


def _made(of: Deployment) -> dict[str, Any]:
    return {
        "ref": of.commit,
        "task": of.task,
        "environment": of.environment,
        "description": of.description[:LONGEST],
        "payload": dict(of.payload),
        "auto_merge": False,
        "required_contexts": [],  # what is released was decided before
    }


def _set(api: Api, number: int, status: Status) -> None:
    body = {"state": status.state, "description": _cut(status.description), "auto_inactive": False}
    api.post(f"deployments/{number}/statuses", {**body, **({"log_url": status.log} if status.log else {})})


def _end_before(api: Api, of: Deployment, number: int, why: str) -> None:
    """The one that was active until now; what ended otherwise stays as it is."""
    for one in _found(api, of):
        if int(one["id"]) == number:
            continue
        statuses = api.get(f"deployments/{one['id']}/statuses?per_page=1")
        if statuses and statuses[0].get("state") == "success":
            _set(api, int(one["id"]), Status("inactive", why))
            return


def _cut(text: str) -> str:
    """One line, as long as GitHub takes."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
