"""Asks AWS who is calling, what of an environment is there and what the caller may do. Every call here only reads.

IAM's simulation ("Testing IAM policies with the IAM policy simulator" in the IAM user guide) knows the policies of the
identity, its boundary and the organisation's, not those of the session: it may say yes to what a session policy denies.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from pipeline.aws import ACCESS_CODES, aws_errors, client, error_code, http_status
from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment

Decision = Literal["allowed", "denied", "unknown"]

_ASSUMED = re.compile(r"arn:([a-z-]+):sts::([0-9]{12}):assumed-role/([^/]+)/")
_IDENTITY = re.compile(r"arn:[a-z-]+:iam::[0-9]{12}:(?:user|role)/")


@dataclass(frozen=True)
class Caller:
    """Who AWS says is calling; `offset_s`: its clock minus this machine's, None where it did not say."""

    account: str
    arn: str
    offset_s: float | None


def caller(env: Environment) -> Caller:
    """Ask STS; AwsError without credentials, or with such as AWS does not accept."""
    with aws_errors("ask AWS who is calling"):
        answer = client(env, "sts").get_caller_identity()
    return Caller(str(answer["Account"]), str(answer["Arn"]), _offset(answer))


def clock_of(error: AwsError) -> float | None:
    """AWS's clock minus this machine's, from an answer that refused a call."""
    return _offset(getattr(error.__cause__, "response", None))


def _offset(answer: Any) -> float | None:
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}) if isinstance(answer, dict) else {}
    try:
        return parsedate_to_datetime(str(headers["date"])).timestamp() - time.time()
    except (KeyError, ValueError, TypeError):
        return None


def bucket(env: Environment) -> Literal["there", "absent", "foreign"]:
    """Whether the environment's bucket is there; AwsError where that cannot be told."""
    from botocore.exceptions import ClientError

    with aws_errors(f"look for bucket {env.bucket}"):
        try:
            client(env, "s3").head_bucket(Bucket=env.bucket, ExpectedBucketOwner=env.account)
        except ClientError as error:
            if http_status(error) == 404:
                return "absent"
            if http_status(error) == 403:  # HEAD says nothing more: another account's, or no right to list
                return "foreign"
            raise
    return "there"


def principal(env: Environment, arn: str, known: Sequence[str]) -> str | None:
    """The identity that IAM can simulate for a caller; None for one it cannot, such as an account's root.

    A session's ARN has lost the path of its role: IAM is asked for it, and where it may not be, it is one of the
    `known` roles' ARNs, or one without a path.
    """
    if _IDENTITY.match(arn):
        return arn
    found = _ASSUMED.match(arn)
    if found is None:
        return None
    try:
        with aws_errors("look for the caller's role"):
            answer = client(env, "iam").get_role(RoleName=found[3])
    except AwsError:
        plain = f"arn:{found[1]}:iam::{found[2]}:role/{found[3]}"
        return next((one for one in known if one.endswith(f"/{found[3]}")), plain)
    return str(answer["Role"]["Arn"])


def simulate(
    env: Environment, source: str, actions: Sequence[str], resource: str, context: Mapping[str, str]
) -> dict[str, Decision]:
    """What IAM would decide on actions of one resource; AwsError where the caller may not ask.

    `context`: what the conditions of a policy compare. A decision that wants more of it is `unknown`.
    """
    entries = [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for key, value in sorted(context.items())
    ]
    with aws_errors("simulate the caller's rights"):
        answer = client(env, "iam").simulate_principal_policy(
            PolicySourceArn=source, ActionNames=list(actions), ResourceArns=[resource], ContextEntries=entries
        )
    return {str(one["EvalActionName"]): _decision(one) for one in answer["EvaluationResults"]}


def _decision(result: Mapping[str, Any]) -> Decision:
    if result.get("EvalDecision") == "allowed":
        return "allowed"
    return "unknown" if result.get("MissingContextValues") else "denied"


def try_read(env: Environment, action: str, resource: str) -> Decision | None:
    """What a harmless read says of the right to it; None for an action that is none. `resource`: an ARN, or `*`.

    The resource need not be there: AWS looks at the right before it looks for the thing.
    """
    name = resource.rsplit(":", 1)[-1]
    bucket_name, _, key = name.partition("/")
    group = resource.partition(":log-group:")[2].removesuffix(":*")
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Invocations"}
    now = time.time()
    calls: Mapping[str, Callable[[], object]] = {
        "s3:ListBucket": lambda: client(env, "s3").list_objects_v2(Bucket=bucket_name, MaxKeys=1),
        "s3:GetObject": lambda: client(env, "s3").head_object(Bucket=bucket_name, Key=key),
        "lambda:GetAlias": lambda: client(env, "lambda").get_alias(FunctionName=name, Name="live"),
        "lambda:GetFunction": lambda: client(env, "lambda").get_function(FunctionName=name),
        "cloudwatch:GetMetricData": lambda: client(env, "cloudwatch").get_metric_data(
            MetricDataQueries=[{"Id": "a", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}],
            StartTime=now - 120,
            EndTime=now - 60,
        ),
        "logs:FilterLogEvents": lambda: client(env, "logs").filter_log_events(logGroupName=group, limit=1),
    }
    return _tried(calls[action]) if action in calls else None


def _tried(call: Callable[[], object]) -> Decision:
    from botocore.exceptions import ClientError

    try:
        with aws_errors("read"):
            call()
    except AwsError as error:
        cause = error.__cause__
        if not isinstance(cause, ClientError):
            return "unknown"
        if error_code(cause) in ACCESS_CODES or http_status(cause) == 403:
            return "denied"
        return "allowed" if http_status(cause) in {400, 404} else "unknown"  # "not found": it was looked for
    return "allowed"
