"""The JSON Schema of the project file: the project, its environments, their targets and waves, how it is built."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.manifest.environments import CONTROLLERS, FORMS, IN_PROCESS, LOCAL, OWN_STACK
from pipeline.manifest.fleets import ANY, MAX_TARGETS, ON_FAILURE
from pipeline.manifest.project import BUILD_WORDS, FORMAT, GLOB
from pipeline.manifest.schema_of import Schema
from pipeline.manifest.schema_terms import DRAFT, ecma, format_version, mapping, name, stack
from pipeline.manifest.units import TIMES, pattern


def project_schema() -> Schema:
    """What the project file may say."""
    forms = {key: {"type": "string", "pattern": ecma(form)} for key, (form, _, _) in FORMS.items()}
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
        "github": mapping(
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
    environment = mapping(
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
            "stack": stack("The stack of every service here whose manifest names none. Default: the project's."),
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
            "crabwalk": format_version(),
            "project": {**name(), "description": "The project's name; functions are PROJECT-ENVIRONMENT-SERVICE."},
            "services": {
                "type": "string",
                "pattern": r"^(?!/)(?!(?:.*/)?\.\.(?:/|$)).+\.ya?ml$",
                "default": GLOB,
                "description": "Where the manifests lie, as a pattern below the project's folder.",
            },
            "stack": {
                **stack(f"The stack of every service whose manifest names none; `{OWN_STACK}`: each service its own."),
                "default": OWN_STACK,
            },
            "environments": {
                "type": "object",
                "description": f"Environments by name; `{LOCAL}`, the embedded AWS, needs no declaration.",
                "propertyNames": name(),
                "properties": {LOCAL: mapping("The embedded AWS.", {**said_of_all, "targets": local, "waves": waves})},
                "additionalProperties": environment,
            },
            "build": mapping(
                "How every service is built.",
                {
                    **{
                        key: {"enum": [*words, *([False] if "off" in words else [])], "default": words[0]}
                        | {"description": _BUILD_TEXTS[key]}
                        for key, words in BUILD_WORDS.items()
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
        "propertyNames": name(),
        "minProperties": 1,
        "maxProperties": MAX_TARGETS,
        "additionalProperties": mapping("One account and region.", fields, required=required),
    }


def _waves() -> Schema:
    """The waves in which targets are released."""
    count = {"type": "integer", "minimum": 1}
    limits = {
        "targets": {**count, "description": "So many failed targets end the wave."},
        "services": {**count, "description": "So many failed services, over all targets, end the wave."},
    }
    wave = mapping(
        "Targets that are released side by side.",
        {
            "name": {**name(), "description": "The wave's name."},
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
                "oneOf": [{"const": ANY}, {**mapping("How much may fail.", limits), "minProperties": 1}],
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
