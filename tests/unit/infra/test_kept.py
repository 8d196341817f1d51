"""What stays for a version that still runs, in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.infra.calls import Call, united
from pipeline.infra.kept import kept_back

READ, WRITE = "s3:GetObject", "s3:PutObject"
API = Call("hello_http", "http-api", {"routes": ["GET /"], "cors": None})
TABLE = Call("hello_table", "dynamodb-table", {"name": "t", "indexes": {}, "stream": None})
BOX = Call("hello_box", "s3-bucket", {"name": "b"})
TOLD = Call("hello_s3_box", "s3-trigger", {"rules": [{"events": ["created"], "prefix": "", "suffix": ".png"}]})
NET = Call("hello_net", "rollback-net", {})


def function(*actions: str, **arguments: Any) -> Call:
    access = {"box-objects": {"actions": list(actions), "resources": ["arn/*"]}} if actions else {}
    return Call("hello", "rust-lambda", {"tracing": False, "access": access, **arguments})


def stays(new: list[Call], old: list[Call]) -> tuple[str, ...]:
    return kept_back(new, united(new, old))


def test_routes_and_actions_that_are_taken_back_are_named() -> None:
    old = [function(READ, WRITE), replace(API, arguments={"routes": ["GET /", "GET /hi"], "cors": None})]
    assert stays([function(READ), API], old) == ("GET /hi", f"{WRITE} on box")
    assert stays([function()], old) == ("GET /", "GET /hi", f"{READ} and {WRITE} on box")


def test_where_nothing_is_taken_away_nothing_stays() -> None:
    old = [function(READ), API, TABLE, NET]
    more = replace(API, arguments={"routes": ["GET /", "GET /new"], "cors": {"origins": ["*"]}})
    assert stays([function(READ, WRITE, memory_mb=512), more, TABLE, BOX], old) == ()


@pytest.mark.parametrize(
    ("new", "old", "said"),
    [
        ([], [BOX], "box (s3-bucket)"),
        ([], [replace(BOX, module="own/hello", files={"main.tf": ""})], "box (own Terraform)"),
        ([TABLE], [replace(TABLE, arguments={"indexes": {"by-day": {}}})], "index by-day of table"),
        ([TABLE], [replace(TABLE, arguments={"stream": "keys-only"})], "the stream of table"),
        ([API], [replace(API, arguments={"cors": {"origins": ["a"]}})], "its former CORS"),
        ([replace(TOLD, arguments={"rules": []})], [TOLD], "events of *.png"),
        ([function()], [function(tracing=True)], "permission to trace"),
        ([function()], [function(kms_key_arn="arn")], "use of the former KMS key"),
        (
            [function(access={"box": {"actions": [READ], "resources": ["one"]}})],
            [function(access={"box": {"actions": [READ], "resources": ["one", "two"]}})],
            f"{READ} on box as it was",
        ),
        (
            [function()],
            [function(access={"statement-1a2b3c4d": {"actions": ["ses:SendEmail"], "resources": ["*"]}})],
            "ses:SendEmail by a statement",
        ),
    ],
)
def test_everything_that_can_stay_has_words(new: list[Call], old: list[Call], said: str) -> None:
    assert stays(new, old) == (said,)
