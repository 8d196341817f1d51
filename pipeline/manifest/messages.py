"""pydantic's errors in a person's words, each at the line of the value it is about; inside an overlay, at its line."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pipeline.errors import Problem
from pipeline.manifest.models_access import VERBS
from pipeline.manifest.node import Node, nearest
from pipeline.manifest.places import Path, Places, follow
from pipeline.manifest.references import SERVICES

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

_TYPES = {
    "string_type": "text",
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "mapping_type": "a mapping",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


@dataclass(frozen=True)
class Fault:
    """One of pydantic's errors: what to say (None: nothing), what to cut out, and what must be sound to believe it.

    `meant`: other keys the author may have meant, whose defaults say nothing then.
    """

    problem: Problem | None
    cut: Path
    because: tuple[Path, ...]
    meant: tuple[Path, ...] = ()


_OCTAL = re.compile(r"0[0-7]+\Z")
_NEVER = re.compile(r"(?!)")
_UNQUOTED = {
    "bool_type": re.compile(r"(?i:true|false|yes|no|on|off)\Z"),
    "int_type": re.compile(r"-?[0-9]+\Z"),
    "float_type": re.compile(r"-?[0-9]+(?:\.[0-9]+)?\Z"),
}


def fault_of(
    detail: ErrorDetails, kept: Mapping[Path, tuple[int, ...]], places: Places, model: type[BaseModel]
) -> Fault:
    """The fault an error tells of; its path is the file's, `kept` translates what it says of a list's items."""
    kind, ctx = detail["type"], detail.get("ctx") or {}
    loc = _written(detail["loc"])
    node, _, depth = follow(places.root, loc)
    if kind == "missing":
        what = f"the key `{loc[-1]}` is missing"
        return Fault(places.problem(loc, what, key=True), loc[:-1], (loc,))
    if loc[-1:] == ("[key]",):
        problem = places.problem(loc[:-1], *_words(kind, ctx, node, loc), key=True)
        return Fault(problem, loc[:-1], (loc[:-1],))
    if kind == "default_factory_not_called" or depth < len(loc):
        return Fault(None, loc, (loc,))  # a default made from a value that is wrong itself
    if kind == "extra_forbidden":
        instead = _instead_of(model, loc)
        problem = places.problem(loc, f"unknown key `{loc[-1]}`", instead, key=True)
        named = instead.split("`")[1:2] if instead.startswith(("did you mean", "it belongs")) else []
        return Fault(problem, loc, (loc,), tuple((*loc[:-1], key) for key in named))
    at, *because = (_in_file(tuple(path), kept.get(loc)) for path in (ctx.get("at", ()), *ctx.get("because", ())))
    because = [(*loc, *path) for path in because]
    node, _, depth = follow(places.root, (*loc, *at))
    if ctx.get("own") and depth == len(loc) + len(at) and (isinstance(node.value, str) or " " not in ctx["own"]):
        ctx = {**ctx, "what": ctx["what"].replace(ctx["own"], node.shown().strip("`"))}
    what, instead = _words(kind, ctx, node, loc)
    if ctx.get("own") and _OCTAL.match(node.text) and isinstance(node.value, int):  # which no author meant
        instead = instead.replace(f"`{ctx['own']} ", f"`{int(node.text, 10)} ")
    if kind == "crabwalk" and loc[:1] == ("access",) and loc[2:3] == ("allow",) and len(loc) == 4:
        instead = _allowed(places.root, loc, node.text) or instead
    problem = places.problem((*loc, *at), what, instead, key=bool(ctx.get("key")))
    cut = loc if ctx.get("key") and str(ctx["what"]).startswith("unknown") else (*loc, *at)
    return Fault(problem, cut, tuple(because) if because and not at else ((*loc, *at), *because))


def _allowed(root: Node, loc: Path, word: str) -> str:
    """The words that what `to` names knows."""
    to = follow(root, (*loc[:2], "to"))[0].text
    own, _, depth = follow(root, ("resources", to))
    kind = next(iter(own.mapping or {}), "") if depth == 2 else SERVICES.get(":".join(to.split(":")[2:3]), "")
    known = VERBS.get(kind) or sorted({verb for verbs in VERBS.values() for verb in verbs})
    near = nearest(word, known)
    return near if near.startswith("did you mean") else f"{near}, or an API's name like `GetItem`, in full"


def _in_file(path: Path, kept: tuple[int, ...] | None) -> Path:
    """A path below a list that lost items."""
    return (kept[path[0]], *path[1:]) if kept and path and isinstance(path[0], int) else path


def _written(loc: Path) -> Path:
    """The path as the file has it: which of the models an entry of `access` is (`~Grant`) is no key there."""
    tagged = len(loc) > 2 and loc[0] == "access" and str(loc[2]).startswith("~")
    return (*loc[:2], *loc[3:]) if tagged else loc


def _words(kind: str, ctx: Mapping[str, Any], node: Node, loc: Path) -> tuple[str, str]:
    if kind == "crabwalk":
        return ctx["what"], ctx["instead"]
    if kind == "literal_error":
        if loc == ("architecture",) and node.value == "host":
            return "`host` is only for the environment `local`", "write it in `overlays.local`"
        known = str(ctx["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{node.shown()} is not possible", nearest(node.text, known)
    expected = _TYPES.get(kind)
    if expected is None:
        return f"{node.shown()} is not possible", ""
    if isinstance(node.value, str) and _UNQUOTED.get(kind, _NEVER).match(node.value):
        return f"must be {expected}, not the text `{node.value}`", "remove the quotes"
    instead = f'write "{node.text}" in quotes' if expected == "text" and node.text else ""
    if expected == "a list" and node.mapping is None and node.text:
        instead = f"write `[{node.text}]`"
    return f"must be {expected}, not {node.shown()}", instead


def _instead_of(model: type[BaseModel], loc: Path) -> str:
    """What to write instead of an unknown key: the nearest of its level, or the level it belongs to."""
    word = str(loc[-1])
    near = nearest(word, _keys(_inside(model, loc[:-1]), top=len(loc) == 1))
    if near.startswith("did you mean") or len(loc) > 1:
        return near
    homes = [key for key, inner in _fields(model).items() if word in _keys(inner)]
    return f"it belongs in `{homes[0]}`" if len(homes) == 1 else "`crabwalk check --schema -` lists all keys"


def _inside(model: Any, loc: Path) -> Any:
    for part in loc:
        model = _at(model, part)
    return model


def _at(annotation: Any, part: int | str) -> Any:
    """The type of what stands at `part` of a value of this type; None when that cannot be told."""
    for one in _choices(annotation):
        origin = get_origin(one)
        if (origin is tuple and isinstance(part, int)) or (isinstance(origin, type) and issubclass(origin, Mapping)):
            return get_args(one)[0 if origin is tuple else 1]
        if isinstance(part, str) and part in _fields(one):
            return _fields(one)[part]
        if getattr(one, "kind", None) == part:
            return one
    return None


def _choices(annotation: Any) -> tuple[Any, ...]:
    """The types a value may have, without what is annotated about them."""
    if get_origin(annotation) is Annotated:
        return _choices(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(one for choice in get_args(annotation) for one in _choices(choice))
    return (annotation,)


@cache
def _fields_of(model: type[BaseModel]) -> dict[str, Any]:
    return {str(field.validation_alias or name): field.annotation for name, field in model.model_fields.items()}


def _fields(one: Any) -> dict[str, Any]:
    """The keys of a model and their types, empty for anything else."""
    return _fields_of(one) if hasattr(one, "model_fields") else {}


def _keys(annotation: Any, *, top: bool = False) -> list[str]:
    """The keys a mapping of this type may have."""
    found = [key for one in _choices(annotation) for key in _fields(one)]
    return [*found, "crabwalk", "overlays"] if top else found
