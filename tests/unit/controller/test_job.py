"""What an execution is told and called."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from pipeline.controller.job import Job, Part, before, from_json, named, to_json, token
from pipeline.errors import UsageError
from pipeline.manifest.environments import Environment

ENV = Environment(
    "production",
    "444455556666",
    "eu-west-1",
    "shop",
    "http://127.0.0.1:1",
    credentials=("key", "hidden"),
    kms=True,
    events="releases",
    github="acme/shop",
    github_secret="shop/github",
    role="arn:aws:iam::444455556666:role/deploy",
)
PARTS = (Part("orders", "20260102T030405-abc123", 1), Part("todos", "20260102T030405-def456", 1))
JOB = Job(ENV, PARTS, "arn:aws:lambda:eu-west-1:444455556666:function:shop-production_controller:7")


def test_it_comes_back_as_it_was_without_what_the_function_has_itself() -> None:
    told = json.dumps(to_json(JOB))
    assert not [word for word in ("hidden", "credentials", "127.0.0.1", "endpoint", ":role/") if word in told]
    back = from_json(json.loads(told), endpoint="http://127.0.0.1:2")
    assert back == replace(JOB, env=replace(ENV, credentials=None, role=None, endpoint="http://127.0.0.1:2"))


def test_its_name_is_its_first_release_and_its_generation() -> None:
    assert JOB.name == named(PARTS[0]) == "20260102T030405-abc123-1"
    assert len(f"{JOB.name}9999999") <= 80  # Step Functions' limit


def test_going_on_is_the_next_generation_of_every_release() -> None:
    later = from_json({**to_json(JOB), "handovers": 2})
    assert [part.generation for part in later.parts] == [3, 3]
    assert later.name == "20260102T030405-abc123-3"
    assert before(later.parts[0]) == token(replace(PARTS[0], generation=2))
    assert before(PARTS[0]) is None


def test_what_a_newer_crabwalk_says_of_an_environment_is_left_out() -> None:
    told = to_json(JOB)
    told["environment"]["planets"] = ["mars"]
    assert from_json(told).env.name == "production"


@pytest.mark.parametrize(
    "broken",
    [
        {"format": 2},
        {"format": 1},
        {**to_json(JOB), "releases": []},
        {**to_json(JOB), "releases": [{"service": "orders"}]},
        {**to_json(JOB), "environment": {"name": "x"}},
        {**to_json(JOB), "handovers": "soon"},
    ],
)
def test_what_is_no_job_is_refused(broken: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="what the controller was told"):
        from_json(broken)
