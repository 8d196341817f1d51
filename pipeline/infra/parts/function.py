"""The function itself: configuration, role, alias. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.infra import names
from pipeline.infra.calls import FUNCTION, NO_ARTIFACT, Call, literal
from pipeline.infra.parts import access, extensions
from pipeline.infra.parts.wiring import tags, target

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.models import Service

_OUTPUTS = ("function_name", "function_arn", "alias_name", "alias_arn", "log_group_name", "role_arn")


def call(scope: Scope, service: Service, *, released: bool) -> Call:
    """The call of `rust-lambda`; provisioned concurrency only where the alias has a version to keep warm."""
    arguments: dict[str, Any] = {
        "function_name": literal(scope.function_name(service.name)),
        "description": literal(service.description),
        "artifact_bucket": literal(scope.env.bucket),
        "artifact_key": f'${{lookup(var.artifacts, "{service.name}", "{NO_ARTIFACT}")}}',
        "architecture": service.architecture,
        "runtime": literal(service.runtime),
        "memory_mb": service.memory_mb,
        "timeout_s": service.timeout_s,
        "ephemeral_storage_mb": service.ephemeral_storage_mb,
        "reserved_concurrency": -1 if service.concurrency.reserved is None else service.concurrency.reserved,
        "layers": [*(literal(layer) for layer in service.layers), *extensions.references(service)],
        "vpc": _vpc(service),
        "kms_key_arn": None if service.kms_key is None else literal(service.kms_key),
        "environment": _environment(scope, service),
        "log_retention_days": service.log_retention_days,
        "tracing": service.tracing,
        "alias_name": names.ALIAS,
        "tags": tags(service),
    }
    if service.dead_letter is not None and (dead := target(scope, service, service.dead_letter)) is not None:
        # Whether there is one must be known before the queue is made: what `format` makes is never null.
        own = f'${{format("%s", module.{service.name}_{dead.own}.arn)}}'
        arguments["dead_letter_arn"] = dead.arn if dead.own is None else own
    if service.concurrency.provisioned and released:
        arguments["provisioned_concurrency"] = service.concurrency.provisioned
    if granted := access.statements(scope, service):
        arguments["access"] = granted
    return Call(service.name, FUNCTION, arguments, {name: name for name in _OUTPUTS})


def walk_fingerprint(service: Service, layers: Mapping[str, str] | None = None) -> str:
    """Hash of the configuration that belongs to a published version and is therefore tried out by a canary.

    `layers`: the zip of each extension that it lists. A layer's number is known only once Terraform has made it.
    """
    walks: dict[str, Any] = {
        "architecture": service.architecture,
        "runtime": service.runtime,
        "memory_mb": service.memory_mb,
        "timeout_s": service.timeout_s,
        "environment": dict(service.environment),
        "tracing": service.tracing,
    }
    # A key that came later counts only where it is used: what was released before it existed is not walked again.
    later: dict[str, tuple[Any, Any]] = {
        "ephemeral_storage_mb": (service.ephemeral_storage_mb, 512),
        "layers": (list(service.layers), []),
        "kms_key": (service.kms_key, None),
        "vpc": (_vpc(service), None),
        "secrets": (dict(service.secrets), {}),
        "extensions": (dict(layers or {}), {}),
    }
    walks |= {name: value for name, (value, unused) in later.items() if value != unused}
    return hashlib.sha256(json.dumps(walks, sort_keys=True).encode()).hexdigest()


def _environment(scope: Scope, service: Service) -> dict[str, str]:
    plain = {literal(name): literal(value) for name, value in service.environment.items()}
    return plain | access.secret_variables(scope, service)


def _vpc(service: Service) -> dict[str, list[str]] | None:
    if service.vpc is None:
        return None
    return {"subnet_ids": list(service.vpc.subnets), "security_group_ids": list(service.vpc.security_groups)}
