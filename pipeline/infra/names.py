"""What things are called at AWS: names and ARNs that follow from the project, known before anything exists. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.project import Project

ALIAS = "live"

# The longest name AWS takes, by the kind of thing.
LIMITS: Mapping[str, int] = {
    "dynamodb": 255,
    "event": 64,  # a rule
    "event-bus": 256,
    "http": 128,
    "pipe": 64,
    "s3": 63,
    "schedule": 64,
    "secret": 512,
    "sqs": 70,  # 80 with the `-dead` of its dead-letter queue and `.fifo`
    "user-pool": 60,  # 100 with what the permission's statement is called in front of it
}
_HASH_DIGITS = 8
_ADDED = re.compile(r"-[A-Za-z0-9]{6}\Z")


def partition(region: str) -> str:
    """The part of AWS a region belongs to, as its ARNs say it."""
    for prefix, name in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(prefix):
            return name
    return "aws"


def suffix(region: str) -> str:
    """The domain of a region's endpoints."""
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def physical(project: Project, env: Environment, service: str, part: str, kind: str) -> str:
    """The name of a service's `part`, cut where AWS takes fewer characters; a bucket's is unique in the world."""
    whole = f"{project.function_name(env.name, service)}-{part}"
    return cut(f"{whole}-{env.account}" if kind == "s3" else whole, LIMITS[kind])


def cut(name: str, limit: int) -> str:
    """`name`, or what of it fits in front of a hash of the whole."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_HASH_DIGITS]
    return f"{name[: limit - _HASH_DIGITS - 1].rstrip('-')}-{digest}"


def arn(env: Environment, kind: str, name: str) -> str:
    """The ARN of a resource a manifest may declare; a secret's lacks the six characters AWS adds."""
    place = f"{env.region}:{env.account}"
    rest = {
        "dynamodb": f"dynamodb:{place}:table/{name}",
        "event-bus": f"events:{place}:event-bus/{name}",
        "s3": f"s3:::{name}",
        "secret": f"secretsmanager:{place}:secret:{name}",
        "sqs": f"sqs:{place}:{name}",
    }[kind]
    return f"arn:{partition(env.region)}:{rest}"


def policy_arn(env: Environment, policy: str) -> str:
    """The ARN of a policy of the account that is named with its path, or by its ARN already."""
    return policy if policy.startswith("arn:") else f"arn:{partition(env.region)}:iam::{env.account}:policy/{policy}"


def bus_arn(env: Environment, bus: str) -> str:
    """The ARN of an event bus that is named, or is given by its ARN already."""
    return bus if bus.startswith("arn:") else arn(env, "event-bus", bus)


def secret_pattern(env: Environment, secret: str) -> str:
    """What a policy names a secret by that is known by its name or its ARN: AWS adds six characters to a name.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_examples.html
    """
    whole = secret if secret.startswith("arn:") else arn(env, "secret", secret)
    return whole if whole == secret and _ADDED.search(whole) else f"{whole}-??????"


def boundary(env: Environment) -> str | None:
    """The ARN of the policy that limits every role of the environment's services; None without one."""
    return None if env.permissions_boundary is None else policy_arn(env, env.permissions_boundary)


GITHUB_ROLES = ("plan", "build", "deploy", "rollback", "read")  # of modules/github-oidc


def github_role(project: Project, env: Environment, role: str) -> str:
    """The ARN of the role that GitHub's jobs take in an environment, as modules/github-oidc names it."""
    name = f"github-{project.name}-{env.name}-{role}"
    return f"arn:{partition(env.region)}:iam::{env.account}:role/crabwalk/{name}"


def own_boundary(project: Project, env: Environment) -> str:
    """The name of the policy that modules/github-oidc makes for them."""
    return f"crabwalk/github-{project.name}-{env.name}-services"


def queue_url(env: Environment, name: str) -> str:
    """Where an SQS queue is reached."""
    if env.endpoint is not None:
        return f"{env.endpoint}/{env.account}/{name}"
    return f"https://sqs.{env.region}.{suffix(env.region)}/{env.account}/{name}"
