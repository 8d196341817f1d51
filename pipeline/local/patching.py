"""Replaces private functions of the pinned MiniStack and its server, each only after its parameter names were checked.

A release that moved one of them must stop the server with a sentence, never run half patched.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from pipeline.errors import CrabwalkError

TESTED = {"ministack": "1.5.33", "hypercorn": "0.18.0"}


class PatchError(CrabwalkError):
    """MiniStack or its server is not the one the edge was written for."""


@dataclass(frozen=True)
class Patch:
    """One private function (or method) and the parameters it must have."""

    owner: Any
    name: str
    parameters: tuple[str, ...]
    why: str

    @property
    def where(self) -> str:
        owner: str = getattr(self.owner, "__qualname__", None) or self.owner.__name__
        return f"{owner}.{self.name}"


def check(patch: Patch) -> Callable[..., Any]:
    """The original function; PatchError if it is missing or takes other parameters."""
    original: Callable[..., Any] | None = getattr(patch.owner, patch.name, None)
    if original is None:
        raise _mismatch(patch, "is gone")
    found = tuple(inspect.signature(original).parameters)
    if found != patch.parameters:
        raise _mismatch(patch, f"takes ({', '.join(found)}), not ({', '.join(patch.parameters)})")
    return original


def replace(
    owner: Any, name: str, parameters: str, why: str, make: Callable[[Callable[..., Any]], Callable[..., Any]]
) -> Patch:
    """Checks `owner.name(parameters)` and puts `make(original)` in its place."""
    patch = Patch(owner, name, tuple(parameters.split()), why)
    original = check(patch)
    setattr(owner, name, functools.wraps(original)(make(original)))
    return patch


def require(owner: Any, name: str, parameters: str) -> Patch:
    """Checks what is called and not replaced."""
    patch = Patch(owner, name, tuple(parameters.split()), "is called")
    check(patch)
    return patch


def require_source(owner: Any, name: str, fragment: str) -> None:
    """For what cannot be seen in a signature: the function's body must still say `fragment`."""
    try:
        says = inspect.getsource(getattr(owner, name))
    except OSError:
        says = ""
    if fragment not in says:
        raise _mismatch(Patch(owner, name, (), ""), f"no longer says `{fragment}`")


def _mismatch(patch: Patch, what: str) -> PatchError:
    package = (getattr(patch.owner, "__module__", None) or patch.owner.__name__).partition(".")[0]
    package = package if package in TESTED else "ministack"
    return PatchError(
        f"{package} {version(package)}: {patch.where} {what}; the edge was written for {TESTED[package]}",
        hint=f"pip install {package}=={TESTED[package]}",
    )
