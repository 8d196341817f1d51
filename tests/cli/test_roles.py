"""`crabwalk roles`: names that follow from the project, and are those the module makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import verb_kit

from pipeline.cli import run

ARN = "arn:aws:iam::111122223333:role/crabwalk/github-shop-staging"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    verb_kit.place(tmp_path, "shop")
    monkeypatch.chdir(tmp_path)


def test_all_roles(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["roles", "--env", "staging", "--output", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "environment": "staging",
        "account": "111122223333",
        "region": "eu-west-1",
        "roles": {name: f"{ARN}-{name}" for name in ("plan", "build", "deploy", "rollback", "read")},
    }
    assert run(["roles", "--env", "staging"]) == 0
    assert capsys.readouterr().out.startswith("staging: account 111122223333, eu-west-1\nrole      ARN\nplan      arn:")


def test_the_outputs_of_a_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["roles", "deploy", "--env", "staging", "--github"]) == 0
    assert capsys.readouterr().out == f"arn={ARN}-deploy\nregion=eu-west-1\naccount=111122223333\n"
    for wrong in (["roles", "--github"], ["roles", "deploy", "--github", "--output", "json"], ["roles", "admin"]):
        assert run([*wrong, "--env", "staging"]) == 2
