"""What a function may touch: IAM actions and resources for the words of a manifest. Pure.

Actions: https://docs.aws.amazon.com/service-authorization/latest/reference/ (one page a service).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.infra import names
from pipeline.infra.calls import literal
from pipeline.infra.parts import extensions
from pipeline.infra.parts.wiring import Target, target

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.models import Grant, Service, Statement

Statements = dict[str, dict[str, list[str]]]

# What a word allows, by kind, then by what it is allowed on: the thing itself, or what lies in it.
_WORDS: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "dynamodb": {
        "read": {"": ("BatchGetItem", "ConditionCheckItem", "GetItem", "Query", "Scan")},
        "write": {"": ("BatchWriteItem", "DeleteItem", "PutItem", "UpdateItem")},
    },
    "sqs": {
        "send": {"": ("GetQueueAttributes", "GetQueueUrl", "SendMessage")},
        "receive": {
            "": ("ChangeMessageVisibility", "DeleteMessage", "GetQueueAttributes", "GetQueueUrl", "ReceiveMessage")
        },
    },
    "s3": {
        "read": {"": ("GetBucketLocation", "ListBucket"), "/*": ("GetObject", "GetObjectVersion")},
        "write": {"/*": ("AbortMultipartUpload", "PutObject")},
        "delete": {"/*": ("DeleteObject",)},
    },
    "event-bus": {"publish": {"": ("PutEvents",)}},
    "secret": {"read": {"": ("DescribeSecret", "GetSecretValue")}},
}
_PREFIXES = {"event-bus": "events", "secret": "secretsmanager"}
_BUCKETS_OWN = ("Bucket", "Buckets", "Versions", "Uploads")  # APIs of a bucket, not of what lies in it, end so
_INDEXES = "/index/*"


def statements(scope: Scope, service: Service) -> Statements:
    """What the role allows besides logs and tracing, by a name that does not change with its content."""
    found: Statements = {}
    entry: Any
    for entry in service.access:
        granted = _granted(scope, service, entry) if hasattr(entry, "to") else _stated(scope, service, entry)
        for name, actions, resources in granted:
            known = found.setdefault(name, {"actions": [], "resources": []})
            known["actions"] = sorted({*known["actions"], *actions})
            known["resources"] = sorted({*known["resources"], *resources})
    if secrets := _secrets(scope, service):
        resources = sorted({one for secret in secrets.values() for one in _of_secret(secret)})
        found["secrets"] = {"actions": ["secretsmanager:GetSecretValue"], "resources": resources}
    return dict(sorted(found.items()))


def secret_variables(scope: Scope, service: Service) -> dict[str, str]:
    """The variables that hold a secret's ARN."""
    return {literal(name): secret.arn for name, secret in _secrets(scope, service).items()}


def configured(scope: Scope, service: Service) -> Service:
    """A service as its function is configured: references replaced, with secrets' ARNs and extensions' layers."""
    found = scope.ready(service).service
    if service.extensions:
        found = found.model_copy(update={"layers": (*service.layers, *extensions.arns(scope, service))})
    if not service.secrets:
        return found
    from pipeline.manifest.models import Variables  # the verbs that import this package need no models

    arns = {
        variable: secret.arn if secret.own is None else scope.made(service.name, f"{secret.own}_arn")
        for variable, secret in _secrets(scope, service).items()
    }
    known = {variable: arn for variable, arn in arns.items() if arn is not None}  # Terraform has put it out
    return found.model_copy(update={"environment": Variables({**found.environment, **known})})


def _granted(scope: Scope, service: Service, grant: Grant) -> Iterator[tuple[str, list[str], list[str]]]:
    to = target(scope, service, grant.to)
    if to is None:
        return
    by_place: dict[str, set[str]] = {}
    for word in grant.allow:
        places = _WORDS.get(to.kind, {}).get(word) or {_place(to.kind, word): (word,)}
        for place, actions in places.items():
            by_place.setdefault(place, set()).update(actions)
    prefix = _PREFIXES.get(to.kind, to.kind)
    for place, allowed in by_place.items():
        name = to.slug if not place else f"{to.slug}-objects"
        yield name, sorted(f"{prefix}:{action}" for action in allowed), _resources(to, place)


def _place(kind: str, api: str) -> str:
    """Of S3's own APIs: on the bucket, or on its objects."""
    return "/*" if kind == "s3" and not api.endswith(_BUCKETS_OWN) and "Bucket" not in api else ""


def _resources(to: Target, place: str) -> list[str]:
    if to.kind == "dynamodb":
        return [to.arn, f"{to.arn}{_INDEXES}"] if "/stream/" not in to.arn else [to.arn]
    if to.kind == "secret":
        return _of_secret(to)
    inside = to.kind == "s3" and "/" in to.arn
    return [to.arn if inside else f"{to.arn}{place}"]


def _stated(scope: Scope, service: Service, entry: Statement) -> Iterator[tuple[str, list[str], list[str]]]:
    resources = ["*" if text == "*" else to.arn for text in entry.resources if (to := _any(scope, service, text))]
    if resources:
        content = json.dumps([sorted(entry.actions), sorted(entry.resources)])
        name = f"statement-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
        yield name, sorted(entry.actions), sorted(resources)


def _any(scope: Scope, service: Service, text: str) -> Target | None:
    return Target("all", "", "*", "*") if text == "*" else target(scope, service, text)


def _secrets(scope: Scope, service: Service) -> dict[str, Target]:
    """The secrets by the variables that hold their ARNs; what is only named is one that exists."""
    found = {}
    for variable, text in service.secrets.items():
        named = not ("${" in text or text.startswith("arn:"))
        secret = target(scope, service, names.arn(scope.env, "secret", text) if named else text)
        if secret is not None:
            found[variable] = secret
    return found


def _of_secret(secret: Target) -> list[str]:
    """A secret's resource: AWS adds a hyphen and six characters to the name, which an ARN may have already."""
    return [secret.arn] if secret.own is not None else [secret.arn, f"{secret.arn}-??????"]
