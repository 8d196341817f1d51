"""What manifests may declare and this version cannot deploy. Pure; nothing declared is ever passed over in silence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.manifest.models import Service


def check_rendered(services: Sequence[Service]) -> None:
    """Raises UsageError naming every key of these services whose infrastructure does not exist yet."""
    found = {service: keys for service in services if (keys := tuple(unrendered(service)))}
    if not found:
        return
    said = "; ".join(f"`{service.name}`: {', '.join(keys)}" for service, keys in found.items())
    others = "name the services to deploy, or remove these keys"
    raise UsageError(f"this version of crabwalk cannot deploy everything that is declared: {said}", hint=others)


def unrendered(service: Service) -> Iterator[str]:
    """The declared keys, as the manifest writes them."""
    if service.kind != "function":
        yield f"kind: {service.kind}"
    if service.extensions:
        yield "extensions"
