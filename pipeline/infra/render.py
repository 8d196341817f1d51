"""Renders Terraform roots from manifests. Pure: reads the module sources, writes nothing, starts nothing.

The root is JSON syntax, so that no value of a manifest can become code, and self-contained: the module sources and
the provider lock lie in it. Endpoint and credentials come by the process's environment, never by a file.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError
from pipeline.infra import parts
from pipeline.infra.calls import Call, literal, united
from pipeline.infra.model import Placement, Root
from pipeline.infra.parts.function import walk_fingerprint
from pipeline.manifest.own_terraform import shared

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.project import Environment, Project

MAIN = "main.tf.json"
ARTIFACTS = "artifacts.auto.tfvars.json"
LOCK = ".terraform.lock.hcl"
ENVIRONMENT_STACK = "environment"  # the environment's own root; no service's stack may have its name
TERRAFORM_VERSION = ">= 1.10"  # the first with use_lockfile
PROVIDER = {"source": "hashicorp/aws", "version": "~> 5.100"}

_SIBLING = re.compile(rb'^\s*source\s*=\s*"\.\./([a-z0-9-]+)"', re.MULTILINE)


def render(
    scope: Scope,
    stack: str,
    placements: Sequence[Placement],
    modules: Path,
    orphans: Mapping[str, Sequence[Call]] | None = None,
) -> Root:
    """Return the root of `stack`. Triggers are rendered only for services that were released.

    `orphans`: the calls of services that stand in the stack and that no manifest declares any more; they stay as they
    were last applied, until somebody destroys them.
    """
    if stack == ENVIRONMENT_STACK:
        raise UsageError(
            f"`{ENVIRONMENT_STACK}` cannot be the name of a stack: the environment's own state has it",
            hint="give the service another name, or a `stack:`",
        )
    calls = {name: tuple(some) for name, some in (orphans or {}).items()}
    calls |= {placement.service.name: _placed(scope, placement) for placement in placements}
    every = [call for _, some in sorted(calls.items()) for call in some]
    main = {
        "terraform": _terraform(scope.env, stack),
        "provider": {"aws": _provider(scope.project, scope.env)},
        "variable": {"artifacts": {"type": "map(string)", "description": "Key of each service's first zip."}},
        "module": {call.name: call.document() for call in every},
        "output": {name: {"value": _outputs(some)} for name, some in sorted(calls.items())},
    }
    keys = {p.service.name: p.artifact_key for p in placements if p.artifact_key is not None}
    # A root does not change with modules it does not use.
    files = _sources(
        modules, {name for call in every for name in (shared(call.files) if call.files else (call.module,))}
    )
    files |= {f"{call.module}/{name}": text.encode() for call in every for name, text in call.files.items()}
    main = {name: block for name, block in main.items() if block}  # Terraform takes no empty one
    files |= {MAIN: _json(main), ARTIFACTS: _json({"artifacts": keys})}
    walks = {placement.service.name: walk_fingerprint(placement.service) for placement in placements}
    return Root(stack, files, _fingerprint(files), walks, calls)


def _placed(scope: Scope, placement: Placement) -> tuple[Call, ...]:
    desired = parts.calls(scope, placement.service, released=placement.released)
    return united(desired, placement.kept)


def _outputs(calls: Iterable[Call]) -> dict[str, str]:
    return {shown: f"${{module.{call.name}.{output}}}" for call in calls for shown, output in call.outputs.items()}


def render_environment(project: Project, env: Environment, modules: Path, *, remote: bool, adopt: bool) -> Root:
    """Return the root of the environment's bucket.

    `remote`: its state lies in that bucket; without it, locally, because there is no bucket yet. `adopt`: the bucket
    is there without a state and is imported instead of created.
    """
    terraform = _terraform(env, ENVIRONMENT_STACK)
    if not remote:
        del terraform["backend"]
    main: dict[str, Any] = {
        "terraform": terraform,
        "provider": {"aws": _provider(project, env)},
        "module": {
            ENVIRONMENT_STACK: {
                "source": "./modules/environment",
                "bucket": literal(env.bucket),
                "kms": env.kms,
                "lifecycle_rules": not env.embedded,  # the provider watches new rules for a minute
            }
        },
    }
    if adopt:
        main["import"] = [{"to": "module.environment.aws_s3_bucket.this", "id": literal(env.bucket)}]
    files = _sources(modules, ("environment",)) | {MAIN: _json(main)}
    return Root(ENVIRONMENT_STACK, files, _fingerprint(files), {})


def _terraform(env: Environment, stack: str) -> dict[str, Any]:
    backend: dict[str, Any] = {
        "bucket": literal(env.bucket),
        "key": literal(state_key(stack)),
        "region": env.region,
        "use_lockfile": True,
        # Said out loud it means S3's own key, and the bucket's would not be used.
        "encrypt": not env.kms,
        "allowed_account_ids": [env.account],
    }
    if env.endpoint is not None:
        backend["use_path_style"] = True
    return {
        "required_version": TERRAFORM_VERSION,
        "required_providers": {"aws": PROVIDER},
        "backend": {"s3": backend},
    }


def state_key(stack: str) -> str:
    """Key of a stack's state in the environment's bucket."""
    return f"terraform/{stack}.tfstate"


def _provider(project: Project, env: Environment) -> dict[str, Any]:
    provider: dict[str, Any] = {
        "region": env.region,
        "allowed_account_ids": [env.account],  # never the wrong account, whatever credentials are at hand
        "default_tags": {
            "tags": {"crabwalk:project": literal(project.name), "crabwalk:environment": literal(env.name)}
        },
    }
    if env.endpoint is not None:
        provider["s3_use_path_style"] = True
    return provider


def _sources(modules: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The modules' own files (not their tests), those of the modules they call, and the provider lock."""
    files: dict[str, bytes] = {}
    waiting = set(names)
    try:
        files[LOCK] = (modules / LOCK).read_bytes()
        while waiting:
            name = waiting.pop()
            found = {f"modules/{name}/{path.name}": path.read_bytes() for path in sorted((modules / name).glob("*.tf"))}
            if not found:
                raise _gone(modules / name)
            files |= found
            called = {match.decode() for content in found.values() for match in _SIBLING.findall(content)}
            waiting |= {one for one in called if f"modules/{one}/main.tf" not in files}
    except OSError as error:
        raise UsageError(
            f"the project's Terraform modules cannot be read: {error.strerror}",
            where=error.filename,
            hint="the folder `modules` with its .terraform.lock.hcl belongs to the repository",
        ) from error
    return files


def _gone(folder: Path) -> UsageError:
    return UsageError(
        "the project's Terraform modules lack one that a service needs",
        where=str(folder),
        hint="the folder `modules` with its .terraform.lock.hcl belongs to the repository",
    )


def _fingerprint(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        if name != ARTIFACTS:
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
