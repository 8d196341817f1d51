"""What each role that the examples have may do, in full: all that was asked for and nothing beside it."""

from __future__ import annotations

import json
import os
import re
from typing import Any
from urllib.parse import unquote

from catalogue_kit import Catalogue

PREFIX = "catalogue-local-"
LOGS = "logs:CreateLogStream logs:PutLogEvents"
RECEIVE = "sqs:DeleteMessage sqs:GetQueueAttributes sqs:ReceiveMessage"

# Role → what it may do, and with what: an ARN without partition, region and account; a table's indexes come with it.
ROLES: dict[str, dict[str, str]] = {
    "health": {},
    "hello": {},
    "todos": {
        "dynamodb:table/todos-table": (
            "dynamodb:DeleteItem dynamodb:GetItem dynamodb:PutItem dynamodb:Scan dynamodb:UpdateItem"
        ),
        "secretsmanager:secret:todos-key-": "secretsmanager:GetSecretValue",
    },
    "csv-export": {"dynamodb:table/todos-table": "dynamodb:Scan"},
    "token-customizer": {"events:event-bus/token-customizer-audit": "events:PutEvents"},
    "enricher": {},
    "enricher-pipe-orders-pipe": {
        "sqs:enricher-orders": RECEIVE,
        "lambda:function:enricher:live": "lambda:InvokeFunction",
        "sqs:enricher-completed": "sqs:SendMessage",
    },
    "mailer": {
        "sqs:mailer-mails": RECEIVE,
        "dynamodb:table/mailer-keys": "dynamodb:PutItem dynamodb:UpdateItem",
        "ses:identity/example.com": "ses:SendEmail",
    },
    "thumbnails": {
        "s3:thumbnails-pictures": "s3:ListBucket",
        "s3:thumbnails-pictures/*": "s3:GetObject",
        "s3:thumbnails-thumbnails": "s3:ListBucket",
        "s3:thumbnails-thumbnails/*": "s3:GetObject s3:PutObject",
        "sqs:thumbnails-failed": "sqs:SendMessage",
    },
    "sweeper": {
        "dynamodb:table/sweeper-drafts": "dynamodb:DeleteItem dynamodb:Scan",
        "dynamodb:table/sweeper-runs": "dynamodb:UpdateItem",
    },
    "sweeper-schedule-schedule": {"lambda:function:sweeper:live": "lambda:InvokeFunction"},
    "approval-step": {"dynamodb:table/approval-step-approvers": "dynamodb:GetItem"},
    "approval-step-machine": {"lambda:function:approval-step:live": "lambda:InvokeFunction"},
}


def test_every_role_may_do_what_its_service_does_and_no_more(catalogue: Catalogue) -> None:
    iam = catalogue.client("iam")
    pages = iam.get_paginator("list_roles").paginate()
    named = [one["RoleName"] for page in pages for one in page["Roles"] if one["RoleName"].startswith(PREFIX)]
    found = {name.removeprefix(PREFIX): _allowed(iam, name) for name in named}
    of_functions = set(catalogue.services())
    wanted = {
        name: allowed | ({f"logs:log-group:/aws/lambda/{name}:*": LOGS} if name in of_functions else {})
        for name, allowed in ROLES.items()
        if not os.environ.get("CATALOGUE") or name in found
    }
    assert found == wanted


def _allowed(iam: Any, role: str) -> dict[str, str]:
    assert iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"] == []
    found: dict[str, str] = {}
    for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
        for statement in (document if isinstance(document, dict) else json.loads(unquote(document)))["Statement"]:
            assert statement["Effect"] == "Allow"
            actions, resources = _list(statement["Action"]), _list(statement["Resource"])
            tables = {one.removesuffix("/index/*") for one in resources}
            for resource in tables:
                found[_short(resource)] = " ".join(sorted(actions))
    return found


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def _short(arn: str) -> str:
    arn = re.sub(r"(:secret:.+-)\w{6}$", r"\1", arn)  # AWS's own characters
    _, _, service, _, account, rest = arn.split(":", 5)
    return f"{service}:{rest}".replace(PREFIX, "").replace(f"-{account or '000000000000'}", "")
