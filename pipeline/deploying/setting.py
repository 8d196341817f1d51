"""Where a deploy starts from: the commit, the manifests, and what the ledger knows of services and stacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import carried
from pipeline.abreast import abreast
from pipeline.deploying.standing import displaced
from pipeline.infra import Scope
from pipeline.infra.names import ALIAS

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.models import Service
    from pipeline.manifest.project import Project
    from pipeline.release.ledger.records import ServiceRecord, StackRecord
    from pipeline.release.walk.act import Engine
    from pipeline.workspace.git import Repository


@dataclass(frozen=True)
class Setting:
    """Where a deploy starts from: the commit, the manifests of an environment, and what the ledger knows."""

    project: Project
    env: Environment
    commit: str
    subject: str
    services: tuple[Service, ...]
    records: Mapping[str, ServiceRecord]  # also of services that no manifest declares any more
    stacks: Mapping[str, StackRecord | None]  # also of stacks that no manifest names any more
    now: float = 0.0  # epoch seconds
    extensions: Mapping[str, Service] = field(default_factory=dict)  # layers of the services that list them
    live: Callable[[str], str | None] = lambda _: None  # the version a service's alias points at, asked of AWS

    @cached_property
    def scope(self) -> Scope:
        """What references stand for, by what stacks put out last."""
        outputs = {name: made for stack in self.stacks.values() if stack for name, made in stack.outputs.items()}
        declared = {one.name: one for one in self.services} | dict(self.extensions)
        return Scope(self.project, self.env, declared, outputs)

    @cached_property
    def displaced(self) -> Mapping[str, str]:
        """Services whose manifest names another stack than the one they stand in, which is told."""
        return displaced(self.stacks, self.services)

    @property
    def modules(self) -> Path:
        """The Terraform modules roots are made of: the project's own, or those that come with crabwalk."""
        return carried.modules(self.project.root)


def read_setting(
    project: Project,
    env: Environment,
    services: Sequence[Service],
    repo: Repository,
    engine: Engine,
) -> Setting:
    """Read the ledger for every service and stack."""
    ledger = engine.ledger
    services, extensions = apart(services)
    recorded, standing = abreast(lambda read: read(), (ledger.services, ledger.stacks))
    names = sorted({*recorded, *(one.name for one in services)})
    stacks = sorted({*standing, *(service.stack for service in services)})
    return Setting(
        project=project,
        env=env,
        commit=repo.head,
        subject=repo.subject(repo.head),
        services=services,
        extensions=extensions,
        records=dict(zip(names, abreast(ledger.service, names), strict=True)),
        stacks=dict(zip(stacks, abreast(ledger.stack, stacks), strict=True)),
        now=engine.now(),
        live=partial(_live, project, env, engine),
    )


def apart(declared: Sequence[Service]) -> tuple[tuple[Service, ...], dict[str, Service]]:
    """The services that are released, and by name the extensions, which are part of those that list them."""
    services = tuple(one for one in declared if one.kind == "function")
    return services, {one.name: one for one in declared if one.kind == "extension"}


def _live(project: Project, env: Environment, engine: Engine, service: str) -> str | None:
    from pipeline.errors import AwsError

    try:
        return engine.functions.alias(project.function_name(env.name, service), ALIAS).version
    except AwsError:
        return None  # what cannot be told is kept


def service_url_of(setting: Setting, service: str) -> str | None:
    """Where a service answers over HTTP, by what Terraform last put out."""
    from pipeline.infra.scope import service_url

    stack = next((one.stack for one in setting.services if one.name == service), "")
    return service_url(setting.env, setting.stacks.get(stack), service)
