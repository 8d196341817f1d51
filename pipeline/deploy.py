"""The composition: plan, build, upload, Terraform where inputs changed, publish, smoke, walk, record. One way through.

What a dead run left behind is finished first; then the commit is deployed. First releases get their triggers only
once the alias points at a published version, so `$LATEST` is never changed while traffic can reach it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.converge import Teller, converge
from pipeline.errors import ConflictError, CrabwalkError
from pipeline.planning import (
    DeployPlan,
    Setting,
    StackPlan,
    check_unmoved,
    plan_deploy,
    plan_stack,
    read_setting,
    service_url_of,
)
from pipeline.release.act import LATEST, Engine
from pipeline.release.candidate import Origin, offer
from pipeline.release.leases import Leases
from pipeline.release.ledger import ServiceRecord
from pipeline.release.model import percent
from pipeline.release.outcome import result_of, skipped
from pipeline.release.view import ReleaseOutcome, ReleaseResult, WalkView
from pipeline.release.walk import Walk, run

if TYPE_CHECKING:
    from pipeline.build import Artifact
    from pipeline.manifest.models import Service
    from pipeline.workspace.git import Repository


ROUNDS = 5  # plans made anew because somebody else's release ended while this deploy waited


@dataclass(frozen=True)
class Options:
    """What a person may ask of a deploy beyond the commit."""

    only: tuple[str, ...] = ()
    base: str | None = None
    retry: bool = False
    allow_destroy: frozenset[str] = frozenset()
    claimed_actor: str | None = None


Show = Callable[[Sequence[WalkView]], None]


@dataclass
class Deploy:
    """One deploy of one commit to one environment; `execute` may be called once."""

    engine: Engine
    setting: Setting
    repo: Repository
    actor: str
    options: Options
    tell: Teller
    walking: Callable[[], AbstractContextManager[Show]]
    walking_now: tuple[str, ...] = ()  # services whose traffic is being walked, for whoever is interrupted
    _results: list[ReleaseResult] = field(default_factory=list)
    _conflicts: dict[str, ConflictError] = field(default_factory=dict)
    _alone: bool = False  # only one service is released: its fault is the deploy's
    _unfinished: set[str] = field(default_factory=set)  # walked as far as this run can, with its result told

    @cached_property
    def _leases(self) -> Leases:
        doing = f"deploy of {self.setting.commit[:12]}"
        return Leases(self.engine.objects, ttl_s=self.setting.env.lease_s, doing=doing, say=self.tell.progress)

    @property
    def results(self) -> tuple[ReleaseResult, ...]:
        """What has ended so far, for whoever is interrupted."""
        return tuple(self._results)

    def execute(self) -> tuple[ReleaseResult, ...]:
        """Finish what was left, then release what the commit affects; returns one result a service touched.

        One service's conflict does not stop the others; where there is nothing else to tell, it is raised.
        """
        with ExitStack() as held:
            held.callback(self._leases.release)
            for _ in range(ROUNDS):
                self._finish_abandoned()
                plan = self._plan().without(self._busy)
                if self._take(plan):
                    break
            else:
                raise ConflictError("other deploys keep getting in between", hint="deploy again when they are done")
            self._tell_affected(plan)
            self._release(plan.without(self._busy))
        if len(self._conflicts) == 1 and not self._results:
            raise next(iter(self._conflicts.values()))
        for name, error in self._conflicts.items():
            self._skip(self.setting.records[name], "conflict", error.what, error.hint)
        return tuple(replace(one, url=service_url_of(self.setting, one.service)) for one in self._results)

    def _plan(self) -> DeployPlan:
        return plan_deploy(self.setting, self.repo, self.options.only, self.options.base, retry=self.options.retry)

    @property
    def _busy(self) -> frozenset[str]:
        """Services that this run must leave alone."""
        return frozenset({*self._conflicts, *self._unfinished})

    def _take(self, plan: DeployPlan) -> bool:
        """Take the leases a plan needs; False when what was found under them asks for another plan.

        Terraform works on a whole stack, so it needs the leases of all the stack's services.
        """
        fresh = True
        for name in sorted(plan.leases):
            if name in self._leases:
                continue
            try:
                self._leases.take(name)
            except ConflictError as conflict:
                self._conflicts[name] = conflict
                continue
            record = self.engine.ledger.service(name)
            if record.under_way is not None and not self._wanted(name):
                self._conflicts[name] = ConflictError(
                    f"release {record.under_way.release_id} of `{name}` is not over, and its stack is to change",
                    hint=f"crabwalk deploy {name} --env {self.setting.env.name} goes on with it",
                )
                continue
            fresh = fresh and record.etag == self.setting.records[name].etag
            self.setting = _with_record(self.setting, record)
        return fresh

    # -- what a dead run left ------------------------------------------------------------------------------------

    def _finish_abandoned(self) -> None:
        """Take over every release whose controller ended, and walk it to its end."""
        walks = []
        for name, before in sorted(self.setting.records.items()):
            if before.under_way is None or not self._wanted(name) or name in self._busy:
                continue
            try:
                self._leases.take(name)
                walk = self._take_over(self.engine.ledger.service(name))
            except ConflictError as conflict:
                self._conflicts[name] = conflict
                continue
            if walk is not None:
                walks.append(walk)
        done = self._walk(walks)
        self._unfinished |= {walk.rollout.service for walk in done if not walk.rollout.over}
        if walks:
            self._refresh()

    def _take_over(self, record: ServiceRecord) -> Walk | None:
        rollout = record.under_way
        if rollout is None:
            self.setting = _with_record(self.setting, record)
            return None
        record = self.engine.take_over(record, rollout)
        self.setting = _with_record(self.setting, record)
        if record.under_way is None:  # its holder died between the last write and the record of it
            if record.rollout is not None:
                self._results.append(result_of(record.rollout, None, self.engine.now()))
            return None
        share = percent(record.under_way.traffic(record.under_way.step))
        self.tell.progress(
            f"{record.service}: release {rollout.release_id} was left at {share}; it is taken over and goes on"
        )
        return Walk(record, record.under_way, self._leases[record.service])

    def _wanted(self, service: str) -> bool:
        return not self.options.only or service in self.options.only

    # -- the commit ----------------------------------------------------------------------------------------------

    def _tell_affected(self, plan: DeployPlan) -> None:
        for one in plan.affected:
            reasons = "; ".join(reason.detail for reason in one.reasons)
            self.tell.progress(f"{one.service}: {f'affected: {reasons}' if one.affected else 'not affected'}")

    def _release(self, plan: DeployPlan) -> None:
        artifacts = self._build(plan) if plan.services else {}
        services = [service for service in plan.services if self._worth_it(plan, service, artifacts[service.name])]
        self._upload([artifacts[service.name] for service in services])
        keys = {service.name: artifacts[service.name].key for service in services}
        for stack in plan.stacks:
            self._terraform(plan_stack(self.setting, stack.stack, keys))
        configurations = {name: value for one in plan.stacks for name, value in one.root.walk_fingerprints.items()}
        self._alone = len(services) == 1 and not self._results
        offered = [self._offer(one, artifacts[one.name], configurations[one.name]) for one in services]
        walks = [walk for walk in offered if walk is not None]
        first = [walk for walk in walks if walk.rollout.stable == LATEST]
        released = {walk.rollout.service for walk in self._walk(first) if walk.rollout.phase == "promoted"}
        if released:
            self._refresh()
            for name in sorted({one.stack for one in services if one.name in released}):
                self._terraform(plan_stack(self.setting, name, keys))
        self._walk([walk for walk in walks if walk.rollout.stable != LATEST])

    def _build(self, plan: DeployPlan) -> dict[str, Artifact]:
        from pipeline.build import execute_build

        for run_ in plan.build.runs:
            self.tell.progress(f"building {', '.join(run_.services)} for {run_.triple}")
        # What the store has is no build: then there is nothing to head.
        with self.tell.group("cargo lambda build") if plan.build.runs else nullcontext():
            artifacts = execute_build(plan.build, self.tell.progress)
        check_unmoved(self.setting)
        stored = {artifact.service for artifact in plan.build.stored}
        for artifact in artifacts:
            source = "from the store, its inputs are known" if artifact.service in stored else "built"
            self.tell.progress(
                f"{artifact.service}: {artifact.size / 1000:,.0f} kB zip {artifact.sha256[:12]}, {source}"
            )
        return {artifact.service: artifact for artifact in artifacts}

    def _worth_it(self, plan: DeployPlan, service: Service, artifact: Artifact) -> bool:
        """Whether there is anything new to try: not what is live already, not what was rolled back before."""
        record = self.setting.records[service.name]
        stack = next(stack for stack in plan.stacks if stack.stack == service.stack)
        promoted, made_of = record.promoted, (artifact.sha256, stack.root.walk_fingerprints[service.name])
        rejected = record.rejection(*made_of)
        if rejected is not None and not self.options.retry:
            sentence = f"release {rejected.release_id} of the same artifact and configuration was rolled back"
            self._skip(record, "skipped", sentence)
            return False
        same = promoted is not None and (promoted.artifact, promoted.configuration) == made_of
        if promoted is not None and same and rejected is None and not stack.terraform:
            self._nothing_new(record, f"version {promoted.version} is what this commit builds")
            return False
        return True

    def _skip(self, record: ServiceRecord, outcome: ReleaseOutcome, sentence: str, after: str | None = None) -> None:
        result = skipped(record, self.setting.env.name, self.setting.commit, outcome, sentence)
        self._results.append(replace(result, next=after) if after else result)

    def _upload(self, artifacts: Iterable[Artifact]) -> None:
        for artifact in artifacts:
            if not self.engine.objects.exists(artifact.key):
                self.engine.objects.upload(artifact.key, artifact.path)
                self.tell.progress(f"{artifact.service}: uploaded {artifact.key}")

    def _terraform(self, stack: StackPlan) -> None:
        allowed, check = self.options.allow_destroy, self._leases.check
        record = converge(self.engine, self.setting, stack, allowed, self.tell, before_apply=check)
        if record is not None:
            self.setting = replace(self.setting, stacks={**self.setting.stacks, stack.stack: record})

    # -- releases ------------------------------------------------------------------------------------------------

    def _offer(self, service: Service, artifact: Artifact, configuration: str) -> Walk | None:
        """Publish and try out a version; None when it ends here, with its result noted."""
        origin = Origin(
            function=self.setting.project.function_name(self.setting.env.name, service.name),
            commit=self.setting.commit,
            subject=self.setting.subject,
            artifact=artifact,
            configuration=configuration,
            actor=self.actor,
            claimed_actor=self.options.claimed_actor,
        )
        record, lease = self.setting.records[service.name], self._leases[service.name]
        try:
            made = offer(
                self.engine,
                service,
                origin,
                record,
                lease,
                retry=self.options.retry,
                say=lambda text: self.tell.progress(f"{service.name}: {text}"),
            )
        except CrabwalkError as error:
            if self._alone:
                raise
            # One service's fault must not stop the others; it is told and decides the exit code.
            outcome: ReleaseOutcome = "conflict" if isinstance(error, ConflictError) else "failed"
            self._skip(record, outcome, error.what, error.hint)
            return None
        if made.live is not None:
            self._nothing_new(record, f"version {made.live} is what this commit builds")
        if made.refused is not None:
            self._skip(record, "skipped", made.refused)
        if made.rejected is not None:
            self._results.append(result_of(made.rejected, None, self.engine.now()))
        return made.walk

    def _nothing_new(self, record: ServiceRecord, sentence: str) -> None:
        """Note that there is nothing to walk; the base moves on, so that the next deploy does not look again."""
        if record.promoted is not None:
            moved = replace(record, promoted=replace(record.promoted, commit=self.setting.commit))
            self.setting = _with_record(self.setting, self.engine.ledger.save(moved))
        self._skip(record, "no-op", sentence)

    def _walk(self, walks: Sequence[Walk]) -> tuple[Walk, ...]:
        if not walks:
            return ()
        self.walking_now = tuple(walk.rollout.service for walk in walks)
        watched = any(walk.rollout.stable != LATEST for walk in walks)  # a first release has nothing to watch
        with self.walking() if watched else nullcontext(lambda _: None) as show:
            finished = run(self.engine, walks, show)
        self.walking_now = ()
        for walk in finished:
            self._results.append(result_of(walk.rollout, walk.decision, self.engine.now()))
        return finished

    def _refresh(self) -> None:
        self.setting = read_setting(
            self.setting.project, self.setting.env, self.setting.services, self.repo, self.engine.ledger
        )


def _with_record(setting: Setting, record: ServiceRecord) -> Setting:
    return replace(setting, records={**setting.records, record.service: record})
