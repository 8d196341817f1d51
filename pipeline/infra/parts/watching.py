"""What watches a service: the safety net. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.infra.calls import Call, literal
from pipeline.infra.parts.wiring import of_function, tags

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.models import Service

NET_SUFFIX = "_net"


def calls(scope: Scope, service: Service) -> Iterator[Call]:
    """The call of `rollback-net`, where the manifest asks for it."""
    net = service.release.safety_net
    if net is None:
        return
    arguments = {
        **of_function(service, "function_name", "function_arn", "alias_name"),
        "error_percent": round(net.over * 100, 6),
        "min_requests": net.at_least,
        "period_s": scope.env.period_s,
        "alarms": [literal(alarm) for alarm in net.alarms],
        "tags": tags(service),
    }
    yield Call(service.name + NET_SUFFIX, "rollback-net", arguments)
