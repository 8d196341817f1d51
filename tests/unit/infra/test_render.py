from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UsageError
from pipeline.infra import Placement, Root, Scope, names, parts, render
from pipeline.infra.calls import FUNCTION, Call, literal
from pipeline.infra.parts.function import walk_fingerprint
from pipeline.infra.render import render_environment
from pipeline.manifest.environments import Environment
from pipeline.manifest.models import Concurrency, Release, SafetyNet, Service, Vpc
from pipeline.manifest.models_triggers import ScheduleTrigger
from pipeline.manifest.project import Project

MODULES = Path(__file__).parents[3] / "modules"
Make = Callable[..., Service]
VPC = Vpc(subnets=("subnet-01234567",), security_groups=("sg-01234567",))


def main(root: Root) -> dict[str, Any]:
    return json.loads(root.files["main.tf.json"])


def one(project: Project, env: Environment, service: Service, *, released: bool = True, key: str | None = None) -> Root:
    scope = Scope(project, env)
    return render(scope, "web", [Placement(service, parts.calls(scope, service, released=released), key)], MODULES)


def test_a_root_holds_all_it_needs(project: Project, staging: Environment, service: Make) -> None:
    root = one(project, staging, service())
    sources = {call["source"].removeprefix("./") for call in main(root)["module"].values()}
    assert sources == {"modules/rust-lambda", "modules/http-api"}
    for source in sources:
        assert {f"{source}/{name}.tf" for name in ("main", "variables", "outputs", "versions")} <= set(root.files)
    assert root.files[".terraform.lock.hcl"] == (MODULES / ".terraform.lock.hcl").read_bytes()
    assert not [name for name in root.files if "tests/" in name or name.endswith(".md")]


def test_the_state_lies_in_the_environments_bucket_under_a_lock(
    project: Project, staging: Environment, service: Make
) -> None:
    assert main(one(project, staging, service()))["terraform"]["backend"] == {
        "s3": {
            "bucket": "crabwalk-shop-staging-123456789012",
            "key": "terraform/web.tfstate",
            "region": "eu-west-1",
            "use_lockfile": True,
            "encrypt": True,
            "allowed_account_ids": ["123456789012"],
        }
    }


def test_no_credential_and_no_endpoint_is_written(
    project: Project, embedded_environment: Environment, service: Make
) -> None:
    env = replace(embedded_environment, credentials=("AKIAEXAMPLE", "very-secret-key"))
    written = b"".join(one(project, env, service()).files.values())
    assert b"127.0.0.1" not in written
    assert b"AKIAEXAMPLE" not in written
    assert b"very-secret-key" not in written


def test_only_the_declared_account_may_be_touched(project: Project, staging: Environment, service: Make) -> None:
    assert main(one(project, staging, service()))["provider"]["aws"]["allowed_account_ids"] == ["123456789012"]


def test_path_style_only_where_the_environment_has_an_endpoint(
    project: Project, staging: Environment, embedded_environment: Environment, service: Make
) -> None:
    there, here = main(one(project, staging, service())), main(one(project, embedded_environment, service()))
    assert "s3_use_path_style" not in there["provider"]["aws"]
    assert "use_path_style" not in there["terraform"]["backend"]["s3"]
    assert here["provider"]["aws"]["s3_use_path_style"] is True
    assert here["terraform"]["backend"]["s3"]["use_path_style"] is True


def test_triggers_come_with_the_first_released_version(project: Project, staging: Environment, service: Make) -> None:
    before, after = (main(one(project, staging, service(), released=released)) for released in (False, True))
    assert set(before["module"]) == {"hello"}
    assert "api_id" not in before["output"]["hello"]["value"]
    assert set(after["module"]) == {"hello", "hello_http"}
    assert after["output"]["hello"]["value"]["api_id"] == "${module.hello_http.api_id}"
    assert after["module"]["hello_http"]["alias_invoke_arn"] == "${module.hello.alias_invoke_arn}"


def test_a_service_without_triggers_has_no_api(project: Project, staging: Environment, service: Make) -> None:
    assert set(main(one(project, staging, service(triggers=())))["module"]) == {"hello"}


