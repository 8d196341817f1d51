"""What each type of resource means to a running version: one row a type, and no type of a module without a row."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipeline.infra.classify import drift_of, from_document, refused
from pipeline.infra.kinds import KINDS
from pipeline.infra.model import Change

MODULES = Path(__file__).parents[3] / "modules"
READ = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:b"}
WRITE = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:b"}
DENY = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


Update = tuple[str, Any, Any]
MORE: Update = ("policy", policy(READ), policy(READ, WRITE))
LESS: Update = ("policy", policy(READ, WRITE), policy(READ))


class Row(NamedTuple):
    """`lost`: whether destroying it must be named. An update that takes nothing away, and one that does."""

    lost: bool
    harmless: Update | None
    takes: Update | None


ROWS: Mapping[str, Row] = {
    "aws_apigatewayv2_api": Row(
        True,
        ("cors_configuration", [], [{"allow_origins": ["https://a"]}]),
        ("cors_configuration", [{"allow_origins": ["https://a"]}], [{"allow_origins": ["https://b"]}]),
    ),
    "aws_apigatewayv2_api_mapping": Row(False, None, ("stage", "a", "b")),
    "aws_apigatewayv2_authorizer": Row(
        False,
        ("jwt_configuration", [{"audience": ["a"]}], [{"audience": ["a", "b"]}]),
        ("jwt_configuration", [{"audience": ["a", "b"]}], [{"audience": ["a"]}]),
    ),
    "aws_apigatewayv2_domain_name": Row(True, None, ("domain_name_configuration", [{"a": 1}], [{"a": 2}])),
    "aws_apigatewayv2_integration": Row(False, ("timeout_milliseconds", 3, 5), ("integration_uri", "a", "b")),
    "aws_apigatewayv2_route": Row(False, ("operation_name", "a", "b"), ("authorization_type", "NONE", "JWT")),
    "aws_apigatewayv2_stage": Row(
        False, ("default_route_settings", [], [{"throttling_rate_limit": 5}]), ("auto_deploy", True, False)
    ),
    "aws_cloudcontrolapi_resource": Row(True, ("properties", "a", "b"), ("desired_state", "a", "b")),
    "aws_cloudwatch_composite_alarm": Row(False, ("alarm_rule", "a", "b"), None),
    "aws_cloudwatch_dashboard": Row(False, ("dashboard_body", "a", "b"), None),
    "aws_cloudwatch_event_archive": Row(True, ("retention_days", 7, 0), ("retention_days", 7, 3)),
    "aws_cloudwatch_event_bus": Row(True, ("description", "a", "b"), ("event_source_name", "a", "b")),
    "aws_cloudwatch_event_bus_policy": Row(False, MORE, LESS),
    "aws_cloudwatch_event_permission": Row(False, None, ("principal", "a", "b")),
    "aws_cloudwatch_event_rule": Row(
        False,
        ("event_pattern", '{"source": ["a"], "detail": {"kind": ["x"]}}', '{"source": ["a", "b"]}'),
        ("event_pattern", '{"source": ["a"]}', '{"source": ["a"], "detail": {"kind": ["x"]}}'),
    ),
    "aws_cloudwatch_event_target": Row(False, ("retry_policy", [{"a": 1}], [{"a": 2}]), ("arn", "a", "b")),
    "aws_cloudwatch_log_group": Row(True, ("retention_in_days", 7, 14), ("log_group_class", "A", "B")),
    "aws_cloudwatch_log_metric_filter": Row(False, ("pattern", "a", "b"), None),
    "aws_cloudwatch_log_resource_policy": Row(
        False, ("policy_document", policy(READ), policy(READ, WRITE)), ("policy_document", policy(READ), policy(WRITE))
    ),
    "aws_cloudwatch_log_subscription_filter": Row(False, ("filter_pattern", "a", ""), ("destination_arn", "a", "b")),
    "aws_cloudwatch_metric_alarm": Row(False, ("threshold", 1, 2), None),
    "aws_cognito_resource_server": Row(False, ("scope", [], [{"scope_name": "a"}]), ("scope", [{"a": 1}], [])),
    "aws_cognito_user_group": Row(True, ("description", "a", "b"), ("role_arn", "a", "b")),
    "aws_cognito_user_pool": Row(
        True,
        ("lambda_config", [], [{"pre_token_generation": "arn:f"}]),
        ("lambda_config", [{"pre_token_generation": "arn:f"}], [{"pre_token_generation": ""}]),
    ),
    "aws_cognito_user_pool_client": Row(
        True, ("callback_urls", ["a"], ["a", "b"]), ("callback_urls", ["a", "b"], ["a"])
    ),
    "aws_cognito_user_pool_domain": Row(True, None, ("certificate_arn", "a", "b")),
    "aws_dynamodb_table": Row(
        True,
        ("global_secondary_index", [{"name": "a"}], [{"name": "a"}, {"name": "b"}]),
        ("global_secondary_index", [{"name": "a"}, {"name": "b"}], [{"name": "b"}]),
    ),
    "aws_iam_openid_connect_provider": Row(
        False, ("client_id_list", ["a"], ["a", "b"]), ("client_id_list", ["a"], ["b"])
    ),
    "aws_iam_policy": Row(False, MORE, LESS),
    "aws_iam_role": Row(
        False,
        ("assume_role_policy", policy(READ), policy(READ, WRITE)),
        ("assume_role_policy", policy(READ), policy(READ, DENY)),
    ),
    "aws_iam_role_policy": Row(False, MORE, LESS),
    "aws_iam_role_policy_attachment": Row(False, None, ("policy_arn", "a", "b")),
    "aws_kinesis_stream": Row(True, ("retention_period", 24, 48), ("retention_period", 48, 24)),
    "aws_kms_alias": Row(False, None, ("target_key_id", "a", "b")),
    "aws_kms_key": Row(True, ("enable_key_rotation", False, True), ("is_enabled", True, False)),
    "aws_kms_key_policy": Row(False, MORE, LESS),
    "aws_lambda_alias": Row(True, None, ("function_version", "1", "2")),
    "aws_lambda_code_signing_config": Row(False, ("description", "a", "b"), ("policies", [1], [2])),
    "aws_lambda_event_source_mapping": Row(False, ("batch_size", 10, 5), ("enabled", True, False)),
    "aws_lambda_function": Row(True, ("reserved_concurrent_executions", -1, 5), ("function_name", "a", "b")),
    "aws_lambda_function_event_invoke_config": Row(
        False, ("maximum_retry_attempts", 2, 0), ("destination_config", [{"on_failure": "a"}], [])
    ),
    "aws_lambda_function_url": Row(
        True, ("cors", [], [{"allow_origins": ["*"]}]), ("authorization_type", "NONE", "AWS_IAM")
    ),
    "aws_lambda_layer_version": Row(False, ("description", "a", "b"), None),
    "aws_lambda_layer_version_permission": Row(False, None, ("principal", "a", "b")),
    "aws_lambda_permission": Row(False, None, ("source_arn", "a", "b")),
    "aws_lambda_provisioned_concurrency_config": Row(
        False, ("provisioned_concurrent_executions", 1, 2), ("provisioned_concurrent_executions", 2, 1)
    ),
    "aws_pipes_pipe": Row(False, ("description", "a", "b"), ("source_parameters", [{"a": 1}], [{"a": 2}])),
    "aws_route53_record": Row(False, ("records", ["a"], ["a", "b"]), ("records", ["a"], ["b"])),
    "aws_s3_bucket": Row(True, ("tags", {}, {"a": "b"}), ("object_lock_enabled", True, False)),
    "aws_s3_bucket_cors_configuration": Row(
        False,
        ("cors_rule", [{"allowed_methods": ["GET"]}], [{"allowed_methods": ["GET", "PUT"]}]),
        ("cors_rule", [{"allowed_methods": ["GET", "PUT"]}], [{"allowed_methods": ["GET"]}]),
    ),
    "aws_s3_bucket_lifecycle_configuration": Row(False, None, ("rule", [], [{"expiration": 1}])),
    "aws_s3_bucket_logging": Row(False, ("target_prefix", "a", "b"), ("expected_bucket_owner", "a", "b")),
    "aws_s3_bucket_notification": Row(
        False,
        ("lambda_function", [{"id": "1", "events": ["a"]}], [{"events": ["a"]}, {"events": ["b"]}]),
        ("lambda_function", [{"id": "1", "events": ["a"]}], []),
    ),
    "aws_s3_bucket_ownership_controls": Row(False, None, ("rule", [{"a": 1}], [{"a": 2}])),
    "aws_s3_bucket_policy": Row(False, MORE, ("policy", policy(READ), policy(READ, DENY))),
    "aws_s3_bucket_public_access_block": Row(False, None, ("block_public_acls", False, True)),
    "aws_s3_bucket_server_side_encryption_configuration": Row(False, ("rule", [{"a": 1}], [{"a": 2}]), None),
    "aws_s3_bucket_versioning": Row(
        False,
        ("versioning_configuration", [], [{"status": "Enabled"}]),
        ("versioning_configuration", [{"status": "Enabled"}], [{"status": "Suspended"}]),
    ),
    "aws_scheduler_schedule": Row(False, ("schedule_expression", "a", "b"), ("target", [{"arn": 1}], [{"arn": 2}])),
    "aws_scheduler_schedule_group": Row(False, None, ("name", "a", "b")),
    "aws_secretsmanager_secret": Row(True, ("description", "a", "b"), LESS),
    "aws_secretsmanager_secret_policy": Row(False, MORE, LESS),
    "aws_secretsmanager_secret_rotation": Row(False, ("rotation_rules", [1], [2]), ("rotation_lambda_arn", "a", "b")),
    "aws_secretsmanager_secret_version": Row(True, ("version_stages", ["a"], ["a", "b"]), ("secret_string", "a", "b")),
    "aws_sfn_state_machine": Row(True, ("logging_configuration", [], [{"a": 1}]), ("definition", "a", "b")),
    "aws_sns_topic": Row(True, MORE, LESS),
    "aws_sns_topic_policy": Row(False, MORE, LESS),
    "aws_sns_topic_subscription": Row(False, ("redrive_policy", "", "a"), ("filter_policy", "", "a")),
    "aws_sqs_queue": Row(
        True, ("message_retention_seconds", 60, 120), ("redrive_policy", '{"deadLetterTargetArn": "a"}', "")
    ),
    "aws_sqs_queue_policy": Row(False, MORE, LESS),
    "aws_sqs_queue_redrive_allow_policy": Row(False, None, ("redrive_allow_policy", "a", "b")),
    "aws_sqs_queue_redrive_policy": Row(False, ("redrive_policy", "a", "b"), ("redrive_policy", "a", "")),
    "aws_ssm_parameter": Row(True, ("description", "a", "b"), ("value", "a", "b")),
    "terraform_data": Row(False, None, ("input", "a", "b")),
}


def change(
    kind: str, *actions: str, update: Update | None = None, address: str = "module.todos_x", **more: Any
) -> Change:
    before, after = ({update[0]: update[1]}, {update[0]: update[2]}) if update else ({}, {})
    done = {"actions": list(actions), "before": before, "after": after, **more}
    (found,) = from_document(
        {"resource_changes": [{"address": f"{address}.{kind}.this", "type": kind, "change": done}]}
    )
    return found


def test_every_type_has_its_row() -> None:
    assert sorted(ROWS) == sorted(KINDS)


def test_every_type_of_the_modules_is_known() -> None:
    declared = re.compile(r'^resource "(\w+)"', re.MULTILINE)
    made = {kind for path in MODULES.glob("*/*.tf") for kind in declared.findall(path.read_text())}
    assert "aws_lambda_function" in made
    assert made - KINDS.keys() == set()


@pytest.mark.parametrize(("kind", "row"), ROWS.items())
def test_what_each_type_means_to_a_version(kind: str, row: Row) -> None:
    gone = [change(kind, "delete"), change(kind, "delete", "create"), change(kind, "create", "delete")]
    assert [bool(refused([one], ())) for one in gone] == [row.lost] * 3
    assert refused(gone, {f"module.todos_x.{kind}.this"}) == ()
    watched = not KINDS[kind].needed
    assert {one.effect for one in gone} == {"at-once" if watched else "destroys"}
    if row.harmless is not None:
        assert change(kind, "update", update=row.harmless).effect == "at-once"
    if row.takes is not None:
        assert change(kind, "update", update=row.takes).effect == "destroys"
    assert change(kind, "create").effect == "at-once"
    assert change(kind, "update", update=("tags", {}, {"a": "b"})).effect == "at-once"


def test_a_permission_made_by_cloud_control_is_a_permission() -> None:
    address = "module.todos_url.aws_cloudcontrolapi_resource.invoke[0]"
    done = {"actions": ["delete"]}
    document = {"resource_changes": [{"address": address, "type": "aws_cloudcontrolapi_resource", "change": done}]}
    changes = from_document(document)
    assert [one.effect for one in changes] == ["destroys"]
    assert refused(changes, ()) == ()


def test_a_type_nobody_knows_is_a_loss() -> None:
    made = change("aws_new_thing", "delete")
    assert (made.effect, refused([made], ())) == ("destroys", (made,))
    assert change("aws_new_thing", "update", update=("a", 1, 2)).effect == "destroys"


def test_two_things_changed_at_once_take_away_if_one_does() -> None:
    before = {"batch_size": 10, "enabled": True}
    done = {"actions": ["update"], "before": before, "after": {"batch_size": 5, "enabled": False}}
    kind = "aws_lambda_event_source_mapping"
    resource = {"address": f"module.todos_sqs_jobs.{kind}.this", "type": kind, "change": done}
    (found,) = from_document({"resource_changes": [resource]})
    assert (found.effect, found.service, found.attributes) == ("destroys", "todos", ("batch_size", "enabled"))


@pytest.mark.parametrize(
    ("before", "after", "harmless"),
    [
        (policy(READ), policy({**READ, "Action": ["s3:GetObject", "s3:PutObject"]}), True),
        (policy(READ), policy({**READ, "Action": "s3:*", "Sid": "wide"}), True),
        (policy(READ), policy({**READ, "Condition": {"Bool": {"aws:SecureTransport": "true"}}}), False),
        (policy({**READ, "Action": "s3:*"}), policy(READ), False),
        (policy({**READ, "Action": "s3:Get*"}), policy({**READ, "Action": "s3:*"}), True),
        (policy({**READ, "Principal": "*"}), policy({**READ, "Principal": {"AWS": "1"}}), False),
        (policy(READ, DENY), policy(READ), True),
        (policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}), policy(READ), False),
        (None, policy(READ), True),
        (None, policy(DENY), False),
    ],
)
def test_a_policy_by_what_it_grants(before: str | None, after: str, harmless: bool) -> None:
    found = change("aws_sqs_queue", "update", update=("policy", before, after))
    assert (found.effect == "at-once") is harmless


@pytest.mark.parametrize(
    ("before", "after", "harmless"),
    [
        ([{"filter": [{"pattern": '{"a": [1]}'}]}], [], True),
        ([{"filter": [{"pattern": '{"a": [1]}'}]}], [{"filter": [{"pattern": '{"a": [1, 2]}'}]}], True),
        ([{"filter": [{"pattern": '{"a": [1]}'}]}], [{"filter": [{"pattern": '{"b": [1]}'}]}], False),
        ([], [{"filter": [{"pattern": '{"a": [1]}'}]}], False),
    ],
)
def test_filters_by_what_they_let_through(before: Any, after: Any, harmless: bool) -> None:
    found = change("aws_lambda_event_source_mapping", "update", update=("filter_criteria", before, after))
    assert (found.effect == "at-once") is harmless


@pytest.mark.parametrize(
    ("address", "service"),
    [
        ("module.todos", "todos"),
        ("module.todos_sqs_jobs.module.queue[0]", "todos"),
        ("module.to-dos_schedule_2", "to-dos"),
        ('module.todos["a_b"]', "todos"),
    ],
)
def test_the_service_stands_before_the_first_underscore(address: str, service: str) -> None:
    assert change("aws_sqs_queue", "create", address=address).service == service


def test_drift_is_neither_the_engines_work_nor_an_answer_of_aws() -> None:
    def differs(kind: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
        done = {"actions": ["update"], "before": before, "after": after}
        return {"address": f"module.todos.{kind}.this", "type": kind, "change": done}

    document = {
        "resource_drift": [
            differs("aws_lambda_alias", {"function_version": "1"}, {"function_version": "2"}),
            differs("aws_lambda_function", {"s3_key": "a", "version": "1"}, {"s3_key": "b", "version": "2"}),
            differs("aws_iam_role", {"inline_policy": []}, {"inline_policy": [{"name": "logs"}]}),
            differs("aws_apigatewayv2_stage", {"stage_variables": None}, {"stage_variables": {}}),
            differs("aws_lambda_function", {"timeout": 3, "version": "1"}, {"timeout": 5, "version": "2"}),
        ]
    }
    assert [(one.type, one.attributes) for one in drift_of(document)] == [("aws_lambda_function", ("timeout",))]


def test_of_values_only_what_costs_is_kept() -> None:
    found = change("aws_lambda_function", "update", update=("memory_size", 128, 256))
    assert found.amounts == (("memory_size", 128.0, 256.0),)
