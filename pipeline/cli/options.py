"""What verbs share: common options, and the way from the working directory to a project, an environment, a ledger."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.fleets import Fleet
    from pipeline.manifest.models import Service
    from pipeline.manifest.project import Project
    from pipeline.release.walk.act import Engine
    from pipeline.report.console import Console
    from pipeline.workspace.git import Repository

F = TypeVar("F", bound=Callable[..., Any])

env_option: Callable[[F], F] = click.option(
    "--env", "env_name", metavar="NAME", help="The environment; `local` by default while the embedded AWS is up."
)
output_option: Callable[[F], F] = click.option(
    "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="For people or machines."
)


@dataclass
class Here:
    """The working directory and what can be read from it, each part when it is first asked for."""

    env_name: str | None = None
    json: bool = False
    env_of: str | None = None  # the fleet that it is a target of, where the verb works on all of them

    @cached_property
    def console(self) -> Console:
        """Where the verb talks."""
        from pipeline.report.console import Console

        return Console(json=self.json)

    @cached_property
    def project(self) -> Project:
        """The project of the working directory."""
        from pipeline.manifest.project import find_project, load_project

        return load_project(find_project(Path.cwd()))

    @cached_property
    def fleet(self) -> Fleet | None:
        """The environment of many targets that was named, or that `local` is while it is up; None for any other."""
        from pipeline.manifest.environments import LOCAL

        if self.env_name is not None or not self.project.fleets:
            return self.project.fleet(self.env_name)
        from pipeline.local import running

        return self.project.fleet(LOCAL) if running() is not None else None

    def member(self, target: str) -> Here:
        """The same, for one target of the fleet."""
        fleet = self.fleet
        if fleet is None:
            return self
        made = Here(fleet.member(target), json=self.json, env_of=fleet.name)
        made.project, made.console = self.project, self.console
        return made

    @cached_property
    def env(self) -> Environment:
        """The environment that was named, or `local` while it is up."""
        from pipeline.manifest.project import environment

        return environment(self.project, self.env_name)

    @cached_property
    def services(self) -> tuple[Service, ...]:
        """All services of the project, with the environment's overlays."""
        from pipeline.manifest import load_services

        return load_services(self.project, self.env.name)

    @cached_property
    def repo(self) -> Repository:
        """The git repository around the project."""
        from pipeline.workspace.git import Repository

        return Repository.open(self.project.root)

    @cached_property
    def engine(self) -> Engine:
        """The release engine in the environment."""
        from pipeline.release.walk.act import Engine

        engine = Engine(self.env)
        engine.say = self.console.warn
        return engine

    def warn(self, text: str) -> None:
        """A warning, without making the console before there is one."""
        self.console.warn(text)

    def settle_unrecorded(self) -> None:
        """Record rollbacks by hand that could not be recorded when they were made; what still cannot is warned of."""
        from pipeline.errors import CrabwalkError
        from pipeline.release.rollback.unrecorded import settle, waiting

        if not any(waiting(self.env)):
            return
        try:
            for said in settle(self.env, self.engine.ledger, self.engine.functions):
                self.console.line(said)
        except CrabwalkError as error:
            self.console.warn(f"a rollback by hand is still not recorded: {error.what}")
