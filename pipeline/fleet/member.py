"""One target of a fleet: an environment of its own, deployed by the same deploy as any other."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from pipeline.aws.identity import whoami
from pipeline.build.view import view_of
from pipeline.deploying.artifacts import built
from pipeline.deploying.deploy import Deploy
from pipeline.deploying.run import Options, Run
from pipeline.deploying.setting import read_setting
from pipeline.fleet.voices import Board, Voice
from pipeline.manifest import load_services
from pipeline.release.walk.act import Engine
from pipeline.release.walk.candidate import alarms_of
from pipeline.workspace.git import Repository

if TYPE_CHECKING:
    from pipeline.build import Artifact
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.models import Service
    from pipeline.manifest.project import Project
    from pipeline.release.walk.view import ReleaseResult


@dataclass
class Target:
    """A target, and what its own deploy needs. `alone`: held while Terraform runs, so that members take turns."""

    project: Project
    env: Environment
    options: Options
    alone: threading.Lock
    artifacts: dict[str, Artifact] = field(default_factory=dict)

    @cached_property
    def engine(self) -> Engine:
        """The release engine in this target."""
        return Engine(self.env)

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """The manifests as this target sees them."""
        return load_services(self.project, self.env.name)

    @cached_property
    def actor(self) -> str:
        """Who calls there. UsageError when the credentials belong to another account."""
        return whoami(self.env).arn

    def function(self, service: str) -> str:
        """What a service's function is called there."""
        return self.project.function_name(self.env.name, service)

    def alarms(self) -> Mapping[str, tuple[str, ...]]:
        """By service, the alarms its release looks at."""
        return {one.name: names for one in self.services if (names := alarms_of(one))}

    def build(self, voice: Voice, board: Board, *, anew: bool) -> dict[str, str]:
        """Build what a deploy of this target would release; the services with the SHA-256 of each zip.

        Whoever begins a release `anew` also wants what walks there already of this commit, and the services in which
        another commit's release is not over: this one follows it. Raises what planning and building raise:
        ConflictError for a commit that is older than what it carries.
        """
        with Repository.open(self.project.root) as repo:
            run = self._run(repo, voice, board, {})
            plan = run.plan(replacing=anew)
            self.artifacts = built(run, plan)
            walking = {
                name: one.under_way.artifact
                for name, one in run.setting.records.items()
                if anew and one.under_way is not None and one.under_way.commit == repo.head and run.wanted(name)
            }
            return walking | {one.name: self.artifacts[one.name].sha256 for one in plan.services}

    def deploy(self, voice: Voice, board: Board, wants: Mapping[str, str]) -> tuple[ReleaseResult, ...]:
        """Release to it as `crabwalk deploy --env` of its own name would, with the artifacts that were copied."""
        with Repository.open(self.project.root) as repo:
            return Deploy(self._run(repo, voice, board, wants)).execute()

    def _run(self, repo: Repository, voice: Voice, board: Board, wants: Mapping[str, str]) -> Run:
        self.engine.say = voice.warn
        setting = read_setting(self.project, self.env, self.services, repo, self.engine)
        return Run(
            self.engine,
            setting,
            repo,
            self.actor,
            self.options,
            voice,
            lambda: nullcontext(view_of(voice.progress)),
            lambda: board.of(self.env.target or self.env.name),
            expected=wants,
            alone=self.alone,
            pause=board.pause,
        )
