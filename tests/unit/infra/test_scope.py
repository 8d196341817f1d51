"""What references stand for: names that are fixed before anything exists, and what Terraform put out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipeline.infra.scope import Scope
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import Service
from pipeline.manifest.project import Project
from pipeline.manifest.references import Reference

Make = Callable[..., Service]
API = {"todos": {"api_id": "abc", "api_endpoint": "https://abc.example"}}


@pytest.mark.parametrize(
    ("resource", "attribute", "value"),
    [
        ("function", "name", "shop-staging-todos"),
        ("function", "arn", "arn:aws:lambda:eu-west-1:123456789012:function:shop-staging-todos"),
        ("alias", "arn", "arn:aws:lambda:eu-west-1:123456789012:function:shop-staging-todos:live"),
        ("log-group", "name", "/aws/lambda/shop-staging-todos"),
        ("role", "arn", "arn:aws:iam::123456789012:role/shop-staging-todos"),
        ("role", "name", "shop-staging-todos"),
        ("api", "endpoint", None),
        ("table", "name", None),
    ],
)
def test_names_are_known_before_anything_exists(
    project: Project, staging: Environment, resource: str, attribute: str, value: str | None
) -> None:
    assert Scope(project, staging).value(Reference("todos", resource, attribute)) == value


def test_other_parts_of_aws_have_arns_of_their_own(project: Project, staging: Environment) -> None:
    reference = Reference("todos", "function", "arn")
    china, government = replace(staging, region="cn-north-1"), replace(staging, region="us-gov-west-1")
    assert (Scope(project, china).value(reference) or "").startswith("arn:aws-cn:lambda:cn-north-1:")
    assert (Scope(project, government).value(reference) or "").startswith("arn:aws-us-gov:lambda:us-gov-west-1:")


def test_an_endpoint_is_what_terraform_put_out(
    project: Project, staging: Environment, embedded_environment: Environment
) -> None:
    reference = Reference("todos", "api", "endpoint")
    assert Scope(project, staging, outputs=API).value(reference) == "https://abc.example"
    here = Scope(project, embedded_environment, outputs=API).value(reference)
    assert here is not None, "the embedded AWS answers on loopback, not where AWS would"
    assert here.startswith("http://127.0.0.1:1")


def test_references_are_replaced_and_an_escaped_marker_is_plain_text(
    project: Project, staging: Environment, service: Make
) -> None:
    variables = {
        "TODOS": "${services.todos.api.endpoint}/v1",
        "TWO": "${services.todos.function.name}:${services.todos.log-group.name}",
        "PATTERN": "$${HOME}",
        "PLAIN": "50 %",
    }
    made = Scope(project, staging, outputs=API).ready(service(environment=variables))
    assert dict(made.service.environment) == {
        "TODOS": "https://abc.example/v1",
        "TWO": "shop-staging-todos:/aws/lambda/shop-staging-todos",
        "PATTERN": "${HOME}",
        "PLAIN": "50 %",
    }
    assert made.missing == ()
    assert hash(made.service) == hash(
        Scope(project, staging, outputs=API).ready(service(environment=variables)).service
    )


def test_a_variable_that_cannot_be_known_yet_is_left_out(project: Project, staging: Environment, service: Make) -> None:
    made = Scope(project, staging, outputs={}).ready(
        service(environment={"TODOS": "${services.todos.api.endpoint}", "A_B": "1"})
    )
    assert dict(made.service.environment) == {"A_B": "1"}
    assert made.missing == (Reference("todos", "api", "endpoint"),)


def test_without_references_the_service_stays_itself(project: Project, staging: Environment, service: Make) -> None:
    fields: dict[str, Any] = {"environment": {"RUST_LOG": "info"}}
    plain = service(**fields)
    assert Scope(project, staging, outputs={}).ready(plain).service is plain
