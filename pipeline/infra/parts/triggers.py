"""What invokes the function's alias: each trigger of a manifest as a module call. Pure.

The name of a call says what it is a trigger of, so that another trigger is another call and the old one stays until
no version needs it. Schedules and events have no such name: they are counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any

from pipeline.infra.calls import Call, literal
from pipeline.infra.parts import http
from pipeline.infra.parts.wiring import called, of_function, slug, tags, target

OWN_POOL = "user-pool"

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.models import Service
    from pipeline.manifest.models_triggers import (
        CognitoTrigger,
        EnrichmentTrigger,
        EventTrigger,
        S3Trigger,
        ScheduleTrigger,
        SqsTrigger,
        StreamTrigger,
    )


def calls(scope: Scope, service: Service) -> Iterator[Call]:
    """The calls of all triggers; one whose source is not known yet is left out."""
    kinds: dict[str, list[Any]] = {
        kind: list(some) for kind, some in groupby(sorted(service.triggers, key=_kind), key=_kind)
    }
    if apis := kinds.get("http"):
        yield http.api(scope, service, apis)
    yield from (http.url(service, one) for one in kinds.get("function-url", ()))
    for kind, render in (("sqs", _queue), ("stream", _stream), ("enrichment", _pipe)):
        yield from (call for one in kinds.get(kind, ()) if (call := render(scope, service, one)) is not None)
    yield from _buckets(scope, service, kinds.get("s3", []))
    for number, schedule in enumerate(kinds.get("schedule", ()), start=1):
        yield _schedule(scope, service, schedule, _counted("schedule", number))
    for number, event in enumerate(kinds.get("event", ()), start=1):
        call = _event(scope, service, event, _counted("event", number))
        if call is not None:
            yield call
    yield from (_cognito(scope, service, one) for one in kinds.get("cognito", ()))


def _kind(trigger: Any) -> str:
    return str(trigger.kind)


def _counted(part: str, number: int) -> str:
    return part if number == 1 else f"{part}_{number}"


def _queue(scope: Scope, service: Service, trigger: SqsTrigger) -> Call | None:
    source = target(scope, service, trigger.queue)
    if source is None:
        return None
    arguments = {
        "queue_arn": source.arn,
        **of_function(service, "function_name", "alias_arn", "role_name"),
        "batch": trigger.batch,
        "window_s": trigger.window_s,
        "max_concurrency": trigger.max_concurrency,
        "partial_failures": trigger.partial_failures,
        "tags": tags(service),
    }
    return Call(f"{service.name}_sqs_{source.slug}", "sqs-consumer", arguments)


def _stream(scope: Scope, service: Service, trigger: StreamTrigger) -> Call | None:
    source = target(scope, service, trigger.source, stream=True)
    if source is None:
        return None
    arguments = {
        "source_arn": source.arn,
        **of_function(service, "alias_arn", "role_name"),
        "batch": trigger.batch,
        "window_s": trigger.window_s,
        "start": trigger.start,
        "retries": trigger.retries,
        "bisect": trigger.bisect,
        "partial_failures": trigger.partial_failures,
        "tags": tags(service),
    }
    return Call(f"{service.name}_stream_{source.slug}", "stream-consumer", arguments)


def _pipe(scope: Scope, service: Service, trigger: EnrichmentTrigger) -> Call | None:
    source, to = target(scope, service, trigger.source, stream=True), target(scope, service, trigger.target)
    if source is None or to is None:
        return None
    part = f"pipe_{source.slug}"
    arguments = {
        "name": called(scope, service, part, "pipe"),
        "source_arn": source.arn,
        "target_arn": to.arn,
        "filters": [literal(one) for one in trigger.filters],
        "batch": trigger.batch,
        **of_function(service, "alias_arn"),
        "tags": tags(service),
    }
    return Call(f"{service.name}_{part}", "pipe", arguments)


def _buckets(scope: Scope, service: Service, triggers: list[S3Trigger]) -> Iterator[Call]:
    """One call a bucket: S3 keeps one notification configuration for each."""
    rules: dict[str, list[dict[str, Any]]] = {}
    sources = {}
    for trigger in triggers:
        source = target(scope, service, trigger.bucket)
        if source is None:
            continue
        sources[source.slug] = source
        rule = {"events": list(trigger.events), "prefix": literal(trigger.prefix), "suffix": literal(trigger.suffix)}
        rules.setdefault(source.slug, []).append(rule)
    for name, source in sources.items():
        arguments = {
            "bucket": source.name,
            "rules": rules[name],
            **of_function(service, "function_name", "alias_name", "alias_arn"),
        }
        yield Call(f"{service.name}_s3_{name}", "s3-trigger", arguments)


def _schedule(scope: Scope, service: Service, trigger: ScheduleTrigger, part: str) -> Call:
    arguments = {
        "name": called(scope, service, part, "schedule"),
        "expression": trigger.expression,
        "timezone": trigger.timezone,
        "payload_json": literal(trigger.payload_json),
        **of_function(service, "alias_arn"),
        "tags": tags(service),
    }
    return Call(f"{service.name}_{part}", "schedule", arguments)


def _event(scope: Scope, service: Service, trigger: EventTrigger, part: str) -> Call | None:
    if trigger.bus == "default":
        bus = "default"
    else:
        source = target(scope, service, trigger.bus)
        if source is None:
            return None
        bus = source.arn if source.own is None else source.name
    arguments = {
        "name": called(scope, service, part, "event"),
        "bus": bus,
        "pattern_json": literal(trigger.pattern_json),
        **of_function(service, "function_name", "alias_name", "alias_arn"),
        "tags": tags(service),
    }
    return Call(f"{service.name}_{part}", "event-rule", arguments)


def _cognito(scope: Scope, service: Service, trigger: CognitoTrigger) -> Call:
    """One call a moment of somebody else's pool; the own pool is one call whatever its moment, since it has people."""
    arguments: dict[str, Any] = {
        "trigger": trigger.trigger,
        "event_version": trigger.version,
        **of_function(service, "function_name", "alias_name", "alias_arn"),
    }
    if trigger.user_pool is not None:
        part = f"cognito_{slug(f'{trigger.user_pool}-{trigger.trigger}')}"
        arguments["user_pool_id"] = literal(trigger.user_pool)
        return Call(f"{service.name}_{part}", "cognito-trigger", arguments)
    arguments |= {
        "name": called(scope, service, OWN_POOL, OWN_POOL),
        "deletion_protection": not scope.env.embedded,
        "tags": tags(service),
    }
    outputs = {f"{OWN_POOL}_{name}": name for name in ("id", "arn")}
    return Call(f"{service.name}_{OWN_POOL}", "cognito-trigger", arguments, outputs)
