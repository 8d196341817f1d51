"""A small validator of JSON Schema draft 2020-12, for the keywords crabwalk's schemas use; others are refused.

Written from the specification alone, so that it judges the schemas and not what they were made from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations
from typing import Any


def number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def same(one: Any, other: Any) -> bool:
    """JSON's equality: 1 is 1.0, and not true."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


TYPES = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: number(value) and value == int(value),
    "number": number,
}
ANNOTATIONS = {"$schema", "$defs", "title", "description", "default", "examples", "then"}
# Keywords that look at a value itself; one of another type passes.
PLAIN = {
    "type": lambda said, value: TYPES[said](value),
    "const": same,
    "enum": lambda said, value: any(same(one, value) for one in said),
    "pattern": lambda said, value: not isinstance(value, str) or bool(re.search(said, value, re.ASCII)),
    "minimum": lambda said, value: not number(value) or value >= said,
    "maximum": lambda said, value: not number(value) or value <= said,
    "required": lambda said, value: not isinstance(value, dict) or all(key in value for key in said),
    "minProperties": lambda said, value: not isinstance(value, dict) or len(value) >= said,
    "maxProperties": lambda said, value: not isinstance(value, dict) or len(value) <= said,
    "minItems": lambda said, value: not isinstance(value, list) or len(value) >= said,
    "maxItems": lambda said, value: not isinstance(value, list) or len(value) <= said,
    "uniqueItems": lambda said, value: (
        not said or not isinstance(value, list) or not any(same(*pair) for pair in combinations(value, 2))
    ),
}


def faults(root: Any, value: Any) -> list[str]:
    """What is wrong with `value`, each with its path and the keyword that says so."""
    return list(_faults(root, root, value, "$"))


def _faults(root: Any, schema: Any, value: Any, at: str) -> Iterator[str]:
    if isinstance(schema, bool):
        if not schema:
            yield f"{at}: nothing may stand here"
        return
    for keyword, said in schema.items():
        if keyword in PLAIN:
            if not PLAIN[keyword](said, value):
                yield f"{at}: {keyword} {said}"
        elif keyword not in ANNOTATIONS:
            yield from _nested(root, schema, keyword, value, at)


def _nested(root: Any, schema: Any, keyword: str, value: Any, at: str) -> Iterator[str]:  # noqa: C901, PLR0912
    said = schema[keyword]
    keys = value if isinstance(value, dict) else {}
    items = value if isinstance(value, list) else []

    def holds(one: Any, of: Any = value) -> bool:
        return not any(_faults(root, one, of, at))

    match keyword:
        case "$ref":
            target = root
            for part in said.removeprefix("#/").split("/"):
                target = target[part]
            yield from _faults(root, target, value, at)
        case "properties":
            for key in said.keys() & keys.keys():
                yield from _faults(root, said[key], keys[key], f"{at}.{key}")
        case "additionalProperties":
            for key in keys.keys() - schema.get("properties", {}).keys():
                yield from _faults(root, said, keys[key], f"{at}.{key}")
        case "propertyNames":
            for key in keys:
                yield from _faults(root, said, key, f"{at}.{key}")
        case "items":
            for index, one in enumerate(items):
                yield from _faults(root, said, one, f"{at}[{index}]")
        case "contains":
            if isinstance(value, list) and not any(holds(said, one) for one in items):
                yield f"{at}: contains {said}"
        case "not":
            if holds(said):
                yield f"{at}: not {said}"
        case "oneOf":
            if sum(holds(one) for one in said) != 1:
                yield f"{at}: oneOf {said}"
        case "if":
            if holds(said):
                yield from _faults(root, schema["then"], value, at)
        case _:
            raise NotImplementedError(keyword)
