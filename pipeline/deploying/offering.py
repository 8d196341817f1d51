"""Offers versions and notes what came of it: published and smoke-checked, to be walked, or why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.deploying.stacks import layers_of, needs_of, ready
from pipeline.errors import CrabwalkError
from pipeline.infra.parts.access import configured
from pipeline.infra.parts.function import walk_fingerprint
from pipeline.release.decide.together import TOGETHER
from pipeline.release.walk.candidate import Offer, Origin, offer
from pipeline.release.walk.outcome import result_of

if TYPE_CHECKING:
    from pipeline.build import Artifact
    from pipeline.deploying.run import Run
    from pipeline.deploying.setting import Setting
    from pipeline.deploying.turns import Unit
    from pipeline.manifest.models import Service
    from pipeline.release.walk.state import Walk

STANDS = frozenset({"promoted", "no-op"})  # the outcomes after which a service carries what the commit says


def configuration(setting: Setting, service: Service, artifacts: Mapping[str, Artifact] | None = None) -> str:
    """Hash of what a canary of this service tries out besides the code, by what stacks put out last.

    `artifacts`: what was built, with the extensions that it lists.
    """
    built = {name: artifact.key for name, artifact in (artifacts or {}).items()}
    return walk_fingerprint(ready(setting, service).service, layers_of(setting, service, built))


class Offers:
    """The offers of one wave; `alone`: a fault is the deploy's, because nothing else is released."""

    def __init__(
        self, run: Run, services: Mapping[str, Service], artifacts: Mapping[str, Artifact], *, alone: bool
    ) -> None:
        self._run = run
        self._services = services
        self._artifacts = artifacts
        self._alone = alone
        self._committed = run.repo.committed(run.setting.commit)  # git is no place for threads

    def offer(self, name: str) -> Offer | CrabwalkError:
        """Publish and try out a version; in a thread, so nothing is noted here."""
        run, service = self._run, self._services[name]
        setting = run.setting
        try:
            origin = Origin(
                function=setting.project.function_name(setting.env.name, name),
                commit=setting.commit,
                subject=setting.subject,
                artifact=self._artifacts[name],
                configuration=configuration(setting, service, self._artifacts),
                actor=run.actor,
                claimed_actor=run.options.claimed_actor,
                committed=self._committed,
                needs=needs_of(setting, service),
            )
            return offer(
                run.engine,
                configured(setting.scope, service),
                origin,
                setting.records[name],
                run.leases[name],
                retry=run.options.retry,
                say=lambda text: run.tell.progress(f"{name}: {text}"),
            )
        except CrabwalkError as error:
            if self._alone:
                raise
            return error

    def settle(self, unit: Unit, made: Mapping[str, Offer | CrabwalkError]) -> list[Walk]:
        """Note what the offers of a unit came to; its walks, where all of it can be walked."""
        walks = []
        for name in unit:
            try:
                walk = self._noted(name, made[name])
            except CrabwalkError as error:  # others may be walking by now
                if self._alone:
                    raise
                self._run.failed(name, error)
                continue
            walks += [walk] if walk is not None else []
        walking = {walk.rollout.service for walk in walks}
        absent = next((one for one in unit if one not in walking and self._run.outcome(one) not in STANDS), None)
        if absent is None:
            return walks
        told = self._run.result(absent)
        for walk in walks:
            sentence = f"`{absent}`, which it goes together with, is not released: {told.sentence if told else ''}"
            self._end(walk, sentence)
        return []

    def _end(self, walk: Walk, sentence: str) -> None:
        """A release that was offered is over before it began."""
        try:
            record = self._run.engine.reject(walk.record, walk.rollout, TOGETHER, sentence)
        except CrabwalkError as error:
            self._run.failed(walk.rollout.service, error)
            return
        ended = record.rollout or walk.rollout
        self._run.results.append(result_of(ended, None, self._run.engine.now()))
        self._run.after(ended)

    def _noted(self, name: str, made: Offer | CrabwalkError) -> Walk | None:
        run = self._run
        record = run.setting.records[name]
        if isinstance(made, CrabwalkError):
            self._run.failed(name, made)
            return None
        if made.live is not None:
            run.nothing_new(record, f"version {made.live} is what this commit builds")
        if made.refused is not None:
            run.skip(record, "skipped", made.refused)
        if made.rejected is not None:
            run.results.append(result_of(made.rejected, None, run.engine.now()))
            run.after(made.rejected)
        return made.walk
