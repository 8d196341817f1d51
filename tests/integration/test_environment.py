"""Making an environment ready where its bucket already exists: a stand-in for Terraform, the embedded AWS's S3."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_terraform import FakeTerraform

from pipeline.aws.objects import Objects
from pipeline.errors import ConflictError, TerraformError
from pipeline.infra import bootstrap, stack_directory
from pipeline.infra.environment import FINGERPRINT_KEY, _move_state
from pipeline.manifest.environments import Environment
from pipeline.manifest.project import Project

MODULES = Path(__file__).parents[2] / "modules"
STATE_KEY = "terraform/environment.tfstate"


@pytest.fixture
def terraform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeTerraform:
    fake = FakeTerraform(tmp_path / "fake")
    monkeypatch.setenv("PATH", fake.environment["PATH"])
    monkeypatch.delenv("TERRAFORM", raising=False)
    monkeypatch.setenv("TF_CLI_CONFIG_FILE", str(fake.folder / "calls"))
    (fake.folder / "calls").touch()
    fake.tell("init")
    fake.tell("plan", writes={"plan.tfplan": "plan"}, code=2)
    fake.tell("apply", {"type": "outputs", "outputs": {}}, writes={"terraform.tfstate": '{"version": 4}'})
    fake.tell("output", "{}")
    return fake


@pytest.fixture
def made_ready(env: Environment, tmp_path: Path) -> Callable[[], list[str]]:
    def run() -> list[str]:
        said: list[str] = []
        bootstrap(Project("shop", tmp_path), env, MODULES, said.append)
        return said

    return run


def test_a_bucket_made_by_hand_is_adopted(
    terraform: FakeTerraform, env: Environment, made_ready: Callable[[], list[str]], tmp_path: Path
) -> None:
    said = made_ready()
    assert said[0] == f"bucket {env.bucket} exists without a state: it is adopted"
    assert terraform.commands == ["init", "plan", "apply"]
    directory = stack_directory(tmp_path, env, "environment")
    root = json.loads((directory / "main.tf.json").read_text())
    assert root["import"] == [{"to": "module.environment.aws_s3_bucket.this", "id": env.bucket}]
    state = Objects(env).get(STATE_KEY)
    assert state is not None
    assert state.body == b'{"version": 4}'
    assert not (directory / "terraform.tfstate").exists()


def test_once_ready_terraform_is_not_started(terraform: FakeTerraform, made_ready: Callable[[], list[str]]) -> None:
    made_ready()
    before = terraform.commands
    assert "nothing to do" in made_ready()[0]
    assert terraform.commands == before


def test_another_fingerprint_is_planned_against_the_state_in_the_bucket(
    terraform: FakeTerraform, env: Environment, made_ready: Callable[[], list[str]], tmp_path: Path
) -> None:
    made_ready()
    Objects(env).put(FINGERPRINT_KEY, b"of an older crabwalk")
    terraform.tell("plan", writes={"plan.tfplan": "plan"}, code=0)
    made_ready()
    root = json.loads((stack_directory(tmp_path, env, "environment") / "main.tf.json").read_text())
    assert root["terraform"]["backend"]["s3"]["key"] == STATE_KEY
    assert "nothing to do" in made_ready()[0]


def test_the_bucket_is_never_destroyed(
    terraform: FakeTerraform, env: Environment, made_ready: Callable[[], list[str]]
) -> None:
    resource = {"addr": "module.environment.aws_s3_bucket.this", "resource_type": "aws_s3_bucket"}
    change = {"type": "planned_change", "change": {"action": "delete", "resource": resource}}
    terraform.tell("plan", change, writes={"plan.tfplan": "plan"}, code=2)
    with pytest.raises(TerraformError, match=r"would be destroyed or replaced: module\.environment\.aws_s3_bucket"):
        made_ready()
    assert "apply" not in terraform.commands
    assert not Objects(env).exists(FINGERPRINT_KEY)


def test_the_slower_of_two_does_not_overwrite_the_state_of_the_faster(env: Environment, tmp_path: Path) -> None:
    Objects(env).put(STATE_KEY, b"of the faster")
    (tmp_path / "terraform.tfstate").write_bytes(b"of the slower")
    with pytest.raises(ConflictError, match="somebody else at the same time"):
        _move_state(env, tmp_path)
    state = Objects(env).get(STATE_KEY)
    assert state is not None
    assert state.body == b"of the faster"
    assert (tmp_path / "terraform.tfstate").exists()
