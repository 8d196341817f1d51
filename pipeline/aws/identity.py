"""STS: who is calling, and in which account."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.aws import aws_errors, client
from pipeline.errors import CrabwalkError, UsageError
from pipeline.manifest.environments import Environment


@dataclass(frozen=True)
class Identity:
    """The caller as STS names it."""

    account: str
    arn: str


def whoami(env: Environment) -> Identity:
    """Return the caller's identity; UsageError when the credentials belong to another account than the environment."""
    with aws_errors("ask AWS who is calling"):
        answer = client(env, "sts").get_caller_identity()
    found = Identity(str(answer["Account"]), str(answer["Arn"]))
    if found.account != env.account:
        raise UsageError(
            f"these credentials belong to account {found.account}, environment `{env.name}` is account {env.account}",
            hint="choose the right profile or role, or correct the account in crabwalk.yaml",
        )
    return found


def actor(env: Environment) -> str:
    """Who is calling, for a record; that AWS cannot tell keeps nothing out of it."""
    try:
        return whoami(env).arn
    except CrabwalkError:
        return "unknown"
