"""Makes an environment's controller: modules/canary-controller, in a root of its own beside the bucket's.

The package lies in the environment's bucket under its hash; what came of it is recorded in the ledger, where `deploy
--detach` finds it. Idempotent: with the recorded fingerprint unchanged, Terraform is not started.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline import __version__
from pipeline.controller.bundle import Bundle, bundle
from pipeline.controller.start import RECORD_KEY, Installed, recorded
from pipeline.infra import names
from pipeline.infra.calls import literal
from pipeline.infra.drive import OnEvent, apply_infra, plan_infra, stack_directory
from pipeline.infra.model import Root
from pipeline.infra.root import MAIN, as_json, fingerprint_of, provider_block, sources, terraform_block

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.project import Project

CONTROLLER_STACK = "environment_controller"  # with an underscore, which no stack of services can have
MODULE = "canary-controller"
LONGEST = 56  # the module's limit
GITHUB_API, GITHUB_COM = "GITHUB_API_URL", "https://api.github.com"
_CALL = "controller"


def package_key(made: Bundle) -> str:
    """Where the package lies in the environment's bucket."""
    return f"terraform/controller/{made.sha256}.zip"


def controller_name(project: Project, env: Environment) -> str:
    """What its function and state machine are called; with an underscore, which no service's function can have."""
    return names.cut(f"{project.name}-{env.name}_controller", LONGEST)


def render_controller(
    project: Project, env: Environment, made: Bundle, modules: Path, topics: Sequence[str] = (), *, github_api: str = ""
) -> Root:
    """The root of the controller. `topics`: ARNs of the SNS topics that releases tell; `github_api`: as `address`."""
    part = names.partition(env.region)
    functions = f"arn:{part}:lambda:{env.region}:{env.account}:function:{project.function_name(env.name, '*')}"
    call: dict[str, Any] = {
        "source": f"./modules/{MODULE}",
        "name": controller_name(project, env),
        "package_bucket": literal(env.bucket),
        "package_key": package_key(made),
        "bucket": literal(env.bucket),
        "functions": [literal(functions)],
        "topic_arns": [literal(one) for one in sorted({*topics})],
        "event_bus_arns": [literal(names.bus_arn(env, env.events))] if env.events else [],
        "secret_arns": [literal(names.secret_pattern(env, env.github_secret))] if env.github_secret else [],
        "kms_key_arn": "${data.aws_kms_alias.bucket.target_key_arn}" if env.kms else None,
        "permissions_boundary": names.boundary(env),
    }
    if github_api:
        call["environment"] = {GITHUB_API: literal(github_api)}
    outputs = ("state_machine_arn", "function_version_arn")
    main: dict[str, Any] = {
        "terraform": terraform_block(env, CONTROLLER_STACK),
        "provider": {"aws": provider_block(project, env)},
        "module": {_CALL: call},
        "output": {name: {"value": f"${{module.{_CALL}.{name}}}"} for name in outputs},
    }
    if env.kms:
        main["data"] = {"aws_kms_alias": {"bucket": {"name": f"alias/{env.bucket}"}}}
    files = sources(modules, (MODULE,)) | {MAIN: as_json(main)}
    return Root(CONTROLLER_STACK, files, fingerprint_of(files), {})


def address(env: Environment, before: Mapping[str, Any]) -> str:
    """Where the function finds GitHub's API; empty for github.com's, and where it has no token to go there with.

    It is a variable of the function and nothing an execution is told: whoever may start one must not choose where the
    token is sent. A bootstrap that is told of none leaves what an earlier one was told.
    """
    found = os.environ.get(GITHUB_API) or str(before.get("github_api") or "")
    return "" if env.github_secret is None or found.rstrip("/") == GITHUB_COM else found


def provide_controller(
    project: Project, env: Environment, modules: Path, topics: Sequence[str], on_event: OnEvent
) -> Installed:
    """Make or update the controller, and record which version of its function new walks are told."""
    from pipeline.aws.objects import Objects, PreconditionFailed

    objects, made = Objects(env), bundle()
    stored = objects.get(RECORD_KEY)
    before = json.loads(stored.body) if stored is not None else {}
    github_api = address(env, before)
    root = render_controller(project, env, made, modules, topics, github_api=github_api)
    if before.get("fingerprint") == root.fingerprint:
        on_event(f"the controller of `{env.name}` is ready, nothing to do")
        return Installed(**before["installed"])
    try:
        objects.put(package_key(made), made.body, if_absent=True)
    except PreconditionFailed:
        on_event("the controller's package is in the bucket already")
    plan = plan_infra(root, env, stack_directory(project.root, env, CONTROLLER_STACK), on_event)
    outputs = apply_infra(plan, env, on_event)
    found = Installed(outputs["state_machine_arn"], outputs["function_version_arn"], made.sha256, __version__)
    objects.put(RECORD_KEY, recorded(found, root.fingerprint, github_api))
    on_event(f"the controller of `{env.name}` is ready: {found.function}")
    return found
