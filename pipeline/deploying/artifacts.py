"""A deploy's artifacts: built once for all services, then laid into the environment's bucket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipeline.abreast import abreast
from pipeline.deploying.checkout import check_unmoved
from pipeline.deploying.planning import DeployPlan
from pipeline.errors import BuildError, ConflictError, CrabwalkError

if TYPE_CHECKING:
    from pipeline.build import Artifact
    from pipeline.build.record import Companion
    from pipeline.deploying.run import Run

AT_ONCE = 8  # uploads


def built(run: Run, plan: DeployPlan) -> dict[str, Artifact]:
    """Build what the plan says, in one cargo run a target; the artifacts by service.

    Those of a saved plan are not built again. Raises BuildError, and ConflictError when the checkout moved meanwhile.
    """
    _check_prebuilt(run, plan)
    if run.reviewed is not None:
        check_unmoved(run.setting)
        for artifact in run.reviewed.artifacts.values():
            run.tell.progress(f"{artifact.service}: zip {artifact.sha256[:12]} as it was reviewed")
        return run.reviewed.artifacts
    from pipeline.build import execute_build

    with run.building() as view:
        artifacts = execute_build(plan.build, view)
    check_unmoved(run.setting)
    _check_same(run, artifacts)
    for artifact in artifacts:
        source = "from the store, its inputs are known" if artifact.reused else "built"
        run.tell.progress(
            f"{artifact.service}: {artifact.size / 1000:,.0f} kB zip {artifact.sha256[:12]}, {source}"
            + (f"; {artifact.grew}" if artifact.grew else "")
        )
    return {artifact.service: artifact for artifact in artifacts}


def _check_same(run: Run, artifacts: Sequence[Artifact]) -> None:
    """What goes to many targets is one artifact; ConflictError for other bytes than those that others carry."""
    for one in artifacts:
        expected = run.expected.get(one.service)
        if expected is not None and expected != one.sha256:
            raise ConflictError(
                f"`{one.service}` was built as {one.sha256[:12]} now, and other targets carry {expected[:12]}",
                hint="deploy from the machine, or with the store, it was built with; a new commit is a new artifact",
            )


def _check_prebuilt(run: Run, plan: DeployPlan) -> None:
    """With `--prebuilt` the bytes are those of an earlier build; BuildError where there are none."""
    from pipeline.build.store import Store

    missing = sorted(name for cargo in plan.build.runs for name in cargo.services)
    if not run.options.prebuilt or run.reviewed is not None or not missing:
        return
    raise BuildError(
        f"not built before, with this compiler and from this commit: {', '.join(missing)}",
        where=f"the store {Store.default().directory}",
        hint=f"crabwalk build --env {run.engine.env.name} {' '.join(missing)}; in CI, run the whole workflow again",
    )


def uploaded(run: Run, artifacts: Sequence[Artifact]) -> tuple[CrabwalkError | None, ...]:
    """Upload zips, and the evidence that travels with each, side by side; the error of each that could not be."""
    if run.reviewed is not None:  # they lie there since the plan was saved
        return (None,) * len(artifacts)
    each = AT_ONCE // max(1, len(artifacts))  # of its evidence
    return abreast(lambda artifact: _upload(run, artifact, max(1, each)), artifacts, AT_ONCE)


def _upload(run: Run, artifact: Artifact, at_once: int) -> CrabwalkError | None:
    from pipeline.build.record import companions

    objects = run.engine.objects

    def lay(one: Companion) -> None:
        if not objects.exists(one.key):
            objects.upload(one.key, one.path, one.content_type)

    try:
        if not objects.exists(artifact.key) and objects.upload(artifact.key, artifact.path):
            run.tell.progress(f"{artifact.service}: uploaded {artifact.key}")
        abreast(lay, companions(artifact), at_once)
    except CrabwalkError as error:
        return error
    return None
