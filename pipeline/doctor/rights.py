"""What each role's verbs ask of AWS, as actions on resources; and what came of asking. Pure.

Not every action of modules/github-oidc: one for each thing a verb does, so that a policy that lacks a part shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.doctor.finding import Finding, missing, ok, unsure
from pipeline.infra.names import boundary, bus_arn, partition

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.project import Project

PART = "permissions"
SIMULATED = "simulated by IAM"
TRIED = "tried by a read"
NOT_ASKED = "not asked"


@dataclass(frozen=True)
class Right:
    """Actions on one resource, and what is done with them. `context`: what a policy's conditions compare."""

    use: str
    actions: tuple[str, ...]
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)


def rights(project: Project, env: Environment, role: str) -> tuple[Right, ...]:
    """What the verbs of `role` need in the environment."""
    name = f"{project.name}-{env.name}-doctor"  # no service's: IAM compares names, nothing need be there
    aws, here = partition(env.region), f"{env.region}:{env.account}"
    bucket, function = f"arn:{aws}:s3:::{env.bucket}", f"arn:{aws}:lambda:{here}:function:{name}"
    iam, logs = f"arn:{aws}:iam::{env.account}:role/{name}", f"arn:{aws}:logs:{here}:log-group:/aws/lambda/{name}:*"
    fresh = {"s3:if-none-match": "*"}
    lists = Right("list the bucket", ("s3:ListBucket",), bucket)
    ledger = Right("read the ledger", ("s3:GetObject",), f"{bucket}/crabwalk/services/x")
    states = Right("read Terraform's states", ("s3:GetObject",), f"{bucket}/terraform/x.tfstate")
    artifacts = Right("store what was built", ("s3:PutObject",), f"{bucket}/artifacts/x", fresh)
    metrics = Right("read metrics", ("cloudwatch:GetMetricData",), "*")
    alias = Right("read aliases", ("lambda:GetAlias",), function)
    moved = Right("move traffic", ("lambda:GetAlias", "lambda:UpdateAlias"), function)
    record = Right("write the ledger", ("s3:PutObject",), f"{bucket}/crabwalk/services/x")
    log = Right("read logs", ("logs:FilterLogEvents",), logs)
    plan = (lists, ledger, states, metrics, Right("look at functions", ("lambda:GetFunction",), function))
    bus = env.events
    tell = (Right("tell the event bus", ("events:PutEvents",), bus_arn(env, bus)),) if bus else ()
    bounded = boundary(env)
    make = {"iam:PermissionsBoundary": bounded} if bounded else {}
    by_role: Mapping[str, tuple[Right, ...]] = {
        "read": (lists, ledger, alias, metrics, log),
        "rollback": (lists, ledger, moved, record, *tell),
        "build": (lists, Right("read artifacts", ("s3:GetObject",), f"{bucket}/artifacts/x"), artifacts),
        "plan": (
            *plan,
            Right("lock states", ("s3:PutObject", "s3:DeleteObject"), f"{bucket}/terraform/x.tfstate.tflock"),
            artifacts,
        ),
        "deploy": (
            *plan,
            Right("write states", ("s3:PutObject", "s3:DeleteObject"), f"{bucket}/terraform/x.tfstate"),
            artifacts,
            record,
            moved,
            Right("release code", ("lambda:UpdateFunctionCode", "lambda:PublishVersion"), function),
            Right("invoke for smoke checks", ("lambda:InvokeFunction",), function),
            Right("make functions", ("lambda:CreateFunction", "lambda:UpdateFunctionConfiguration"), function),
            Right("make functions' roles", ("iam:CreateRole", "iam:PutRolePolicy"), iam, make),
            Right("give a function its role", ("iam:PassRole",), iam, {"iam:PassedToService": "lambda.amazonaws.com"}),
            log,
            *tell,
        ),
    }
    return by_role[role]


def judged(right: Right, decisions: Mapping[str, str], how: str, fix: str) -> Finding:
    """The finding for what was decided; an action nobody decided on is `unknown`."""
    said = {action: decisions.get(action, "unknown") for action in right.actions}
    needed = f"{', '.join(right.actions)} on {right.resource}"
    denied = [action for action, decision in said.items() if decision == "denied"]
    if denied:
        return missing(PART, right.use, f"denied: {', '.join(denied)}", needed, fix, how=how)
    open_ = [action for action, decision in said.items() if decision == "unknown"]
    if open_:
        return unsure(PART, right.use, f"cannot be told: {', '.join(open_)}", needed, how=how)
    return ok(PART, right.use, "allowed", needed, how=how)


def not_asked(right: Right) -> Finding:
    """The finding for what can only be told by simulation."""
    needed = f"{', '.join(right.actions)} on {right.resource}"
    why = "it has no harmless read, and these credentials may not use iam:SimulatePrincipalPolicy"
    return unsure(PART, right.use, f"{NOT_ASKED}: {why}", needed, how=NOT_ASKED)
