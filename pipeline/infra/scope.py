"""What references in manifests stand for in one environment: fixed names, and what Terraform last put out. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.infra import names
from pipeline.manifest.references import Reference, references, resolve, split

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.models import Service
    from pipeline.manifest.project import Project
    from pipeline.release.ledger.records import StackRecord

Outputs = Mapping[str, Mapping[str, Any]]  # of Terraform, by service


@dataclass(frozen=True)
class Ready:
    """A service in which every reference of a variable is replaced; variables that need a `missing` one are left out.

    Leaving them out is safe until the service itself is released: only `$LATEST` feels it, which has no traffic.
    """

    service: Service
    missing: tuple[Reference, ...] = ()


@dataclass(frozen=True)
class Scope:
    """One environment with all its manifests, and what Terraform last put out for each."""

    project: Project
    env: Environment
    services: Mapping[str, Service] = field(default_factory=dict)
    outputs: Outputs = field(default_factory=dict)
    layers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By service, the key of the zip of each extension that it lists."""

    def function_name(self, service: str) -> str:
        """The name of a service's function."""
        return self.project.function_name(self.env.name, service)

    def resource(self, service: str, name: str) -> Any:
        """What a service declares by that name, None for nothing."""
        declared = self.services.get(service)
        return declared.resources.get(name) if declared is not None else None

    def resource_name(self, service: str, name: str) -> str:
        """What a declared resource is called at AWS."""
        resource = self.resource(service, name)
        called = names.physical(self.project, self.env, service, name, resource.kind)
        return f"{called}.fifo" if resource.kind == "sqs" and resource.fifo else called

    def ready(self, service: Service) -> Ready:
        """`service` as it can be rendered now."""
        wanted = references(service)
        missing = tuple(one for one in (*wanted, *self._streams(service)) if self.value(one) is None)
        if not any("${" in value for value in service.environment.values()):
            return Ready(service, missing)
        found = {one: value for one in wanted if (value := self.value(one)) is not None}
        variables = {}
        for name, text in service.environment.items():
            try:
                variables[name] = resolve(text, found)
            except KeyError:
                continue
        from pipeline.manifest.models import Variables  # the verbs that import this module need no models

        return Ready(service.model_copy(update={"environment": Variables(variables)}), missing)

    def value(self, one: Reference) -> str | None:
        """What a reference stands for; None until Terraform has made it.

        Names and ARNs follow from the project, so that they are known before anything exists.
        """
        fixed = self._built_in(one)
        if fixed is not None:
            return fixed
        if one.resource == "api" and one.attribute == "endpoint":
            return endpoint(self.env, self.outputs.get(one.service, {}))
        if (resource := self.resource(one.service, one.resource)) is not None:
            declared = self._declared(one, resource.kind)
            if declared is not None:
                return declared
        return self.made(one.service, f"{one.resource}_{one.attribute}")

    def made(self, service: str, output: str) -> str | None:
        """What Terraform last put out for a service by that name."""
        value = self.outputs.get(service, {}).get(output)
        return None if value is None else str(value)

    def _streams(self, service: Service) -> Iterator[Reference]:
        """The streams of other services' tables, where a trigger names the table."""
        sources = (getattr(one, "source", "") for one in service.triggers if one.kind in {"stream", "enrichment"})
        for part in (part for text in sources if "${" in text for part in split(text)):
            resource = self.resource(part.service, part.resource) if isinstance(part, Reference) else None
            if isinstance(part, Reference) and resource is not None and resource.kind == "dynamodb":
                yield Reference(part.service, part.resource, "stream_arn")

    def _built_in(self, one: Reference) -> str | None:
        """What every function has."""
        env, function = self.env, self.function_name(one.service)
        part = names.partition(env.region)
        arn = f"arn:{part}:lambda:{env.region}:{env.account}:function:{function}"
        return {
            ("function", "name"): function,
            ("function", "arn"): arn,
            ("alias", "arn"): f"{arn}:{names.ALIAS}",
            ("log-group", "name"): f"/aws/lambda/{function}",
            ("role", "name"): function,
            ("role", "arn"): f"arn:{part}:iam::{env.account}:role/{function}",
        }.get((one.resource, one.attribute))

    def _declared(self, one: Reference, kind: str) -> str | None:
        """What follows from a declared resource's name; a stream's ARN has the time it was made."""
        name = self.resource_name(one.service, one.resource)
        if one.attribute == "name":
            return name
        if one.attribute == "arn":
            return names.arn(self.env, kind, name)
        return names.queue_url(self.env, name) if (kind, one.attribute) == ("sqs", "url") else None


def endpoint(env: Environment, made: Mapping[str, Any]) -> str | None:
    """Where a service answers over HTTP; None when it has no HTTP trigger, or not yet."""
    api, url = made.get("api_id"), made.get("api_endpoint")
    if env.embedded and api and env.endpoint:
        from pipeline.local import api_url

        return api_url(env.endpoint, str(api))
    return str(url) if url else None


def service_url(env: Environment, stack: StackRecord | None, service: str) -> str | None:
    """Where a service answers over HTTP, by what Terraform last put out: its API, or its function URL; None without."""
    made = stack.outputs.get(service, {}) if stack else {}
    url = made.get("url_endpoint")
    return endpoint(env, made) or (str(url) if url else None)
