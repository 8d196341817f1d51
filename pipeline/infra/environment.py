"""Makes an environment ready: its one bucket, by modules/environment, whose own state ends up in that bucket.

Idempotent: when the bucket has the state and the fingerprint beside it is unchanged, Terraform is not started.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.errors import ConflictError, TerraformError
from pipeline.infra import classify, workdir
from pipeline.infra.drive import OnEvent, apply_infra, plan_infra, stack_directory
from pipeline.infra.model import Root
from pipeline.infra.render import ENVIRONMENT_STACK, render_environment
from pipeline.infra.root import state_key

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.project import Project

FINGERPRINT_KEY = f"terraform/{ENVIRONMENT_STACK}.fingerprint"


def bootstrap(project: Project, env: Environment, modules: Path, on_event: OnEvent) -> None:
    """Create or update the bucket of `env`."""
    from pipeline.aws.objects import Objects

    root = render_environment(project, env, modules, remote=True, adopt=False)
    directory = stack_directory(project.root, env, ENVIRONMENT_STACK)
    exists = _bucket_exists(env)
    objects = Objects(env)
    managed = exists and objects.exists(state_key(ENVIRONMENT_STACK))
    if managed:
        recorded = objects.get(FINGERPRINT_KEY)
        if recorded is not None and recorded.body.decode().strip() == root.fingerprint:
            on_event(f"environment `{env.name}`: bucket {env.bucket} is ready, nothing to do")
            return
        _change(root, env, directory, on_event)
    else:
        first = render_environment(project, env, modules, remote=False, adopt=exists)
        if exists:
            on_event(f"bucket {env.bucket} exists without a state: it is adopted")
            _change(first, env, directory, on_event)
        else:
            _create(first, env, directory, on_event)
        _move_state(env, directory)
    objects.put(FINGERPRINT_KEY, root.fingerprint.encode())
    on_event(f"environment `{env.name}`: bucket {env.bucket} is ready")


def _create(root: Root, env: Environment, directory: Path, on_event: OnEvent) -> None:
    """One Terraform run: where there is nothing yet, a plan has nothing to be reviewed for."""
    terraform = workdir.prepare(root, env, directory, on_event)
    terraform.run("apply", "-input=false", "-auto-approve")


def _change(root: Root, env: Environment, directory: Path, on_event: OnEvent) -> None:
    plan = plan_infra(root, env, directory, on_event)
    if losses := classify.refused(plan.changes, ()):
        raise TerraformError(
            "the environment's bucket would be destroyed or replaced: " + ", ".join(c.address for c in losses),
            where=str(directory),
            hint="this is never done; look at what changed in the project file",
        )
    apply_infra(plan, env, on_event)


def _move_state(env: Environment, directory: Path) -> None:
    """Put the local state where the S3 backend looks for it, unless somebody was faster."""
    from pipeline.aws.objects import Objects, PreconditionFailed

    local = directory / workdir.STATE
    try:
        Objects(env).put(state_key(ENVIRONMENT_STACK), local.read_bytes(), if_absent=True)
    except PreconditionFailed as error:
        raise ConflictError(
            f"environment `{env.name}` was made ready by somebody else at the same time",
            hint="run the same command again: it compares with the state now in the bucket",
        ) from error
    local.unlink()
    local.with_name(f"{local.name}.backup").unlink(missing_ok=True)


def _bucket_exists(env: Environment) -> bool:
    from pipeline.aws import aws_errors, client, http_status

    s3 = client(env, "s3")
    with aws_errors(f"look for bucket {env.bucket}"):
        try:
            s3.head_bucket(Bucket=env.bucket, ExpectedBucketOwner=env.account)
        except s3.exceptions.ClientError as error:
            if http_status(error) == 404:
                return False
            raise
    return True
