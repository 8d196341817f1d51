"""A state machine's task sees a throttle of its function as AWS names it, and other errors as before."""

from __future__ import annotations

import json
from typing import Any

import edge_kit as kit
import pytest
from engine_kit import until

from pipeline import local


@pytest.mark.parametrize(
    ("reserved", "event", "error"),
    [(0, {}, "Lambda.TooManyRequestsException"), (1, {"fail": True}, "ValueError")],
)
def test_what_a_task_fails_with(
    embedded: local.Running, namespace: str, reserved: int, event: dict[str, Any], error: str
) -> None:
    functions, machines = kit.client(embedded, "lambda"), kit.client(embedded, "stepfunctions")
    kit.create(functions, namespace)
    functions.publish_version(FunctionName=namespace)
    alias = functions.create_alias(FunctionName=namespace, Name="live", FunctionVersion="1")["AliasArn"]
    functions.put_function_concurrency(FunctionName=namespace, ReservedConcurrentExecutions=reserved)
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Invoke",
        "States": {"Invoke": {**task, "Arguments": {"FunctionName": alias, "Payload": event}}},
    }
    made = machines.create_state_machine(name=namespace, definition=json.dumps(definition), roleArn=kit.ROLE)
    run = machines.start_execution(stateMachineArn=made["stateMachineArn"])["executionArn"]
    until(lambda: machines.describe_execution(executionArn=run)["status"] != "RUNNING")
    assert machines.describe_execution(executionArn=run)["error"] == error
