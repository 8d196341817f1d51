"""Releases what a plan says: builds once, then wave by wave uploads, applies, publishes and walks.

A wave refers only to services of earlier ones, so whoever is referred to carries its new version first. One service's
fault does not stop the others, but whoever refers to it waits, and whoever goes together with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from pipeline.deploying.artifacts import built, uploaded
from pipeline.deploying.offering import STANDS, Offers, configuration
from pipeline.deploying.planning import DeployPlan
from pipeline.deploying.run import Run
from pipeline.deploying.stacks import StackPlan, plan_stack, ready
from pipeline.deploying.turns import Turns, Unit, apart, refers
from pipeline.deploying.worth import known
from pipeline.errors import CrabwalkError
from pipeline.manifest.references import group_of, needed
from pipeline.release.model import LATEST
from pipeline.release.walk.candidate import absent_alarm, alarms_of

if TYPE_CHECKING:
    from pipeline.build import Artifact
    from pipeline.manifest.models import Service
    from pipeline.release.walk.state import Walk


class Releasing:
    """The release of one plan's services; `execute` may be called once.

    `behind`: services that do not carry what this commit says, because somebody else works on them.
    """

    def __init__(self, run: Run, plan: DeployPlan, behind: Collection[str] = ()) -> None:
        self._run = run
        self._plan = plan
        self._services = {one.name: one for one in plan.setting.services}
        self._artifacts: dict[str, Artifact] = {}
        # A saved plan has all functions of a stack in one, whichever wave they are released in.
        self._keys: dict[str, str] = dict(run.reviewed.plan.keys) if run.reviewed is not None else {}
        self._behind = set(behind)
        self._open = {one.name for one in plan.services}  # whose stack may still change for them
        self._faults: list[CrabwalkError] = []  # of stacks in which nothing is left to be told of
        # Only one service is released: its fault is the deploy's.
        self._alone = len(plan.services) == 1 and not run.results

    def execute(self) -> None:
        """Build everything, then release wave by wave."""
        if self._plan.services:
            self._build()
        waves = self._plan.waves
        for number, wave in enumerate(waves or ((),)):
            self._wave(wave, idle=number == 0)
            self._behind |= {one.name for one in wave if self._run.outcome(one.name) not in STANDS}
            self._done_with(one.name for one in wave)
        if self._faults:
            raise self._faults[0]

    def _wave(self, wave: Sequence[Service], *, idle: bool) -> None:
        """One wave; `idle`: also the stacks in which nothing is released."""
        still = {stack for stack in {one.stack for one in wave} if not self._stack(stack).terraform}
        tried = [one for one in wave if self._can_be_tried(one) and self._worth_it(one, still)]
        services = self._uploaded(self._complete(self._alarmed(tried), wave))
        self._keys |= {name: self._artifacts[name].key for one in services for name in (one.name, *one.extensions)}
        services = self._complete(self._applied(services, wave, idle=idle), wave)
        units = _units(services)
        first = [unit for unit in units if all(self._run.setting.records[name].promoted is None for name in unit)]
        # What has no traffic yet is promoted in one step, so nobody waits long for it.
        for some in (first, [unit for unit in units if unit not in first]):
            self._release(some)

    def _alarmed(self, services: Sequence[Service]) -> list[Service]:
        """Those whose alarms all exist: the others' infrastructure need not change for nothing."""
        names = tuple(dict.fromkeys(name for one in services for name in alarms_of(one)))
        try:
            states = self._run.engine.alarms.states(names) if names else {}
        except CrabwalkError:  # told of each service once its release looks at them
            return list(services)
        faults = {one.name: absent_alarm(one, states) for one in services}
        for name, fault in faults.items():
            if fault is not None and self._alone:
                raise fault
            if fault is not None:
                self._run.failed(name, fault)
        return [one for one in services if faults[one.name] is None]

    def _applied(self, services: Sequence[Service], wave: Sequence[Service], *, idle: bool) -> list[Service]:
        """Bring the wave's stacks to their plans; the services whose stack got there."""
        busy = {one.stack for one in self._plan.services}
        here, trying = {one.stack for one in wave}, {one.stack for one in services}
        due = [one.stack for one in self._plan.stacks if one.stack in here or (idle and one.stack not in busy)]
        for names in apart(due, refers(self._plan.setting.services)):
            plans = [self._stack(name) for name in names]
            # Where everybody waits there is nothing to apply, or nothing to tell.
            tried = [one for one in plans if one.root.walk_fingerprints and (one.terraform or one.stack in trying)]
            services = self._terraform(tried, services)
        return list(services)

    def _terraform(self, stacks: Sequence[StackPlan], services: Sequence[Service]) -> Sequence[Service]:
        """A stack's fault is told of its services; the rest, which go on."""
        failed = self._run.terraform(stacks)
        for stack, error in failed.items():
            mine = [one for one in services if one.stack == stack]
            if (self._alone and mine) or len(self._plan.stacks) == 1:
                raise error
            for one in mine:
                self._run.failed(one.name, error)
            if not mine:
                self._faults.append(error)
        return [one for one in services if one.stack not in failed]

    def _release(self, units: Sequence[Unit]) -> None:
        """Offer and walk these, as many at a time as may be; then give those without triggers theirs."""
        run = self._run
        offers = Offers(run, self._services, self._artifacts, alone=self._alone)
        with Turns(units, offers.offer, offers.settle, run.options.max_parallel) as turns:

            def join(walks: Sequence[Walk]) -> tuple[Walk, ...]:
                ended = {one.rollout.service for one in walks if one.settled and one.rollout.stable != LATEST}
                new = turns.join(walks)
                if not run.options.detach:
                    self._done_with(one for (one, *others) in units if not others and one in ended)
                return new

            walked = run.walk(join=join)
        released = {
            one.rollout.service for one in walked if (one.rollout.stable, one.rollout.phase) == (LATEST, "promoted")
        }
        if released:
            run.refresh()
            due = sorted({self._services[one].stack for one in released})
            for names in apart(due, refers(run.setting.services)):
                self._terraform([self._stack(name) for name in names], ())

    def _done_with(self, services: Iterable[str]) -> None:
        """Give back the leases of stacks in which nothing is released any more, so that others need not wait."""
        self._open -= set(services)
        waiting = {self._services[name].stack for name in self._open}
        free = [name for name, one in self._services.items() if one.stack not in waiting]
        self._run.hand_on(free)
        self._run.leases.give_back(free)

    def _build(self) -> None:
        self._artifacts = built(self._run, self._plan)
        self._run.artifacts.update(self._artifacts)

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
        record, made_of = run.setting.records[service.name], configuration(run.setting, service, self._artifacts)
        found = known(record, artifact.sha256, made_of, retry=run.options.retry)
        if found is not None and found.kind == "rejected":
            run.skip(record, "skipped", found.sentence)
            return False
        if found is not None and service.stack in still:
            run.nothing_new(record, found.sentence)
            return False
        return True

    def _complete(self, services: Sequence[Service], wave: Sequence[Service]) -> list[Service]:
        """Those that may go: alone, or with everybody of their group that this commit changes."""
        kept = []
        for service in services:
            group = group_of(service)
            others = [one for one in self._services.values() if group is not None and group_of(one) == group]
            absent = next((one.name for one in others if one.name != service.name and self._absent(one, wave)), None)
            if absent is None:
                kept.append(service)
                continue
            told = self._run.result(absent)
            sentence = f"it goes together with `{absent}`, which is not released" + (
                f": {told.sentence}" if told else ""
            )
            after = f"it is released with the next deploy of its group `{service.release.together}`"
            self._run.skip(self._run.setting.records[service.name], "skipped", sentence, after)
        return kept

    def _absent(self, one: Service, wave: Sequence[Service]) -> bool:
        """Whether this commit changes it, and it is not released."""
        if one.name in self._behind:
            return True
        outcome = self._run.outcome(one.name) if one in wave else None
        return outcome is not None and outcome not in STANDS

    def _uploaded(self, services: Sequence[Service]) -> list[Service]:
        """The services that have their artifacts in the bucket."""
        kept = []
        names = sorted({name for one in services for name in (one.name, *one.extensions)})
        errors = dict(zip(names, uploaded(self._run, [self._artifacts[one] for one in names]), strict=True))
        for service in services:
            error = next((errors[name] for name in (service.name, *service.extensions) if errors[name]), None)
            if error is None:
                kept.append(service)
            elif self._alone:
                raise error
            else:
                self._run.failed(service.name, error)
        return kept


def _units(services: Sequence[Service]) -> list[Unit]:
    """Those of one group begin as one."""
    ordered = sorted(services, key=lambda one: group_of(one) or one.name)
    return [tuple(one.name for one in some) for _, some in groupby(ordered, lambda one: group_of(one) or one.name)]
