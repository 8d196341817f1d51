"""The JSON Schema of a manifest: from the models, and from the project, whose environments its overlays may name."""

from __future__ import annotations

from pipeline.manifest.limits import EXTENSION_KEYS
from pipeline.manifest.models import Manifest
from pipeline.manifest.project import FORMAT, Project
from pipeline.manifest.schema_of import Definitions, Schema, yaml_key
from pipeline.manifest.schema_terms import DRAFT, format_version, mapping


def service_schema(project: Project) -> Schema:
    """What a service's YAML may say in this project."""
    found = Definitions()
    whole = found.fields(Manifest)
    part = found.fields(Manifest, partial=True)["properties"]
    overlay = {
        key: {"$ref": f"#/properties/{key}"} if value == whole["properties"][key] else value
        for key, value in part.items()
        if key != "name"
    }
    architecture = whole["properties"]["architecture"]
    host = {**architecture, "enum": [*architecture["enum"], "host"]}
    definitions = {
        **found.found,
        "Overlay": mapping("What an environment changes: mappings merge, the rest replaces.", overlay),
        "LocalOverlay": mapping("What the embedded AWS changes.", {**overlay, "architecture": host}),
    }
    local = project.embedded_names
    kinds = {name: "LocalOverlay" if name in local else "Overlay" for name in project.environment_names}
    overlays = {name: {"$ref": f"#/$defs/{kind}"} for name, kind in kinds.items()}
    forbidden = {yaml_key(Manifest, name): False for name in Manifest.model_fields if name not in EXTENSION_KEYS}
    return {
        "$schema": DRAFT,
        "title": f"crabwalk service, format {FORMAT}",
        "description": "One service: what is built, how it runs, what invokes it, how it is released.",
        "type": "object",
        "properties": {
            "crabwalk": format_version(),
            **whole["properties"],
            "overlays": mapping("What environments change.", overlays),
        },
        "required": ["crabwalk", *whole["required"]],
        "additionalProperties": False,
        "if": {"properties": {"kind": {"const": "extension"}}, "required": ["kind"]},
        "then": {"properties": forbidden},
        "$defs": dict(sorted(definitions.items())),
    }
