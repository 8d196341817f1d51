"""The roles that GitHub's jobs take in an environment: modules/github-oidc, in a root of their own beside the bucket's.

A root of its own, because who may make roles is seldom who may make buckets, and because the bucket is there by then:
its state lies in it from the first run. What was asked for is recorded with it, so that a later run keeps it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import TerraformError, UsageError
from pipeline.infra import names
from pipeline.infra.calls import literal
from pipeline.infra.drive import OnEvent, apply_infra, plan_infra, stack_directory
from pipeline.infra.model import Root
from pipeline.infra.root import MAIN, as_json, fingerprint_of, provider_block, sources, state_key, terraform_block

if TYPE_CHECKING:
    from pipeline.aws.objects import Objects
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.project import Project

ROLES_STACK = "environment_roles"  # with an underscore, which no stack of services can have
RECORD_KEY = f"terraform/{ROLES_STACK}.json"
PROVIDER = "aws_iam_openid_connect_provider"
ISSUER = "token.actions.githubusercontent.com"
_CALL = "roles"


@dataclass(frozen=True)
class GitHub:
    """The one repository whose jobs may take the roles, and which of its jobs."""

    repository: str
    environment: str
    owner_id: str | None = None
    repository_id: str | None = None
    refs: tuple[str, ...] = ("refs/heads/main",)


@dataclass(frozen=True)
class Roles:
    """What came of it: the ARN of each role by its short name."""

    github: GitHub
    arns: Mapping[str, str]


def render_roles(project: Project, env: Environment, github: GitHub, modules: Path, provider: str | None) -> Root:
    """The root of the roles. `provider`: the account's own for GitHub; None = it is made here."""
    limit, own = names.boundary(env), names.policy_arn(env, names.own_boundary(project, env))
    call: dict[str, Any] = {
        "source": "./modules/github-oidc",
        "name": f"{project.name}-{env.name}",
        "bucket": literal(env.bucket),
        "kms_key_arn": "${data.aws_kms_alias.bucket.target_key_arn}" if env.kms else None,
        "repository": literal(github.repository),
        "owner_id": github.owner_id,
        "repository_id": github.repository_id,
        "environment": literal(github.environment),
        "refs": [literal(ref) for ref in github.refs],
        "services_boundary_arn": None if limit == own else limit,
        "oidc_provider_arn": provider,
        **({"event_bus_arns": [literal(names.bus_arn(env, env.events))]} if env.events else {}),
    }
    main: dict[str, Any] = {
        "terraform": terraform_block(env, ROLES_STACK),
        "provider": {"aws": provider_block(project, env)},
        "module": {_CALL: call},
        "output": {"role_arns": {"value": f"${{module.{_CALL}.role_arns}}"}},
    }
    if env.kms:
        main["data"] = {"aws_kms_alias": {"bucket": {"name": f"alias/{env.bucket}"}}}
    files = sources(modules, ("github-oidc",)) | {MAIN: as_json(main)}
    return Root(ROLES_STACK, files, fingerprint_of(files), {})


def provide_roles(
    project: Project, env: Environment, modules: Path, asked: GitHub | None, on_event: OnEvent
) -> Roles | None:
    """Make or update the roles as asked for, or as they were asked for last; None when nobody ever did."""
    from pipeline.aws.objects import Objects

    objects = Objects(env)
    recorded = _recorded(objects)
    github = asked or (_github(recorded) if recorded else None)
    if github is None:
        return None
    root = render_roles(project, env, github, modules, _provider_of_others(env, objects))
    if recorded and recorded.get("fingerprint") == root.fingerprint:
        on_event(f"the roles of {github.repository} are ready, nothing to do")
        return Roles(github, recorded["roles"])
    plan = plan_infra(root, env, stack_directory(project.root, env, ROLES_STACK), on_event)
    if any(change.type == PROVIDER and change.action in {"delete", "replace"} for change in plan.changes):
        raise TerraformError(
            "the account's OpenID Connect provider would be taken from other environments",
            where=str(plan.directory),
            hint="this is never done; look at what changed in modules/github-oidc",
        )
    arns = apply_infra(plan, env, on_event)["role_arns"]
    record = {"fingerprint": root.fingerprint, "github": asdict(github), "roles": arns}
    objects.put(RECORD_KEY, json.dumps(record, indent=1, sort_keys=True).encode())
    on_event(f"the roles of {github.repository} are ready")
    return Roles(github, arns)


def recorded_root(project: Project, env: Environment, modules: Path) -> Root | None:
    """The root of the roles as they were asked for last; None when nobody ever did."""
    from pipeline.aws.objects import Objects

    objects = Objects(env)
    recorded = _recorded(objects)
    if recorded is None:
        return None
    return render_roles(project, env, _github(recorded), modules, _provider_of_others(env, objects))


def recorded(objects: Objects) -> Roles | None:
    """The roles as they were made last; None when nobody ever asked for them."""
    found = _recorded(objects)
    return None if found is None else Roles(_github(found), dict(found.get("roles", {})))


def _recorded(objects: Objects) -> dict[str, Any] | None:
    stored = objects.get(RECORD_KEY)
    if stored is None:
        return None
    try:
        found = json.loads(stored.body)
        _github(found)
    except (ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"the record of the roles cannot be read: {error}",
            where=RECORD_KEY,
            hint="delete the object and name the repository again: crabwalk bootstrap ENV --github ORG/REPO",
        ) from error
    return dict(found)


def _github(record: Mapping[str, Any]) -> GitHub:
    said = dict(record["github"])
    return GitHub(**{**said, "refs": tuple(said["refs"])})


def _provider_of_others(env: Environment, objects: Objects) -> str | None:
    """The account's provider for GitHub, of which there can be one; None when there is none, or this root made it."""
    from pipeline.aws import aws_errors, client

    stored = objects.get(state_key(ROLES_STACK))
    resources = json.loads(stored.body).get("resources", ()) if stored else ()
    if any(one.get("type") == PROVIDER and one.get("instances") for one in resources):
        return None
    with aws_errors("look for the account's OpenID Connect providers"):
        answer = client(env, "iam").list_open_id_connect_providers()
    arns = [str(one["Arn"]) for one in answer.get("OpenIDConnectProviderList", ())]
    return next((arn for arn in arns if arn.endswith(f"/{ISSUER}")), None)
