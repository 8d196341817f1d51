"""What is said of a service that was never released to an environment."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.errors import UsageError
from pipeline.manifest.node import nearest


def never_released(service: str, environment: str, known: Sequence[str]) -> UsageError:
    """The fault, with the name that may have been meant; `known`: what was released there."""
    first = f"nothing was released there yet: `crabwalk deploy {service} --env {environment}` does that"
    what = f"no service `{service}` was released to `{environment}`"
    return UsageError(what, hint=nearest(service, known) if known else first)
