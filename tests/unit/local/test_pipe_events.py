"""Which events pass a pipe's filters, what an answer sends, what a path of the target means."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from pipeline.local.edge.pipe_events import Event, Pattern, passing, resolved, sent, settings, text_of


def matches(event: Event, pattern: Pattern) -> bool:
    """Equality of leaves, enough to see what a pattern is compared with."""
    return all(
        matches(event[name], wanted) if isinstance(wanted, dict) else event[name] in wanted
        for name, wanted in pattern.items()
    )


def message(body: str) -> Event:
    return {"eventSource": "aws:sqs", "body": body, "messageId": "1"}


PAID = {"body": {"kind": ["paid"]}}


@pytest.mark.parametrize(
    ("body", "pattern", "passes"),
    [
        ('{"kind": "paid"}', PAID, True),
        ('{"kind": "lost"}', PAID, False),
        ("paid", PAID, False),  # text, where the pattern reads JSON
        ("5", PAID, False),
        ("paid", {"body": ["paid"]}, True),
        ('{"kind": "paid"}', {"body": ['{"kind": "paid"}']}, False),  # JSON, where the pattern reads text
        ("5", {"body": ["5"]}, True),
        ("paid", {"messageId": ["1"]}, True),
    ],
)
def test_a_message_passes_by_its_body_as_the_pattern_reads_it(body: str, pattern: Pattern, passes: bool) -> None:
    assert passing([message(body)], [pattern], matches) == [passes]


def test_one_of_several_patterns_is_enough_and_none_lets_all_pass() -> None:
    events = [message("a"), message("b"), message("c")]
    assert passing(events, [{"body": ["a"]}, {"body": ["c"]}], matches) == [True, False, True]
    assert passing(events, [], matches) == [True, True, True]


@pytest.mark.parametrize(("data", "passes"), [(b'{"kind": "paid"}', True), (b"\xff", False), (b"paid", False)])
def test_a_kinesis_record_passes_by_its_data(data: bytes, passes: bool) -> None:
    event = {"eventSource": "aws:kinesis", "data": base64.b64encode(data).decode()}
    assert passing([event], [{"data": {"kind": ["paid"]}}], matches) == [passes]
    assert json.dumps(event)  # and is itself unchanged
    assert event["data"] == base64.b64encode(data).decode()


def test_a_tables_change_passes_as_it_is() -> None:
    event = {"eventSource": "aws:dynamodb", "eventName": "INSERT"}
    assert passing([event], [{"eventName": ["INSERT"]}], matches) == [True]


@pytest.mark.parametrize(
    ("answer", "items"),
    [([], []), ({}, []), ("", []), (None, []), ([{}], [{}]), ({"a": 1}, [{"a": 1}]), ([1, "2"], [1, "2"]), (0, [0])],
)
def test_what_an_answer_sends(answer: Any, items: list[Any]) -> None:
    assert sent(answer) == items


def test_an_item_as_text() -> None:
    assert text_of("plain") == "plain"
    assert text_of({"a": ["ü"]}) == '{"a":["ü"]}'


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("group", "group"),
        (7, 7),
        ("$.customer", "c"),
        ("$.lines[1].id", 2),
        ("$.body.kind", "paid"),
        ("$.lines[9]", None),
        ("$.none.of.it", None),
        ("$.customer.of", None),
        ("$.customer of", "$.customer of"),
    ],
)
def test_a_setting_of_the_target_may_be_a_path(value: Any, found: Any) -> None:
    item = {"customer": "c", "lines": [{"id": 1}, {"id": 2}], "body": '{"kind": "paid"}'}
    assert resolved(value, item) == found


def test_settings_are_whole() -> None:
    assert settings("sqs", None) == {"SqsQueueParameters": {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0}}
    assert "FilterCriteria" not in settings("sqs", {"FilterCriteria": {}})
    told = settings("dynamodb", {"DynamoDBStreamParameters": {"StartingPosition": "LATEST", "BatchSize": 5}})
    assert told["DynamoDBStreamParameters"]["BatchSize"] == 5
    assert told["DynamoDBStreamParameters"]["MaximumRetryAttempts"] == -1
