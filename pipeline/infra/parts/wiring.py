"""What parts of a service say of each other: expressions within a service, plain values beyond it. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.infra import names
from pipeline.infra.calls import literal
from pipeline.manifest.references import SERVICES, Reference, split

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.models import Service

_PLAIN = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Target:
    """What a manifest names as a whole: `arn` and `name` as Terraform is told, `slug` a name for it within the service.

    `own`: the name of the service's own resource, None for anybody else's.
    """

    slug: str
    kind: str  # of resources, or the word an ARN has for its service
    arn: str
    name: str
    own: str | None = None


def tags(service: Service) -> dict[str, str]:
    """The tags of everything the service has at AWS."""
    own = {literal(name): literal(value) for name, value in service.tags.items()}
    return {**own, "crabwalk:service": service.name}


def own(service: Service, part: str, output: str) -> str:
    """An output of one of the service's own module calls."""
    return f"${{module.{service.name}_{part}.{output}}}"


def of_function(service: Service, *outputs: str) -> dict[str, str]:
    """Outputs of the service's function, as the arguments of the same name."""
    return {name: f"${{module.{service.name}.{name}}}" for name in outputs}


def target(scope: Scope, service: Service, text: str, *, stream: bool = False) -> Target | None:
    """What `text` names: an own resource, another service's, or an ARN; None until it is known.

    `stream`: of a table, its stream.
    """
    if text in service.resources:
        return _own(service, text, stream=stream)
    parts = split(text) if "${" in text else ()
    if len(parts) == 1 and isinstance(one := parts[0], Reference):
        if one.service == service.name and one.resource in service.resources:
            return _own(service, one.resource, stream=stream)
        return _referred(scope, one, stream=stream)
    return _foreign(text)


def _own(service: Service, name: str, *, stream: bool) -> Target:
    kind = service.resources[name].kind
    output = "stream_arn" if stream and kind == "dynamodb" else "arn"
    return Target(name, kind, own(service, name, output), own(service, name, "name"), name)


def _referred(scope: Scope, one: Reference, *, stream: bool) -> Target | None:
    resource: Any = scope.resource(one.service, one.resource)
    kind = resource.kind if resource is not None else one.resource
    wanted = one if not (stream and kind == "dynamodb") else Reference(one.service, one.resource, "stream_arn")
    value = scope.value(wanted)
    if value is None:
        return None
    name = scope.resource_name(one.service, one.resource) if resource is not None else value
    return Target(f"{one.service}-{one.resource}", kind, literal(value), literal(name))


def _foreign(text: str) -> Target:
    """An ARN, or the plain name of something that exists."""
    if not text.startswith("arn:"):
        return Target(slug(text), "", literal(text), literal(text))
    service, last = text.split(":")[2], re.split(r"[:/]", text.rstrip("/"))[-1]
    if service == "dynamodb" and "/stream/" in text:
        last = text.split("table/")[1].split("/", maxsplit=1)[0]
    return Target(slug(last, text), SERVICES.get(service, service), literal(text), literal(last))


def slug(text: str, whole: str | None = None) -> str:
    """A short name within a service for what has a name elsewhere; of an ARN with a hash, so that no two are one."""
    plain = _PLAIN.sub("-", text.lower()).strip("-")[:30] or "x"
    whole = whole if whole is not None else (text if plain != text else None)
    return plain if whole is None else f"{plain}-{hashlib.sha256(whole.encode()).hexdigest()[:6]}"


def called(scope: Scope, service: Service, part: str, kind: str) -> str:
    """What a part of a service is called at AWS."""
    return literal(names.physical(scope.project, scope.env, service.name, part.replace("_", "-"), kind))
