"""The JSON Schemas editors complete and check by: of manifests, from the models, and of the project file.

A manifest's depends on the project, which says what environments its overlays may name.
"""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.manifest.environments import CONTROLLERS, FORMS, IN_PROCESS, LOCAL, NAME, OWN_STACK, STACK
from pipeline.manifest.fleets import ANY, MAX_TARGETS, ON_FAILURE
from pipeline.manifest.limits import EXTENSION_KEYS
from pipeline.manifest.models import Manifest
from pipeline.manifest.project import _BUILD_WORDS, _GLOB, FORMAT, Project, read_project
from pipeline.manifest.schema_of import Definitions, Schema, yaml_key
from pipeline.manifest.units import TIMES, pattern

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SERVICE_SCHEMA = "service.schema.json"
PROJECT_SCHEMA = "crabwalk.schema.json"
NEW, CURRENT, OLD = "written", "current", "out of date"
_END = r"\Z"
_HEADER = "yaml-language-server: $schema="
_WILD = frozenset("*?[")


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
        "Overlay": _object("What an environment changes: mappings merge, the rest replaces.", overlay),
        "LocalOverlay": _object("What the embedded AWS changes.", {**overlay, "architecture": host}),
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
            "crabwalk": _format(),
            **whole["properties"],
            "overlays": _object("What environments change.", overlays),
        },
        "required": ["crabwalk", *whole["required"]],
        "additionalProperties": False,
        "if": {"properties": {"kind": {"const": "extension"}}, "required": ["kind"]},
        "then": {"properties": forbidden},
        "$defs": dict(sorted(definitions.items())),
    }


def project_schema() -> Schema:
    """What the project file may say."""
    forms = {key: {"type": "string", "pattern": _ecma(form)} for key, (form, _, _) in FORMS.items()}
    said_of_all = {
        "controller": {
            "enum": [*CONTROLLERS],
            "default": IN_PROCESS,
            "description": "Who walks a release on: the process that deploys, or a state machine of Step Functions.",
        },
        "events": {
            **forms["events"],
            "description": "The bus of EventBridge that is told what becomes of releases: its name, or its ARN.",
        },
        "github": _object(
            "Where each commit's deployment status is kept.",
            {
                "repository": {**forms["repository"], "description": "The repository at GitHub, ORG/REPO."},
                "token": {
                    **forms["token"],
                    "description": "The secret of Secrets Manager that has the token, for who has no GITHUB_TOKEN.",
                },
            },
            required=["repository"],
        ),
    }
    waves = _waves()
    own, local = (_targets(forms, local=local) for local in (False, True))
    environment = _object(
        "An AWS account and region that releases go to, or many of them.",
        {
            "account": {**forms["account"], "description": "The account's 12 digits, in quotes."},
            "region": {**forms["region"], "description": "The region, for example eu-west-1."},
            "bucket": {
                **forms["bucket"],
                "description": "The environment's bucket. Default: crabwalk-PROJECT-ENVIRONMENT-ACCOUNT.",
            },
            "kms": {
                "type": "boolean",
                "default": False,
                "description": "Whether a key of its own (KMS) encrypts the bucket.",
            },
            "stack": _stack("The stack of every service here whose manifest names none. Default: the project's."),
            "permissions_boundary": {
                **forms["permissions_boundary"],
                "description": "The policy that is the most a service's role can ever do, by its name or its ARN.",
            },
            **said_of_all,
            "targets": own,
            "waves": waves,
        },
    )
    environment = {
        **environment,
        "if": {"not": {"required": ["targets"]}},
        "then": {"required": ["account", "region"]},
    }
    return {
        "$schema": DRAFT,
        "title": f"crabwalk project, format {FORMAT}",
        "description": "The project: its name, where its manifests lie, and the environments it is released to.",
        "type": "object",
        "properties": {
            "crabwalk": _format(),
            "project": {**_name(), "description": "The project's name; functions are PROJECT-ENVIRONMENT-SERVICE."},
            "services": {
                "type": "string",
                "pattern": r"^(?!/)(?!(?:.*/)?\.\.(?:/|$)).+\.ya?ml$",
                "default": _GLOB,
                "description": "Where the manifests lie, as a pattern below the project's folder.",
            },
            "stack": {
                **_stack(f"The stack of every service whose manifest names none; `{OWN_STACK}`: each service its own."),
                "default": OWN_STACK,
            },
            "environments": {
                "type": "object",
                "description": f"Environments by name; `{LOCAL}`, the embedded AWS, needs no declaration.",
                "propertyNames": _name(),
                "properties": {LOCAL: _object("The embedded AWS.", {**said_of_all, "targets": local, "waves": waves})},
                "additionalProperties": environment,
            },
            "build": _object(
                "How every service is built.",
                {
                    **{
                        key: {"enum": [*words, *([False] if "off" in words else [])], "default": words[0]}
                        | {"description": _BUILD_TEXTS[key]}
                        for key, words in _BUILD_WORDS.items()
                    },
                    "auditable": {"type": "boolean", "default": False, "description": _BUILD_TEXTS["auditable"]},
                },
            ),
        },
        "required": ["crabwalk", "project"],
        "additionalProperties": False,
    }


