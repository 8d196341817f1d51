"""Renders Terraform roots from manifests. Pure: reads the module sources, writes nothing, starts nothing.

The root is JSON syntax, so that no value of a manifest can become code, and self-contained: the module sources and
the provider lock lie in it. Endpoint and credentials come by the process's environment, never by a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError
from pipeline.infra.calls import Call, bounded, literal
from pipeline.infra.model import Placement, Root
from pipeline.infra.names import boundary
from pipeline.infra.parts.function import walk_fingerprint
from pipeline.infra.root import ARTIFACTS, MAIN, as_json, fingerprint_of, provider_block, sources, terraform_block
from pipeline.manifest.own_terraform import shared

if TYPE_CHECKING:
    from pipeline.infra.scope import Scope
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.project import Project

ENVIRONMENT_STACK = "environment"  # the environment's own root; no service's stack may have its name


def render(
    scope: Scope,
    stack: str,
    placements: Sequence[Placement],
    modules: Path,
    orphans: Mapping[str, Sequence[Call]] | None = None,
) -> Root:
    """Return the root of `stack`.

    `orphans`: the calls of services that stand in the stack and that no manifest declares any more; they stay as they
    were last applied, until somebody destroys them.
    """
    if stack == ENVIRONMENT_STACK:
        raise UsageError(
            f"`{ENVIRONMENT_STACK}` cannot be the name of a stack: the environment's own state has it",
            hint="give the service another name, or a `stack:`",
        )
    calls = {name: tuple(some) for name, some in (orphans or {}).items()}
    limit = boundary(scope.env)
    calls |= {one.service.name: tuple(bounded(call, limit) for call in one.calls) for one in placements}
    every = [call for _, some in sorted(calls.items()) for call in some]
    main = {
        "terraform": terraform_block(scope.env, stack),
        "provider": {"aws": provider_block(scope.project, scope.env)},
        "variable": {"artifacts": {"type": "map(string)", "description": "Key of each service's first zip."}},
        "module": {call.name: call.document() for call in every},
        "output": {name: {"value": _outputs(some)} for name, some in sorted(calls.items())},
    }
    keys = {p.service.name: p.artifact_key for p in placements if p.artifact_key is not None}
    # A root does not change with modules it does not use.
    files = sources(
        modules, {name for call in every for name in (shared(call.files) if call.files else (call.module,))}
    )
    files |= {f"{call.module}/{name}": text.encode() for call in every for name, text in call.files.items()}
    main = {name: block for name, block in main.items() if block}  # Terraform takes no empty one
    files |= {MAIN: as_json(main), ARTIFACTS: as_json({"artifacts": keys})}
    walks = {one.service.name: walk_fingerprint(one.service, scope.layers.get(one.service.name)) for one in placements}
    return Root(stack, files, fingerprint_of(files), walks, calls)


def _outputs(calls: Iterable[Call]) -> dict[str, str]:
    return {shown: f"${{module.{call.name}.{output}}}" for call in calls for shown, output in call.outputs.items()}


def render_environment(project: Project, env: Environment, modules: Path, *, remote: bool, adopt: bool) -> Root:
    """Return the root of the environment's bucket.

    `remote`: its state lies in that bucket; without it, locally, because there is no bucket yet. `adopt`: the bucket
    is there without a state and is imported instead of created.
    """
    terraform = terraform_block(env, ENVIRONMENT_STACK)
    if not remote:
        del terraform["backend"]
    main: dict[str, Any] = {
        "terraform": terraform,
        "provider": {"aws": provider_block(project, env)},
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
    files = sources(modules, ("environment",)) | {MAIN: as_json(main)}
    return Root(ENVIRONMENT_STACK, files, fingerprint_of(files), {})
