from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from pipeline.aws import TransientError
from pipeline.aws.functions import Invocation
from pipeline.errors import AwsError, UsageError
from pipeline.release.around.smoke import Check, SmokeResult, fault_of, smoke

EVENT = Path("events/a.json")
OK = {"statusCode": 200, "body": '{"ok": true, "items": [1, 2], "none": []}'}


def fault(answer: Any, *, error: str = "", **check: Any) -> str:
    return fault_of(Check(EVENT, **check), "2", Invocation("2", error, answer))


@pytest.mark.parametrize("answer", [OK, {"statusCode": 404}, {"own": 1}, None, [1], "text", {"statusCode": "503"}])
def test_what_is_not_declared_may_be_anything_but_a_failure(answer: Any) -> None:
    assert fault(answer) == ""


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        ({"errorMessage": "broken\nbadly"}, "Unhandled", "version 2 failed: broken badly"),
        ({"own": 1}, "Handled", 'version 2 failed: {"own": 1}'),
        ({"statusCode": 503}, "", "version 2 answered 503"),
        (f"{'x' * 1000}", "Handled", f"version 2 failed: {'x' * 297}..."),
    ],
)
def test_a_function_error_and_a_5xx_are_faults(answer: Any, error: str, said: str) -> None:
    assert fault(answer, error=error) == said


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ({"statusCode": 404}, 404, ""),
        ({"statusCode": 503}, 503, ""),
        (OK, 404, "version 2 answered 200, expected was 404"),
        ({"statusCode": 503}, 200, "version 2 answered 503, expected was 200"),
        ({"own": 1}, 200, "version 2 answered without a status, expected was 200"),
        (None, 200, "version 2 answered without a status, expected was 200"),
    ],
)
def test_an_expected_status_is_the_only_good_one(answer: Any, status: int, said: str) -> None:
    assert fault(answer, status=status) == said


def test_an_expected_failure_must_happen() -> None:
    wrong = {"errorMessage": "no such order", "errorType": "NotFound"}
    assert fault_of(Check(EVENT, error=True), "2", Invocation("2", "Unhandled", wrong)) == ""
    expected = Check(EVENT, error=True, expect=("errorType == 'NotFound'",))
    assert fault_of(expected, "2", Invocation("2", "Unhandled", wrong)) == ""
    assert fault_of(expected, "2", Invocation("2", "", {"a": 1})) == 'version 2 was to fail and answered {"a": 1}'


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("body.ok", True),
        ("length(body.items) > `1`", True),
        ("statusCode == `200`", True),
        ("`0`", True),  # in JMESPath 0 is true
        ("body.none", False),
        ("body.missing", False),
        ("body.items[0] == `2`", False),
        ("''", False),
        ("length(body.ok)", False),
    ],
)
def test_expressions_are_judged_by_jmespaths_own_truth(expression: str, *, holds: bool) -> None:
    assert (fault(OK, expect=(expression,)) == "") is holds


def test_what_was_expected_and_what_came_are_said() -> None:
    answer = {"statusCode": 200, "body": '{"ok": false}'}
    assert fault(answer, expect=("statusCode", "body.ok")) == (
        'version 2: expected `body.ok`, which is false; it answered {"statusCode": 200, "body": {"ok": false}}'
    )
    said = fault({"items": None}, expect=("length(items) > `0`",))
    assert said.startswith("version 2: expected `length(items) > `0``, but In function length(), invalid type for")
    assert said.endswith('it answered {"items": null}')
    assert "\n" not in said
    assert len(fault({"a": "x" * 10_000}, expect=("b",))) < 500


@pytest.mark.parametrize(
    ("answer", "expression"),
    [
        ({"statusCode": 200, "body": "[1]"}, "body[0] == `1`"),
        ({"statusCode": 200, "body": "plain"}, "body == 'plain'"),
        (
            {"statusCode": 200, "isBase64Encoded": True, "body": base64.b64encode(b'{"a": 1}').decode()},
            "body.a == `1`",
        ),
        ({"statusCode": 200, "isBase64Encoded": True, "body": "no base64"}, "body == 'no base64'"),
        ({"body": '{"a": 1}'}, "body == '{\"a\": 1}'"),  # no proxy's answer
        ([{"id": 7}], "[0].id == `7`"),
    ],
)
def test_a_proxys_body_is_read_where_it_is_json(answer: Any, expression: str) -> None:
    assert fault(answer, expect=(expression,)) == ""


class Fake:
    """Answers of a version, one after the other; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.paused: list[float] = []

    def invoke(self, _function: str, version: str, _payload: bytes) -> Invocation:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Invocation(version, "", answer)

    def run(self, tmp_path: Path, count: int = 1) -> tuple[SmokeResult, ...]:
        checks = [Check(tmp_path / f"{index}.json") for index in range(count)]
        for check in checks:
            check.event.write_text("{}")
        return smoke(self, "f", "2", checks, self.paused.append)  # type: ignore[arg-type]


def test_one_call_that_aws_did_not_take_is_repeated_once(tmp_path: Path) -> None:
    throttled = TransientError("could not invoke: TooManyRequestsException")
    fake = Fake(throttled, {"statusCode": 200})
    assert fake.run(tmp_path) == (SmokeResult("0.json", ""),)
    assert len(fake.paused) == 1
    with pytest.raises(TransientError):
        Fake(throttled, throttled, {}).run(tmp_path)
    refused = Fake(AwsError("could not invoke: AccessDenied"), {})
    with pytest.raises(AwsError, match="AccessDenied"):
        refused.run(tmp_path)
    assert refused.paused == []


def test_the_first_fault_ends_it(tmp_path: Path) -> None:
    fake = Fake({}, {"statusCode": 500}, {})
    assert [one.fault for one in fake.run(tmp_path, 3)] == ["", "version 2 answered 500"]
    assert len(fake.answers) == 1


def test_an_event_that_cannot_be_read_is_no_fault_of_the_version(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the smoke event cannot be read: No such file"):
        smoke(Fake(), "f", "2", [Check(tmp_path / "no.json")])  # type: ignore[arg-type]
