"""pydantic's errors in a person's words, each at the line of the value it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.errors import Problem
from pipeline.manifest.document import Mark, Node, nearest

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError
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


def problems_of(error: ValidationError, node: Node, model: type[BaseModel]) -> list[Problem]:
    """One problem for each of pydantic's errors about `node`."""
    found = (_problem(detail, node, model) for detail in error.errors(include_url=False))
    return [problem for problem in found if problem is not None]


def _problem(detail: ErrorDetails, root: Node, model: type[BaseModel]) -> Problem | None:
    kind = detail["type"]
    if kind == "default_factory_not_called":
        return None  # what it would have been made from is wrong already
    loc = _in_yaml(detail["loc"], root)
    node, key, depth = _follow(root, loc)
    path = _shown(loc)
    if kind == "missing":
        return node.mark.problem(f"{_prefix(loc[:-1])}the key `{loc[-1]}` is missing")
    if depth < len(loc) and loc[-1] != "[key]":
        return None  # a default derived from a value that is wrong itself
    if kind == "extra_forbidden":
        at = key or node.mark
        return at.problem(f"{_prefix(loc[:-1])}unknown key `{loc[-1]}`", nearest(str(loc[-1]), _known(model, loc[:-1])))
    if loc[-1:] == ("[key]",):
        node = Node(key or node.mark, loc[-2])
        path = _shown(loc[:-2])
    what, instead = _words(kind, detail.get("ctx") or {}, node, loc)
    return node.mark.problem(f"{path}: {what}" if path else what, instead)


def _words(kind: str, ctx: dict[str, Any], node: Node, loc: tuple[int | str, ...]) -> tuple[str, str]:
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
    instead = f'write "{node.text}" in quotes' if expected == "text" and node.text else ""
    return f"must be {expected}, not {node.shown()}", instead


def _in_yaml(loc: tuple[int | str, ...], root: Node) -> tuple[int | str, ...]:
    """The path as it stands in the file: a trigger's kind is a level of its own there."""
    if len(loc) >= 3 and loc[0] == "triggers":
        items = root.mapping["triggers"].items if root.mapping and "triggers" in root.mapping else None
        kinds = list(items[int(loc[1])].mapping or {}) if items and int(loc[1]) < len(items) else []
        return (*loc[:2], *kinds[:1], *loc[2:])
    return loc


def _follow(node: Node, loc: tuple[int | str, ...]) -> tuple[Node, Mark | None, int]:
    """The deepest node along `loc`, its key's mark, and how many parts led there."""
    key: Mark | None = None
    for depth, part in enumerate(loc):
        if isinstance(part, int) and node.items is not None and part < len(node.items):
            node, key = node.items[part], None
        elif isinstance(part, str) and node.mapping is not None and part in node.mapping:
            node, key = node.mapping[part], node.keys.get(part)
        else:
            return node, key, depth
    return node, key, len(loc)


def _shown(loc: tuple[int | str, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _prefix(loc: tuple[int | str, ...]) -> str:
    return f"{_shown(loc)}: " if loc else ""


def _known(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys the mapping at `loc` may have."""
    from pipeline.manifest.models import HttpTrigger, Release, Step

    inner: dict[str, type[BaseModel]] = {"release": Release, "steps": Step, "triggers": HttpTrigger}
    for part in loc:
        model = inner.get(str(part), model)
    keys = [str(field.validation_alias or name) for name, field in model.model_fields.items() if name != "kind"]
    return [*keys, "crabwalk", "overlays"] if not loc else keys
