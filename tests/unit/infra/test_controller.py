"""The root of an environment's controller: what its function may reach follows from what the environment declares."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.controller.bundle import Bundle
from pipeline.infra import names
from pipeline.infra.controller import address, render_controller
from pipeline.infra.root import MAIN
from pipeline.manifest.environments import Environment
from pipeline.manifest.project import Project

ENV = Environment("production", "111122223333", "eu-west-1", "shop-bucket", controller="step-functions")
MODULES = Path(__file__).parents[3] / "modules"
SECRET = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/github"
REACH = ("topic_arns", "event_bus_arns", "secret_arns")


def call_of(env: Environment, topics: tuple[str, ...] = ()) -> dict[str, Any]:
    project = Project("shop", Path("/shop"))
    root = render_controller(project, env, Bundle(("pipeline",), b"package"), MODULES, topics)
    return dict(json.loads(root.files[MAIN])["module"]["controller"])


def test_what_nobody_declares_its_function_does_not_reach() -> None:
    assert [call_of(ENV).get(name) for name in REACH] == [[], [], []]
    keeps = replace(ENV, github="acme/shop")  # with the token of a process alone
    assert call_of(keeps)["secret_arns"] == []


def test_it_reaches_the_bus_and_the_secret_that_are_declared() -> None:
    topic = "arn:aws:sns:eu-west-1:111122223333:releases"
    call = call_of(replace(ENV, events="releases", github="acme/shop", github_secret="shop/github"), (topic, topic))
    assert [call[name] for name in REACH] == [
        [topic],
        ["arn:aws:events:eu-west-1:111122223333:event-bus/releases"],
        [f"{SECRET}-??????"],
    ]
    assert call["functions"] == ["arn:aws:lambda:eu-west-1:111122223333:function:shop-production-*"]


@pytest.mark.parametrize(
    ("named", "pattern"),
    [
        ("shop/github", f"{SECRET}-??????"),
        ("shop-abcdef", f"{SECRET.replace('shop/github', 'shop-abcdef')}-??????"),  # a name is never the whole of it
        (SECRET, f"{SECRET}-??????"),
        (f"{SECRET}-a1B2c3", f"{SECRET}-a1B2c3"),
    ],
)
def test_a_secret_is_reached_by_its_name_or_its_arn(named: str, pattern: str) -> None:
    assert names.secret_pattern(ENV, named) == pattern


def test_githubs_address_is_a_variable_of_the_function_and_stays_until_another_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keeps = replace(ENV, github="acme/shop", github_secret="shop/github")
    own, before = "https://github.acme.example/api/v3", {"github_api": "https://old.acme.example/api/v3"}
    monkeypatch.delenv("GITHUB_API_URL", raising=False)
    assert [address(keeps, {}), address(keeps, before)] == ["", before["github_api"]]
    monkeypatch.setenv("GITHUB_API_URL", own)
    assert [address(keeps, before), address(replace(keeps, github_secret=None), before)] == [own, ""]
    monkeypatch.setenv("GITHUB_API_URL", "https://api.github.com")
    assert address(keeps, before) == ""
    root = render_controller(Project("shop", Path("/shop")), keeps, Bundle(("p",), b""), MODULES, github_api=own)
    assert json.loads(root.files[MAIN])["module"]["controller"]["environment"] == {"GITHUB_API_URL": own}
    assert "environment" not in call_of(keeps)
