"""What of an old manifest stays while a version made for it may still run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.infra.calls import Call, needs, read_calls, united

TABLE = Call("todos_table", "dynamodb-table", {"name": "t", "indexes": {"by-day": {"partition_key": "day"}}})
API = Call("todos_http", "http-api", {"routes": ["GET /old", "GET /"]}, {"api_id": "api_id"})
NET = Call("todos_net", "rollback-net", {"error_percent": 5})


def function(**arguments: Any) -> Call:
    return Call("todos", "rust-lambda", {"memory_mb": 128, "environment": {"A": "1"}, **arguments})


def grant(*actions: str) -> dict[str, Any]:
    return {"table": {"actions": list(actions), "resources": ["arn"]}}


def by_name(calls: tuple[Call, ...]) -> dict[str, Call]:
    return {call.name: call for call in calls}


def test_what_is_no_longer_declared_stays_but_nobody_needs_a_safety_net() -> None:
    assert set(by_name(united([function()], [function(), TABLE, API, NET]))) == {"todos", "todos_table", "todos_http"}


def test_routes_permissions_and_indexes_are_those_of_both() -> None:
    desired = [
        function(memory_mb=256, access={**grant("dynamodb:GetItem"), "queue": {"actions": ["x"], "resources": ["q"]}}),
        replace(API, arguments={"routes": ["GET /", "GET /new"]}),
        replace(TABLE, arguments={"name": "t", "indexes": {}}),
    ]
    calls = by_name(united(desired, [function(access=grant("dynamodb:Scan")), API, TABLE]))
    assert calls["todos"].arguments["memory_mb"] == 256, "everything else is as desired"
    assert calls["todos"].arguments["access"] == {
        "table": {"actions": ["dynamodb:GetItem", "dynamodb:Scan"], "resources": ["arn"]},
        "queue": {"actions": ["x"], "resources": ["q"]},
    }
    assert calls["todos_http"].arguments["routes"] == ["GET /", "GET /new", "GET /old"]
    assert calls["todos_table"].arguments["indexes"] == TABLE.arguments["indexes"]


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        ({"tracing": True}, {"tracing": False}, {"tracing": True}),
        ({"tracing": True}, {"tracing": True}, None),
        ({"vpc": {"subnet_ids": ["a"]}}, {"vpc": None}, {"vpc": True}),
        ({"kms_key_arn": "k1"}, {"kms_key_arn": "k2"}, {"kms_key_arns": ["k1"]}),
        ({"dead_letter_arn": "q1"}, {}, {"dead_letter_arns": ["q1"]}),
        ({"kept_permissions": {"kms_key_arns": ["k0"]}}, {"kms_key_arn": "k1"}, {"kms_key_arns": ["k0"]}),
    ],
)  # fmt: skip
def test_the_role_still_allows_what_the_old_configuration_asked_for(
    old: dict[str, Any], new: dict[str, Any], kept: dict[str, Any] | None
) -> None:
    (call,) = united([function(**new)], [function(**old)])
    assert call.arguments.get("kept_permissions") == kept


def test_a_stream_stays_and_another_module_of_the_name_does_not() -> None:
    old = replace(TABLE, arguments={"stream": "new-image"})
    (table,) = united([replace(TABLE, arguments={"stream": None})], [old])
    assert table.arguments["stream"] == "new-image"
    queue = Call(TABLE.name, "sqs-queue", {"name": "t"})
    assert united([queue], [TABLE]) == (queue,)


def test_a_time_to_live_that_is_taken_away_is_switched_off_first() -> None:
    old, new = (Call("todos_table", "dynamodb-table", {"name": "t", "ttl": ttl}) for ttl in ("expires", None))
    once = united([new], [old])
    assert once[0].arguments == {"name": "t", "ttl": "expires", "ttl_enabled": False}
    assert united([new], once) == once
    assert united([old], [old]) == (old,)


ARGUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "access": st.dictionaries(
            st.sampled_from("ab"),
            st.fixed_dictionaries({"actions": st.lists(st.sampled_from("xyz"), unique=True)}),
        ),
        "tracing": st.booleans(),
        "vpc": st.none() | st.just({"subnet_ids": ["s"]}),
        "kms_key_arn": st.none() | st.sampled_from(["k1", "k2"]),
    },
)


@given(ARGUMENTS, ARGUMENTS)
def test_uniting_is_done_once_and_loses_nothing(new: dict[str, Any], old: dict[str, Any]) -> None:
    desired, before = [function(**new)], [function(**old)]
    once = united(desired, before)
    assert united(desired, once) == once, "what was applied is what the next plan asks for"
    (call,) = once
    for name, statement in (old.get("access") or {}).items():
        assert set(statement["actions"]) <= set(call.arguments["access"][name]["actions"])
    assert united(desired, desired) == tuple(desired)


def test_needs_are_what_would_be_kept_and_nothing_else() -> None:
    base = needs([function(), API])
    assert needs([function(memory_mb=512, environment={}), API, NET]) == base
    assert needs([function(access=grant("x")), API]) != base
    assert needs([function(tracing=True), API]) != base
    assert needs([function(), replace(API, arguments={"routes": ["GET /"]})]) != base
    assert needs([function(), API, TABLE]) != base


def test_a_record_keeps_calls_whole() -> None:
    from dataclasses import asdict

    assert read_calls([asdict(API), asdict(TABLE)]) == (API, TABLE)
