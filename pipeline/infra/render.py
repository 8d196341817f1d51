"""Renders Terraform roots from manifests. Pure: reads the module sources, writes nothing, starts nothing.

The root is JSON syntax, so that no value of a manifest can become code, and self-contained: the module sources and
the provider lock lie in it. Endpoint and credentials come by the process's environment, never by a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import UsageError
from pipeline.infra.model import Placement, Root

if TYPE_CHECKING:
    from pipeline.manifest.models import SafetyNet, Service
    from pipeline.manifest.project import Environment, Project

MAIN = "main.tf.json"
ARTIFACTS = "artifacts.auto.tfvars.json"
LOCK = ".terraform.lock.hcl"
ENVIRONMENT_STACK = "environment"  # the environment's own root; no service's stack may have its name
ALIAS = "live"
HTTP_SUFFIX = "_http"  # names of services have no underscore, so `hello_http` cannot be a service
NET_SUFFIX = "_net"
NO_ARTIFACT = "artifacts/not-built.zip"
TERRAFORM_VERSION = ">= 1.10"  # the first with use_lockfile
PROVIDER = {"source": "hashicorp/aws", "version": "~> 5.100"}


def render(project: Project, env: Environment, stack: str, placements: Sequence[Placement], modules: Path) -> Root:
    """Return the root of `stack` in `env`. Triggers are rendered only for services that were released."""
    if stack == ENVIRONMENT_STACK:
        raise UsageError(
            f"`{ENVIRONMENT_STACK}` cannot be the name of a stack: the environment's own state has it",
            hint="give the service another name, or a `stack:`",
        )
    calls: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    for placement in sorted(placements, key=lambda placement: placement.service.name):
        service = placement.service
        calls[service.name] = _function(project, env, service)
        value = {
            name: f"${{module.{service.name}.{name}}}"
            for name in ("function_name", "function_arn", "alias_name", "alias_arn", "log_group_name", "role_arn")
        }
        routes = [route for trigger in service.triggers if trigger.kind == "http" for route in trigger.routes]
        if routes and placement.released:
            http = service.name + HTTP_SUFFIX
            calls[http] = _http_api(project, env, service, routes)
            value |= {name: f"${{module.{http}.{name}}}" for name in ("api_id", "api_endpoint")}
        if (net := service.release.safety_net) is not None and placement.released:
            calls[service.name + NET_SUFFIX] = _safety_net(env, service, net)
        outputs[service.name] = {"value": value}
    main = {
        "terraform": _terraform(env, stack),
        "provider": {"aws": _provider(project, env)},
        "variable": {"artifacts": {"type": "map(string)", "description": "Key of each service's first zip."}},
        "module": calls,
        "output": outputs,
    }
    keys = {p.service.name: p.artifact_key for p in placements if p.artifact_key is not None}
    # A root that has no safety net does not change with its module.
    nets = ("rollback-net",) if any(name.endswith(NET_SUFFIX) for name in calls) else ()
    files = _sources(modules, ("rust-lambda", "http-api", *nets))
    files |= {MAIN: _json(main), ARTIFACTS: _json({"artifacts": keys})}
    walks = {placement.service.name: walk_fingerprint(placement.service) for placement in placements}
    return Root(stack, files, _fingerprint(files), walks)


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
                "bucket": _literal(env.bucket),
                "lifecycle_rules": not env.embedded,  # the provider watches new rules for a minute
            }
        },
    }
    if adopt:
        main["import"] = [{"to": "module.environment.aws_s3_bucket.this", "id": _literal(env.bucket)}]
    files = _sources(modules, ("environment",)) | {MAIN: _json(main)}
    return Root(ENVIRONMENT_STACK, files, _fingerprint(files), {})


def walk_fingerprint(service: Service) -> str:
    """Hash of the configuration that belongs to a published version and is therefore tried out by a canary."""
    walks: dict[str, Any] = {
        "architecture": service.architecture,
        "runtime": service.runtime,
        "memory_mb": service.memory_mb,
        "timeout_s": service.timeout_s,
        "environment": dict(service.environment),
        "tracing": service.tracing,
    }
    # A key that came later counts only where it is used: what was released before it existed is not walked again.
    later: dict[str, tuple[Any, Any]] = {
        "ephemeral_storage_mb": (service.ephemeral_storage_mb, 512),
        "layers": (list(service.layers), []),
        "kms_key": (service.kms_key, None),
        "vpc": (_vpc(service), None),
    }
    walks |= {name: value for name, (value, unused) in later.items() if value != unused}
    return hashlib.sha256(json.dumps(walks, sort_keys=True).encode()).hexdigest()


def _terraform(env: Environment, stack: str) -> dict[str, Any]:
    backend: dict[str, Any] = {
        "bucket": _literal(env.bucket),
        "key": _literal(state_key(stack)),
        "region": env.region,
        "use_lockfile": True,
        "encrypt": True,
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
            "tags": {"crabwalk:project": _literal(project.name), "crabwalk:environment": _literal(env.name)}
        },
    }
    if env.endpoint is not None:
        provider["s3_use_path_style"] = True
    return provider


def _function(project: Project, env: Environment, service: Service) -> dict[str, Any]:
    return {
        "source": "./modules/rust-lambda",
        "function_name": _literal(project.function_name(env.name, service.name)),
        "description": _literal(service.description),
        "artifact_bucket": _literal(env.bucket),
        "artifact_key": f'${{lookup(var.artifacts, "{service.name}", "{NO_ARTIFACT}")}}',
        "architecture": service.architecture,
        "runtime": _literal(service.runtime),
        "memory_mb": service.memory_mb,
        "timeout_s": service.timeout_s,
        "ephemeral_storage_mb": service.ephemeral_storage_mb,
        "reserved_concurrency": -1 if service.concurrency.reserved is None else service.concurrency.reserved,
        "layers": [_literal(layer) for layer in service.layers],
        "vpc": _vpc(service),
        "kms_key_arn": None if service.kms_key is None else _literal(service.kms_key),
        "environment": {_literal(name): _literal(value) for name, value in service.environment.items()},
        "log_retention_days": service.log_retention_days,
        "tracing": service.tracing,
        "alias_name": ALIAS,
        "tags": _tags(service),
    }


def _vpc(service: Service) -> dict[str, list[str]] | None:
    if service.vpc is None:
        return None
    return {"subnet_ids": list(service.vpc.subnets), "security_group_ids": list(service.vpc.security_groups)}


def _tags(service: Service) -> dict[str, str]:
    own = {_literal(name): _literal(value) for name, value in service.tags.items()}
    return {**own, "crabwalk:service": service.name}


def _http_api(project: Project, env: Environment, service: Service, routes: Sequence[str]) -> dict[str, Any]:
    return {
        "source": "./modules/http-api",
        "name": _literal(project.function_name(env.name, service.name)),
        "description": _literal(service.description),
        "routes": [_literal(route) for route in sorted(set(routes))],
        "function_name": f"${{module.{service.name}.function_name}}",
        "alias_name": f"${{module.{service.name}.alias_name}}",
        "alias_invoke_arn": f"${{module.{service.name}.alias_invoke_arn}}",
        "tags": _tags(service),
    }


def _safety_net(env: Environment, service: Service, net: SafetyNet) -> dict[str, Any]:
    return {
        "source": "./modules/rollback-net",
        "function_name": f"${{module.{service.name}.function_name}}",
        "function_arn": f"${{module.{service.name}.function_arn}}",
        "alias_name": f"${{module.{service.name}.alias_name}}",
        "error_percent": round(net.over * 100, 6),
        "min_requests": net.at_least,
        "period_s": env.period_s,
        "alarms": [_literal(alarm) for alarm in net.alarms],
        "tags": _tags(service),
    }


def _literal(value: str) -> str:
    """Escapes template markers, because Terraform reads every string of a JSON root as a template."""
    return value.replace("${", "$${").replace("%{", "%%{")


def _sources(modules: Path, names: Sequence[str]) -> dict[str, bytes]:
    """The modules' own files (not their tests) and the provider lock."""
    try:
        files = {LOCK: (modules / LOCK).read_bytes()}
        for name in names:
            for path in sorted((modules / name).glob("*.tf")):
                files[f"modules/{name}/{path.name}"] = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"the project's Terraform modules cannot be read: {error.strerror}",
            where=error.filename,
            hint="the folder `modules` with its .terraform.lock.hcl belongs to the repository",
        ) from error
    return files


def _fingerprint(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name, content in sorted(files.items()):
        if name != ARTIFACTS:
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False).encode() + b"\n"
