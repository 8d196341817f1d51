"""Which module calls a service needs: its function, what it owns, what invokes it, what watches it, and its own.

Pure, but for the files of a service's own Terraform.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pipeline.infra.calls import Call
from pipeline.infra.parts import extensions, function, own, resources, triggers, watching

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.models import Service


def calls(scope: Scope, service: Service, *, released: bool) -> tuple[Call, ...]:
    """All of a service's calls; what invokes it only once its alias points at a published version."""
    return tuple(_calls(scope, service, released=released))


def _calls(scope: Scope, service: Service, *, released: bool) -> Iterator[Call]:
    yield function.call(scope, service, released=released)
    yield from extensions.calls(scope, service)
    yield from resources.calls(scope, service)
    if released:
        yield from triggers.calls(scope, service)
        yield from watching.calls(scope, service)
    yield from own.calls(scope, service, released=released)
