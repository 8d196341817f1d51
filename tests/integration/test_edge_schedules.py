"""Schedules and events of the embedded AWS: the time zone's clock, and a failing function's further attempts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import edge_kit as kit
import pytest
from engine_kit import until

from pipeline import local

WAIT_S = 20.0
FAR = ZoneInfo("Pacific/Kiritimati")  # UTC+14, all year round
SAY = """
def handle(event, arn):
    say("event " + json.dumps(event))
    if event.get("fail") or event.get("detail", {}).get("fail"):
        raise ValueError("asked to fail")
def after(event): pass
"""


class Scene:
    """A function behind an alias, and what it was invoked with."""

    def __init__(self, running: local.Running, name: str) -> None:
        self.running, self.name = running, name
        functions = self.client("lambda")
        self.lost = self.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        dead = {"TargetArn": f"arn:aws:sqs:us-east-1:000000000000:{name}"}
        kit.create(functions, name, kit.package(SAY), DeadLetterConfig=dead)
        functions.publish_version(FunctionName=name)
        self.alias = functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")["AliasArn"]

    def client(self, service: str) -> Any:
        return kit.client(self.running, service)

    def schedule(self, suffix: str, expression: str, timezone: str = "UTC", **event: Any) -> None:
        self.client("scheduler").create_schedule(
            Name=f"{self.name}-{suffix}",
            ScheduleExpression=expression,
            ScheduleExpressionTimezone=timezone,
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": self.alias, "RoleArn": kit.ROLE, "Input": json.dumps(event)},
        )

    def events(self) -> list[dict[str, Any]]:
        group = f"/aws/lambda/{self.name}"
        logs = self.client("logs")
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return []
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        lines = [one["message"] for page in pages for one in page["events"]]
        return [json.loads(line.removeprefix("event ")) for line in lines if line.startswith("event ")]

    def dead(self) -> list[dict[str, Any]]:
        answer = self.client("sqs").receive_message(QueueUrl=self.lost, WaitTimeSeconds=1)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture
def scene(embedded: local.Running, namespace: str) -> Iterator[Scene]:
    made = Scene(embedded, namespace)
    yield made
    for one in made.client("scheduler").list_schedules(NamePrefix=namespace)["Schedules"]:
        made.client("scheduler").delete_schedule(Name=one["Name"])


def test_a_time_is_meant_by_the_clock_of_its_zone(scene):
    now = datetime.now(UTC)
    there, passed = now.astimezone(FAR), now - timedelta(hours=1)
    scene.schedule("later", f"at({there:%Y-%m-%dT%H:%M:%S})", n=1)  # by UTC it is in 14 hours
    scene.schedule("now", f"at({there:%Y-%m-%dT%H:%M:%S})", "Pacific/Kiritimati", n=2)
    scene.schedule("passed", f"at({passed:%Y-%m-%dT%H:%M:%S})", n=3)
    until(lambda: len(scene.events()) >= 2, WAIT_S)
    assert sorted(event["n"] for event in scene.events()) == [2, 3]


def test_the_input_says_for_when_the_run_is_and_not_when_it_came(scene):
    about = {
        "time": "<aws.scheduler.scheduled-time>",
        "of": "<aws.scheduler.schedule-arn>",
        "other": "<aws.scheduler.x>",
    }
    scene.schedule("now", "at(2026-01-01T04:00:00)", "Europe/Berlin", **about)
    until(scene.events, WAIT_S)
    arn = scene.client("scheduler").get_schedule(Name=f"{scene.name}-now")["Arn"]
    assert scene.events() == [{"time": "2026-01-01T03:00:00Z", "of": arn, "other": "<aws.scheduler.x>"}]


def test_a_function_that_fails_on_a_schedule_is_tried_three_times_and_then_given_up(scene):
    scene.schedule("now", "at(2026-01-01T00:00:00)", fail=True)
    lost: list[dict[str, Any]] = []
    until(lambda: lost.extend(scene.dead()) or lost, WAIT_S)
    assert lost[0]["requestPayload"] == {"fail": True}
    assert scene.events() == [{"fail": True}] * 3


def test_a_function_that_fails_on_an_event_is_tried_three_times_and_then_given_up(scene):
    events = scene.client("events")
    events.put_rule(Name=scene.name, EventPattern=json.dumps({"source": [scene.name]}))
    events.put_targets(Rule=scene.name, Targets=[{"Id": "1", "Arn": scene.alias}])
    events.put_events(Entries=[{"Source": scene.name, "DetailType": "d", "Detail": json.dumps({"fail": True})}])
    lost: list[dict[str, Any]] = []
    until(lambda: lost.extend(scene.dead()) or lost, WAIT_S)
    assert lost[0]["requestPayload"]["detail"] == {"fail": True}
    assert len(scene.events()) == 3
