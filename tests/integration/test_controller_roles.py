"""The function's role against what it really asks of AWS: it may do that, and nothing that none of its walks needs.

Terraform makes the roles, the function's calls pass a door, and IAM's rules are applied to what was seen. What the
machine asks is in its executions' history: test_controller_machine.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import bus_kit
import edge_kit
import pytest
from calls_kit import Asked, Door
from controller_kit import ARN, PATIENT, SECRET, TOLD, TOPIC, Ground, packed, published
from engine_kit import until
from github_kit import NAME, FakeGitHub
from rights_kit import Rights

from pipeline import local
from pipeline.aws import client
from pipeline.controller.start import Installed, give
from pipeline.release.terms import Checks, Notify, Pace, Probe, Terms

TOKEN = "ghs_0nly1nTheSecret"
EVENT = "crabwalk/events/probe.json"
WITHOUT = {
    "Logs: logs:CreateLogStream",  # Lambda itself writes the log, as the function's role
    "Logs: logs:PutLogEvents",
}


@dataclass
class Seen:
    """Walks by the function whose calls were seen, and what they told."""

    ground: Ground
    github: FakeGitHub
    calls: set[Asked]
    executions: list[str]
    told: list[Any]

    @property
    def lines(self) -> list[str]:
        """The function's log."""
        pages = client(self.ground.env, "logs").get_paginator("filter_log_events")
        return [
            one["message"]
            for page in pages.paginate(logGroupName="/aws/lambda/ground-patient")
            for one in page["events"]
        ]


@pytest.fixture(scope="module")
def seen(ground: Ground, embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """One that is steered and promoted, one that an alarm undoes, a group of two that a person aborts."""
    edge_kit.client(embedded, "secretsmanager").create_secret(Name=SECRET, SecretString=TOKEN)
    assert edge_kit.client(embedded, "sns").create_topic(Name=TOLD)["TopicArn"] == TOPIC
    ground.engine.objects.put(EVENT, b"{}")
    env = replace(ground.env, events=TOLD, github=NAME, github_secret=SECRET)
    told = Ground(env, ground.raw, ground.machines)
    door, github = (
        Door(embedded, tmp_path_factory.mktemp("door") / "aws"),
        FakeGitHub({TOKEN: {"deployments": "write"}}),
    )
    with github.serving(), door.open(), bus_kit.hearing(embedded, TOLD) as bus, pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITHUB_API_URL", github.url)
        variables = {"AWS_ENDPOINT_URL": door.endpoint, "GITHUB_API_URL": github.url}
        machine = with_variables(ground, variables)
        door.instead["events:PutEvents"] = [refused]  # as the bus answers the first of the function's
        try:
            with door.recorded() as calls:
                executions = walked(told, machine)
        finally:
            with_variables(ground, {})
        yield Seen(told, github, calls, executions, bus.drain())


def refused(body: bytes) -> Any:
    """What PutEvents answers where it takes nothing."""
    no = {"ErrorCode": "AccessDeniedException", "ErrorMessage": "not now"}
    entries = json.loads(body)["Entries"]
    return {"FailedEntryCount": len(entries), "Entries": [no] * len(entries)}


def with_variables(ground: Ground, variables: Mapping[str, str]) -> Installed:
    """A version of the function that has these; walks under way keep theirs."""
    code = packed({"seen.py": f"# {sorted(variables)}"})
    return published(ground, ground.machines[PATIENT], code, Environment={"Variables": variables})


def walked(ground: Ground, machine: Installed) -> list[str]:
    """Walks to their ends; their executions."""
    alarm = "t-roles-alarm"
    alarms = client(ground.env, "cloudwatch")
    alarms.put_metric_alarm(
        AlarmName=alarm, Namespace="t-roles", MetricName="none", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
    )  # fmt: skip
    alarms.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="nothing rings")
    by_the_second = Terms(
        evidence=Pace(1, 1), probe=Probe((EVENT,), 600), notify=(Notify("sns", TOPIC),), checks=Checks(alarms=(alarm,))
    )
    good, bad, one, two = (f"t-roles-{name}" for name in ("good", "bad", "one", "two"))
    walks = [
        ground.walk(good, terms=by_the_second),
        ground.walk(bad, terms=Terms(checks=Checks(alarms=(alarm,)))),
        *(ground.walk(name, terms=Terms(together="t-roles")) for name in (one, two)),
    ]
    given = {found.service: found.url for found in give(ground.engine, machine, walks)}
    ground.looked(given[good], 1)
    for word in ("pause", "resume", "promote"):
        before = ground.rollout(good)
        ground.asks(word, good)  # type: ignore[arg-type]
        until(lambda: len(ground.rollout(good).obeyed) > len(before.obeyed))  # noqa: B023 - asked at once
    ground.asks("full", good)
    ground.asks("abort", one)
    ground.ends(good)
    alarms.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="it rings")
    for name in (bad, one, two):
        ground.ends(name, "rolled-back")
    found = sorted({*given.values()})
    assert [ground.over(execution)["status"] for execution in found] == ["SUCCEEDED"] * 3
    return found


