"""One run of a deploy: what it was asked for, what it holds, and what has ended so far. Decides nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING

from pipeline.deploying.converge import converge
from pipeline.deploying.planning import DeployPlan, plan_deploy
from pipeline.deploying.setting import Setting, read_setting
from pipeline.deploying.stacks import StackPlan, needs_of
from pipeline.errors import ConflictError, CrabwalkError
from pipeline.infra.model import Change
from pipeline.infra.side_by_side import Teller, Work, side_by_side
from pipeline.release.ledger.leases import Leases
from pipeline.release.ledger.records import ServiceRecord, StackRecord
from pipeline.release.model import LATEST, Rollout
from pipeline.release.verbs.handover import given, hand_over, handed_over, on_its_way
from pipeline.release.walk.act import Engine
from pipeline.release.walk.outcome import result_of, skipped
from pipeline.release.walk.state import Walk
from pipeline.release.walk.view import ReleaseOutcome, ReleaseResult, WalkView
from pipeline.release.walk.walk import run

if TYPE_CHECKING:
    from pipeline.build import Artifact
    from pipeline.build.view import View
    from pipeline.controller.start import Installed
    from pipeline.plans.reviewed import Reviewed
    from pipeline.workspace.affected import Affected
    from pipeline.workspace.git import Repository


# One round over so many reads each alias within four seconds at Lambda's 15 calls a second, of the fifteen it has.
MAX_PARALLEL = 50


@dataclass(frozen=True)
class Options:
    """What a person may ask of a deploy beyond the commit."""

    only: tuple[str, ...] = ()
    base: str | None = None
    retry: bool = False
    allow_destroy: frozenset[str] = frozenset()
    claimed_actor: str | None = None
    detach: bool = False
    max_parallel: int = MAX_PARALLEL
    prebuilt: bool = False  # nothing is compiled: the bytes of an earlier build, or none


Show = Callable[[Sequence[WalkView]], None]
Join = Callable[[Sequence[Walk]], Iterable[Walk]]


@dataclass
class Run:
    """What the parts of one deploy share: `setting` is replaced as the run changes what the ledger knows."""

    engine: Engine
    setting: Setting
    repo: Repository
    actor: str
    options: Options
    tell: Teller
    building: Callable[[], AbstractContextManager[View]]
    walking: Callable[[], AbstractContextManager[Show]]
    reviewed: Reviewed | None = None  # the saved plan that is applied, and nothing else
    controller: Installed | None = None  # who walks on what this run detaches; None = the watchdog
    detached: list[Walk] = field(default_factory=list)  # walks for it
    walking_now: tuple[str, ...] = ()  # services whose traffic is being walked, for whoever is interrupted
    results: list[ReleaseResult] = field(default_factory=list)
    conflicts: dict[str, ConflictError] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)  # stacks in which Terraform changed something
    changes: list[Change] = field(default_factory=list)  # what it was
    affected: tuple[Affected, ...] = ()  # what the commit was found to affect,
    artifacts: dict[str, Artifact] = field(default_factory=dict)  # what was built or reviewed of it, by service,
    before: dict[str, str] = field(default_factory=dict)  # and the zips (SHA-256) that carried the traffic then
    expected: Mapping[str, str] = field(default_factory=dict)  # the zips (SHA-256) that others were released with
    alone: AbstractContextManager[object] = field(default_factory=nullcontext)  # held while Terraform runs
    pause: Callable[[float], None] = time.sleep  # between two rounds of walks

    @cached_property
    def leases(self) -> Leases:
        """The leases this run holds; taken one by one, released together."""
        doing = f"deploy of {self.setting.commit[:12]}"
        return Leases(self.engine.objects, ttl_s=self.setting.env.lease_s, doing=doing, say=self.tell.progress)

    def plan(self, *, replacing: bool = False) -> DeployPlan:
        """What a deploy would do now; with `replacing` also once other commits' releases under way are over."""
        options, how = self.options, {"build": self.reviewed is None, "replacing": replacing}
        return plan_deploy(self.setting, self.repo, options.only, options.base, retry=options.retry, **how)

    def wanted(self, service: str) -> bool:
        """Whether the person named this service, or none."""
        return not self.options.only or service in self.options.only

    def skip(self, record: ServiceRecord, outcome: ReleaseOutcome, sentence: str, after: str | None = None) -> None:
        """Note that a service is not released, and what to do next."""
        result = skipped(record, self.setting.env.name, self.setting.commit, outcome, sentence)
        self.results.append(replace(result, next=after) if after else result)

    def result(self, service: str) -> ReleaseResult | None:
        """What was told of a service last."""
        return next((one for one in reversed(self.results) if one.service == service), None)

    def outcome(self, service: str) -> ReleaseOutcome | None:
        """How its release ended; None where nothing was told yet."""
        told = self.result(service)
        return None if told is None else told.outcome

    def failed(self, service: str, error: CrabwalkError) -> None:
        """One service's fault must not stop the others; it is told and decides the exit code."""
        outcome: ReleaseOutcome = "conflict" if isinstance(error, ConflictError) else "failed"
        self.skip(self.setting.records[service], outcome, error.what, error.hint)

    def nothing_new(self, record: ServiceRecord, sentence: str) -> None:
        """Note that there is nothing to walk; the base moves on, so that the next deploy does not look again."""
        if record.promoted is not None:
            service = next(one for one in self.setting.services if one.name == record.service)
            needed = needs_of(self.setting, service)
            promoted = replace(record.promoted, commit=self.setting.commit, needs=needed)
            moved = replace(record, promoted=promoted)
            self.keep(self.engine.ledger.save(moved))
        self.skip(record, "no-op", sentence)

    def keep(self, record: ServiceRecord) -> None:
        """Go on with this record of a service."""
        self.setting = replace(self.setting, records={**self.setting.records, record.service: record})

    def refresh(self) -> None:
        """Read anew what the ledger knows."""
        before = self.setting
        read = read_setting(
            before.project, before.env, (*before.services, *before.extensions.values()), self.repo, self.engine
        )
        # What has to stay for an old version is what had to stay when the plan was reviewed.
        self.setting = read if self.reviewed is None else replace(read, now=before.now)

    def terraform(self, stacks: Sequence[StackPlan]) -> dict[str, CrabwalkError]:
        """Bring stacks that do not refer to each other to their plans, side by side; the faults of those that failed.

        Where Terraform has nothing to do it does not run.
        """

        def work(stack: StackPlan) -> Work[StackRecord | None]:
            return lambda tell: converge(
                self.engine,
                self.setting,
                stack,
                self.options.allow_destroy,
                tell,
                before_apply=self.leases.check,
                reviewed=self.reviewed,
                applied=self._applied,
            )

        for one in stacks:
            if not one.terraform:
                work(one)(self.tell)
        changing = {one.stack: work(one) for one in stacks if one.terraform}
        with self.alone if changing else nullcontext():
            made = side_by_side(self.tell, lambda name: f"terraform: stack {name}", changing)
        records = {name: one for name, one in made.items() if isinstance(one, StackRecord)}
        self.setting = replace(self.setting, stacks={**self.setting.stacks, **records})
        return {name: one for name, one in made.items() if isinstance(one, CrabwalkError)}

    def _applied(self, stack: str, changes: Sequence[Change]) -> None:
        self.changed.append(stack)
        self.changes.extend(changes)

    def walk(
        self, walks: Sequence[Walk] = (), join: Join = lambda _: (), beside: Sequence[Rollout] = ()
    ) -> tuple[Walk, ...]:
        """Walk these releases side by side to their ends, with those that join them meanwhile, and note them."""
        if self.options.detach:  # nobody is here to give a turn later
            while new := tuple(join(())):
                walks = (*walks, *new)
        walks = tuple(walks) or tuple(join(()))
        if not walks:
            return ()
        watched = any(walk.rollout.stable != LATEST for walk in walks)  # a first release has nothing to watch
        with self.walking() if watched else nullcontext(lambda _: None) as show:
            if self.options.detach:
                self.walking_now = tuple(walk.rollout.service for walk in walks)
                finished = hand_over(self.engine, walks, show)
            else:
                finished = run(self.engine, walks, show, self.pause, join=self._noting(join), beside=beside)
        self.walking_now = ()
        for walk in finished:
            result = result_of(walk.rollout, walk.decision, self.engine.now())
            self.results.append(handed_over(walk, result) if self.options.detach else result)
            self.after(walk.rollout)
            if self.controller is not None and on_its_way(walk):
                self.detached.append(walk)
        return finished

    def hand_on(self, services: Collection[str] | None = None) -> None:
        """Give what was detached, of these services or all, to the environment's controller, and tell it.

        Without one there is nothing to do. Done before their leases are given back.
        """
        walks = {walk.rollout.service: walk for walk in self.detached}
        walks = {name: walk for name, walk in walks.items() if services is None or name in services}
        if self.controller is None or not walks:
            return
        from pipeline.controller.start import give

        self.detached = [walk for walk in self.detached if walk.rollout.service not in walks]
        for one in give(self.engine, self.controller, tuple(walks.values())):
            told = result_of(walks[one.service].rollout, walks[one.service].decision, self.engine.now())
            at = max(number for number, result in enumerate(self.results) if result.service == one.service)
            self.results[at] = given(walks[one.service], told, one.url, one.fault)

    def after(self, rollout: Rollout) -> None:
        """Run what its manifest wants to be run once a release is over; a failure is a warning."""
        service = next((one for one in self.setting.services if one.name == rollout.service), None)
        if service is None or not rollout.over or not service.release.hooks.after:
            return
        from pipeline.release.around.hooks import after

        hooks, env = service.release.hooks, self.setting.env
        say = partial(self._say, rollout.service)
        for warning in after(hooks, rollout, env, service.directory, say):
            self.tell.warn(warning)

    def _say(self, service: str, text: str) -> None:
        self.tell.progress(f"{service}: {text}")

    def _noting(self, join: Join) -> Join:
        """Note before each round which traffic is being walked."""

        def joining(walks: Sequence[Walk]) -> Iterable[Walk]:
            new = tuple(join(walks))
            self.walking_now = tuple(one.rollout.service for one in (*walks, *new) if not one.finished)
            return new

        return joining
