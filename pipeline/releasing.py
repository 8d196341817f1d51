"""Releases what a plan says: builds once, then wave by wave uploads, applies, publishes and walks.

A wave refers only to services of earlier ones, so whoever is referred to carries its new version first. One service's
fault does not stop the others, but whoever refers to it waits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from pipeline.errors import ConflictError, CrabwalkError
from pipeline.infra.render import walk_fingerprint
from pipeline.manifest.references import needed
from pipeline.planning import DeployPlan, StackPlan, check_unmoved, plan_stack, ready
from pipeline.release.candidate import Origin, offer
from pipeline.release.model import LATEST
from pipeline.release.outcome import result_of
from pipeline.run import Run

if TYPE_CHECKING:
    from pipeline.build import Artifact
    from pipeline.manifest.models import Service
    from pipeline.release.view import ReleaseOutcome
    from pipeline.release.walk import Walk

_STANDS = frozenset({"promoted", "no-op"})


class Releasing:
    """The release of one plan's services; `execute` may be called once."""

    def __init__(self, run: Run, plan: DeployPlan) -> None:
        self._run = run
        self._plan = plan
        self._artifacts: dict[str, Artifact] = {}
        self._keys: dict[str, str] = {}
        self._behind: set[str] = set()  # services that do not carry what this commit says
        # Only one service is released: its fault is the deploy's.
        self._alone = len(plan.services) == 1 and not run.results

    def execute(self) -> None:
        """Build everything, then release wave by wave."""
        if self._plan.services:
            self._build()
        waves = self._plan.waves
        for number, wave in enumerate(waves or ((),)):
            self._wave(wave, idle=number == 0)
            noted = {result.service: result.outcome for result in self._run.results}
            self._behind |= {one.name for one in wave if noted.get(one.name) not in _STANDS}

    def _wave(self, wave: Sequence[Service], *, idle: bool) -> None:
        """One wave; `idle`: also the stacks in which nothing is released."""
        run = self._run
        still = {stack for stack in {one.stack for one in wave} if not self._stack(stack).terraform}
        services = [one for one in wave if self._can_be_tried(one) and self._worth_it(one, still)]
        self._upload([self._artifacts[one.name] for one in services])
        self._keys |= {one.name: self._artifacts[one.name].key for one in services}
        busy = {one.stack for one in self._plan.services}
        here, trying = {one.stack for one in wave}, {one.stack for one in services}
        for stack in self._plan.stacks:
            if stack.stack in here or (idle and stack.stack not in busy):
                now = self._stack(stack.stack)
                # Where everybody waits there is nothing to apply, or nothing to tell.
                if now.root.walk_fingerprints and (now.terraform or stack.stack in trying):
                    run.terraform(now)
        walks = [walk for walk in map(self._offer, services) if walk is not None]
        first = [walk for walk in walks if walk.rollout.stable == LATEST]
        released = {walk.rollout.service for walk in run.walk(first) if walk.rollout.phase == "promoted"}
        if released:
            run.refresh()
            for name in sorted({one.stack for one in services if one.name in released}):
                run.terraform(self._stack(name))
        run.walk([walk for walk in walks if walk.rollout.stable != LATEST])

    def _build(self) -> None:
        from pipeline.build import execute_build

        run = self._run
        with run.building() as view:
            artifacts = execute_build(self._plan.build, view)
        check_unmoved(run.setting)
        for artifact in artifacts:
            source = "from the store, its inputs are known" if artifact.reused else "built"
            run.tell.progress(
                f"{artifact.service}: {artifact.size / 1000:,.0f} kB zip {artifact.sha256[:12]}, {source}"
                + (f"; {artifact.grew}" if artifact.grew else "")
            )
        self._artifacts = {artifact.service: artifact for artifact in artifacts}

    def _can_be_tried(self, service: Service) -> bool:
        """Whether everything the service refers to is there and carries what this commit says."""
        run = self._run
        record, env = run.setting.records[service.name], run.setting.env.name
        behind = sorted(self._behind & needed(service))
        if behind:
            sentence = f"it refers to `{behind[0]}`, which did not get to what this commit says"
            run.skip(record, "skipped", sentence, f"it is released with the next deploy after `{behind[0]}` is")
            return False
        missing = ready(run.setting, service).missing
        if missing:
            one = missing[0]
            sentence = f"it refers to {one}, which is not there: `{one.service}` was not released yet"
            run.skip(record, "failed", sentence, f"crabwalk deploy {one.service} {service.name} --env {env}")
        return not missing

    def _stack(self, name: str) -> StackPlan:
        return plan_stack(self._run.setting, name, self._keys)

    def _worth_it(self, service: Service, still: Collection[str]) -> bool:
        """Whether there is anything new to try: not what is live already, not what was rolled back before.

        `still`: stacks in which Terraform has nothing to do.
        """
        run, artifact = self._run, self._artifacts[service.name]
        record = run.setting.records[service.name]
        promoted, made_of = record.promoted, (artifact.sha256, self._configuration(service))
        rejected = record.rejection(*made_of)
        if rejected is not None and not run.options.retry:
            sentence = f"release {rejected.release_id} of the same artifact and configuration was rolled back"
            run.skip(record, "skipped", sentence)
            return False
        same = promoted is not None and (promoted.artifact, promoted.configuration) == made_of
        if promoted is not None and same and rejected is None and service.stack in still:
            run.nothing_new(record, f"version {promoted.version} is what this commit builds")
            return False
        return True

    def _configuration(self, service: Service) -> str:
        return walk_fingerprint(ready(self._run.setting, service).service)

    def _upload(self, artifacts: Iterable[Artifact]) -> None:
        """The zips, and the evidence that travels with each."""
        from pipeline.build.record import companions

        objects = self._run.engine.objects
        for artifact in artifacts:
            if not objects.exists(artifact.key) and objects.upload(artifact.key, artifact.path):
                self._run.tell.progress(f"{artifact.service}: uploaded {artifact.key}")
            for one in companions(artifact):
                if not objects.exists(one.key):
                    objects.upload(one.key, one.path, one.content_type)

    def _offer(self, service: Service) -> Walk | None:
        """Publish and try out a version; None when it ends here, with its result noted."""
        run = self._run
        setting = run.setting
        origin = Origin(
            function=setting.project.function_name(setting.env.name, service.name),
            commit=setting.commit,
            subject=setting.subject,
            artifact=self._artifacts[service.name],
            configuration=self._configuration(service),
            actor=run.actor,
            claimed_actor=run.options.claimed_actor,
            committed=run.repo.committed(setting.commit),
        )
        record, lease = setting.records[service.name], run.leases[service.name]
        try:
            made = offer(
                run.engine,
                ready(setting, service).service,
                origin,
                record,
                lease,
                retry=run.options.retry,
                say=lambda text: run.tell.progress(f"{service.name}: {text}"),
            )
        except CrabwalkError as error:
            if self._alone:
                raise
            # One service's fault must not stop the others; it is told and decides the exit code.
            outcome: ReleaseOutcome = "conflict" if isinstance(error, ConflictError) else "failed"
            run.skip(record, outcome, error.what, error.hint)
            return None
        if made.live is not None:
            run.nothing_new(record, f"version {made.live} is what this commit builds")
        if made.refused is not None:
            run.skip(record, "skipped", made.refused)
        if made.rejected is not None:
            run.results.append(result_of(made.rejected, None, run.engine.now()))
            run.after(made.rejected)
        return made.walk
