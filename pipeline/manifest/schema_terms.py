"""What the JSON Schemas of manifests and of the project file say in the same words."""

from __future__ import annotations

import re

from pipeline.manifest.environments import NAME, STACK
from pipeline.manifest.project import FORMAT
from pipeline.manifest.schema_of import Schema

DRAFT = "https://json-schema.org/draft/2020-12/schema"
_END = r"\Z"


def format_version() -> Schema:
    """The key every file begins with."""
    return {"const": FORMAT, "description": "The format's version; every file begins with it."}


def stack(description: str) -> Schema:
    """A stack's name."""
    return {"type": "string", "pattern": ecma(STACK), "description": description}


def name() -> Schema:
    """The name of a project, an environment, a target or a wave."""
    return {"type": "string", "pattern": ecma(NAME)}


def ecma(form: re.Pattern[str]) -> str:
    """A form that is matched from the start, as JSON Schema's patterns are written."""
    return f"^(?:{form.pattern.removesuffix(_END)})$"


def mapping(description: str, properties: Schema, *, required: list[str] | None = None) -> Schema:
    """A mapping of these keys and no others."""
    said: Schema = {"type": "object", "description": description, "properties": properties}
    return {**said, **({"required": required} if required else {}), "additionalProperties": False}
