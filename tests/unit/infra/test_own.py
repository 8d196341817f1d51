"""A service's own Terraform in its root: what is passed to it, when it comes, and that it stays without its folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.infra import Placement, Root, Scope, parts, render
from pipeline.infra.calls import read_calls, united
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import Service
from pipeline.manifest.models_resources import SqsResource
from pipeline.manifest.models_triggers import CognitoTrigger
from pipeline.manifest.project import Project

MODULES = Path(__file__).parents[3] / "modules"
Make = Callable[..., Service]


@pytest.fixture
def own(service: Make) -> Callable[[str], Service]:
    def make(text: str, **fields: Any) -> Service:
        made = service(resources={"jobs": SqsResource()}, **fields)
        folder = made.directory / "infra"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "main.tf").write_text(text)
        return made

    return make


def root(project: Project, env: Environment, service: Service, *, released: bool = True) -> Root:
    scope = Scope(project, env, {service.name: service})
    return render(scope, "web", [Placement(service, parts.calls(scope, service, released=released))], MODULES)


def calls(root: Root) -> dict[str, Any]:
    return dict(json.loads(root.files["main.tf.json"])["module"])


def test_it_is_passed_what_it_declares(project: Project, staging: Environment, own: Make) -> None:
    text = "".join(f'variable "{name}" {{}}\n' for name in ("alias_arn", "jobs_arn", "api_id", "environment", "mine"))
    made = root(project, staging, own(text))
    assert calls(made)["hello_infra"] == {
        "source": "./services/hello/infra",
        "alias_arn": "${module.hello.alias_arn}",
        "api_id": "${module.hello_http.api_id}",
        "environment": "staging",
        "jobs_arn": "${module.hello_jobs.arn}",
    }
    assert made.files["services/hello/infra/main.tf"].decode() == text


def test_its_roles_can_have_the_boundary_of_the_others(project: Project, staging: Environment, own: Make) -> None:
    service = own('variable "permissions_boundary" {}\n')
    assert calls(root(project, staging, service))["hello_infra"]["permissions_boundary"] is None
    bounded = replace(staging, permissions_boundary="limit")
    arn = "arn:aws:iam::123456789012:policy/limit"
    assert calls(root(project, bounded, service))["hello_infra"]["permissions_boundary"] == arn


def test_what_takes_the_alias_waits_for_a_version(project: Project, staging: Environment, own: Make) -> None:
    for variable, waits in (("alias_arn", True), ("api_endpoint", True), ("role_name", False), ("tags", False)):
        made = root(project, staging, own(f'variable "{variable}" {{}}\n'), released=False)
        assert ("hello_infra" not in calls(made)) is waits, variable


def test_it_is_passed_the_services_own_pool(project: Project, staging: Environment, own: Make) -> None:
    text = 'variable "user-pool_id" {}\n'
    made = root(project, staging, own(text, triggers=(CognitoTrigger(trigger="pre-sign-up"),)))
    assert calls(made)["hello_infra"]["user-pool_id"] == "${module.hello_user-pool.id}"
    given = CognitoTrigger(user_pool="eu-west-1_AbC", trigger="pre-sign-up")
    assert "user-pool_id" not in calls(root(project, staging, own(text, triggers=(given,)))).get("hello_infra", {})


def test_a_change_of_it_is_terraforms_and_walks_nothing(project: Project, staging: Environment, own: Make) -> None:
    before, after = (root(project, staging, own(text)) for text in ("locals {}\n", "locals { a = 1 }\n"))
    assert before.fingerprint != after.fingerprint
    assert before.walk_fingerprints == after.walk_fingerprints


def test_a_module_of_the_project_comes_along(project: Project, staging: Environment, own: Make) -> None:
    made = root(project, staging, own('module "more" {\n  source = "../../../modules/event-bus"\n  name = "x"\n}\n'))
    assert "modules/event-bus/main.tf" in made.files


def test_it_stays_as_it_was_applied_without_its_folder(project: Project, staging: Environment, own: Make) -> None:
    service = own('variable "role_name" {}\n')
    made = root(project, staging, service)
    recorded = json.loads(json.dumps([asdict(call) for call in made.calls["hello"]]))
    (service.directory / "infra" / "main.tf").unlink()
    scope = Scope(project, staging, {"hello": service})
    assert render(scope, "web", [], MODULES, {"hello": read_calls(recorded)}).fingerprint == made.fingerprint
    kept = Placement(service, united(parts.calls(scope, service, released=True), read_calls(recorded)))
    assert "hello_infra" in calls(render(scope, "web", [kept], MODULES)), "until no version can come back that needs it"
