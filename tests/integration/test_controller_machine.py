"""The state machine and the function as Terraform makes them, and what may become of either in mid-walk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import bus_kit
import controller_kit
import pytest
from controller_kit import BRIEF, DYING_EACH, PATIENT, Ground, packed, published
from engine_kit import until
from rights_kit import Rights

from pipeline import local
from pipeline.aws import client
from pipeline.aws.executions import Executions, NameTakenError
from pipeline.controller.start import give
from pipeline.release.ledger.lease import Lease
from pipeline.release.model import ALIAS
from pipeline.release.rollback.rollback import roll_back
from pipeline.release.terms import Order, Terms
from pipeline.release.verbs.carry import carry_out
from pipeline.release.verbs.steering import ask
from pipeline.release.verbs.watchdog import Watchdog


def queue(ground: Ground, name: str) -> str:
    return str(client(ground.env, "sqs").get_queue_url(QueueName=f"ground-{name}-dead")["QueueUrl"])


def test_a_word_from_anywhere_is_obeyed_and_the_lease_is_given_back(ground: Ground, namespace: str) -> None:
    walk = ground.walk(namespace)
    execution = ground.given(walk).url
    assert ground.execution(execution)["name"] == f"{walk.rollout.release_id}-1"
    assert ground.lease(namespace).who == f"Step Functions (execution {walk.rollout.release_id}-1)"
    told = json.loads(ground.execution(execution)["input"])
    assert not {"credentials", "endpoint"} & set(told["environment"])
    assert "test" not in json.dumps(told["environment"])
    ground.looked(execution)
    assert walk.rollout.nonce == ground.rollout(namespace).nonce, "a lease that was handed on needs no fence"
    ground.asks("full", namespace)
    ground.ends(namespace)
    ended = ground.over(execution)
    assert ended["status"] == "SUCCEEDED"
    (release,) = json.loads(ended["output"])["releases"]
    assert (release["outcome"], release["done"]) == ("promoted", True)
    assert not ground.lease(namespace).nonce


def test_starting_twice_is_one_walk(ground: Ground, namespace: str) -> None:
    walk = ground.walk(namespace)
    execution = ground.given(walk).url
    told = json.loads(ground.execution(execution)["input"])
    executions, name = Executions(ground.env, ground.machines[PATIENT].machine), f"{walk.rollout.release_id}-1"
    assert executions.start(name, told) == execution
    with pytest.raises(NameTakenError):
        executions.start(name, {**told, "handovers": 7})
    ground.asks("abort", namespace)
    ground.ends(namespace, "rolled-back")


def test_it_goes_on_as_another_execution_before_the_limit_of_events(ground: Ground, namespace: str) -> None:
    walk = ground.walk(namespace)
    first = ground.given(walk, to=BRIEF).url
    until(lambda: ground.lease(namespace).generation >= 3)
    assert ground.over(first)["status"] == "SUCCEEDED"
    assert json.loads(ground.over(first)["output"])["goes_on"] == f"{walk.rollout.release_id}-2"
    assert ground.over(f"{first.rpartition('-')[0]}-2")["status"] == "SUCCEEDED"
    ground.asks("full", namespace)
    ended = ground.ends(namespace)
    assert ended.release_id == walk.rollout.release_id
    assert len(ground.engine.ledger.history(namespace, 9)) == 1


def test_a_throttled_function_is_called_again(ground: Ground, namespace: str) -> None:
    execution = ground.given(ground.walk(namespace)).url
    ground.looked(execution, 1)
    ground.raw.put_function_concurrency(FunctionName="ground-patient", ReservedConcurrentExecutions=0)
    try:
        history = client(ground.env, "stepfunctions").get_execution_history

        def refused() -> bool:
            events = history(executionArn=execution, maxResults=1000)["events"]
            return any(one["type"] == "TaskFailed" for one in events)

        until(refused)
    finally:
        ground.raw.delete_function_concurrency(FunctionName="ground-patient")
    ground.looked(execution, 1)
    ground.asks("full", namespace)
    ground.ends(namespace)
    assert ground.over(execution)["status"] == "SUCCEEDED"


def test_a_deleted_version_is_a_dead_letter_and_the_watchdog_goes_on(ground: Ground, namespace: str) -> None:
    other = published(ground, ground.machines[BRIEF], packed({"other.py": f"# {namespace}"}))
    walk = ground.walk(namespace)
    (given,) = give(ground.engine, other, [walk])
    until(lambda: ground.lease(namespace).generation >= 2)
    ground.raw.delete_function(FunctionName="ground-brief", Qualifier=other.function.rpartition(":")[2])

    letters: list[str] = []

    def dead() -> bool:
        found = client(ground.env, "sqs").receive_message(QueueUrl=queue(ground, BRIEF)).get("Messages", [])
        letters.extend(one["Body"] for one in found)
        return bool(letters)

    until(dead)
    letter = json.loads(letters[0])
    assert letter["job"]["releases"][0]["service"] == namespace
    assert "ResourceNotFoundException" in letter["trouble"]
    failed = f"{given.url.rpartition(':')[0]}:{letter['execution']}"
    assert ground.over(failed)["status"] == "FAILED"
    asked = ground.asked(given.url) | ground.asked(failed)
    rights = Rights.inline(client(ground.env, "iam"), "ground-brief-machine")
    assert (rights.denied(asked), rights.unused(asked)) == ([], set())
    ground.asks("full", namespace)
    goes_on(ground, namespace)
    assert ground.rollout(namespace).phase == "promoted"


def goes_on(ground: Ground, service: str) -> None:
    """`crabwalk watch --unattended`, once the lease of who is gone has run out."""
    until(lambda: not ground.lease(service).living)
    dog = Watchdog(ground.engine, once=True, limit_s=60, say=lambda _: None)
    dog._services = lambda: [name for name in [service] if name not in dog._walks]  # type: ignore[method-assign]
    dog.patrol()


def test_a_stopped_machine_leaves_a_walk_that_is_handed_on_again(ground: Ground, namespace: str) -> None:
    walk = ground.walk(namespace)
    first = ground.given(walk).url
    ground.looked(first, 1)
    client(ground.env, "stepfunctions").stop_execution(executionArn=first)
    until(lambda: not ground.lease(namespace).living)
    engine = ground.engine
    (order,) = ask(engine, "resume", [namespace], controller_kit.ANNA)
    assert isinstance(order, Order)
    done = carry_out(
        engine,
        [(namespace, order)],
        go_on=False,
        hand_on=lambda walks: {one.service: one.url for one in give(engine, ground.machines[PATIENT], walks)},
    )
    second = f"{first.rpartition('-')[0]}-2"
    assert (done[0].outcome, second in done[0].next) == ("done", True)
    ground.looked(second, 1)
    assert ground.lease(namespace).generation == 2
    ground.asks("full", namespace)
    ground.ends(namespace)


def test_whoever_takes_over_is_not_disturbed(ground: Ground, namespace: str) -> None:
    walk = ground.walk(namespace)
    execution = ground.given(walk).url
    ground.looked(execution, 1)
    ground.raw.put_function_concurrency(FunctionName="ground-patient", ReservedConcurrentExecutions=0)
    try:
        until(lambda: not ground.lease(namespace).living)
        engine = ground.engine
        lease = Lease(engine.objects, namespace, ttl_s=30, doing="a person").acquire(lambda _: None)
    finally:
        ground.raw.delete_function_concurrency(FunctionName="ground-patient")
    with lease:
        record = engine.ledger.service(namespace)
        assert record.under_way is not None
        engine.take_over(record, record.under_way, lease)
        ended = ground.over(execution)
        (release,) = json.loads(ended["output"])["releases"]
        assert (ended["status"], release["outcome"]) == ("SUCCEEDED", "overtaken")
        assert "a person by " in release["sentence"]
        lease.check()
        lease.confirm()
    ground.asks("abort", namespace)
    goes_on(ground, namespace)


def test_a_walk_keeps_the_version_it_began_with(ground: Ground, namespace: str) -> None:
    old = ground.walk(namespace)
    execution = ground.given(old).url
    ground.looked(execution, 1)
    broken = published(ground, ground.machines[PATIENT], packed({"pipeline/controller/handler.py": "1 / 0"}))
    ground.looked(execution, 2)
    newer = published(ground, broken, packed({"newer.py": "# another"}))
    young = ground.walk(f"{namespace}-young")
    (given,) = give(ground.engine, newer, [young])
    assert json.loads(ground.execution(given.url)["input"])["function"] == newer.function
    ground.looked(given.url, 1)
    ground.looked(execution, 1)
    for service in (namespace, f"{namespace}-young"):
        ground.asks("full", service)
        ground.ends(service)


def test_a_rollback_by_hand_ends_it(ground: Ground, namespace: str) -> None:
    execution = ground.given(ground.walk(namespace)).url
    ground.looked(execution, 1)
    roll_back(ground.engine.functions, namespace, ALIAS, None)
    ended = ground.ends(namespace, "rolled-back")
    assert ended.reason == "rolled back by hand"
    (release,) = json.loads(ground.over(execution)["output"])["releases"]
    assert release["done"]


def test_a_group_is_one_execution_and_ends_as_one(ground: Ground, namespace: str) -> None:
    names = [f"{namespace}-a", f"{namespace}-b"]
    walks = [ground.walk(name, terms=Terms(together="shop")) for name in names]
    found = give(ground.engine, ground.machines[PATIENT], walks)
    assert len({one.url for one in found}) == 1
    ground.asks("abort", names[0])
    for name in names:
        ground.ends(name, "rolled-back")
    assert ground.over(found[0].url)["status"] == "SUCCEEDED"


DYING = """
import os, signal
from botocore.client import BaseClient
from pipeline.controller.handler import handler as real

