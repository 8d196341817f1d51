"""Addresses that nothing has are no addresses to be destroyed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.deploying.allowing import check_allowed
from pipeline.deploying.setting import Setting
from pipeline.errors import UsageError
from pipeline.infra.root import state_key
from pipeline.manifest.environments import Environment
from pipeline.manifest.project import Project

PROD = Environment("prod", "000000000000", "us-east-1", "bucket")
TABLE = "module.todos_table.aws_dynamodb_table.this"


def check(*allowed: str, **stored: bytes) -> None:
    bodies = {state_key(stack): SimpleNamespace(body=body) for stack, body in stored.items()}
    objects: Any = SimpleNamespace(get=bodies.get)
    stacks = dict.fromkeys(("todos", "web"))
    check_allowed(objects, Setting(Project("p", Path()), PROD, "c0ffee", "s", (), {}, stacks), allowed)


def state(module: str, kind: str) -> bytes:
    resource = {"module": module, "mode": "managed", "type": kind, "name": "this", "instances": [{}]}
    return json.dumps({"version": 4, "serial": 1, "lineage": "x", "resources": [resource]}).encode()


TODOS, WEB = state("module.todos_table", "aws_dynamodb_table"), state("module.web", "aws_lambda_function")


def test_what_stands_somewhere_may_be_named() -> None:
    check(TABLE, "module.web.aws_lambda_function.this", todos=TODOS, web=WEB)
    check()


def test_what_stands_nowhere_is_refused_with_what_is_near() -> None:
    with pytest.raises(UsageError) as fault:
        check(TABLE, "module.todo_table.aws_dynamodb_table.this", todos=TODOS, web=WEB)
    assert fault.value.what == (
        "--allow-destroy 'module.todo_table.aws_dynamodb_table.this' is in none of the plans: "
        "nothing of that address stands in `prod`"
    )
    assert fault.value.hint == f"did you mean `{TABLE}`?"
    with pytest.raises(UsageError) as fault:
        check("x", todos=TODOS)
    assert fault.value.hint == "crabwalk plan --env prod names what a deploy would destroy"


def test_where_a_state_cannot_be_read_nobody_knows() -> None:
    check("x", todos=b"encrypted", web=WEB)