def test_a_safety_net_comes_with_the_first_released_version(
    project: Project, staging: Environment, service: Make
) -> None:
    net = SafetyNet(over=0.07, at_least=50, alarms=("5xx ${of} all",))
    wanted = service(release=Release(safety_net=net))
    before, after = (one(project, staging, wanted, released=released) for released in (False, True))
    assert "hello_net" not in main(before)["module"]
    call = main(after)["module"]["hello_net"]
    assert call == {
        "source": "./modules/rollback-net",
        "function_name": "${module.hello.function_name}",
        "function_arn": "${module.hello.function_arn}",
        "alias_name": "${module.hello.alias_name}",
        "error_percent": 7.0,
        "min_requests": 50,
        "period_s": 60,
        "alarms": ["5xx $${of} all"],
        "tags": {"crabwalk:service": "hello"},
    }
    assert {"modules/rollback-net/main.tf", "modules/rollback-net/machine.tf"} <= set(after.files)
    without = one(project, staging, service())
    assert not [name for name in without.files if "rollback-net" in name], "roots without one do not change with it"
    assert after.fingerprint != without.fingerprint
    assert after.walk_fingerprints == without.walk_fingerprints, "it takes effect at once"


def test_every_role_has_the_boundary_that_the_environment_names(
    project: Project, staging: Environment, service: Make
) -> None:
    wanted = service(release=Release(safety_net=SafetyNet()), triggers=(ScheduleTrigger(rate_s=300),), dashboard=True)
    kept = Call("hello_pipe_jobs", "pipe", {"name": "old"})
    gone = {"gone": (Call("gone", FUNCTION, {"function_name": "gone"}),)}

    def calls(env: Environment) -> dict[str, Any]:
        scope = Scope(project, env)
        every = (*parts.calls(scope, wanted, released=True), kept)
        root = render(scope, "web", [Placement(wanted, every)], MODULES, gone)
        return dict(main(root)["module"])

    assert not [call for call in calls(staging).values() if "permissions_boundary" in call]
    arn = "arn:aws:iam::123456789012:policy/crabwalk/github-shop-staging-services"
    own = names.own_boundary(project, staging)
    for said in (own, arn):
        found = calls(replace(staging, permissions_boundary=said))
        bounded = {name for name, call in found.items() if call.get("permissions_boundary") == arn}
        assert bounded == {"hello", "hello_schedule", "hello_net", "hello_pipe_jobs"}
        assert "permissions_boundary" not in found["gone"], "what nobody declares any more stays as it was applied"
    china = replace(staging, region="cn-north-1", permissions_boundary="limit")
    assert names.boundary(china) == "arn:aws-cn:iam::123456789012:policy/limit"


def test_values_of_a_manifest_never_become_code(project: Project, staging: Environment, service: Make) -> None:
    variables = {"PATTERN": "${HOME} %{if x} $${y}", "PLAIN": "50 %"}
    call = main(one(project, staging, service(environment=variables, description="costs ${price}")))["module"]["hello"]
    assert call["environment"] == {"PATTERN": "$${HOME} %%{if x} $$${y}", "PLAIN": "50 %"}
    assert call["description"] == "costs $${price}"


@given(st.text(alphabet="${}%a", max_size=12))
def test_terraform_reads_an_escaped_text_as_the_text(text: str) -> None:
    assert read_as_template(literal(text)) == text


def read_as_template(template: str) -> str:
    """The text Terraform makes of a template without expressions."""
    text, at = "", 0
    while at < len(template):
        rest = template[at:]
        assert not rest.startswith(("${", "%{")), "an expression"
        escaped = rest.startswith(("$${", "%%{"))
        text += rest[1:3] if escaped else rest[0]
        at += 3 if escaped else 1
    return text


def test_artifact_keys_are_no_part_of_the_fingerprint(project: Project, staging: Environment, service: Make) -> None:
    first, second = (one(project, staging, service(), key=key) for key in ("artifacts/a.zip", "artifacts/b.zip"))
    assert json.loads(first.files["artifacts.auto.tfvars.json"]) == {"artifacts": {"hello": "artifacts/a.zip"}}
    assert first.fingerprint == second.fingerprint == one(project, staging, service()).fingerprint


@pytest.mark.parametrize(
    "fields",
    [{"memory_mb": 256}, {"environment": {"RUST_LOG": "debug"}}, {"log_retention_days": 30}, {"description": "new"}],
)
def test_what_terraform_acts_on_changes_the_fingerprint(
    project: Project, staging: Environment, service: Make, fields: dict[str, Any]
) -> None:
    assert one(project, staging, service()).fingerprint != one(project, staging, service(**fields)).fingerprint


