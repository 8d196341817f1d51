"""The services that somebody names: found among the manifests, or refused in words. Light: loads no models."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import UsageError

if TYPE_CHECKING:
    from pipeline.manifest.models import Service
    from pipeline.workspace.model import Described

OneT = TypeVar("OneT", bound="Described")


def no_such_service(name: str, known: Collection[str]) -> UsageError:
    """The error for a service that no manifest declares."""
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"declared: {', '.join(known) or 'none'}"
    return UsageError(f"there is no service `{name}`", hint=hint)


def check_known(names: Collection[str], known: Collection[str]) -> None:
    """UsageError for the first name that is not known."""
    for name in names:
        if name not in known:
            raise no_such_service(name, known)


def named(services: Sequence[OneT], names: Collection[str]) -> tuple[OneT, ...]:
    """Those of these names, all where none is named; UsageError for the first name that nobody declares."""
    check_known(names, [one.name for one in services])
    return tuple(one for one in services if not names or one.name in names)


def function_named(services: Sequence[Service], name: str, refused: Callable[[Service], UsageError]) -> Service:
    """The function of this name; UsageError for a name nobody declares, and for an extension what `refused` makes."""
    found = next((one for one in services if one.name == name), None)
    if found is None:
        raise no_such_service(name, [one.name for one in services])
    if found.kind == "extension":
        raise refused(found)
    return found


def only_beside(name: str, functions: Sequence[Service], is_what: str, *, verb: str) -> UsageError:
    """The error for an extension: the verb takes the functions that list it."""
    users = [one.name for one in functions if name in one.extensions]
    hint = f"crabwalk {verb} {' '.join(users)}" if users else f"list it in a function: `extensions: [{name}]`"
    return UsageError(f"`{name}` is an extension, {is_what} the functions that list it", hint=hint)
