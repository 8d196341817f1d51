"""For the tests of waves: three emulated regions with a service in each; deploys on zips that nobody had to build."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import boto3
import edge_kit
import engine_kit
from botocore.config import Config
from many_kit import Fleet as Functions
from yard_kit import COMMIT, ROOT, Said, Yard

from pipeline import local
from pipeline.aws import client
from pipeline.errors import ConflictError
from pipeline.fleet.plan import FleetRelease
from pipeline.fleet.record import FleetLedger, Kept
from pipeline.fleet.voices import Board, Show, Voice
from pipeline.fleet.waves import Waves
from pipeline.manifest.environments import Environment
from pipeline.manifest.fleets import Fleet, Wave
from pipeline.manifest.project import Project
from pipeline.release.ledger.head import Head
from pipeline.release.ledger.records import Released
from pipeline.release.model import ALIAS
from pipeline.release.walk.act import Engine
from pipeline.release.walk.view import ReleaseResult, WalkView

REGIONS = {"a": "us-east-1", "b": "eu-west-1", "c": "ap-southeast-2"}
ONE_BY_ONE = Fleet(
    "local",
    (
        Wave("one-box", ("a",), bake_s=5.0, on_failure="roll-back"),
        Wave("second", ("b",), on_failure="roll-back"),
        Wave("rest", ("c",), on_failure="roll-back"),
    ),
)

WAVES = """environments:
  local:
    targets:
      a: {region: us-east-1}
      b: {region: eu-west-1}
      c: {region: ap-southeast-2}
    waves:
      - {name: one-box, targets: [a], bake: 5 s, on_failure: roll-back}
      - {name: second, targets: [b], on_failure: roll-back}
      - {name: rest, targets: [c], on_failure: roll-back}
"""


class Died(BaseException):
    """The deploying process ended here, as by SIGKILL: nothing after it was done."""


@dataclass
class Region:
    """A target: a service at version 1, and a commit that changes it."""

    yard: Yard
    folder: Path
    names: tuple[str, ...] = ("hello",)
    deploys: int = 0
    fault: Exception | None = None
    alarmed: tuple[str, ...] = ()
    how: dict[str, Any] = field(default_factory=dict)  # options of its deploys

    @property
    def engine(self) -> Engine:
        """The engine of another process each time; its time is the test's."""
        return self.yard.fleet.engine

    def function(self, service: str) -> str:
        """What its function is called."""
        return self.yard.function(service)

    def alarms(self) -> Mapping[str, tuple[str, ...]]:
        """What its release looks at."""
        return dict.fromkeys(self.names, self.alarmed) if self.alarmed else {}

    def deploy(self, voice: Voice, _board: Board, wants: Mapping[str, str]) -> tuple[ReleaseResult, ...]:
        """Release what the commit changes."""
        self.deploys += 1
        if self.fault is not None:
            raise self.fault
        voice.progress("it is deployed to")
        services = [self.yard.service(name, self.folder) for name in self.names if name in wants]
        return tuple(self.yard.deploy(services, **self.how).values())

    def versions(self) -> list[str]:
        """Where its traffic is."""
        return self.yard.versions(*self.names)

    def outcomes(self) -> list[tuple[str, str]]:
        """Its history, the newest first: what was done, and with which outcome."""
        return [(one.kind, one.outcome) for one in self.yard.fleet.engine.ledger.history(self.names[0], 9)]


