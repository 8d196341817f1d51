"""The whole stage with real Terraform and the real provider against the embedded AWS.

One story in order, because each Terraform run costs seconds: an environment, a stack of two services before and after
their first release, and a canary that an apply must leave alone.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import local
from pipeline.aws import client
from pipeline.aws.objects import Objects
from pipeline.errors import ConflictError, TerraformError
from pipeline.infra import InfraPlan, Placement, Scope, apply_infra, bootstrap, parts, plan_infra, render
from pipeline.infra.drive import stack_directory
from pipeline.infra.environment import FINGERPRINT_KEY
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import HttpTrigger, Service
from pipeline.manifest.project import Project

MODULES = Path(__file__).parents[2] / "modules"


class Stack:
    """A stack of services in an environment of its own, and what Terraform said."""

    def __init__(self, env: Environment, project: Project) -> None:
        self.env, self.project = env, project
        self.said: list[str] = []
        self.directory = stack_directory(project.root, env, "web")

    def bootstrap(self) -> None:
        bootstrap(self.project, self.env, MODULES, self.said.append)

    def plan(self, *services: Service, released: bool, key: str | None = None) -> InfraPlan:
        scope = Scope(self.project, self.env)
        placements = [Placement(one, parts.calls(scope, one, released=released), key) for one in services]
        root = render(scope, "web", placements, MODULES)
        return plan_infra(root, self.env, self.directory, self.said.append)

    def apply(self, plan: InfraPlan) -> dict[str, dict[str, str]]:
        return dict(apply_infra(plan, self.env, self.said.append))


@pytest.fixture(scope="module")
def stack(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Stack:
    env = Environment(
        name="local",
        account="000000000000",
        region="us-east-1",
        bucket="crabwalk-infra-local",
        endpoint=embedded.endpoint,
        credentials=("test", "test"),
        embedded=True,
    )
    made = Stack(env, Project("infra", tmp_path_factory.mktemp("infra")))
    made.bootstrap()
    return made


@pytest.fixture(scope="module")
def service(stack: Stack) -> Callable[..., Service]:
    folder = stack.project.root / "services"

    def make(name: str, **fields: object) -> Service:
        return Service(
            name=name,
            stack="web",
            architecture="x86_64",
            triggers=(HttpTrigger(routes=("GET /", "ANY /{proxy+}")),),
            directory=folder / name,
            file=folder / name / "service.yaml",
            **{"environment": {"GREETING": "${literally} %{this}"}, **fields},
        )

    return make


def upload(env: Environment, text: str) -> str:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo("bootstrap")
        member.create_system, member.external_attr = 3, 0o100755 << 16
        archive.writestr(member, f"#!/usr/bin/env python3\n# {text}\n")
    key = f"artifacts/{hashlib.sha256(buffer.getvalue()).hexdigest()}.zip"
    Objects(env).put(key, buffer.getvalue())
    return key


def test_the_environments_bucket_holds_its_own_state_and_a_second_run_does_nothing(stack: Stack) -> None:
    s3 = client(stack.env, "s3")
    assert s3.get_bucket_versioning(Bucket=stack.env.bucket)["Status"] == "Enabled"
    assert Objects(stack.env).exists("terraform/environment.tfstate")
    assert Objects(stack.env).exists(FINGERPRINT_KEY)
    assert not list(stack_directory(stack.project.root, stack.env, "environment").glob("terraform.tfstate*"))
    stack.said.clear()
    stack.bootstrap()
    assert stack.said == ["environment `local`: bucket crabwalk-infra-local is ready, nothing to do"]


def test_a_stack_from_first_apply_to_a_canary(stack: Stack, service: Callable[..., Service]) -> None:
    functions = client(stack.env, "lambda")
    hello, two = service("hello"), service("two", tracing=True)

    # Before the first release: function and alias, and nothing that could call them.
    first = stack.plan(hello, two, released=False, key=upload(stack.env, "1"))
    assert {change.action for change in first.changes} == {"create"}
    assert not [change for change in first.changes if "apigateway" in change.type or "permission" in change.type]
    outputs = stack.apply(first)
    name = outputs["hello"]["function_name"]
    assert name == "infra-local-hello"
    assert functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "$LATEST"
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    assert variables == {"GREETING": "${literally} %{this}"}
    assert any(said.startswith("hello.aws_lambda_function.this created (") for said in stack.said)

    # Released: the engine publishes and moves the alias; Terraform brings the triggers.
    version = publish(stack.env, name, "2")
    functions.update_alias(FunctionName=name, Name="live", FunctionVersion=version, Description="crabwalk release")
    second = stack.plan(hello, two, released=True)
    assert {change.type for change in second.changes} == {
        "aws_apigatewayv2_api",
        "aws_apigatewayv2_integration",
        "aws_apigatewayv2_route",
        "aws_apigatewayv2_stage",
        "aws_lambda_permission",
    }
    with pytest.raises(ConflictError):
        stack.apply(InfraPlan(second.root, second.directory, second.changes, plan_sha256="another"))
    outputs = stack.apply(second)
    assert outputs["hello"]["api_id"] != outputs["two"]["api_id"]

    # In mid-walk a change of configuration is applied; nothing of the alias or the code is Terraform's, and nothing
    # else has drifted.
    canary = publish(stack.env, name, "3")
    functions.update_alias(
        FunctionName=name,
        Name="live",
        FunctionVersion=version,
        RoutingConfig={"AdditionalVersionWeights": {canary: 0.1}},
    )
    third = stack.plan(service("hello", timeout_s=7), two, released=True, key=upload(stack.env, "4"))
    assert [(change.address, change.effect, change.attributes) for change in third.changes] == [
        ("module.hello.aws_lambda_function.this", "walks", ("timeout",))
    ]
    before = functions.get_alias(FunctionName=name, Name="live")
    code = functions.get_function_configuration(FunctionName=name)["CodeSha256"]
    assert stack.apply(third) == outputs
    after = functions.get_alias(FunctionName=name, Name="live")
    assert after["RoutingConfig"] == before["RoutingConfig"] == {"AdditionalVersionWeights": {canary: 0.1}}
    assert (after["FunctionVersion"], after["Description"]) == (version, "crabwalk release")
    settled = functions.get_function_configuration(FunctionName=name)
    assert (settled["CodeSha256"], settled["Timeout"]) == (code, 7)


def publish(env: Environment, function: str, text: str) -> str:
    functions = client(env, "lambda")
    functions.update_function_code(FunctionName=function, S3Bucket=env.bucket, S3Key=upload(env, text))
    functions.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
    return str(functions.publish_version(FunctionName=function)["Version"])


def test_an_account_that_is_not_the_declared_one_is_refused(stack: Stack, service: Callable[..., Service]) -> None:
    foreign = Environment(
        "local", "123456789012", "us-east-1", stack.env.bucket, stack.env.endpoint, stack.env.credentials, embedded=True
    )
    other = Stack(foreign, Project("other", stack.project.root / "other"))
    with pytest.raises(TerraformError, match=r"(?i)account id not allowed") as caught:
        other.plan(service("hello"), released=False)
    assert "another account" in str(caught.value.hint)
