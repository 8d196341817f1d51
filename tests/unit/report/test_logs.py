"""Lines of a function's log as people read them."""

from __future__ import annotations

import json

import pytest

from pipeline.report.invocation import logged, reason, usage_of
from pipeline.report.logs import LogLines, Usage, is_metrics, said, usage

REPORT = (
    "REPORT RequestId: 8f5-1\tDuration: 12.5 ms\tBilled Duration: 38 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 21 MB\tInit Duration: 25.02 ms\t"
)
AT = 1_767_225_600_007


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            {"timestamp": "t", "level": "INFO", "message": "served", "status": 200, "target": "x"},
            ("INFO", "served status=200"),
        ),
        (
            {"level": "WARN", "fields": {"message": "slow", "ms": 12.34567}, "target": "x"},
            ("WARN", "slow ms=12.35"),
        ),
        ({"time": "t", "level": "error", "msg": "gone", "requestId": "r", "ok": False}, ("ERROR", "gone ok=false")),
        (
            {"event": "request", "version": "7", "outcome": "ok", "status": None},
            ("-", "event=request outcome=ok status=null"),
        ),
        ({"message": "two\nlines", "list": [1, {"a": "b"}]}, ("-", 'two lines list=[1,{"a":"b"}]')),
        ("plain  words\t\x1b[31mred", ("-", "plain words red")),
        ("{not json", ("-", "{not json")),
        ("[1]", ("-", "[1]")),
    ],
)
def test_what_a_line_says(message: object, expected: tuple[str, str]) -> None:
    assert said(message if isinstance(message, str) else json.dumps(message)) == expected


def test_a_report_has_figures() -> None:
    found = usage(REPORT)
    assert found == Usage(12.5, 38.0, 128, 21, 25.02)
    assert str(found) == "12.5 ms, billed 38 ms, cold start 25.02 ms, 21 of 128 MB used"
    assert usage("START RequestId: 8f5-1 Version: 3") is None


def test_lines_between_start_and_report_belong_to_the_request_of_their_stream() -> None:
    lines = LogLines()
    id1, id2 = "11111111-aaaa", "22222222-bbbb"
    shown = [
        lines.line(AT, stream, version, message)
        for stream, version, message in [
            ("a", "3", f"START RequestId: {id1} Version: 3"),
            ("b", "4", f"START RequestId: {id2} Version: 4"),
            ("a", "3", "from the first"),
            ("b", "4", '{"level": "INFO", "message": "from the second"}'),
            ("b", "4", f"END RequestId: {id2}"),
            ("b", "4", REPORT.replace("8f5-1", id2)),
            ("b", "4", "between two"),
            ("a", "3", '{"level": "INFO", "message": "its own", "request_id": "33333333-cccc"}'),
            ("c", None, "no version"),
        ]
    ]
    when = "2026-01-01 00:00:00.007"
    assert shown == [
        None,
        None,
        f"{when}    3  -       from the first  (11111111)",
        f"{when}    4  INFO    from the second  (22222222)",
        None,
        f"{when}    4  REPORT  12.5 ms, billed 38 ms, cold start 25.02 ms, 21 of 128 MB used  (22222222)",
        f"{when}    4  -       between two",
        f"{when}    3  INFO    its own  (33333333)",
        f"{when}    -  -       no version",
    ]


METRICS = '{"_aws":{"Timestamp":1,"CloudWatchMetrics":[]},"Requests":1}'


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (METRICS, True),
        ('{"_aws":{},"message":"said with it"}', False),
        ('{"_aws":"words"}', False),
        ('{"message":"about \\"_aws\\""}', False),
        ('words "_aws"', False),
        ('{"_aws":' + "[" * 100_000, False),
    ],
)
def test_lines_that_are_metrics_and_nothing_else(message: str, expected: bool) -> None:
    assert is_metrics(message) is expected


def test_the_tail_of_an_invocation() -> None:
    tail = (
        f'START RequestId: 8f5-1 Version: 3\n{{"level": "INFO", "message": "served"}}\n{METRICS}\nplain\n\n{REPORT}\n'
    )
    assert logged(tail) == ["INFO   served", "plain"]
    assert usage_of(tail) == usage(REPORT)
    assert usage_of("nothing") is None


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"errorType": "Boom", "errorMessage": "it broke"}, "Boom: it broke"),
        ({"errorMessage": "2026 Task timed out"}, "2026 Task timed out"),
        (None, "null"),
        (["odd"], '["odd"]'),
    ],
)
def test_the_reason_of_an_error(payload: object, expected: str) -> None:
    assert reason(payload) == expected
