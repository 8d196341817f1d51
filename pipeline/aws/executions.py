"""Step Functions: executions started by name. Makes and changes no state machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.aws import aws_errors, client, error_code
from pipeline.errors import ConflictError
from pipeline.manifest.environments import Environment

EXISTS = frozenset({"ExecutionAlreadyExists", "ExecutionAlreadyExistsException"})


class NameTakenError(ConflictError):
    """An execution of this name was told something else, or is over."""


class Executions:
    """The executions of one state machine."""

    def __init__(self, env: Environment, machine: str) -> None:
        self._env, self._machine = env, machine

    def start(self, name: str, given: Mapping[str, Any]) -> str:
        """Start the execution and return its ARN; one of this name that runs with the same input is this one.

        Names are kept for 90 days: NameTakenError where it was used for something else, or has ended.
        """
        from botocore.exceptions import ClientError

        text = json.dumps(given, sort_keys=True)
        with aws_errors(f"start the execution {name}"):
            states = client(self._env, "stepfunctions")
            try:
                return str(states.start_execution(stateMachineArn=self._machine, name=name, input=text)["executionArn"])
            except ClientError as error:
                if error_code(error) not in EXISTS:
                    raise
            found = states.describe_execution(executionArn=self.arn(name))
            if found["status"] == "RUNNING" and found.get("input") == text:
                return str(found["executionArn"])
        raise NameTakenError(
            f"there is an execution {name} already, and it is not this one", where=self._machine, hint="crabwalk status"
        )

    def arn(self, name: str) -> str:
        """The ARN of the execution of this name."""
        return f"{self._machine.replace(':stateMachine:', ':execution:', 1)}:{name}"


def console_url(env: Environment, arn: str) -> str:
    """Where a person sees an execution; on the embedded AWS, which has no console, its ARN."""
    if env.endpoint is not None:
        return arn
    return f"https://{env.region}.console.aws.amazon.com/states/home?region={env.region}#/v2/executions/details/{arn}"