def test_module_sources_and_the_provider_lock_belong_to_the_fingerprint(
    project: Project, staging: Environment, service: Make, tmp_path: Path
) -> None:
    copy = tmp_path / "modules"
    for path in [MODULES / ".terraform.lock.hcl", *MODULES.glob("*/*.tf")]:
        target = copy / path.relative_to(MODULES)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    scope, hello = Scope(project, staging), service()
    placements = [Placement(hello, parts.calls(scope, hello, released=True))]
    seen = {render(scope, "web", placements, copy).fingerprint}
    for changed in (copy / "rust-lambda" / "main.tf", copy / ".terraform.lock.hcl"):
        changed.write_bytes(changed.read_bytes() + b"\n# changed\n")
        seen.add(render(scope, "web", placements, copy).fingerprint)
    assert len(seen) == 3


def test_the_order_of_services_does_not_matter(project: Project, staging: Environment, service: Make) -> None:
    scope = Scope(project, staging)
    placements = [Placement(one, parts.calls(scope, one, released=True)) for one in map(service, ("a", "b", "c"))]
    forward, backward = (render(scope, "web", order, MODULES) for order in (placements, placements[::-1]))
    assert forward == backward


@pytest.mark.parametrize(
    ("fields", "walks"),
    [
        ({"memory_mb": 256}, True),
        ({"timeout_s": 9}, True),
        ({"environment": {"RUST_LOG": "debug"}}, True),
        ({"tracing": True}, True),
        ({"architecture": "x86_64"}, True),
        ({"ephemeral_storage_mb": 1024}, True),
        ({"layers": ("arn:aws:lambda:eu-west-1:123456789012:layer:x:3",)}, True),
        ({"kms_key": "arn:aws:kms:eu-west-1:123456789012:key/12345678-1234-1234-1234-123456789012"}, True),
        ({"vpc": VPC}, True),
        ({"concurrency": Concurrency(reserved=3)}, False),
        ({"tags": {"team": "web"}}, False),
        ({"log_retention_days": 30}, False),
        ({"description": "new"}, False),
        ({"triggers": ()}, False),
    ],
)
def test_the_walk_fingerprint_covers_what_a_version_keeps(service: Make, fields: dict[str, Any], walks: bool) -> None:
    assert (walk_fingerprint(service()) != walk_fingerprint(service(**fields))) is walks


def test_what_the_function_uses_reaches_its_module(project: Project, staging: Environment, service: Make) -> None:
    call = main(
        one(
            project,
            staging,
            service(
                vpc=VPC,
                concurrency=Concurrency(reserved=0),
                tags={"team": "web", "crabwalk-like": "1"},
                layers=("arn:aws:lambda:eu-west-1:123456789012:layer:x:3",),
            ),
        )
    )["module"]["hello"]
    assert call["vpc"] == {"subnet_ids": ["subnet-01234567"], "security_group_ids": ["sg-01234567"]}
    assert call["reserved_concurrency"] == 0, "none at all is not the same as no limit"
    assert call["tags"] == {"team": "web", "crabwalk-like": "1", "crabwalk:service": "hello"}
    assert call["layers"] == ["arn:aws:lambda:eu-west-1:123456789012:layer:x:3"]
    plain = main(one(project, staging, service()))["module"]["hello"]
    assert (plain["reserved_concurrency"], plain["vpc"], plain["ephemeral_storage_mb"]) == (-1, None, 512)


def test_the_walk_fingerprint_does_not_depend_on_the_order_of_variables(service: Make) -> None:
    forward = service(environment={"AAA": "1", "BBB": "2"})
    backward = service(environment={"BBB": "2", "AAA": "1"})
    assert walk_fingerprint(forward) == walk_fingerprint(backward)


def test_the_name_of_the_environments_own_state_is_refused(project: Project, staging: Environment) -> None:
    with pytest.raises(UsageError, match="cannot be the name of a stack"):
        render(Scope(project, staging), "environment", [], MODULES)


def test_the_environments_root_keeps_its_state_locally_until_there_is_a_bucket(
    project: Project, staging: Environment
) -> None:
    local = main(render_environment(project, staging, MODULES, remote=False, adopt=True))
    remote = main(render_environment(project, staging, MODULES, remote=True, adopt=False))
    assert "backend" not in local["terraform"]
    assert local["import"] == [{"to": "module.environment.aws_s3_bucket.this", "id": staging.bucket}]
    assert remote["terraform"]["backend"]["s3"]["key"] == "terraform/environment.tfstate"
    assert "import" not in remote
