"""The forms of single values as AWS, Cargo and Terraform take them: names, ARNs, routes, variables. Pure; no models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.manifest.node import nearest
from pipeline.manifest.rules import Rule, fault, json_text, matches, percent

MAX_VARIABLES_BYTES = 4096
MAX_PATTERN = 2048
MAX_TAGS = 47  # Lambda takes 50, crabwalk sets three
GLIBC = {"provided.al2023": "2.34", "provided.al2": "2.26"}
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545),
    *(731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
RESERVED_VARIABLES = (
    *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_ACCESS_KEY"),
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
)
RESERVED_RESOURCES = (
    *("function", "alias", "api", "url", "user-pool", "log-group", "role"),
    *("dashboard", "event", "http", "infra", "net", "schedule"),  # parts of a root are called so
)
# What a name may be that Terraform, Lambda and shells see.
NAME = r"[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?"
_REFERENCE = r"\$\{services\.[^}]*\}(?:/\S*)?"  # `referring` judges what stands in it
_PARTITION = r"arn:aws(?:-[a-z]+){0,3}"
_PLACE = r"[a-z]{2}(?:-[a-z]+){1,3}-[0-9]:[0-9]{12}"
_ROUTE = re.compile(r"(?:\$default|(?:ANY|GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) /\S*)\Z")
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~!$&'()*,;=:@%-]+|\{[A-Za-z0-9._:-]+\+?\})\Z")
_ROUTE_FORM = r"^(?:\$default|(?:ANY|GET|HEAD|OPTIONS|POST|PUT|PATCH|DELETE) /\S*)$"
_TARGET = re.compile(r"(?:musl|gnu(?:\.([0-9]{1,2})\.([0-9]{1,2}))?)\Z", re.ASCII)

_ARNS: Mapping[str, tuple[str, str]] = {  # the rest behind the partition, and an example
    "sqs": (rf"sqs:{_PLACE}:[A-Za-z0-9_-]{{1,75}}(?:\.fifo)?", "arn:aws:sqs:eu-west-1:123456789012:jobs"),
    "sns": (rf"sns:{_PLACE}:[A-Za-z0-9_-]{{1,251}}(?:\.fifo)?", "arn:aws:sns:eu-west-1:123456789012:news"),
    "s3": (r"s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/\S*)?", "arn:aws:s3:::images"),
    "dynamodb": (
        rf"dynamodb:{_PLACE}:table/[A-Za-z0-9_.-]{{3,255}}(?:/stream/\S+)?",
        "arn:aws:dynamodb:eu-west-1:123456789012:table/todos/stream/2026-01-01T00:00:00.000",
    ),
    "kinesis": (
        rf"kinesis:{_PLACE}:stream/[A-Za-z0-9_.-]{{1,128}}",
        "arn:aws:kinesis:eu-west-1:123456789012:stream/clicks",
    ),
    "events": (
        rf"events:{_PLACE}:event-bus/[A-Za-z0-9/._-]{{1,256}}",
        "arn:aws:events:eu-west-1:123456789012:event-bus/audit",
    ),
    "secret": (
        rf"secretsmanager:{_PLACE}:secret:[A-Za-z0-9/_+=.@-]{{1,519}}",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:todos/db-AbCdEf",
    ),
    "layer": (
        rf"lambda:{_PLACE}:layer:[A-Za-z0-9_-]{{1,140}}:[0-9]+",
        "arn:aws:lambda:eu-west-1:123456789012:layer:x:3",
    ),
    "kms": (
        rf"kms:{_PLACE}:(?:key/[A-Za-z0-9-]+|alias/[A-Za-z0-9/_-]+)",
        "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    ),
    "certificate": (
        rf"acm:{_PLACE}:certificate/[A-Za-z0-9-]+",
        "arn:aws:acm:eu-west-1:123456789012:certificate/12345678-1234-1234-1234-123456789012",
    ),
    "any": (r"[a-z0-9-]+:[a-z0-9-]*:[0-9]*:\S+", "arn:aws:sns:eu-west-1:123456789012:news"),
}


def arn(kind: str, what: str) -> Rule:
    """An ARN of one kind."""
    rest, example = _ARNS[kind]
    return matches(rf"{_PARTITION}:{rest}", what, f"for example `{example}`", examples=(example,))


def resource(what: str, *arns: str, rule: str, name: str = NAME, examples: tuple[str, ...] = ()) -> Rule:
    """The name of an own resource (or what `name` says), a reference to another service's, or an ARN of these kinds."""
    forms = [name, _REFERENCE, *(rf"{_PARTITION}:{_ARNS[kind][0]}" for kind in arns)]
    form = matches("|".join(forms), what, rule, examples=examples)
    return Rule(lambda value: value if "${" in value else form.check(value), form.schema)


def arn_parts(text: str) -> tuple[str, str, str] | None:
    """Service, region and account of an ARN, None for anything else."""
    parts = text.split(":", 5)
    return (parts[2], parts[3], parts[4]) if len(parts) == 6 and parts[0] == "arn" else None


def _retention(value: int) -> int:
    if value not in LOG_RETENTION_DAYS:
        near = min(LOG_RETENTION_DAYS, key=lambda days: abs(days - value))
        what = f"CloudWatch Logs cannot keep logs for {value} day{'' if value == 1 else 's'}"
        raise fault(what, f"write `{near} day{'' if near == 1 else 's'}`")
    return value


