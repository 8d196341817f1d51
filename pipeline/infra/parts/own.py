"""A service's own Terraform, `infra/` beside its manifest, as one module of the root. Reads its files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.infra import names
from pipeline.infra.calls import Call, literal
from pipeline.infra.parts.wiring import of_function, own, tags
from pipeline.manifest import own_terraform
from pipeline.manifest.references import ATTRIBUTES

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.models import Service

SUFFIX = "_infra"


def calls(scope: Scope, service: Service, *, released: bool) -> Iterator[Call]:
    """The call, with those variables it declares; what takes the alias only once that has a version."""
    found = own_terraform.read(service.directory, service.name)
    if found is None:
        return
    values, late = _values(scope, service), {*own_terraform.OF_ALIAS, *own_terraform.OF_API, *own_terraform.OF_POOL}
    wanted = sorted({one.name for one in found.variables} & values.keys())
    if not released and late.intersection(wanted):
        return
    arguments = {name: values[name] for name in wanted}
    folder = f"services/{service.name}/{own_terraform.FOLDER}"
    yield Call(service.name + SUFFIX, folder, arguments, files=found.files)


def _values(scope: Scope, service: Service) -> Mapping[str, Any]:
    """What may be passed, by the variable's name."""
    values: dict[str, Any] = {
        **of_function(service, *own_terraform.OF_FUNCTION, *own_terraform.OF_ALIAS),
        "environment": literal(scope.env.name),
        "permissions_boundary": names.boundary(scope.env),
        "tags": tags(service),
    }
    for name, resource in service.resources.items():
        values |= {f"{name}_{value}": own(service, name, value) for value in ATTRIBUTES[resource.kind]}
    if any(trigger.kind == "http" for trigger in service.triggers):
        values |= {value: own(service, "http", value) for value in own_terraform.OF_API}
    if own_terraform.has_pool(service.triggers):
        values |= {
            value: own(service, "user-pool", value.removeprefix("user-pool_")) for value in own_terraform.OF_POOL
        }
    return values
