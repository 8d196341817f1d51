"""The composition: plan, build, upload, Terraform where inputs changed, publish, smoke, walk, record. One way through.

What a dead run left behind is finished first; then the commit is deployed. First releases get their triggers only
once the alias points at a published version, so `$LATEST` is never changed while traffic can reach it.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from pipeline.aws import sharing
from pipeline.aws.budget import limits_of
from pipeline.controller.start import installed, outdated, wanted
from pipeline.deploying.allowing import check_allowed
from pipeline.deploying.planning import DeployPlan
from pipeline.deploying.releasing import Releasing
from pipeline.deploying.run import Run
from pipeline.deploying.setting import service_url_of
from pipeline.deploying.sizes import live_artifacts
from pipeline.errors import ConflictError
from pipeline.release.ledger.records import Frozen, ServiceRecord
from pipeline.release.model import ALIAS, percent
from pipeline.release.walk.freeze import is_frozen, thaw, told
from pipeline.release.walk.outcome import result_of
from pipeline.release.walk.state import Walk
from pipeline.release.walk.view import ReleaseResult

ROUNDS = 5  # plans made anew because somebody else's release ended while this deploy waited


class Deploy:
    """One deploy of one commit to one environment; `execute` may be called once."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._unfinished: set[str] = set()  # walked as far as this run can, with its result told

    def execute(self) -> tuple[ReleaseResult, ...]:
        """Finish what was left, then release what the commit affects; returns one result a service touched.

        One service's conflict does not stop the others; where there is nothing else to tell, it is raised.
        UsageError, before anything is touched, where what may be destroyed is nowhere.
        """
        run = self._run
        with ExitStack() as held:
            held.enter_context(sharing(limits_of(run.setting.env)))
            held.callback(run.leases.release)
            if run.options.detach and wanted(run.setting.env):
                run.controller = installed(run.engine.objects, run.setting.env)
                if outdated(run.controller):
                    env = run.setting.env.name
                    run.tell.warn(
                        f"the controller of `{env}` is another crabwalk's: crabwalk bootstrap {env} makes it anew"
                    )
                held.callback(run.hand_on)
            if run.reviewed is not None:  # before anything is touched
                run.reviewed.check(run.setting, run.plan())
            else:
                check_allowed(run.engine.objects, run.setting, run.options.allow_destroy)
            for _ in range(ROUNDS):
                self._finish_abandoned()
                self._leave_frozen()
                whole = run.plan()
                plan = whole.without(self._busy)
                if self._take(plan):
                    break
            else:
                raise ConflictError("other deploys keep getting in between", hint="deploy again when they are done")
            self._begin(plan.without(self._busy))
            self._tell_affected(plan)
            chosen = plan.without(self._busy)
            Releasing(run, chosen, self._behind(whole, chosen)).execute()
        if len(run.conflicts) == 1 and not run.results:
            raise next(iter(run.conflicts.values()))
        for name, error in run.conflicts.items():
            run.skip(run.setting.records[name], "conflict", error.what, error.hint)
        return tuple(replace(one, url=service_url_of(run.setting, one.service)) for one in run.results)

    @property
    def _busy(self) -> frozenset[str]:
        """Services that this run must leave alone."""
        return frozenset({*self._run.conflicts, *self._unfinished})

    def _behind(self, whole: DeployPlan, chosen: DeployPlan) -> frozenset[str]:
        """Services that are left alone although this commit changes them, or a release of theirs is not over."""
        changed = {one.name for one in whole.services} - {one.name for one in chosen.services}
        records = self._run.setting.records
        return frozenset(changed | {name for name in self._busy if name in records and records[name].under_way})

    def _take(self, plan: DeployPlan) -> bool:
        """Take the leases a plan needs; False when what was found under them asks for another plan.

        Terraform works on a whole stack, so it needs the leases of all the stack's services.
        """
        run, fresh = self._run, True
        for name in sorted(plan.leases):
            if name in run.leases:
                continue
            try:
                run.leases.take(name, plan.stack_of(name))
            except ConflictError as conflict:
                run.conflicts[name] = conflict
                continue
            record = run.engine.ledger.service(name)
            if record.under_way is not None and not run.wanted(name):
                run.conflicts[name] = ConflictError(
                    f"release {record.under_way.release_id} of `{name}` is not over, and its stack is to change",
                    hint=f"crabwalk deploy {name} --env {run.setting.env.name} goes on with it",
                )
                continue
            fresh = fresh and record.etag == run.setting.records[name].etag
            run.keep(record)
        return fresh

    def _begin(self, plan: DeployPlan) -> None:
        """Use up the saved plan that is applied, if there is one; what cannot be applied whole is not applied."""
        run = self._run
        if run.reviewed is not None:
            from pipeline.plans.store import Use

            use = Use(run.actor, run.options.claimed_actor, run.engine.now())
            run.reviewed.begin(run.setting, plan, run.conflicts.values(), use)

    def _finish_abandoned(self) -> None:
        """Take over every release whose controller ended, and walk it to its end."""
        run, walks = self._run, []
        for name, before in sorted(run.setting.records.items()):
            if before.under_way is None or not run.wanted(name) or name in self._busy:
                continue
            try:
                run.leases.take(name)
                walk = self._take_over(run.engine.ledger.service(name))
            except ConflictError as conflict:
                run.conflicts[name] = conflict
                continue
            if walk is not None:
                walks.append(walk)
        last = tuple(one.rollout for one in run.setting.records.values() if one.rollout is not None)
        done = run.walk(walks, beside=last)
        self._unfinished |= {walk.rollout.service for walk in done if not walk.rollout.over}
        if walks:
            run.refresh()

    def _leave_frozen(self) -> None:
        """Pass over what a person rolled back; a commit that reverts the bad one lets it be deployed again."""
        run = self._run
        for name, record in sorted(run.setting.records.items()):
            frozen = record.frozen
            declared = any(one.name == name for one in run.setting.services)
            if frozen is None or not declared or not run.wanted(name) or name in self._busy:
                continue
            try:
                thawed = self._thawed(record, frozen)
            except ConflictError as conflict:
                run.conflicts[name] = conflict
                continue
            if not thawed:
                self._unfinished.add(name)
                goes_on = f"crabwalk resume {name} --env {run.setting.env.name}, or commit a revert of {frozen.commit}"
                asked = run.options.retry and name in run.options.only  # not what the person wanted: no success
                run.skip(record, "held" if asked else "skipped", told(frozen), goes_on)

    def _thawed(self, record: ServiceRecord, frozen: Frozen) -> bool:
        """Whether the service may be deployed to again; its mark is taken away then."""
        run, name = self._run, record.service
        function = run.setting.project.function_name(run.setting.env.name, name)
        undone = run.repo.reverts(frozen.commit) if frozen.commit else None
        if undone is None and is_frozen(run.engine.functions.alias(function, ALIAS)):
            return False
        run.keep(thaw(run.engine, record, function))
        bad = str(frozen.commit)[:12]
        why = f"{undone[:12]} reverts {bad}" if undone else "its alias carries no mark any more"
        run.tell.progress(f"{name}: not frozen any more: {why}")
        return True

    def _take_over(self, record: ServiceRecord) -> Walk | None:
        run, rollout = self._run, record.under_way
        if rollout is None:
            run.keep(record)
            return None
        record = run.engine.take_over(record, rollout, run.leases[record.service])
        run.keep(record)
        if record.under_way is None:  # its holder died between the last write and the record of it
            if record.rollout is not None:
                run.results.append(result_of(record.rollout, None, run.engine.now()))
            return None
        share = percent(record.under_way.traffic(record.under_way.step))
        run.tell.progress(
            f"{record.service}: release {rollout.release_id} was left at {share}; it is taken over and goes on"
        )
        return Walk(record, record.under_way, run.leases[record.service])

    def _tell_affected(self, plan: DeployPlan) -> None:
        self._run.affected = plan.affected
        self._run.before = live_artifacts(self._run.setting.records)
        for one in plan.affected:
            reasons = "; ".join(reason.detail for reason in one.reasons)
            self._run.tell.progress(f"{one.service}: {f'affected: {reasons}' if one.affected else 'not affected'}")
