"""What the modules of events promise, on the root that holds all usages: each of their events reaches the alias."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import edge_kit
import modules_kit as kit
import pytest
from engine_kit import until
from modules_kit import Applied

WAIT_S = 20.0


def client(applied: Applied, service: str) -> Any:
    return edge_kit.client(applied.running, service)


def called(applied: Applied, function: str, fits: Callable[[Any], bool]) -> list[Any]:
    """The events of this kind that the function got; it was called by its alias each time."""
    calls = kit.seen(applied.running, function)
    assert {call["arn"].rpartition(":")[2] for call in calls} <= {"live"}
    return [call["event"] for call in calls if fits(call["event"])]


@pytest.fixture(scope="module", autouse=True)
def due(applied: Applied) -> Iterator[None]:
    """A schedule that is due, with the module's target; made first, because it takes seconds until it is seen."""
    schedules = client(applied, "scheduler")
    target = schedules.get_schedule(Name="schedule-nightly")["Target"]
    target["Input"] = json.dumps({**json.loads(target["Input"]), "now": True})
    schedules.create_schedule(
        Name="schedule-due",
        ScheduleExpression="at(2026-01-01T00:00:00)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target,
    )
    yield
    schedules.delete_schedule(Name="schedule-due")


def test_an_event_that_fits_reaches_the_alias_and_the_archive(applied: Applied) -> None:
    events = client(applied, "events")
    for kind, number in (("lost", 1), ("paid", 2)):
        entry = {"Source": "shop", "DetailType": kind, "Detail": json.dumps({"n": number})}
        events.put_events(Entries=[{**entry, "EventBusName": "event-rule-bus"}])
    until(lambda: called(applied, "event-rule-function", lambda event: event["detail-type"] == "paid"), WAIT_S)
    assert [event["detail"] for event in called(applied, "event-rule-function", bool)] == [{"n": 2}]
    archive = events.describe_archive(ArchiveName="event-rule-paid")
    assert (archive["EventCount"], archive["RetentionDays"]) == (1, 30)


def test_a_message_goes_through_the_pipe_and_its_answer_to_the_bus(applied: Applied) -> None:
    queues, events = client(applied, "sqs"), client(applied, "events")
    heard = queues.create_queue(QueueName="pipe-heard")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=heard, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="pipe-heard", EventBusName="pipe-audit", EventPattern='{"source": ["pipe-paid"]}')
    events.put_targets(Rule="pipe-heard", EventBusName="pipe-audit", Targets=[{"Id": "1", "Arn": arn}])
    jobs = queues.get_queue_url(QueueName="pipe-jobs")["QueueUrl"]
    for kind in ("lost", "paid"):
        queues.send_message(QueueUrl=jobs, MessageBody=json.dumps({"kind": kind}))
    until(lambda: called(applied, "pipe-function", bool), WAIT_S)
    ((message,),) = called(applied, "pipe-function", bool)
    assert json.loads(message["body"]) == {"kind": "paid"}
    (told,) = queues.receive_message(QueueUrl=heard, WaitTimeSeconds=10)["Messages"]
    event = json.loads(told["Body"])
    assert (event["source"], event["detail-type"]) == ("pipe-paid", "enriched")
    assert event["detail"] == {"version": "$LATEST"}


def test_a_sign_in_reaches_the_alias_with_the_second_form_of_the_event(applied: Applied) -> None:
    pools = client(applied, "cognito-idp")
    (pool,) = [
        one for one in pools.list_user_pools(MaxResults=60)["UserPools"] if one["Name"] == "cognito-trigger-people"
    ]
    described = pools.describe_user_pool(UserPoolId=pool["Id"])["UserPool"]
    assert described["LambdaConfig"]["PreTokenGenerationConfig"]["LambdaVersion"] == "V2_0"
    made = pools.create_user_pool_client(
        UserPoolId=pool["Id"], ClientName="test", ExplicitAuthFlows=["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
    )
    person = {"UserPoolId": pool["Id"], "Username": "crab@example.org"}
    pools.admin_create_user(**person, MessageAction="SUPPRESS")
    pools.admin_set_user_password(**person, Password="Sideways-1234", Permanent=True)
    signed = pools.admin_initiate_auth(
        UserPoolId=pool["Id"],
        ClientId=made["UserPoolClient"]["ClientId"],
        AuthFlow="ADMIN_USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "crab@example.org", "PASSWORD": "Sideways-1234"},
    )
    claims = signed["AuthenticationResult"]["AccessToken"].split(".")[1]
    assert pool["Id"] in base64.urlsafe_b64decode(claims + "==").decode()
    events = called(applied, "cognito-trigger-function", bool)
    assert {(event["version"], event["triggerSource"]) for event in events} == {("2", "TokenGeneration_Authentication")}
    assert {event["userPoolId"] for event in events} == {pool["Id"]}


def test_a_machines_task_gets_the_aliass_answer_after_a_throttle(applied: Applied) -> None:
    machines, functions = client(applied, "stepfunctions"), client(applied, "lambda")
    name = "state-machine-task-function"
    (machine,) = [one for one in machines.list_state_machines()["stateMachines"] if one["name"] == "state-machine-task"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        run = machines.start_execution(stateMachineArn=machine["stateMachineArn"], input='{"n": 1}')["executionArn"]
        until(lambda: failures(machines, run), WAIT_S)
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    until(lambda: machines.describe_execution(executionArn=run)["status"] != "RUNNING", WAIT_S)
    done = machines.describe_execution(executionArn=run)
    assert (done["status"], json.loads(done.get("output", "null"))["version"]) == ("SUCCEEDED", "$LATEST")
    assert called(applied, name, bool) == [{"n": 1}]


def failures(machines: Any, run: str) -> list[str]:
    history = machines.get_execution_history(executionArn=run)["events"]
    return [event["type"] for event in history if event["type"].endswith("Failed")]


def test_a_function_has_the_layers_version(applied: Applied) -> None:
    functions = client(applied, "lambda")
    newest, *_ = functions.list_layer_versions(LayerName="extension-layer-telemetry")["LayerVersions"]
    told = functions.get_function_configuration(FunctionName="extension-layer-function")
    (layer,) = told["Layers"]
    assert layer["Arn"] == newest["LayerVersionArn"]
    assert layer["Arn"].endswith(f":layer:extension-layer-telemetry:{newest['Version']}")


def test_a_due_schedule_reaches_the_alias_with_its_payload(applied: Applied) -> None:
    until(lambda: called(applied, "schedule-function", bool), WAIT_S)
    assert called(applied, "schedule-function", bool) == [{"job": "nightly", "now": True}]
