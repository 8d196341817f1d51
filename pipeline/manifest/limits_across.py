"""AWS's limits that only several manifests, or a manifest and an environment, show together.

Pure: takes the services as one environment sees them. References themselves are judged by `referring`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from pipeline.manifest.forms import arn_parts
from pipeline.manifest.limits_events import queue_faults, verb_faults
from pipeline.manifest.models_access import Grant
from pipeline.manifest.models_resources import SqsResource
from pipeline.manifest.models_triggers import CognitoTrigger, S3Trigger, SqsTrigger, StreamTrigger
from pipeline.manifest.places import Finding, Path
from pipeline.manifest.references import Reference, ReferenceFault, split

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.models import Manifest
    from pipeline.manifest.models_resources import Resource


def findings(services: Mapping[str, Manifest]) -> Iterator[tuple[str, Finding]]:
    """What services of one environment say against each other, by the name of the service it is said in."""
    taken: dict[tuple[str, ...], str] = {}
    for name, service in services.items():
        yield from ((name, finding) for finding in _names(service, taken))
        for index, trigger in enumerate(service.triggers):
            at: Path = ("triggers", index, trigger.kind)
            if isinstance(trigger, SqsTrigger):
                found = _queue(services, service, trigger, at, taken)
            elif isinstance(trigger, CognitoTrigger):
                found = _pool(service, trigger, at, taken)
            elif isinstance(trigger, S3Trigger):
                found = _bucket(service, trigger, at, taken)
            else:
                continue
            yield from ((name, finding) for finding in found)
        for index, entry in enumerate(service.access):
            resource = _resource(services, entry.to) if isinstance(entry, Grant) and "${" in entry.to else None
            if resource is not None and isinstance(entry, Grant):
                yield from ((name, finding) for finding in verb_faults(entry, index, resource.kind))


def _names(service: Manifest, taken: dict[tuple[str, ...], str]) -> Iterator[Finding]:
    """`b-c` of `a` and `c` of `a-b` would be one queue."""
    for name, resource in service.resources.items():
        other = taken.setdefault((resource.kind, f"{service.name}-{name}"), service.name)
        if other != service.name:
            what = f"`{name}` would have the same name at AWS as a resource of `{other}`"
            yield Finding(("resources", name), what, "give it another name", key=True)


def _queue(
    services: Mapping[str, Manifest],
    service: Manifest,
    trigger: SqsTrigger,
    at: Path,
    taken: dict[tuple[str, ...], str],
) -> Iterator[Finding]:
    queue = _resource(services, trigger.queue) if "${" in trigger.queue else None
    if isinstance(queue, SqsResource):
        yield from queue_faults(service, trigger, at, queue, (*at, "queue"))
    other = taken.setdefault(("sqs", _whole(service, trigger.queue)), service.name)
    if other != service.name:
        what = f"the queue invokes `{other}` too, and each message goes to one of the two"
        yield Finding((*at, "queue"), what, "give each its own queue", warning=True)


def _pool(service: Manifest, trigger: CognitoTrigger, at: Path, taken: dict[tuple[str, ...], str]) -> Iterator[Finding]:
    if trigger.user_pool is None:
        return  # its own, which nobody else can name
    other = taken.setdefault(("cognito", trigger.user_pool, trigger.trigger), service.name)
    if other != service.name:
        yield Finding((*at, "trigger"), f"`{other}` is the pool's {trigger.trigger} already", "a pool has one of each")


def _bucket(service: Manifest, trigger: S3Trigger, at: Path, taken: dict[tuple[str, ...], str]) -> Iterator[Finding]:
    other = taken.setdefault(("s3", _whole(service, trigger.bucket)), service.name)
    if other != service.name:
        what = f"`{other}` has this bucket's events, and S3 keeps one list of rules for a bucket"
        yield Finding((*at, "bucket"), what, "let one service have them, and pass them on by an event bus")


def _whole(service: Manifest, name: str) -> str:
    """A resource's name as every service would write it."""
    return f"${{services.{service.name}.{name}}}" if name in service.resources else name


def _resource(services: Mapping[str, Manifest], text: str) -> Resource | None:
    """What a reference names, if it holds."""
    try:
        parts = split(text)
    except ReferenceFault:
        return None
    if len(parts) != 1 or not isinstance(parts[0], Reference):
        return None
    target = services.get(parts[0].service)
    return target.resources.get(parts[0].resource) if target is not None else None


def in_region(service: Manifest, environment: Environment) -> Iterator[Finding]:
    """ARNs of another region than the environment's, where Lambda takes only its own."""
    for path, text in _regional(service):
        parts = arn_parts(text)
        if parts is not None and parts[1] and parts[1] != environment.region:
            what = f"lies in {parts[1]}, and `{environment.name}` in {environment.region}"
            yield Finding(path, what, f"name one of {environment.region} in `overlays.{environment.name}`")


def _regional(service: Manifest) -> Iterator[tuple[Path, str]]:
    yield from ((("layers", index), layer) for index, layer in enumerate(service.layers))
    if service.kms_key is not None:
        yield ("kms_key",), service.kms_key
    if service.dead_letter is not None:
        yield ("dead_letter",), service.dead_letter
    yield from ((("secrets", name), text) for name, text in service.secrets.items())
    for index, trigger in enumerate(service.triggers):
        if isinstance(trigger, SqsTrigger):
            yield ("triggers", index, trigger.kind, "queue"), trigger.queue
        elif isinstance(trigger, StreamTrigger):
            yield ("triggers", index, trigger.kind, "source"), trigger.source
