"""Deployment statuses at GitHub, against an API on loopback: which, where, found again, and what cannot be said."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from github_kit import NAME, FakeGitHub
from release_kit import COMMIT, FRESH, walking

from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment
from pipeline.release.around import deployments
from pipeline.release.around.deployment import deployment_of, status_of
from pipeline.release.around.deployments import Deployments
from pipeline.release.around.notifier import Notifier, tell_rollback
from pipeline.release.around.transitions import Transition, transitions
from pipeline.release.model import Rollout
from pipeline.release.rollback.record import Note

ENV = Environment("local", "000000000000", "us-east-1", "bucket", github=NAME)
TOKEN = "t0ken-that-is-shown-nowhere"
SAID = "of 812 requests to version 2, 9 failed"


@pytest.fixture
def github(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    for name in ("GITHUB_SERVER_URL", "GITHUB_REPOSITORY", "GITHUB_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    with FakeGitHub({TOKEN: {"deployments": "write"}}).serving() as serving:
        monkeypatch.setenv("GITHUB_API_URL", serving.url)
        monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
        yield serving


def sent(told: Transition, env: Environment = ENV, **how: Any) -> list[str]:
    """What went wrong with one."""
    return [text for _, text in Deployments(env, pause=lambda _: None, **how).send([told])]


def told(before: Rollout | None, after: Rollout) -> Transition:
    (*_, last) = transitions(before, after, 5.0)
    return last


START, STEP = told(None, FRESH), told(FRESH, walking(0, sentence=SAID))
PROMOTED = told(walking(1), walking(1, phase="promoted", sentence="it is good"))
BACK = told(walking(0), walking(0, phase="rolled-back", reason="worse", sentence=SAID))


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (START, "in_progress"),
        (STEP, "in_progress"),
        (told(walking(0), walking(0, waiting=1.0)), "queued"),
        (told(walking(0), walking(0, phase="held", reason="hold")), "queued"),
        (told(walking(0), walking(0, phase="held", reason="conflict")), "error"),
        (PROMOTED, "success"),
        (BACK, "failure"),
        (told(walking(0), walking(0, phase="rolled-back", reason="aborted")), "failure"),
        (told(None, replace(FRESH, phase="rolled-back", reason="smoke")), "failure"),
    ],
)
def test_the_state_of_each(one: Transition, state: str) -> None:
    assert status_of(one).state == state


def test_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert deployment_of(STEP).payload == {
        "crabwalk": 1,
        "service": "hello",
        "release": FRESH.release_id,
        "function": "shop-local-hello",
    }
    assert (deployment_of(STEP).task, deployment_of(STEP).environment) == ("deploy:hello", "local")
    assert status_of(STEP).description == f"10 % of the traffic to version 2: {SAID}"
    assert (status_of(STEP).log, status_of(STEP).before) == ("", "")
    assert status_of(PROMOTED).before == "version 2 has taken its place"
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", NAME)
    monkeypatch.setenv("GITHUB_RUN_ID", "42")
    assert status_of(STEP).log == f"https://github.com/{NAME}/actions/runs/42"


def test_a_walk_is_one_deployment_which_another_controller_finds_again(github: FakeGitHub) -> None:
    for one in (START, STEP, PROMOTED):
        assert sent(one) == []
    (made,) = github.deployments
    assert (made["ref"], made["auto_merge"], made["required_contexts"]) == (COMMIT, False, [])
    assert github.states("hello") == ["in_progress", "in_progress", "success"]
    assert {one["auto_inactive"] for one in made["statuses"]} == {False}


def test_what_it_replaces_is_ended_and_nothing_else(github: FakeGitHub) -> None:
    first, failed = "a" * 40, "b" * 40
    sent(replace(PROMOTED, rollout=replace(PROMOTED.rollout, commit=first)))
    sent(replace(PROMOTED, rollout=replace(PROMOTED.rollout, commit=first, service="other")))
    sent(replace(BACK, rollout=replace(BACK.rollout, commit=failed)))
    sent(PROMOTED)
    assert github.states("hello", first) == ["success", "inactive"]
    assert github.states("hello", failed) == ["failure"]
    assert github.states("hello", COMMIT) == ["success"]
    assert github.states("other", first) == ["success"]


def test_a_sentence_that_is_too_long_is_cut(github: FakeGitHub) -> None:
    long = replace(STEP, rollout=replace(STEP.rollout, sentence="no " * 200))
    assert sent(long) == []
    (status,) = github.deployments[0]["statuses"]
    assert len(status["description"]) == 140


def test_of_what_gathers_only_the_last_of_each_release_is_sent(github: FakeGitHub) -> None:
    assert list(Deployments(ENV).send([START, STEP, PROMOTED])) == []
    assert github.states("hello") == ["success"]


def test_a_call_whose_end_nobody_knows_makes_no_second_deployment(github: FakeGitHub) -> None:
    github.faults, github.late = ["none", None, "none"], True  # type: ignore[list-item]
    assert sent(START) == []
    assert len(github.deployments) == 1
    assert github.states("hello") == ["in_progress"]


def test_githubs_limits_are_waited_for(github: FakeGitHub) -> None:
    waits: list[float] = []
    github.faults = [(429, {"Retry-After": "7"}, {"message": "slow down"})]
    assert list(Deployments(ENV, waits.append).send([START])) == []
    assert (waits, github.states("hello")) == ([7.0], ["in_progress"])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((403, {}, {"message": "Resource not accessible"}), "GitHub does not let this token do that (403"),
        ((404, {}, {"message": "Not Found"}), "GitHub has no such thing, or does not show it to this token (404"),
        ((422, {}, {"message": f"No ref found for: {COMMIT}"}), "GitHub finds that invalid (422"),
    ],
)
def test_what_github_refuses_is_said_and_the_next_is_tried(fault, said, github: FakeGitHub) -> None:
    github.faults = [fault]
    (text,) = sent(START)
    assert text.startswith(f"the deployment status at GitHub (start) was not set: {said}")
    assert TOKEN not in text
    assert sent(STEP) == []


def test_a_token_of_nobody(monkeypatch: pytest.MonkeyPatch, github: FakeGitHub) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    (text,) = sent(START)
    assert text.endswith("GITHUB_TOKEN is not set, and the environment names no secret")
    assert github.calls == []


@pytest.mark.parametrize("text", [TOKEN, json.dumps({"token": TOKEN}), f"{TOKEN}\n"])
def test_the_token_of_a_secret(text: str, monkeypatch: pytest.MonkeyPatch, github: FakeGitHub) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.setattr("pipeline.aws.secrets.client", lambda *_, **__: Vault(text))
    assert sent(START, replace(ENV, github_secret="crabwalk/github")) == []
    assert github.states("hello") == ["in_progress"]


@pytest.mark.parametrize("text", ["", "{}", '{"other": "x"}', "{broken"])
def test_a_secret_without_a_token(text: str, monkeypatch: pytest.MonkeyPatch, github: FakeGitHub) -> None:
    monkeypatch.delenv("GITHUB_TOKEN")
    monkeypatch.setattr("pipeline.aws.secrets.client", lambda *_, **__: Vault(text))
    with pytest.raises(AwsError) as caught:
        deployments.token_of(replace(ENV, github_secret="crabwalk/github"))
    assert caught.value.what == "the secret crabwalk/github has no text"
    assert github.calls == []


class Vault:
    """Secrets Manager with one secret."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803
        assert SecretId == "crabwalk/github"
        return {"SecretString": self.text}


def test_a_controller_is_not_delayed_and_keeps_it_with_everything_else(github: FakeGitHub) -> None:
    said: list[str] = []
    telling = Notifier(ENV, said.append)
    telling.heed(None, FRESH, 0.0)
    telling.flush()
    telling.heed(FRESH, walking(0), 0.0)
    telling.flush()
    assert (said, github.states("hello")) == ([], ["in_progress", "in_progress"])


def test_a_rollback_by_hand_after_the_end_makes_it_inactive(github: FakeGitHub) -> None:
    note = Note("hello", "local", "f", "", True, "version 1 has all traffic", "arn:ann", None, "", 7.0)
    sent(PROMOTED)
    tell_rollback(ENV, PROMOTED.rollout, note, print).flush()
    assert github.states("hello") == ["success", "inactive"]
    sent(replace(BACK, rollout=replace(BACK.rollout, commit="b" * 40)))
    tell_rollback(ENV, replace(BACK.rollout, commit="b" * 40), note, print).flush()
    assert github.states("hello", "b" * 40) == ["failure"]
