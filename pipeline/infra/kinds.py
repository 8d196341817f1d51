"""What each type of resource means to a version that is running: a table, and nothing else.

`lost`: destroyed, it cannot be made again as it was (data, an address that callers have). `needed`: a running version
may need it. The attributes name what an update in place does; one that is not named takes something away, and so does
every change of a type that is not in the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipeline.infra import grants
from pipeline.infra.grants import Rule

TAGS = frozenset({"tags", "tags_all"})


@dataclass(frozen=True)
class Kind:
    """How one type of resource behaves."""

    lost: bool = True
    needed: bool = True
    rules: Mapping[str, Rule] = field(default_factory=dict)
    walks: frozenset[str] = frozenset()  # what every published version keeps for itself
    answers: frozenset[str] = frozenset()  # of AWS, which change along
    engine: frozenset[str] = frozenset()  # what the release engine writes: that it differs from the state is no drift

    def takes_nothing(self, attribute: str, before: object, after: object) -> bool:
        """Whether this attribute, changed like this, leaves a running version all it has."""
        rule = self.rules.get(attribute)
        return not self.needed or (rule is not None and rule(before, after))


UNKNOWN = Kind()
_RULES: Mapping[str, Rule] = {
    "free": grants.free,
    "keeps": grants.keeps,
    "raises": grants.raises,
    "stays": grants.stays,
    "policy": grants.grants,
    "pattern": grants.matches,
}
_WATCHES = Kind(lost=False, needed=False)  # people and machines look at it; no request does


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _rules(**given: str) -> dict[str, Rule]:
    """Rules by the names of attributes, which stand beside each other with spaces."""
    return {name: _RULES[rule] for rule, names in given.items() for name in _names(names)}


def _lost(*, answers: str = "", **rules: str) -> Kind:
    return Kind(lost=True, rules=_rules(**rules), answers=_names(answers))


def _again(*, answers: str = "", **rules: str) -> Kind:
    return Kind(lost=False, rules=_rules(**rules), answers=_names(answers))


# The role and the dead-letter setting belong to a version, but an alias cannot split two that differ in them. A
# version's description is the release's: the function's own is only read by people, at once.
_FUNCTION = Kind(
    lost=True,
    rules=_rules(free="dead_letter_config description reserved_concurrent_executions role skip_destroy"),
    walks=_names(
        "environment ephemeral_storage file_system_config handler image_config kms_key_arn layers logging_config "
        "memory_size runtime snap_start timeout tracing_config vpc_config"
    ),
    answers=_names(
        "code_sha256 invoke_arn last_modified qualified_arn qualified_invoke_arn signing_job_arn "
        "signing_profile_version_arn source_code_hash source_code_size version"
    ),
    engine=_names("architectures filename s3_bucket s3_key s3_object_version"),
)
_ALIAS = Kind(
    lost=True,
    answers=frozenset({"invoke_arn"}),
    engine=_names("description function_version routing_config"),
)
_MAPPING = Kind(
    lost=False,
    rules={
        **_rules(
            free="batch_size maximum_batching_window_in_seconds maximum_retry_attempts maximum_record_age_in_seconds "
            "bisect_batch_on_function_error parallelization_factor scaling_config metrics_config "
            "provisioned_poller_config kms_key_arn",
            keeps="enabled function_response_types",
            stays="destination_config",
        ),
        "filter_criteria": grants.filters,
    },
    answers=_names("last_modified last_processing_result state state_transition_reason function_arn"),
)

_COMPUTE: Mapping[str, Kind] = {
    "aws_lambda_alias": _ALIAS,
    "aws_lambda_code_signing_config": _again(free="description"),
    "aws_lambda_event_source_mapping": _MAPPING,
    "aws_lambda_function": _FUNCTION,
    "aws_lambda_function_event_invoke_config": _again(
        free="maximum_event_age_in_seconds maximum_retry_attempts", stays="destination_config"
    ),
    "aws_lambda_function_url": _lost(keeps="cors"),  # made again it has another address
    "aws_lambda_layer_version": _WATCHES,  # versions that have it keep it
    "aws_lambda_layer_version_permission": _again(),
    "aws_lambda_permission": _again(),
    "aws_lambda_provisioned_concurrency_config": _again(
        free="skip_destroy", raises="provisioned_concurrent_executions"
    ),
    "aws_sfn_state_machine": _lost(  # executions that run end with it
        free="logging_configuration tracing_configuration",
        answers="creation_date description revision_id state_machine_version_arn status version_description",
    ),
    "aws_cloudcontrolapi_resource": _lost(answers="properties"),
    "terraform_data": _again(),
}

_DOORS: Mapping[str, Kind] = {
    "aws_apigatewayv2_api": _lost(free="name description version", keeps="cors_configuration"),
    "aws_apigatewayv2_api_mapping": _again(),
    "aws_apigatewayv2_authorizer": _again(free="name", keeps="jwt_configuration"),
    "aws_apigatewayv2_domain_name": _lost(),
    "aws_apigatewayv2_integration": _again(free="description timeout_milliseconds"),
    "aws_apigatewayv2_route": _again(free="operation_name"),
    "aws_apigatewayv2_stage": _again(
        free="description access_log_settings default_route_settings route_settings",
        keeps="stage_variables",
        answers="deployment_id invoke_url execution_arn",
    ),
    "aws_cognito_resource_server": _again(free="name", keeps="scope"),
    "aws_cognito_user_group": _lost(free="description precedence"),
    "aws_cognito_user_pool": _lost(
        free="account_recovery_setting deletion_protection email_verification_message email_verification_subject "
        "user_pool_add_ons user_pool_tier",
        keeps="auto_verified_attributes lambda_config schema",
        answers="estimated_number_of_users last_modified_date",
    ),
    "aws_cognito_user_pool_client": _lost(
        free="name enable_token_revocation prevent_user_existence_errors",
        keeps="allowed_oauth_flows allowed_oauth_flows_user_pool_client allowed_oauth_scopes callback_urls "
        "explicit_auth_flows logout_urls read_attributes supported_identity_providers write_attributes",
        answers="client_secret",
    ),
    "aws_cognito_user_pool_domain": _lost(),
    "aws_route53_record": _again(free="ttl", keeps="records"),
}

_EVENTS: Mapping[str, Kind] = {
    "aws_cloudwatch_event_archive": _lost(free="description", raises="retention_days", pattern="event_pattern"),
    "aws_cloudwatch_event_bus": _lost(free="description kms_key_identifier", stays="dead_letter_config"),
    "aws_cloudwatch_event_bus_policy": _again(policy="policy"),
    "aws_cloudwatch_event_permission": _again(),
    "aws_cloudwatch_event_rule": _again(free="description role_arn", pattern="event_pattern"),
    "aws_cloudwatch_event_target": _again(free="retry_policy role_arn", stays="dead_letter_config"),
    "aws_pipes_pipe": _again(free="description log_configuration role_arn"),
    "aws_scheduler_schedule": _again(
        free="description flexible_time_window kms_key_arn schedule_expression schedule_expression_timezone"
    ),
    "aws_scheduler_schedule_group": _again(answers="last_modification_date state"),
    "aws_sns_topic": _lost(free="display_name kms_master_key_id", policy="policy"),
    "aws_sns_topic_policy": _again(policy="policy"),
    "aws_sns_topic_subscription": _again(stays="redrive_policy"),
    "aws_sqs_queue": _lost(
        free="delay_seconds kms_data_key_reuse_period_seconds kms_master_key_id receive_wait_time_seconds "
        "sqs_managed_sse_enabled visibility_timeout_seconds",
        keeps="content_based_deduplication",
        raises="max_message_size message_retention_seconds",
        stays="redrive_policy",
        policy="policy",
    ),
    "aws_sqs_queue_policy": _again(policy="policy"),
    "aws_sqs_queue_redrive_allow_policy": _again(),
    "aws_sqs_queue_redrive_policy": _again(stays="redrive_policy"),
}

_DATA: Mapping[str, Kind] = {
    "aws_dynamodb_table": _lost(
        free="billing_mode deletion_protection_enabled on_demand_throughput read_capacity server_side_encryption "
        "table_class write_capacity",
        keeps="attribute global_secondary_index point_in_time_recovery replica stream_enabled stream_view_type",
        answers="stream_arn stream_label",
    ),
    "aws_kinesis_stream": _lost(
        free="shard_count stream_mode_details enforce_consumer_deletion",
        keeps="shard_level_metrics",
        raises="retention_period",
    ),
    "aws_kms_alias": _again(),
    "aws_kms_key": _lost(
        free="deletion_window_in_days description rotation_period_in_days",
        keeps="enable_key_rotation is_enabled",
        policy="policy",
    ),
    "aws_kms_key_policy": _again(policy="policy"),
    "aws_s3_bucket": _lost(free="force_destroy", answers="bucket_domain_name"),
    "aws_s3_bucket_cors_configuration": _again(keeps="cors_rule"),
    "aws_s3_bucket_lifecycle_configuration": _again(),
    "aws_s3_bucket_logging": _again(free="target_bucket target_prefix"),
    "aws_s3_bucket_notification": _again(keeps="eventbridge lambda_function queue topic"),
    "aws_s3_bucket_ownership_controls": _again(),
    "aws_s3_bucket_policy": _again(policy="policy"),
    "aws_s3_bucket_public_access_block": _again(),
    "aws_s3_bucket_server_side_encryption_configuration": _again(free="rule"),
    "aws_s3_bucket_versioning": _again(keeps="versioning_configuration"),
    "aws_secretsmanager_secret": _lost(
        free="description force_overwrite_replica_secret recovery_window_in_days", keeps="replica", policy="policy"
    ),
    "aws_secretsmanager_secret_policy": _again(free="block_public_policy", policy="policy"),
    "aws_secretsmanager_secret_rotation": _again(free="rotation_rules"),
    "aws_secretsmanager_secret_version": _lost(keeps="version_stages"),
    "aws_ssm_parameter": _lost(free="description tier", answers="version"),
}

_ACCESS: Mapping[str, Kind] = {
    "aws_iam_openid_connect_provider": _again(keeps="client_id_list", free="thumbprint_list"),
    "aws_iam_policy": _again(free="description", policy="policy", answers="policy_id attachment_count"),
    "aws_iam_role": _again(
        free="description max_session_duration",
        policy="assume_role_policy",
        answers="inline_policy managed_policy_arns",  # what other resources attach to it
    ),
    "aws_iam_role_policy": _again(policy="policy"),
    "aws_iam_role_policy_attachment": _again(),
}

_WATCHED: Mapping[str, Kind] = {
    "aws_cloudwatch_composite_alarm": _WATCHES,
    "aws_cloudwatch_dashboard": _WATCHES,
    "aws_cloudwatch_log_group": _lost(free="kms_key_id retention_in_days skip_destroy"),
    "aws_cloudwatch_log_metric_filter": _WATCHES,
    "aws_cloudwatch_log_resource_policy": _again(policy="policy_document"),
    "aws_cloudwatch_log_subscription_filter": _again(free="filter_pattern role_arn"),
    "aws_cloudwatch_metric_alarm": _WATCHES,
}

KINDS: Mapping[str, Kind] = {**_COMPUTE, **_DOORS, **_EVENTS, **_DATA, **_ACCESS, **_WATCHED}


# What the provider has no type for is made by Cloud Control, whose resource can be anything: these are ours.
_STANDS_FOR: Mapping[str, str] = {"aws_cloudcontrolapi_resource.invoke": "aws_lambda_permission"}


def kind_of(resource_type: str, address: str = "") -> Kind:
    """The row of a type; for one that is not in the table, everything is a loss."""
    name = address.rpartition(f"{resource_type}.")[2].partition("[")[0]
    return KINDS.get(_STANDS_FOR.get(f"{resource_type}.{name}", resource_type), UNKNOWN)
