from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.infra.classify import from_document, from_stream, refused, service_of
from pipeline.infra.model import Action, Change, Effect, when


def line(action: str, address: str = "module.hello.aws_lambda_function.this") -> dict[str, Any]:
    kind = address.split(".")[-2]
    return {
        "type": "planned_change",
        "change": {"action": action, "resource": {"addr": address, "resource_type": kind}},
    }


def planned(
    kind: str, before: dict[str, Any], after: dict[str, Any], actions: tuple[str, ...] = ("update",), **more: Any
) -> Change:
    change = {"actions": list(actions), "before": before, "after": after, **more}
    resource = {"address": f"module.hello.{kind}.this", "type": kind, "change": change}
    (found,) = from_document({"resource_changes": [resource]})
    return found


def policy(*statements: dict[str, Any]) -> dict[str, str]:
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)})}


READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
WRITE = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}


def test_creations_need_no_second_look() -> None:
    changes = from_stream([{"type": "version"}, line("create"), line("noop", "module.a.aws_iam_role.this")])
    assert changes == (
        Change("module.hello.aws_lambda_function.this", "aws_lambda_function", "hello", "create", "at-once"),
    )


def test_no_change_is_an_empty_tuple() -> None:
    assert from_stream([{"type": "change_summary"}]) == ()


def test_a_safety_net_comes_and_goes_at_once_and_takes_nothing_from_a_version() -> None:
    changes = from_stream([line("delete", "module.hello_net.aws_iam_role.undo")])
    assert changes is not None
    assert [(change.service, change.effect) for change in changes] == [("hello", "at-once")]
    assert refused(changes, ()) == ()


@pytest.mark.parametrize("action", ["update", "replace"])
def test_an_update_must_be_looked_up(action: str) -> None:
    assert from_stream([line("create", "module.a.aws_iam_role.this"), line(action)]) is None


def test_a_deletion_destroys_whatever_it_deletes() -> None:
    changes = from_stream([line("delete", "module.hello_http.aws_apigatewayv2_route.this")])
    assert changes is not None
    assert [(change.service, change.effect) for change in changes] == [("hello", "destroys")]


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        ({"timeout": 3}, {"timeout": 5}, "walks"),
        ({"environment": [{"variables": {"A": "1"}}]}, {"environment": []}, "walks"),
        ({"memory_size": 128, "tags": {}}, {"memory_size": 256, "tags": {"a": "b"}}, "walks"),
        ({"description": "a"}, {"description": "b"}, "at-once"),
        ({"description": "a", "timeout": 3}, {"description": "b", "timeout": 5}, "walks"),
        ({"tags": {}, "tags_all": {}}, {"tags": {"a": "b"}, "tags_all": {"a": "b"}}, "at-once"),
        ({"reserved_concurrent_executions": -1}, {"reserved_concurrent_executions": 5}, "at-once"),
        ({"function_name": "a"}, {"function_name": "b"}, "destroys"),
        ({"something_new": 1}, {"something_new": 2}, "destroys"),
    ],
)
def test_updates_of_a_function(before: dict[str, Any], after: dict[str, Any], effect: str) -> None:
    assert planned("aws_lambda_function", before, after).effect == effect


def test_answers_of_aws_that_change_along_do_not_count() -> None:
    change = planned(
        "aws_lambda_function", {"timeout": 3}, {"timeout": 5}, after_unknown={"last_modified": True, "tags": {}}
    )
    assert (change.effect, change.attributes) == ("walks", ("last_modified", "timeout"))


@pytest.mark.parametrize(
    ("before", "after", "effect"),
    [
        (policy(READ), policy(READ, WRITE), "at-once"),
        (policy(READ, WRITE), policy(READ), "destroys"),
        (policy(READ), policy(READ, DENY), "destroys"),
        (policy(READ), {"policy": None}, "destroys"),
        ({"policy": "no JSON"}, policy(READ), "destroys"),
    ],
)
def test_a_policy_that_only_grants_more_is_told_apart(
    before: dict[str, Any], after: dict[str, Any], effect: str
) -> None:
    assert planned("aws_iam_role_policy", before, after).effect == effect


def test_what_cannot_be_told_apart_counts_as_a_removal() -> None:
    assert planned("aws_dynamodb_table", {"ttl": 1}, {"ttl": 2}).effect == "destroys"
    assert planned("aws_lambda_alias", {"function_version": "1"}, {"function_version": "2"}).effect == "destroys"


def test_a_policy_that_is_not_known_yet_counts_as_a_removal() -> None:
    unknown = planned("aws_iam_role_policy", policy(READ), {}, after_unknown={"policy": True})
    assert unknown.effect == "destroys"


@pytest.mark.parametrize("actions", [("delete", "create"), ("create", "delete")])
def test_a_replacement_names_what_forces_it(actions: tuple[str, ...]) -> None:
    change = planned("aws_lambda_function", {}, {}, actions, replace_paths=[["function_name"], ["function_name", 0]])
    assert (change.action, change.effect, change.attributes) == ("replace", "destroys", ("function_name",))


def test_no_value_of_an_attribute_is_kept() -> None:
    before, after = ({"environment": [{"variables": {"TOKEN": value}}]} for value in ("hunter1", "hunter2"))
    assert "hunter" not in repr(planned("aws_lambda_function", before, after))


def test_losses_are_refused_unless_named() -> None:
    stream = [
        line("delete"),
        line("delete", "module.hello.aws_dynamodb_table.this"),
        line("delete", "module.hello_http.aws_apigatewayv2_route.this"),
        line("create", "module.hello.aws_iam_role.this"),
    ]
    changes = from_stream(stream)
    assert changes is not None
    assert [change.type for change in refused(changes, ())] == ["aws_dynamodb_table", "aws_lambda_function"]
    assert [c.type for c in refused(changes, {"module.hello.aws_dynamodb_table.this"})] == ["aws_lambda_function"]


@pytest.mark.parametrize(
    ("address", "service"),
    [
        ("module.hello.aws_lambda_function.this", "hello"),
        ('module.hello_http.aws_apigatewayv2_route.this["GET /a.b"]', "hello"),
        ("aws_s3_bucket.this", None),
    ],
)
def test_a_resource_belongs_to_the_service_of_its_module(address: str, service: str | None) -> None:
    assert service_of(address) == service


@pytest.mark.parametrize(
    ("effect", "action", "word"),
    [
        ("walks", "update", "walks"),
        ("at-once", "create", "at once"),
        ("destroys", "update", "takes away"),
        ("destroys", "delete", "destroys"),
        ("destroys", "replace", "destroys"),
    ],
)
def test_when_a_change_takes_effect_has_a_word(effect: Effect, action: Action, word: str) -> None:
    assert when(Change("module.a.b.c", "b", "a", action, effect)) == word
