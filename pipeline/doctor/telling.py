"""What releases are told with: the event bus and GitHub's token. Asks; changes nothing, shows no secret."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.doctor.finding import Finding, missing, ok, unsure
from pipeline.errors import AwsError

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment

PART = "environment"


def telling(env: Environment) -> Iterator[Finding]:
    """The bus and the token, where the environment names them."""
    if env.events is not None:
        yield _bus(env, env.events)
    if env.github is not None:
        yield _token(env, env.github)


def _bus(env: Environment, bus: str) -> Finding:
    from pipeline.aws.buses import Buses

    needed = "the bus that is told what becomes of releases"
    try:
        there = Buses(env).exists(bus)
    except AwsError as error:
        return unsure(PART, "event bus", error.what, needed, error.hint or "")
    if there:
        return ok(PART, "event bus", bus, needed)
    fix = "make it (modules/event-bus), or correct `events` in crabwalk.yaml"
    return missing(PART, "event bus", f"there is no {bus}", needed, fix)


def _token(env: Environment, repository: str) -> Finding:
    from pipeline.aws.secrets import Secrets

    needed = f"a token for the deployment statuses of {repository}"
    if os.environ.get("GITHUB_TOKEN"):
        return ok(PART, "GitHub's token", "GITHUB_TOKEN of this process", needed)
    secret = env.github_secret
    if secret is None:
        fix = "`token` of `github` in crabwalk.yaml, or GITHUB_TOKEN where crabwalk runs"
        return unsure(PART, "GitHub's token", "this process has none, and no secret is named", needed, fix)
    try:
        there = Secrets(env).exists(secret)
    except AwsError as error:
        return unsure(PART, "GitHub's token", error.what, needed, error.hint or "")
    if there:
        return ok(PART, "GitHub's token", f"in the secret {secret}", needed)
    fix = "make it, or correct `token` of `github` in crabwalk.yaml"
    return missing(PART, "GitHub's token", f"there is no secret {secret}", needed, fix)
