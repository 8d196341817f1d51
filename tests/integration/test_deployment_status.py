"""A walk of a real alias keeps the deployment status of its commit, whoever goes on with it, whatever GitHub says."""

from __future__ import annotations

from dataclasses import replace

import edge_kit
import engine_kit as kit
import pytest
from engine_kit import World, finish, rollout_of
from github_kit import NAME, FakeGitHub

TOKEN = "t0ken"


@pytest.fixture
def github(monkeypatch):
    with FakeGitHub({TOKEN: {"deployments": "write"}}).serving() as serving:
        monkeypatch.setenv("GITHUB_API_URL", serving.url)
        monkeypatch.delenv("GITHUB_TOKEN", raising=False)
        yield serving


@pytest.fixture
def keeping(world, embedded, namespace) -> World:
    """The world, in an environment whose token is in a secret of the embedded AWS."""
    edge_kit.client(embedded, "secretsmanager").create_secret(Name=namespace, SecretString=TOKEN)
    return World(replace(world.env, github=NAME, github_secret=namespace), world.service, world.raw)


def test_a_good_walk_ends_with_success_also_where_another_controller_ends_it(keeping, github):
    keeping.feed.of = kit.traffic()
    keeping.walking(0)
    keeping.engine.notices.flush()
    keeping.engine = keeping.controller()
    with keeping.lease() as lease:
        record = keeping.engine.take_over(keeping.record(), rollout_of(keeping), lease)
        finish(keeping, keeping.walk(record, lease))
    keeping.engine.notices.flush()
    (made,) = github.deployments
    assert (made["ref"], made["environment"]) == (kit.values.COMMIT, "local")
    states = github.states(keeping.service)
    assert (states[0], states[-1]) == ("in_progress", "success")
    assert set(states[:-1]) == {"in_progress"}


def test_a_bad_version_ends_with_failure_and_the_judges_sentence(keeping, github):
    keeping.feed.of = kit.traffic(bad=0.5)
    with keeping.lease() as lease:
        finish(keeping, keeping.walk(keeping.begun(), lease))
    keeping.engine.notices.flush()
    last = github.deployments[0]["statuses"][0]
    assert last["state"] == "failure"
    assert "requests to version 2, 40 failed" in last["description"]


def test_a_github_that_refuses_neither_delays_nor_fails_the_walk(keeping, github):
    said: list[str] = []
    keeping.engine.say = said.append
    github.tokens = {}
    keeping.feed.of = kit.traffic()
    with keeping.lease() as lease:
        assert finish(keeping, keeping.walk(keeping.begun(), lease)).rollout.phase == "promoted"
    keeping.engine.notices.flush()
    (text,) = said
    assert "GitHub does not accept the token (401: Bad credentials)" in text
    assert TOKEN not in text
