"""The example services, all of them, deployed by the real verb, and used through what triggers them."""

from __future__ import annotations

import base64
import importlib
import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError
from shop_kit import PATIENCE_S, Scratch

from pipeline.aws import client
from pipeline.aws.metrics import Metrics, Series
from pipeline.infra import names
from pipeline.manifest import load_services
from pipeline.manifest.models import Service
from pipeline.manifest.project import load_project

# The examples' steps on `local`, and the one they have here: two would take twice as long and show no more.
STEPS = ("steps: [{traffic: 10 %, bake: 8 s}, {traffic: 50 %, bake: 8 s}]", "steps: [{traffic: 50 %, bake: 3 s}]")
# Requests a step is judged by: so many that a quarter of them failing is no chance. Queues keep what they have.
LEAST = ("min_requests: 100", "min_requests: 60")
DEADLINE = ("deadline: 2 min", "deadline: 10 min")  # a machine that compiles beside it brings requests late
IDLE_S = 5.0  # between calls of a service that is not released just now
LONGEST_S = 6  # a walk is judged as far behind as the timeout is long
ALL = "services/*/service.yaml"


def chosen(services: Iterable[str]) -> list[str]:
    """These, sorted, or those of them that the environment's CATALOGUE names."""
    named = {name for name in os.environ.get("CATALOGUE", "").split(",") if name}
    return sorted(name for name in services if not named or name in named)


class Catalogue(Scratch):
    """A project of all examples; `CATALOGUE=health,todos` in the environment limits it to these."""

    foreign = False  # whether `local` runs them as production does: built for arm64, under qemu

    @classmethod
    def released(cls, folder: Path, name: str) -> Self:
        """One with the first release of every example; compiling and Terraform take a while."""
        shop = cls.make(folder / "repository", name, services=ALL)
        done = shop.crabwalk("bootstrap", "local")
        assert done.code == 0, done.said
        done = shop.deploy()
        assert done.code == 0, done.said
        return shop

    def prepare(self) -> None:
        files = {file.parent.name: file for file in self.root.glob(ALL)}
        for name in files.keys() - set(chosen(files)):
            files.pop(name).unlink()
        for file in files.values():
            text = file.read_text().replace(*STEPS)
            if self.foreign:
                text = text.replace("architecture: host", "architecture: arm64")
            head, _, overlays = text.partition("overlays:")
            found = re.search(r"^timeout: (\d+) s", head, re.MULTILINE)
            if found and int(found[1]) > LONGEST_S and "timeout:" not in overlays:
                text = text.replace("architecture: host\n", f"architecture: host\n    timeout: {LONGEST_S} s\n")
            file.write_text(text.replace(*LEAST).replace(*DEADLINE))

    def services(self) -> Mapping[str, Service]:
        """The manifests as `local` has them, by name."""
        return {one.name: one for one in load_services(load_project(self.root), "local")}

    def build(self, *services: str) -> None:
        """Compile beforehand, so that no traffic takes processors from it."""
        done = self.start("build", *services, "--env", "local").end(1800)
        assert done.code == 0, done.said

    def deploy(self, *arguments: str) -> Any:
        """`deploy --env local`, however long that takes."""
        return self.start("deploy", *arguments, "--env", "local").end(1800)

    def client(self, service: str) -> Any:
        """boto3's client of the embedded AWS."""
        return client(self.env, service)

    def physical(self, service: str, resource: str) -> str:
        """The name at AWS of what a manifest declares under `resources`."""
        kind = self.services()[service].resources[resource].kind
        return names.physical(load_project(self.root), self.env, service, resource, kind)

    def arn(self, service: str, resource: str) -> str:
        """Its ARN."""
        kind = self.services()[service].resources[resource].kind
        return names.arn(self.env, kind, self.physical(service, resource))

    def queue(self, service: str, resource: str) -> str:
        """A queue's URL."""
        return names.queue_url(self.env, self.physical(service, resource))

    def url(self, service: str) -> str:
        """Where an HTTP API or a function URL answers."""
        return str(self.status(service)["url"])

    def code(self, service: str) -> bytes:
        """The zip of the version that is live; where GetFunction points to, the emulator has what was uploaded last."""
        functions, s3 = self.client("lambda"), self.client("s3")
        found = functions.get_function_configuration(FunctionName=self.function(service), Qualifier="live")
        key = f"artifacts/{base64.b64decode(found['CodeSha256']).hex()}.zip"
        zipped: bytes = s3.get_object(Bucket=self.env.bucket, Key=key)["Body"].read()
        return zipped

    def log(self, service: str) -> list[dict[str, Any]]:
        """What the function logged, JSON lines only, oldest first; metric lines too."""
        pages = self.client("logs").get_paginator("filter_log_events")
        group = f"/aws/lambda/{self.function(service)}"
        found = (event["message"] for page in pages.paginate(logGroupName=group) for event in page["events"])
        return [json.loads(line) for line in found if line.startswith("{")]

    def invoked(self, service: str) -> Counter[str]:
        """How often each version was invoked through the alias in the last hour, as CloudWatch counts."""
        function = self.function(service)
        pages = self.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=function)
        versions = [one["Version"] for page in pages for one in page["Versions"] if one["Version"] != "$LATEST"]
        series = {version: Series(function, names.ALIAS, version, "Invocations") for version in versions}
        now = time.time()
        found = Metrics(self.env).read(list(series.values()), now - 3600, now + 1)
        return Counter({version: round(sum(found[one].values())) for version, one in series.items()})

    def edit(self, *edits: tuple[str, str, str]) -> None:
        """Replace text in sources."""
        for path, old, new in edits:
            self.replace(path, old, new)


