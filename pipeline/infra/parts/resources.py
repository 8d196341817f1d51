"""What a service owns besides its function: tables, queues, buckets, buses, secrets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.infra.calls import Call, literal
from pipeline.infra.parts.wiring import tags

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.models import Service
    from pipeline.manifest.models_resources import DynamodbResource, Key, S3Resource, SqsResource


def calls(scope: Scope, service: Service) -> Iterator[Call]:
    """One call a resource, named `SERVICE_RESOURCE`."""
    for name, resource in sorted(service.resources.items()):
        module, outputs, arguments = _KINDS[resource.kind]
        called = literal(scope.resource_name(service.name, name).removesuffix(".fifo"))
        values: dict[str, Any] = {"name": called, **arguments(resource), "tags": tags(service)}
        if resource.kind == "s3":
            values["lifecycle_rules"] = not scope.env.embedded  # the provider watches new rules for a minute
        yield Call(f"{service.name}_{name}", module, values, {f"{name}_{output}": output for output in outputs})


def _table(table: DynamodbResource) -> dict[str, Any]:
    return {
        "partition_key": _key(table.partition_key),
        "sort_key": None if table.sort_key is None else _key(table.sort_key),
        "ttl": table.ttl,
        "stream": table.stream,
        "point_in_time_recovery": table.point_in_time_recovery,
    }


def _key(key: Key) -> dict[str, str]:
    return {"name": key.name, "type": key.type}


def _queue(queue: SqsResource) -> dict[str, Any]:
    return {
        "fifo": queue.fifo,
        "visibility_s": queue.visibility_s,
        "retention_s": queue.retention_s,
        "max_receives": queue.max_receives,
    }


def _bucket(bucket: S3Resource) -> dict[str, Any]:
    return {"versioned": bucket.versioned}


def _nothing(_: object) -> dict[str, Any]:
    return {}


# The module, the outputs others may refer to, and its arguments.
_KINDS: Mapping[str, tuple[str, tuple[str, ...], Callable[[Any], dict[str, Any]]]] = {
    "dynamodb": ("dynamodb-table", ("name", "arn", "stream_arn"), _table),
    "event-bus": ("event-bus", ("name", "arn"), _nothing),
    "s3": ("s3-bucket", ("name", "arn"), _bucket),
    "secret": ("secret", ("name", "arn"), _nothing),
    "sqs": ("sqs-queue", ("name", "arn", "url"), _queue),
}
