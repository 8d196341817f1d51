"""Ways in over HTTP: an API's routes, the function's own URL. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.infra.calls import Call, literal
from pipeline.infra.parts.wiring import of_function, tags

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.models import FunctionUrlTrigger, HttpTrigger, Service
    from pipeline.manifest.models_http import Cors

HTTP_SUFFIX = "_http"
URL_SUFFIX = "_url"


def api(scope: Scope, service: Service, triggers: Sequence[HttpTrigger]) -> Call:
    """The call of `http-api` for all of a service's routes."""
    trigger = triggers[0]
    arguments: dict[str, Any] = {
        "name": literal(scope.function_name(service.name)),
        "description": literal(service.description),
        "routes": [literal(route) for route in sorted({route for one in triggers for route in one.routes})],
        **of_function(service, "function_name", "alias_name", "alias_invoke_arn"),
        "tags": tags(service),
    }
    if trigger.cors is not None:
        arguments["cors"] = _cors(trigger.cors)
    if trigger.throttle is not None:
        arguments["throttle"] = {"rate": trigger.throttle.rate, "burst": trigger.throttle.burst}
    if (who := trigger.authorizer) is not None:
        arguments["authorizer"] = {
            "issuer": literal(who.issuer),
            "audience": [literal(one) for one in who.audience],
            "scopes": [literal(one) for one in who.scopes],
        }
    if (domain := trigger.domain) is not None:
        arguments["domain"] = {
            "name": literal(domain.name),
            "certificate_arn": literal(domain.certificate),
            "zone_id": domain.zone,
        }
    return Call(service.name + HTTP_SUFFIX, "http-api", arguments, {name: name for name in ("api_id", "api_endpoint")})


def url(service: Service, trigger: FunctionUrlTrigger) -> Call:
    """The call of `function-url`."""
    arguments: dict[str, Any] = {
        **of_function(service, "function_name", "alias_name"),
        "auth": trigger.auth,
        "stream": trigger.stream,
    }
    if trigger.cors is not None:
        arguments["cors"] = _cors(trigger.cors)
    outputs = {"url_id": "url_id", "url_endpoint": "url_endpoint"}
    return Call(service.name + URL_SUFFIX, "function-url", arguments, outputs)


def _cors(cors: Cors) -> dict[str, Any]:
    return {
        "origins": [literal(one) for one in cors.origins],
        "methods": list(cors.methods),
        "headers": [literal(one) for one in cors.headers],
        "expose": [literal(one) for one in cors.expose],
        "credentials": cors.credentials,
        "max_age_s": cors.max_age_s,
    }
