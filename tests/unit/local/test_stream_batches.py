"""What becomes of a stream's batch: done, tried again, halved or given up."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.local.edge.stream_batches import Part, Rules, Step, after, first_failure, rules_of

WHOLE = Part(0, 8)
RECORDS: list[dict[str, Any]] = [{"dynamodb": {"SequenceNumber": str(n)}} for n in range(3)]


def failing(*identifiers: object) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": one} for one in identifiers]}


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        (None, None),
        ("", None),
        ("not json", None),
        ({}, None),
        ({"batchItemFailures": None}, None),
        (failing(), None),
        (failing("2", "1"), 1),
        ('{"batchItemFailures": [{"itemIdentifier": "2"}]}', 2),
        (failing("2", "unknown"), 0),
        (failing(""), 0),
        ({"batchItemFailures": [{}]}, 0),
        ({"batchItemFailures": ["2"]}, 0),
    ],
)
def test_the_first_record_that_is_reported_is_where_it_goes_on(answer: Any, place: int | None) -> None:
    assert first_failure(answer, RECORDS) == place


def test_a_kinesis_record_is_known_by_its_own_number() -> None:
    assert (
        first_failure(failing("7"), [{"kinesis": {"sequenceNumber": "6"}}, {"kinesis": {"sequenceNumber": "7"}}]) == 1
    )


def test_a_batch_without_a_failure_is_done() -> None:
    assert after(WHOLE, None, Rules(), reported=True, age_s=1e9) == Step()


def test_a_failed_batch_waits_and_comes_again_for_ever() -> None:
    part = WHOLE
    for failures in range(1, 20):
        step = after(part, 0, Rules(), reported=False, age_s=0)
        assert step == Step((Part(0, 8, failures),), pause=True)
        (part,) = step.left


def test_what_a_function_did_before_the_reported_record_is_done_and_the_rest_starts_anew() -> None:
    step = after(Part(2, 8, 3), 5, Rules(retries=3, halve=True), reported=True, age_s=0)
    assert step == Step((Part(5, 8, 1),))


def test_a_failed_invocation_is_halved_without_using_up_a_retry_down_to_one_record() -> None:
    rules = Rules(retries=1, halve=True)
    step = after(Part(2, 7, 1), 2, rules, reported=False, age_s=0)
    assert step == Step((Part(2, 4, 1), Part(4, 7, 1)))
    assert after(Part(2, 3), 2, rules, reported=False, age_s=0) == Step((Part(2, 3, 1),), pause=True)
    assert after(Part(2, 3, 1), 2, rules, reported=False, age_s=0) == Step(
        given_up=Part(2, 3, 2), condition="RetryAttemptsExhausted"
    )


def test_without_retries_the_first_failure_gives_up_what_is_left() -> None:
    step = after(WHOLE, 3, Rules(retries=0, partial=True), reported=True, age_s=0)
    assert (step.left, step.given_up) == ((), Part(3, 8, 1))


def test_records_that_are_too_old_are_given_up_before_anything_else() -> None:
    rules = Rules(age_s=60, halve=True)
    assert after(WHOLE, 0, rules, reported=False, age_s=60).given_up is None
    assert after(WHOLE, 0, rules, reported=False, age_s=61).condition == "MaximumRecordAgeExceeded"


def test_the_rules_of_a_mapping() -> None:
    assert rules_of({}) == Rules()
    mapping = {
        "MaximumRetryAttempts": 2,
        "MaximumRecordAgeInSeconds": 60,
        "BisectBatchOnFunctionError": True,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    assert rules_of(mapping) == Rules(2, 60, halve=True, partial=True)
