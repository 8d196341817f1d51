"""What walks of a real alias tell: to a topic with a queue behind it, and to webhooks."""

from __future__ import annotations

import json
from dataclasses import replace

import engine_kit as kit
import pytest
from edge_kit import client
from engine_kit import finish, rollout_of
from listener_kit import listening
from offer_kit import offered, package

from pipeline.errors import AwsError
from pipeline.manifest.models_hooks import Notification
from pipeline.release.ledger.ledger import Ledger
from pipeline.release.rollback.rollback import roll_back
from pipeline.release.terms import Notify, Terms
from pipeline.release.walk.walk import run


@pytest.fixture
def there(monkeypatch):
    with listening() as listener:
        monkeypatch.setenv("THERE", listener.url)
        yield listener


TO_WEBHOOK = Terms(notify=(Notify("webhook", "THERE"),))
ANSWERS_500 = """
def handle(event, arn):
    return {"statusCode": 500}
def after(event):
    pass
"""


def events(world, there) -> list[str]:
    world.engine.notices.flush()
    assert {one["release"] for one in there.came} == {there.came[0]["release"]}
    return [one["event"] for one in there.came]


def test_a_topic_is_told_and_its_subscriptions_can_filter(embedded, world, lease, namespace):
    sns, sqs = client(embedded, "sns"), client(embedded, "sqs")
    topic = sns.create_topic(Name=namespace)["TopicArn"]
    queue = sqs.create_queue(QueueName=namespace)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"event": ["promote", "rollback"]})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"FilterPolicy": policy})
    world.feed.of = kit.traffic()
    walk = finish(world, world.walk(world.begun(terms=Terms(notify=(Notify("sns", topic),))), lease))
    world.engine.notices.flush()
    (came,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=5)["Messages"]
    envelope = json.loads(came["Body"])
    assert envelope["Subject"] == f"{world.service} on local: version 2 has all traffic"
    message = json.loads(envelope["Message"])
    assert (message["event"], message["release"], message["traffic"]) == ("promote", walk.rollout.release_id, 1.0)
    assert message["sentence"] == rollout_of(world).sentence
    assert message["sentence"]
    assert message["link"].endswith(walk.rollout.release_id)


def test_a_good_walk_is_told_step_by_step_with_the_judges_sentence(world, lease, there):
    world.feed.of = kit.traffic()
    finish(world, world.walk(world.begun(terms=TO_WEBHOOK), lease))
    assert events(world, there) == ["start", "step", "step", "promote"]
    assert [one["traffic"] for one in there.came] == [0.0, 0.1, 0.5, 1.0]
    assert there.came[1]["sentence"] == "the smoke checks passed"
    assert "in the same time, none did" in there.came[-1]["sentence"]


def test_a_bad_version_is_told_with_its_verdict(world, lease, there):
    world.feed.of = kit.traffic(bad=0.5)
    finish(world, world.walk(world.begun(terms=TO_WEBHOOK), lease))
    assert events(world, there) == ["start", "step", "rollback"]
    assert "requests to version 2, 40 failed" in there.came[-1]["sentence"]


def test_a_rollback_by_hand_is_told_by_the_controller_that_sees_it(world, lease, there):
    world.feed.of = kit.traffic()

    def by_hand(_seconds: float) -> None:
        world.pass_time(1)
        if rollout_of(world).step == 0 and world.alias().weights:
            roll_back(world.engine.functions, kit.FUNCTION, "live", None)

    run(world.engine, [world.walk(world.begun(terms=TO_WEBHOOK), lease)], world.look, by_hand)
    assert events(world, there) == ["start", "step", "rollback"]
    assert there.came[-1]["headline"] == "rolled back"


def test_a_hold_is_told_once_however_often_it_is_looked_at(world, lease, there):
    world.feed.fault = AwsError("could not read CloudWatch metrics: 503")
    begun = world.begun(terms=TO_WEBHOOK, on_inconclusive="hold", deadline_s=20)
    walk = finish(world, world.walk(begun, lease))
    finish(world, replace(walk, decision=None))
    assert events(world, there) == ["start", "step", "hold"]


def test_a_version_that_is_rejected_is_told(embedded, namespace, tmp_path, there):
    world = kit.own_world(embedded, namespace)
    around = {"notify": (Notification(webhook="env:THERE"),)}
    made = offered(world, tmp_path, package(world, "bad", ANSWERS_500), "one.json", around=around)
    assert made.rejected is not None
    assert events(world, there) == ["rejected"]
    assert there.came[0]["sentence"] == "smoke check one.json: version 2 answered 500; no traffic was moved"


def test_another_controller_tells_where_it_takes_over(world, lease, there):
    world.feed.of = kit.traffic()
    world.walking(0, terms=TO_WEBHOOK)
    world.engine.notices.flush()
    there.came.clear()
    successor = world.controller()
    record = successor.take_over(world.record(), rollout_of(world))
    assert record.rollout is not None
    run(successor, [world.walk(record, lease)], world.look, world.pass_time)
    successor.notices.flush()
    assert [one["event"] for one in there.came] == ["takeover", "step", "promote"]


def test_what_was_written_without_an_answer_is_told_once_it_is_read(world, lease, there):
    """The record of the end is written and its answer lost: the controller reads it in its next round."""
    world.feed.of = kit.traffic()
    objects = kit.Faulty(world)
    world.engine.ledger = Ledger(objects)
    armed: list[bool] = []

    def through(write):
        return write()

    def lose(_seconds: float) -> None:
        world.pass_time(1)
        if rollout_of(world).step == 1 and not armed:
            armed.append(True)
            objects.faults.extend([through, through, kit.unanswered])  # the intent, the history, the end

    run(world.engine, [world.walk(world.begun(terms=TO_WEBHOOK), lease)], world.look, lose)
    assert (armed, objects.faults) == ([True], [])
    assert events(world, there) == ["start", "step", "step", "promote"]


def test_a_place_that_is_gone_neither_delays_nor_fails_the_walk(world, lease, monkeypatch):
    monkeypatch.delenv("NOWHERE", raising=False)
    said: list[str] = []
    world.engine.say = said.append
    world.feed.of = kit.traffic()
    topic = "arn:aws:sns:us-east-1:000000000000:does-not-exist"
    terms = Terms(notify=(Notify("slack", "NOWHERE"), Notify("sns", topic)))
    assert finish(world, world.walk(world.begun(terms=terms), lease)).rollout.phase == "promoted"
    world.engine.notices.flush()
    assert len(said) == 2
    assert said[0] == (
        "a notification (start) was not sent: the variable NOWHERE is to hold a webhook's address and is not set"
    )
    assert said[1].startswith(f"a notification (start) was not sent: could not publish to topic {topic}: NotFound")