def _share(value: float) -> float:
    if not 0 < value < 1:
        raise fault(f"{percent(value)} is out of range", "more than 0 % and less than 100 %", own=percent(value))
    return value


def _variable_name(value: str) -> str:
    if value in RESERVED_VARIABLES or value.startswith("AWS_LAMBDA_"):
        raise fault(f"`{value}` is reserved by Lambda", "remove it")
    if not _VARIABLE.match(value):
        raise fault(f"`{value}` is not a variable's name", "letters, digits and _, two or more, a letter first")
    return value


_VARIABLE = re.compile(r"[A-Za-z][A-Za-z0-9_]+\Z")


def _route(value: str) -> str:
    if not _ROUTE.match(value):
        raise fault(f"`{value}` is not a route", "write `$default` or a method and a path, for example `GET /`")
    path = value.partition(" ")[2].strip("/")
    segments = path.split("/") if path else []
    for segment in segments:
        if not _SEGMENT.match(segment):
            raise fault(f"`{value}` is not a route: `{segment}` cannot stand in a path")
    if any(segment.endswith("+}") for segment in segments[:-1]):
        raise fault(f"`{value}` is not a route: a greedy part like `{{proxy+}}` can only be the last")
    return value


def _resource_name(value: str) -> str:
    if value in RESERVED_RESOURCES:
        raise fault(f"`{value}` is a part of every function", "give the resource another name")
    return value


def _target(value: str) -> str:
    found = _TARGET.match(value)
    if found is None:
        what = f"`{value}` is not possible"
        raise fault(what, nearest(value, ("musl", "gnu")) + "; a glibc floor is written `gnu.2.28`")
    return value


def _tag_key(value: str) -> str:
    prefix = value.partition(":")[0].lower()
    if prefix in {"aws", "crabwalk"} and ":" in value:
        owner = "AWS" if prefix == "aws" else "crabwalk"
        raise fault(f"`{value}` begins with `{prefix}:`, which {owner} keeps for itself", "give the tag another name")
    return value


def _pattern(value: Any) -> str:
    """An event pattern as JSON: every leaf is a list of what matches."""
    if not isinstance(value, dict) or not value:
        raise fault("must say which events: a mapping of their fields", "write for example `source: [shop.orders]`")
    _leaves_are_lists(value, ())
    text = json_text(value)
    if len(text) > MAX_PATTERN:
        raise fault(f"takes {len(text)} characters", f"EventBridge takes {MAX_PATTERN}")
    return text


def _leaves_are_lists(value: Mapping[str, Any], at: tuple[int | str, ...]) -> None:
    for key, child in value.items():
        if isinstance(child, dict):
            _leaves_are_lists(child, (*at, key))
        elif not isinstance(child, list) or not child:
            instead = f"write `{key}: [{child}]`" if isinstance(child, (str, int, float)) else "write what matches"
            raise fault("must be a list of what matches", instead, at=(*at, key))


_TAG_TEXT = r"[\w\s.:/=+@-]"

retention = Rule(_retention, {"examples": [f"{days} day{'' if days == 1 else 's'}" for days in LOG_RETENTION_DAYS]})
share = Rule(_share)
variable_name = Rule(
    _variable_name,
    {"pattern": "^(?!AWS_LAMBDA_)[A-Za-z][A-Za-z0-9_]+$", "not": {"enum": list(RESERVED_VARIABLES)}},
)
route = Rule(_route, {"pattern": _ROUTE_FORM, "examples": ["GET /", "ANY /{proxy+}", "$default"]})
target = Rule(_target, {"pattern": r"^(?:musl|gnu(?:\.[0-9]{1,2}\.[0-9]{1,2})?)$", "examples": ["musl", "gnu"]})
resource_name = Rule(_resource_name, {"not": {"enum": list(RESERVED_RESOURCES)}})
tag_key_own = Rule(_tag_key, {"not": {"pattern": "^(?:[aA][wW][sS]|[cC][rR][aA][bB][wW][aA][lL][kK]):"}})
tag_key = matches(rf"{_TAG_TEXT}{{1,128}}", "a tag's name", "1 to 128 letters, digits, spaces and _ . : / = + - @")
tag_value = matches(rf"{_TAG_TEXT}{{0,256}}", "a tag's value", "up to 256 letters, digits, spaces and _ . : / = + - @")
pattern = _pattern


def _tags(value: Mapping[str, str]) -> Mapping[str, str]:
    if len(value) > MAX_TAGS:
        raise fault(f"{len(value)} tags", f"AWS takes 50, of which crabwalk sets 3: at most {MAX_TAGS} here")
    return value


tags = Rule(_tags, {"maxProperties": MAX_TAGS})
dead_letter = resource(
    "a dead-letter target",
    "sqs",
    "sns",
    rule="write an own queue's name, `${services.NAME.QUEUE}` or an ARN of SQS or SNS",
    examples=("arn:aws:sqs:eu-west-1:123456789012:jobs",),
)
_secret = matches(
    rf"[A-Za-z0-9/_+=.@-]{{1,512}}|{_REFERENCE}|{_PARTITION}:{_ARNS['secret'][0]}",
    "a secret's name",
    "write the name or ARN of a Secrets Manager secret, never its value",
    quoted=False,
    examples=("todos/db-password",),
)
secret = Rule(lambda value: value if "${" in value else _secret.check(value), _secret.schema)