@pytest.fixture(scope="module")
def rights(ground: Ground) -> Rights:
    """What the function's role may do."""
    return Rights.inline(client(ground.env, "iam"), "ground-patient")


def test_everything_the_function_asks_it_may(seen: Seen, rights: Rights) -> None:
    assert rights.denied(seen.calls) == []


def test_nothing_is_granted_that_no_walk_needs(seen: Seen, rights: Rights) -> None:
    assert rights.unused(seen.calls) == WITHOUT


ELSEWHERE = {
    "s3:PutObject": ("crabwalk/controller.json", EVENT, "terraform/hello.tfstate", "artifacts/abc.zip"),
    "s3:GetObject": ("crabwalk/controller.json", "terraform/hello.tfstate", "plans/abc.json"),
    "s3:DeleteObject": ("crabwalk/services/t-roles-good/state.json",),
    "lambda:UpdateAlias": ("ground-patient",),
    "lambda:InvokeFunction": ("t-roles-good", "t-roles-good:2", "ground-patient:live"),
    "lambda:UpdateFunctionCode": ("t-roles-good",),
    "events:PutEvents": ("event-bus/default",),
    "secretsmanager:GetSecretValue": ("secret:ground-token-other-abcdef", "secret:other-abcdef"),
    "sns:Publish": ("other",),
    "states:StartExecution": ("stateMachine:ground-patient",),
}


def test_it_reaches_nothing_else(rights: Rights) -> None:
    def arn(action: str, name: str) -> str:
        service = action.partition(":")[0]
        return (
            f"arn:aws:s3:::controller-ground/{name}" if service == "s3" else ARN.format(service, _whole(service, name))
        )

    asked = {Asked(action, arn(action, name)) for action, names in ELSEWHERE.items() for name in names}
    assert rights.allowed(asked) == set()


def _whole(service: str, name: str) -> str:
    return f"function:{name}" if service == "lambda" else name


def test_the_commits_status_follows_its_release_by_the_token_of_the_secret(seen: Seen) -> None:
    states = {name: seen.github.states(f"t-roles-{name}") for name in ("good", "bad", "one", "two")}
    assert states.pop("good") == ["in_progress", "in_progress", "queued", "in_progress", "in_progress", "success"]
    assert list(states.values()) == [["in_progress", "in_progress", "failure"]] * 3
    assert len(seen.github.deployments) == 4, "each release has one, whoever goes on with it"


def test_the_token_is_in_no_log_no_input_and_no_event(seen: Seen) -> None:
    lines = seen.lines
    assert [one for one in lines if "t-roles-good: promoted" in one], lines
    history = client(seen.ground.env, "stepfunctions").get_paginator("get_execution_history")
    kept = [page["events"] for arn in seen.executions for page in history.paginate(executionArn=arn)]
    inputs = [seen.ground.execution(arn)["input"] for arn in seen.executions]
    assert all(SECRET in one for one in inputs)
    assert TOKEN not in json.dumps([seen.lines, kept, inputs, seen.told], default=str)


def test_what_happens_is_on_the_bus_also_what_it_did_not_take_at_first(seen: Seen) -> None:
    told = {
        name: [one["detail"] for one in seen.told if one["detail"]["service"] == f"t-roles-{name}"]
        for name in ("good", "bad", "one", "two")
    }
    events = {name: sorted({one["event"] for one in each} - {"verdict"}) for name, each in told.items()}
    assert events.pop("good") == ["pause", "promote", "resume", "start", "step"]
    assert list(events.values()) == [
        ["rollback", "start", "step"],
        ["abort", "start", "step"],
        ["rollback", "start", "step"],
    ]
    ids = [one["detail"]["id"] for one in seen.told]
    assert len({*ids}) == len(ids)
    assert "not every event is on its bus" in "".join(seen.lines)