MARK = {mark!r}
send, seen = BaseClient._make_api_call, []

def asked(client, operation, params):
    if operation != {operation!r} or {part!r} not in str(params) or os.path.exists(MARK):
        return send(client, operation, params)
    open(MARK, "w").close()
    if {after!r}:
        send(client, operation, params)
    os.kill(os.getpid(), signal.SIGKILL)

BaseClient._make_api_call = asked
handler = real
"""


@pytest.mark.parametrize(
    "where",
    [
        pytest.param(("PutObject", "lease.json", False), id="before the lease", marks=pytest.mark.exhaustive),
        pytest.param(("UpdateAlias", "", True), id="after the alias"),
        pytest.param(("PutObject", "state.json", True), id="after the record", marks=pytest.mark.exhaustive),
    ],
)
def test_the_function_is_really_killed_in_mid_look(
    ground: Ground, namespace: str, tmp_path: Path, where: tuple[str, str, bool]
) -> None:
    mark, (operation, part, after) = tmp_path / "died", where
    code = packed({"dying.py": DYING.format(mark=str(mark), operation=operation, part=part, after=after)})
    deadly = published(ground, ground.machines[PATIENT], code, Handler="dying.handler")
    try:
        (given,) = give(ground.engine, deadly, [ground.walk(namespace)])
        assert given.fault is None
        ground.asks("full", namespace)
        ground.ends(namespace)
    finally:
        published(ground, deadly, packed({}), Handler="pipeline/controller/handler.handler")
    assert mark.exists()
    assert [one.outcome for one in ground.engine.ledger.history(namespace, 9)] == ["promoted"]


def test_killed_in_every_second_look_it_ends_and_everything_is_told(
    ground: Ground, embedded: local.Running, namespace: str, tmp_path: Path
) -> None:
    code = packed({"dying.py": DYING_EACH.format(folder=str(tmp_path))})
    deadly = published(ground, ground.machines[PATIENT], code, Handler="dying.handler")
    with bus_kit.hearing(embedded, namespace) as bus:
        told = Ground(replace(ground.env, events=bus.name), ground.raw, ground.machines)
        try:
            (given,) = give(told.engine, deadly, [told.walk(namespace)])
            assert given.fault is None
            for word, step in (("promote", 1), ("full", 2)):
                until(lambda: told.looks(given.url) >= step)  # noqa: B023 - asked at once
                told.asks(word, namespace)
                until(lambda: told.rollout(namespace).step >= step)  # noqa: B023
            told.ends(namespace)
            assert told.over(given.url)["status"] == "SUCCEEDED"
        finally:
            published(ground, deadly, packed({}), Handler="pipeline/controller/handler.handler")
        first = {one["detail"]["id"]: one["detail"] for one in bus.drain()}
    events = [one["event"] for one in first.values() if one["event"] != "verdict"]
    assert sorted(events) == ["promote", "start", "step", "step"]
    assert len(list(tmp_path.iterdir())) >= 2 * len(events) - 2
    assert [one.outcome for one in told.engine.ledger.history(namespace, 9)] == ["promoted"]