_BUILD_TEXTS = {
    "compiler": "What links for Lambda's system.",
    "deny": "Whether cargo-deny must pass: `auto` is in CI, and elsewhere where it is installed.",
    "auditable": "Whether the list of crates goes into the binary (cargo auditable).",
}


def _targets(forms: Mapping[str, Schema], *, local: bool) -> Schema:
    """The targets of a fleet by name."""
    fields = {
        "account": {**forms["account"], "description": "The account's 12 digits, in quotes."},
        "region": {**forms["region"], "description": "The region, for example eu-west-1."},
        "bucket": {
            **forms["bucket"],
            "description": "Its bucket. Default: crabwalk-PROJECT-ENVIRONMENT-TARGET-ACCOUNT.",
        },
        "role": {**forms["role"], "description": "A role that is assumed before anything is asked of the account."},
    }
    if local:
        del fields["bucket"]
    required = ["region"] if local else ["account", "region"]
    return {
        "type": "object",
        "description": "Accounts and regions by name; each is an environment ENVIRONMENT-TARGET.",
        "propertyNames": _name(),
        "minProperties": 1,
        "maxProperties": MAX_TARGETS,
        "additionalProperties": _object("One account and region.", fields, required=required),
    }


def _waves() -> Schema:
    """The waves in which targets are released."""
    count = {"type": "integer", "minimum": 1}
    limits = {
        "targets": {**count, "description": "So many failed targets end the wave."},
        "services": {**count, "description": "So many failed services, over all targets, end the wave."},
    }
    wave = _object(
        "Targets that are released side by side.",
        {
            "name": {**_name(), "description": "The wave's name."},
            "targets": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": "The targets that belong to it; each belongs to one wave.",
            },
            "release": {"type": "object", "description": "What is different of every manifest's `release` here."},
            "bake": {
                "type": "string",
                "pattern": pattern(TIMES),
                "default": "0 s",
                "description": "How long its targets are watched before the next wave begins.",
            },
            "stop": {
                "oneOf": [{"const": ANY}, {**_object("How much may fail.", limits), "minProperties": 1}],
                "default": ANY,
                "description": "How much has to fail until the wave has failed.",
            },
            "on_failure": {
                "enum": [*ON_FAILURE],
                "default": ON_FAILURE[0],
                "description": "Whether targets that carry the release go back when the wave fails.",
            },
        },
        required=["name", "targets"],
    )
    return {
        "type": "array",
        "description": "In which order the targets are released.",
        "items": wave,
        "minItems": 1,
    }


def _format() -> Schema:
    return {"const": FORMAT, "description": "The format's version; every file begins with it."}


def _stack(description: str) -> Schema:
    return {"type": "string", "pattern": _ecma(STACK), "description": description}


def _name() -> Schema:
    return {"type": "string", "pattern": _ecma(NAME)}


def _ecma(form: re.Pattern[str]) -> str:
    """A form that is matched from the start, as JSON Schema's patterns are written."""
    return f"^(?:{form.pattern.removesuffix(_END)})$"


def _object(description: str, properties: Schema, *, required: list[str] | None = None) -> Schema:
    said: Schema = {"type": "object", "description": description, "properties": properties}
    return {**said, **({"required": required} if required else {}), "additionalProperties": False}


def service_schema_path(project: Project) -> str:
    """Where the manifests' schema lies: in the folder they are searched below."""
    folders = PurePosixPath(project.services_glob).parts[:-1]
    wild = next((index for index, part in enumerate(folders) if _WILD & set(part)), len(folders))
    return PurePosixPath(*folders[:wild], SERVICE_SCHEMA).as_posix()


def states(root: Path) -> dict[str, str]:
    """The schemas the project has by path, each `current` or `out of date`."""
    project = read_project(root, [])
    if project is None:
        return {}
    known = {service_schema_path(project): lambda: service_schema(project), PROJECT_SCHEMA: project_schema}
    return {
        name: CURRENT if _read(project.root / name) == _text(schema()) else OLD
        for name, schema in known.items()
        if (project.root / name).is_file()
    }


def write(root: Path) -> dict[str, str]:
    """Writes both schemas where they differ; each path with `written` or `current`."""
    project = read_project(root, [])
    if project is None:
        return {}
    done = {}
    for name, schema in ((service_schema_path(project), service_schema(project)), (PROJECT_SCHEMA, project_schema())):
        path, text = project.root / name, _text(schema)
        done[name] = CURRENT if _read(path) == text else NEW
        if done[name] == NEW:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    return done


def without_header(root: Path) -> list[tuple[str, str]]:
    """The manifests in which editors find no schema, each with the first line that it lacks."""
    project = read_project(root, [])
    if project is None:
        return []
    schema, found = service_schema_path(project), []
    for path in sorted(project.root.glob(project.services_glob)):
        text = _read(path) if path.is_file() else None
        if text is not None and _HEADER not in text:
            file = path.relative_to(project.root)
            up = posixpath.relpath(schema, file.parent.as_posix())
            found.append((file.as_posix(), f"# {_HEADER}{up}"))
    return found


def _read(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _text(schema: Any) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