@dataclass
class Estate:
    """A fleet with its targets, and the deploys of it."""

    fleet: Fleet
    regions: dict[str, Region]
    said: Said = field(default_factory=Said)
    views: list[WalkView] = field(default_factory=list)

    @property
    def ledger(self) -> FleetLedger:
        """What is known of the whole."""
        return FleetLedger(self.regions["a"].engine.objects, self.fleet.name)

    def release(self) -> FleetRelease:
        """The release of the commit, which changes every service in every target."""
        wants = {
            target: {name: hashlib.sha256(edge_kit.package(salt=f"new {name}")).hexdigest() for name in one.names}
            for target, one in self.regions.items()
        }
        now = self.regions["a"].engine.now()
        return FleetRelease(self.fleet.name, "20260101T000000-abcdef", COMMIT, "all of it", "arn:me", None, now, wants)

    def waves(self, **more: Any) -> Waves:
        """A process that begins the release, or goes on with it."""
        kept = self.ledger.read()
        if kept.release is None:
            release = self.release()
            kept = Kept(release, self.ledger.save(release, None))
        board = Clock(self._shown, self.regions["a"].yard)
        made = Waves(self.fleet, self.regions, self.ledger, kept, "arn:me", self.said, board, lambda: None)
        for name, value in more.items():
            setattr(made, name, value)
        return made

    def deploy(self, **more: Any) -> int:
        """As one process does."""
        return self.waves(**more).execute()

    @contextmanager
    def _shown(self) -> Iterator[Show]:
        def show(views: Sequence[WalkView]) -> None:
            self.views = list(views)

        yield show

    def versions(self) -> dict[str, list[str]]:
        """Where the traffic of each target is."""
        return {target: one.versions() for target, one in self.regions.items()}


class Clock(Board):
    """Waiting costs no time: it is the first region's that passes."""

    def __init__(self, opened: Callable[[], Any], yard: Yard) -> None:
        super().__init__(opened)
        self._yard = yard

    def pause(self, seconds: float) -> None:
        """Time passes, and nobody waits."""
        self._yard.fleet.at += max(1.0, seconds)
        self.check()


def create_bucket(env: Environment) -> None:
    """The bucket of a target, in its region."""
    where = {} if env.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": env.region}}
    client(env, "s3").create_bucket(Bucket=env.bucket, **where)


def lambdas(env: Environment) -> Any:
    """A client of Lambda in the region of a target."""
    return boto3.session.Session().client(
        "lambda",
        region_name=env.region,
        endpoint_url=env.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}),
    )


def estate(
    running: local.Running, namespace: str, folder: Path, fleet: Fleet = ONE_BY_ONE, names: Sequence[str] = ("hello",)
) -> Estate:
    """Services at version 1 in each target of a fleet."""

    def region(target: str) -> tuple[str, Region]:
        name = REGIONS.get(target, "us-east-1")
        bucket = f"crabwalk-{namespace}-{fleet.member(target)}"
        env = replace(
            engine_kit.environment(running),
            name=fleet.member(target),
            region=name,
            bucket=bucket,
            tick_s=0.0,
            fleet=fleet.name,
            target=target,
        )
        create_bucket(env)
        raw = lambdas(env)
        yard = Target(Functions(env, tuple(names), raw), Project(namespace, ROOT))
        for one in names:
            edge_kit.create(raw, yard.function(one))
            raw.publish_version(FunctionName=yard.function(one))
            head = Head("live", "20260101T000000-000000", "1", None, 0.0, None, commit="0" * 12, nonce="0" * 16)
            raw.create_alias(FunctionName=yard.function(one), Name=ALIAS, FunctionVersion="1", Description=str(head))
            ledger = yard.fleet.engine.ledger
            released = Released("20260101T000000-000000", "1", "0" * 40, "old", "old", 0.0)
            ledger.save(replace(ledger.service(one), promoted=released))
        return target, Region(yard, folder, tuple(names))

    engine_kit.environment(running)
    with ThreadPoolExecutor(3) as pool:
        return Estate(fleet, dict(pool.map(region, fleet.targets)))


@dataclass
class Target(Yard):
    """A yard in a region of its own."""

    def function(self, name: str) -> str:
        """What its function is called there."""
        return self.project.function_name(self.fleet.env.name, name)


def held() -> ConflictError:
    """What a target says that somebody else works on."""
    return ConflictError("`hello` is being worked on")
