"""What watches a service: the safety net, a dashboard. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pipeline.infra.calls import Call, literal
from pipeline.infra.names import bus_arn
from pipeline.infra.parts.wiring import of_function, tags

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.models import SafetyNet, Service

NET_SUFFIX = "_net"
DASHBOARD_SUFFIX = "_dashboard"


def calls(scope: Scope, service: Service) -> Iterator[Call]:
    """The calls of `rollback-net` and `dashboard`, where the manifest asks for them."""
    if (net := service.release.safety_net) is not None:
        yield _net(scope, service, net)
    if service.dashboard:
        yield _dashboard(scope, service)


def _net(scope: Scope, service: Service, net: SafetyNet) -> Call:
    arguments = {
        **of_function(service, "function_name", "function_arn", "alias_name"),
        "error_percent": round(net.over * 100, 6),
        "min_requests": net.at_least,
        "period_s": scope.env.period_s,
        "alarms": [literal(alarm) for alarm in net.alarms],
        "tags": tags(service),
        **_told(scope, service),
    }
    return Call(service.name + NET_SUFFIX, "rollback-net", arguments)


def _told(scope: Scope, service: Service) -> dict[str, Any]:
    """The environment's bus, where it has one: an alarm may undo a release while nobody's controller lives."""
    env = scope.env
    if env.events is None:
        return {}
    names = {"project": scope.project.name, "environment": env.name, "service": service.name}
    return {"event": {"bus_arn": literal(bus_arn(env, env.events)), **{key: literal(v) for key, v in names.items()}}}


def _dashboard(scope: Scope, service: Service) -> Call:
    arguments = {
        "name": literal(scope.function_name(service.name)),
        **of_function(service, "function_name", "alias_name", "log_group_name"),
        "region": scope.env.region,
        "period_s": max(60, scope.env.period_s),
    }
    return Call(service.name + DASHBOARD_SUFFIX, "dashboard", arguments)
