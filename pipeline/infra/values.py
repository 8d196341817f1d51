"""What references in manifests stand for, by names that are fixed and by what Terraform last put out. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.infra.render import ALIAS
from pipeline.manifest.references import Reference, references, resolve

if TYPE_CHECKING:
    from pipeline.manifest.models import Service
    from pipeline.manifest.project import Environment, Project

Outputs = Mapping[str, Mapping[str, Any]]  # of Terraform, by service


@dataclass(frozen=True)
class Ready:
    """A service in which every reference is replaced; variables that need a `missing` one are left out.

    Leaving them out is safe until the service itself is released: only `$LATEST` feels it, which has no traffic.
    """

    service: Service
    missing: tuple[Reference, ...] = ()


def ready(project: Project, env: Environment, service: Service, outputs: Outputs) -> Ready:
    """`service` as it can be rendered now."""
    wanted = references(service)
    if not any("${" in value for value in service.environment.values()):
        return Ready(service, tuple(one for one in wanted if value_of(one, project, env, outputs) is None))
    found = {one: value for one in wanted if (value := value_of(one, project, env, outputs)) is not None}
    variables = {}
    for name, text in service.environment.items():
        try:
            variables[name] = resolve(text, found)
        except KeyError:
            continue
    from pipeline.manifest.models import Variables  # the verbs that import this module need no models

    changed = service.model_copy(update={"environment": Variables(variables)})
    return Ready(changed, tuple(one for one in wanted if one not in found))


def value_of(one: Reference, project: Project, env: Environment, outputs: Outputs) -> str | None:
    """What a reference stands for; None until Terraform has made it.

    Names and ARNs follow from the project, so that they are known before anything exists.
    """
    function = project.function_name(env.name, one.service)
    partition = _partition(env.region)
    arn = f"arn:{partition}:lambda:{env.region}:{env.account}:function:{function}"
    fixed = {
        ("function", "name"): function,
        ("function", "arn"): arn,
        ("alias", "arn"): f"{arn}:{ALIAS}",
        ("log-group", "name"): f"/aws/lambda/{function}",
        ("role", "name"): function,
        ("role", "arn"): f"arn:{partition}:iam::{env.account}:role/{function}",
    }
    known = fixed.get((one.resource, one.attribute))
    if known is not None:
        return known
    made = outputs.get(one.service, {})
    if one.resource == "api" and one.attribute == "endpoint":
        return endpoint(env, made)
    value = made.get(f"{one.resource}_{one.attribute}")
    return None if value is None else str(value)


def endpoint(env: Environment, made: Mapping[str, Any]) -> str | None:
    """Where a service answers over HTTP; None when it has no HTTP trigger, or not yet."""
    api, url = made.get("api_id"), made.get("api_endpoint")
    if env.embedded and api and env.endpoint:
        from pipeline.local import api_url

        return api_url(env.endpoint, str(api))
    return str(url) if url else None


def _partition(region: str) -> str:
    """The part of AWS a region belongs to, as its ARNs say it."""
    for prefix, name in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(prefix):
            return name
    return "aws"
