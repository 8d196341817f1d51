"""docs/reference/manifest.md: every key a manifest may have, from the JSON Schema of the models. Pure.

docs/manifest.md explains; this page is complete. Both are of the same models: a test holds the first to the schema,
the second is written from it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pages import RENEW

_OVERLAY = "Overlay"
_ROOT = "The service"

Schema = Mapping[str, Any]


def page(schema: Schema) -> str:
    """The whole page, of the schema that `crabwalk check --schema` writes."""
    said = [
        "# Every key of a manifest",
        "",
        f"<!-- Written by `{RENEW}` from pipeline/manifest/models*.py; edit the texts there. -->",
        "",
        f"Format {schema['properties']['crabwalk']['const']}, as the models have it that read a manifest.",
        "[The manifest](../manifest.md) explains, and has examples.",
        "",
    ]
    definitions = schema["$defs"]
    said += _section(_ROOT, schema, definitions)
    for name in _reached(schema, definitions):
        said += _section(name, definitions[name], definitions)
    return "\n".join(said).rstrip("\n") + "\n"


def _reached(schema: Schema, definitions: Mapping[str, Schema]) -> list[str]:
    """The definitions in the order in which a reader meets them; what overlays may say of them is the same keys."""
    found: list[str] = []
    waiting = [schema]
    while waiting:
        for name in _references(waiting.pop(0).get("properties", {})):
            if name not in found and not name.endswith(_OVERLAY):
                found.append(name)
                waiting.append(definitions[name])
    return found


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, Mapping):
        if "$ref" in part:
            yield part["$ref"].rpartition("/")[2]
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _section(name: str, schema: Schema, definitions: Mapping[str, Schema]) -> Iterator[str]:
    yield from (f"## {name}", "", schema.get("description", ""), "")
    if not schema.get("properties"):
        yield from ("No keys: write `{}`.", "")
        return
    required = schema.get("required", ())
    yield from ("| key | holds | default | says |", "|---|---|---|---|")
    for key, value in schema["properties"].items():
        default = "required" if key in required else _value(value["default"]) if "default" in value else ""
        held = "[what differs](../manifest.md#overlays)" if key == "overlays" else _kind(value, definitions)
        yield f"| `{key}` | {held} | {default} | {_cell(value.get('description', ''))} |"
    yield ""


def _kind(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    """What a value is, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    choices = [schema["const"]] if "const" in schema else schema.get("enum", ())
    if choices:
        return ", ".join(_value(one) for one in choices)
    if "oneOf" in schema:
        return " or ".join(_kind(one, definitions) for one in schema["oneOf"])
    return _typed(schema, definitions)


def _typed(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    held = schema.get("type")
    if held == "array":
        return f"a list of {_kind(schema.get('items', {}), definitions)}{_count(schema, 'Items')}"
    if held == "object":
        return _mapping(schema, definitions)
    if held == "string":
        examples = ", ".join(_value(one) for one in schema.get("examples", ()))
        return f"text like {examples}" if examples else "text"
    plain = {"boolean": "true, false", "integer": f"a number{_range(schema)}", "number": f"a number{_range(schema)}"}
    return plain.get(str(held), "any YAML")


def _mapping(schema: Schema, definitions: Mapping[str, Schema]) -> str:
    if "properties" in schema:
        return "one of " + ", ".join(f"`{key}`: {_kind(one, definitions)}" for key, one in schema["properties"].items())
    values = schema.get("additionalProperties")
    return f"names, each with {_kind(values, definitions)}" if isinstance(values, Mapping) else "a mapping"


def _range(schema: Schema) -> str:
    least, most = schema.get("minimum", schema.get("exclusiveMinimum")), schema.get("maximum")
    if least is None or most is None:
        return ""
    return f", {least:,} to {most:,}"


def _count(schema: Schema, of: str) -> str:
    least, most = schema.get(f"min{of}", 0), schema.get(f"max{of}")
    if most is None:
        return ""
    return f", {least} to {most}" if least else f", at most {most}"


def _value(value: Any) -> str:
    said = {True: "true", False: "false"}.get(value) if isinstance(value, bool) else None
    return f"`{said or value}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
