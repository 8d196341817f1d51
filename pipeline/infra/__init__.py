"""Terraform roots rendered from manifests, planned and applied per stack and environment.

In: services with their placement, an environment. Out: `Root` (files and fingerprints, pure), `InfraPlan` (a saved
plan whose changes are sorted by when they take effect), and after the apply the root's outputs. Rendering and
fingerprints cost no process; importing this package loads neither Terraform's driver nor AWS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.infra.classify import refused
from pipeline.infra.model import Change, InfraPlan, Placement, Root
from pipeline.infra.render import render
from pipeline.infra.scope import Scope

if TYPE_CHECKING:
    from pipeline.infra.controller import provide_controller
    from pipeline.infra.drive import apply_infra, plan_infra, stack_directory
    from pipeline.infra.environment import bootstrap
    from pipeline.infra.roles import provide_roles

__all__ = [
    "Change",
    "InfraPlan",
    "Placement",
    "Root",
    "Scope",
    "apply_infra",
    "bootstrap",
    "plan_infra",
    "provide_controller",
    "provide_roles",
    "refused",
    "render",
    "stack_directory",
]

_LAZY = {
    "apply_infra": "drive",
    "bootstrap": "environment",
    "plan_infra": "drive",
    "provide_controller": "controller",
    "provide_roles": "roles",
    "stack_directory": "drive",
}


def __getattr__(name: str) -> Any:
    """Load what drives processes only when it is used."""
    from importlib import import_module

    if name not in _LAZY:
        raise AttributeError(name)
    return getattr(import_module(f"pipeline.infra.{_LAZY[name]}"), name)
