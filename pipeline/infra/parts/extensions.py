"""The extensions that run beside a function, each a layer in the function's own root. Pure.

Every function has its own version of the layer, so that a new extension is tried out by the canary of each function
that lists it, and nobody else's changes meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from pipeline.infra.calls import NO_ARTIFACT, Call, literal

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.models import Service

LAYER = "extension-layer"


def calls(scope: Scope, service: Service) -> Iterator[Call]:
    """The call of each extension's layer; another zip is another version of it."""
    for name in service.extensions:
        extension = scope.services[name]
        arguments = {
            "name": literal(scope.function_name(name)),
            "description": literal(extension.description),
            "artifact_bucket": literal(scope.env.bucket),
            "artifact_key": literal(scope.layers.get(service.name, {}).get(name, NO_ARTIFACT)),
            "architecture": extension.architecture,
            "runtimes": [literal(service.runtime)],
        }
        yield Call(_call(service.name, name), LAYER, arguments, {_output(name): "arn"})


def references(service: Service) -> list[str]:
    """The layers as the function's root refers to them; Terraform makes them first for that."""
    return [f"${{module.{_call(service.name, name)}.arn}}" for name in service.extensions]


def arns(scope: Scope, service: Service) -> tuple[str, ...]:
    """The layers' versions, by what Terraform last put out."""
    made = (scope.made(service.name, _output(name)) for name in service.extensions)
    return tuple(one for one in made if one is not None)


def keys(service: Service, built: Mapping[str, str], standing: Sequence[Call]) -> dict[str, str]:
    """The zip of each extension: the one that is built now, else the one that was applied last."""
    applied = {call.name: str(call.arguments["artifact_key"]) for call in standing if call.module == LAYER}
    return {name: built.get(name) or applied.get(_call(service.name, name), NO_ARTIFACT) for name in service.extensions}


def _call(service: str, extension: str) -> str:
    return f"{service}_layer_{extension}"


def _output(extension: str) -> str:
    return f"{extension}_layer_arn"
