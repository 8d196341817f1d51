"""Plans and applies a rendered root. Must never apply anything but the saved plan it was given."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import TerraformError
from pipeline.infra import classify, events, workdir
from pipeline.infra.model import Change, InfraPlan, Root
from pipeline.infra.terraform import LOCK_TIMEOUT, Terraform

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment

OnEvent = Callable[[str], None]


def stack_directory(project_root: Path, env: Environment, stack: str) -> Path:
    """Where a stack's root is rendered and planned; nothing in there is work that git should ask about."""
    own = project_root / ".crabwalk"
    ignored = own / ".gitignore"
    if not ignored.is_file():
        own.mkdir(parents=True, exist_ok=True)
        ignored.write_text("*\n")
    return own / env.name / stack


def drift_directory(project_root: Path, env: Environment, stack: str) -> Path:
    """Where a stack is looked at for drift: a deploy may be working in its own directory meanwhile."""
    place = stack_directory(project_root, env, stack)
    return place.parent.with_name(f"{env.name}.drift") / place.name


def plan_infra(root: Root, env: Environment, directory: Path, on_event: OnEvent, *, drift: bool = False) -> InfraPlan:
    """Write the root, initialise it if needed, and save a plan; `drift`: also tell it where nothing is updated."""
    terraform = workdir.prepare(root, env, directory, on_event)
    try:
        return _plan(root, terraform, drift=drift)
    except TerraformError as error:
        if not workdir.needs_init(error):
            raise
    workdir.forget(directory)
    return _plan(root, workdir.prepare(root, env, directory, on_event), drift=drift)


def _plan(root: Root, terraform: Terraform, *, drift: bool) -> InfraPlan:
    _save_what_was_left(terraform)
    code, messages = terraform.run(
        "plan", "-input=false", "-detailed-exitcode", f"-lock-timeout={LOCK_TIMEOUT}", f"-out={workdir.PLAN}",
        accept=(0, 2),
    )  # fmt: skip
    changes, differs = classify.from_stream(messages), tuple[Change, ...]()
    if changes is None or (drift and classify.drifted(messages)):
        document = terraform.document("show", workdir.PLAN)
        changes, differs = classify.from_document(document), classify.drift_of(document)
    plan_sha256 = _sha256(terraform.directory / workdir.PLAN)
    return InfraPlan(root, terraform.directory, changes, pending=code == 2, plan_sha256=plan_sha256, drift=differs)


def restore_plan(plan: InfraPlan, content: bytes, env: Environment, on_event: OnEvent) -> InfraPlan:
    """Lay a plan file that was made elsewhere beside its root, to be applied as it is."""
    workdir.prepare(plan.root, env, plan.directory, on_event)
    path = plan.directory / workdir.PLAN
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)
    return plan


def _save_what_was_left(terraform: Terraform) -> None:
    """Put a state in its place that an earlier run could only save here; Terraform refuses one that is not the newer.

    What that run made would be unknown otherwise, and made again.
    """
    left = terraform.directory / workdir.ERRORED
    if not left.is_file():
        return
    try:
        terraform.plain("state", "push", f"-lock-timeout={LOCK_TIMEOUT}", workdir.ERRORED)
    except events.StateLockedError:
        raise
    except TerraformError as error:
        raise TerraformError(
            f"the state that an earlier run could not save is still only in {workdir.ERRORED}: {error.what}",
            where=str(left),
            hint=error.hint or "compare it with the state in the bucket; then push it with -force, or delete it",
        ) from error
    left.unlink()


def apply_infra(plan: InfraPlan, env: Environment, on_event: OnEvent) -> Mapping[str, Any]:
    """Apply exactly the saved plan and return the root's outputs."""
    terraform = workdir.reopen(plan.root, env, plan.directory, on_event)
    if not plan.pending:
        return _outputs(terraform)
    saved = plan.directory / workdir.PLAN
    if not saved.is_file() or _sha256(saved) != plan.plan_sha256:
        raise events.StalePlanError(
            "the saved plan is not the one that was made",
            where=str(saved),
            hint=events.STALE_HINT,
        )
    try:
        _, messages = terraform.run("apply", "-input=false", f"-lock-timeout={LOCK_TIMEOUT}", workdir.PLAN)
    finally:
        saved.unlink(missing_ok=True)  # it holds secrets, and is of no use a second time
    found = events.outputs(messages)
    return _outputs(terraform) if found is None else found


def _outputs(terraform: Terraform) -> dict[str, Any]:
    return {name: output["value"] for name, output in terraform.document("output").items()}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
