"""For the tests of a deploy of many services: the real thing from the leases on, on zips that nobody had to build."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import edge_kit
import engine_kit
from many_kit import Fleet

from pipeline import local
from pipeline.deploying.planning import DeployPlan
from pipeline.deploying.releasing import Releasing
from pipeline.deploying.run import Options, Run
from pipeline.deploying.setting import Setting
from pipeline.manifest.models import Service
from pipeline.manifest.models_checks import Checks
from pipeline.manifest.models_release import Release, Step
from pipeline.manifest.project import Project
from pipeline.release.ledger.records import Released
from pipeline.release.model import ALIAS
from pipeline.release.walk.view import ReleaseResult, WalkView
from pipeline.workspace.model import Affected, Reason

COMMIT = "c0ffee" * 6 + "c0de"
ROOT = Path(__file__).parents[2]


@dataclass
class Said:
    """What was told, line by line."""

    lines: list[str] = field(default_factory=list)

    def progress(self, text: str) -> None:
        """Note a line."""
        self.lines.append(text)

    def warn(self, text: str) -> None:
        """Note a warning."""
        self.lines.append(f"warning: {text}")

    @contextmanager
    def group(self, title: str) -> Iterator[None]:
        """Note a title."""
        self.lines.append(title)
        yield


class Prepared(Releasing):
    """A release whose zips lie in the bucket already."""

    def _build(self) -> None:
        """Nothing is compiled."""
        self._artifacts = {one.name: self.made(one.name) for one in self._plan.services}  # type: ignore[misc]

    def _uploaded(self, services: Sequence[Service]) -> list[Service]:
        """They are there."""
        return list(services)


@dataclass
class Yard:
    """Services at version 1, and a commit that changes all of them."""

    fleet: Fleet
    project: Project
    said: Said = field(default_factory=Said)
    most: int = 0
    begun: list[str] = field(default_factory=list)
    held: list[frozenset[str]] = field(default_factory=list)  # leases not given back, by round

    def service(self, name: str, folder: Path, needs: str = "", together: str | None = None, **more: Any) -> Service:
        """One service's manifest; `needs`: whom it refers to."""
        steps = (Step(traffic=0.1, bake_s=5.0), Step(traffic=0.5, bake_s=5.0))
        return Service(
            name=name,
            stack=more.get("stack", name),
            memory_mb=128,
            timeout_s=10,
            environment={"NEEDS": f"${{services.{needs}.function.name}}"} if needs else {},
            release=Release(
                steps=steps,
                min_requests=1,
                deadline_s=300.0,
                on_inconclusive="rollback",
                smoke=more.get("smoke", ()),
                checks=Checks(alarms=more.get("alarms", ())),
                together=together,
            ),
            directory=folder,
            file=folder / "service.yaml",
        )

    def function(self, name: str) -> str:
        """What its function is called."""
        return self.project.function_name("local", name)

    def worse(self, *names: str) -> None:
        """The new versions of these fail half of their requests."""
        for name in names:
            self.fleet.traffic[self.function(name)] = engine_kit.traffic(bad=0.5)

    def deploy(
        self,
        services: Sequence[Service],
        *,
        behind: Sequence[str] = (),
        before: Callable[[Run], None] | None = None,
        **how: Any,
    ) -> dict[str, ReleaseResult]:
        """Release these; how each ended."""
        engine = self.fleet.controller()
        records = {one.name: engine.ledger.service(one.name) for one in services}
        setting = Setting(
            self.project,
            self.fleet.env,
            COMMIT,
            "all of it",
            tuple(services),
            records,
            {one.stack: None for one in services},
        )
        repo: Any = SimpleNamespace(head=COMMIT, committed=lambda _: None, subject=lambda _: "all of it")
        run: Run = Run(
            engine, setting, repo, "arn:actor", Options(**how), self.said, _nothing, lambda: self.watching(run)
        )  # type: ignore[arg-type]
        affected = tuple(
            Affected(one.name, None, (Reason("file", "it changed"),)) for one in services if one.name not in behind
        )
        plan = DeployPlan(setting, affected, SimpleNamespace(), ())  # type: ignore[arg-type]
        for one in services:
            run.leases.take(one.name)
        try:
            if before is not None:
                before(run)
            releasing = Prepared(run, plan, behind)
            releasing.made = self.artifact  # type: ignore[attr-defined]
            releasing.execute()
        finally:
            run.leases.release()
        return {one.service: one for one in run.results}

    @contextmanager
    def watching(self, run: Run) -> Iterator[Callable[[Sequence[WalkView]], None]]:
        """A round takes a second of the services' time."""

        def show(views: Sequence[WalkView]) -> None:
            self.fleet.at += 1
            self.most = max(self.most, sum(one.phase == "walking" for one in views))
            self.begun += [one.service for one in views if one.service not in self.begun]
            self.held.append(frozenset(name for name in run.setting.records if name in run.leases))

        yield show

    def artifact(self, name: str) -> Any:
        """The zip of the new version of a service."""
        code = edge_kit.package(salt=f"new {name}")
        sha256 = hashlib.sha256(code).hexdigest()
        key = f"artifacts/{sha256}.zip"
        self.fleet.engine.objects.put(key, code)
        return SimpleNamespace(
            service=name,
            key=key,
            sha256=sha256,
            code_sha256=base64.b64encode(bytes.fromhex(sha256)).decode(),
            architecture="x86_64",
        )

    def versions(self, *names: str) -> list[str]:
        """Where the traffic of these is."""
        return [self.fleet.alias(self.function(name)).version for name in names]


def _nothing() -> Any:
    raise AssertionError("nothing is built here")


def yard(running: local.Running, namespace: str, needs: Mapping[str, str], *, first: Sequence[str] = ()) -> Yard:
    """Services at version 1, by name with whom each refers to; those in `first` were never released."""
    project = Project(namespace, ROOT)
    raw = edge_kit.client(running, "lambda")
    bucket = f"{namespace}-yard"
    edge_kit.client(running, "s3").create_bucket(Bucket=bucket)
    env = replace(engine_kit.environment(running), bucket=bucket, tick_s=0.0)
    made = Yard(Fleet(env, tuple(needs), raw), project)

    def make(name: str) -> None:
        function, other = made.function(name), needs[name]
        variables = {"NEEDS": made.function(other)} if other else {}
        edge_kit.create(raw, function, Environment={"Variables": variables})
        if name in first:
            raw.create_alias(FunctionName=function, Name=ALIAS, FunctionVersion="$LATEST")
            return
        raw.publish_version(FunctionName=function)
        raw.create_alias(FunctionName=function, Name=ALIAS, FunctionVersion="1")
        promoted = Released("20260101T000000-000000", "1", "0" * 40, "old", "old", 0.0)
        ledger = made.fleet.engine.ledger
        ledger.save(replace(ledger.service(name), promoted=promoted))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, needs))
    return made
