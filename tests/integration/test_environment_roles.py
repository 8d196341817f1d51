"""Making the roles of GitHub's jobs: a stand-in for Terraform, the embedded AWS's S3 and IAM."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_terraform import FakeTerraform

from pipeline.aws import client
from pipeline.aws.objects import Objects
from pipeline.errors import TerraformError, UsageError
from pipeline.infra import provide_roles, stack_directory
from pipeline.infra.roles import RECORD_KEY, ROLES_STACK, GitHub, Roles
from pipeline.manifest.environments import Environment
from pipeline.manifest.project import Project

MODULES = Path(__file__).parents[2] / "modules"
ACME = GitHub("acme/shop", "production", "1", "2")
ARNS = {"deploy": "arn:aws:iam::000000000000:role/crabwalk/github-shop-local-deploy"}
Run = Callable[..., tuple[Roles | None, list[str]]]


@pytest.fixture
def terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTerraform:
    fake = FakeTerraform(tmp_path / "fake")
    monkeypatch.setenv("PATH", fake.environment["PATH"])
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(fake.folder / "calls"))
    (fake.folder / "calls").touch()
    fake.tell("init")
    fake.tell("plan", writes={"plan.tfplan": "plan"}, code=2)
    fake.tell("apply", {"type": "outputs", "outputs": {"role_arns": {"value": ARNS}}})
    return fake


@pytest.fixture
def run(env: Environment, tmp_path: Path) -> Run:
    def provide(asked: GitHub | None = None) -> tuple[Roles | None, list[str]]:
        said: list[str] = []
        return provide_roles(Project("shop", tmp_path), env, MODULES, asked, said.append), said

    return provide


def call(tmp_path: Path, env: Environment) -> Any:
    """The call of the module as it was rendered last."""
    root = json.loads((stack_directory(tmp_path, env, ROLES_STACK) / "main.tf.json").read_text())
    return root["module"]["roles"]


def test_nobody_asked_so_there_are_none(terraform: FakeTerraform, run: Run) -> None:
    assert run() == (None, [])
    assert terraform.commands == []


def test_what_was_asked_for_is_made_once_and_kept(
    terraform: FakeTerraform, run: Run, env: Environment, tmp_path: Path
) -> None:
    assert run(ACME) == (Roles(ACME, ARNS), ["the roles of acme/shop are ready"])
    assert terraform.commands == ["init", "plan", "apply"]
    rendered = call(tmp_path, env)
    assert (rendered["name"], rendered["bucket"]) == ("shop-local", env.bucket)
    assert (rendered["owner_id"], rendered["repository_id"], rendered["environment"]) == ("1", "2", "production")
    for asked in (ACME, None):
        assert run(asked) == (Roles(ACME, ARNS), ["the roles of acme/shop are ready, nothing to do"])
    assert terraform.commands == ["init", "plan", "apply"]


def test_an_upgrade_brings_the_recorded_roles_up_to_date(terraform: FakeTerraform, run: Run, env: Environment) -> None:
    run(ACME)
    stored = Objects(env).get(RECORD_KEY)
    assert stored is not None
    Objects(env).put(RECORD_KEY, json.dumps({**json.loads(stored.body), "fingerprint": "of an older one"}).encode())
    assert run()[1] == ["the roles of acme/shop are ready"]
    assert terraform.commands.count("apply") == 2


@pytest.mark.usefixtures("terraform")
def test_a_boundary_of_somebody_elses_is_used_where_it_is_named(env: Environment, tmp_path: Path) -> None:
    def limit(said: str | None) -> str | None:
        provide_roles(Project("shop", tmp_path), replace(env, permissions_boundary=said), MODULES, ACME, lambda _: None)
        return str(found) if (found := call(tmp_path, env)["services_boundary_arn"]) is not None else None

    assert limit("company/limit") == "arn:aws:iam::000000000000:policy/company/limit"
    assert limit("crabwalk/github-shop-local-services") is None
    assert limit(None) is None


def test_what_others_may_count_on_is_never_taken_away(terraform: FakeTerraform, run: Run, env: Environment) -> None:
    kind = "aws_iam_openid_connect_provider"
    resource = {"addr": f"module.roles.{kind}.this[0]", "resource_type": kind}
    change = {"type": "planned_change", "change": {"action": "delete", "resource": resource}}
    terraform.tell("plan", change, writes={"plan.tfplan": "plan"}, code=2)
    with pytest.raises(TerraformError, match="would be taken from other environments"):
        run(ACME)
    assert "apply" not in terraform.commands
    assert not Objects(env).exists(RECORD_KEY)


def test_a_record_that_cannot_be_read_is_told(run: Run, env: Environment) -> None:
    Objects(env).put(RECORD_KEY, b'{"github": {"repository": "acme/shop"}}')
    with pytest.raises(UsageError, match="the record of the roles cannot be read") as fault:
        run()
    assert fault.value.where == RECORD_KEY


@pytest.mark.usefixtures("terraform")
def test_the_accounts_one_provider_is_used_unless_it_is_our_own(run: Run, env: Environment, tmp_path: Path) -> None:
    iam = client(env, "iam")
    url = "https://token.actions.githubusercontent.com"
    arn, made = f"arn:aws:iam::{env.account}:oidc-provider/{url.removeprefix('https://')}", False
    with suppress(iam.exceptions.EntityAlreadyExistsException):  # an account has one, and other tests make it too
        iam.create_open_id_connect_provider(Url=url, ClientIDList=["sts.amazonaws.com"])
        made = True
    try:
        run(ACME)
        assert call(tmp_path, env)["oidc_provider_arn"] == arn
        ours = {"resources": [{"type": "aws_iam_openid_connect_provider", "instances": [{}]}]}
        Objects(env).put(f"terraform/{ROLES_STACK}.tfstate", json.dumps(ours).encode())
        run(ACME)
        assert call(tmp_path, env)["oidc_provider_arn"] is None
    finally:
        if made:
            iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