class Foreign(Catalogue):
    """The same, built for arm64 on whatever machine this is."""

    foreign = True


def until(what: str, found: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
    """Poll until there is something; AssertionError naming `what` when there is nothing in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = found()
        if answer:
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


@dataclass(frozen=True)
class Use:
    """How tests use one service: what its file below `callers/` says."""

    name: str
    rate: float
    caller: Callable[[Any], Callable[[int], None]]
    good: tuple[str, str, str] | str
    bad: tuple[str, str, str] | str

    @classmethod
    def of(cls, name: str) -> Use:
        found = importlib.import_module(f"callers.{name.replace('-', '_')}")
        return cls(name, float(found.RATE), found.caller, found.GOOD, found.BAD)


def numbered(made: int) -> int:
    """The number of a call: two of three end in 3 or 7, which is what most bad changes fail at."""
    return made * 10 + (1, 3, 7)[made % 3]


@dataclass
class Steady:
    """One service used through its own trigger, from one thread, while used as a context manager.

    At its rate while a new version has a part of the traffic, which `walks` says; before and after that a call now and
    then is enough: the embedded AWS is one process, and others' walks need it.
    """

    use: Use
    call: Callable[[int], None]
    walks: Callable[[], object]
    made: int = 0
    faults: list[str] = field(default_factory=list)
    _every: float = IDLE_S
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[Steady]:
        threads = [threading.Thread(target=work, daemon=True) for work in (self._look, self._work)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in threads:
                thread.join(60)

    def _look(self) -> None:
        while not self._stop.wait(1):
            with suppress(BotoCoreError, ClientError):
                self._every = 1 / self.use.rate if self.walks() else IDLE_S

    def _work(self) -> None:
        """At the rate, or as fast as four at a time are answered: what is late is not made up for."""
        last, room = time.monotonic(), threading.Semaphore(4)
        with ThreadPoolExecutor(4) as pool:
            while not self._stop.wait(0.05):
                if last + self._every <= time.monotonic() and room.acquire(timeout=1):
                    last = max(last + self._every, time.monotonic() - 1)
                    self.made += 1
                    pool.submit(self._one, numbered(self.made)).add_done_callback(lambda _: room.release())

    def _one(self, number: int) -> None:
        try:
            self.call(number)
        except Exception as error:  # noqa: BLE001 - whatever a caller meets is counted
            self.faults.append(f"{type(error).__name__}: {error}")


@contextmanager
def traffic(shop: Catalogue, uses: list[Use]) -> Iterator[dict[str, Steady]]:
    """All these services in use at once."""
    with ExitStack() as stack:
        made = [Steady(use, use.caller(shop), partial(shop.weights, use.name)) for use in uses]
        yield {one.use.name: stack.enter_context(one.running()) for one in made}
