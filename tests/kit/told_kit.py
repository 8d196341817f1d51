"""A function whose versions tell of themselves by the second, steady traffic through its alias, a walk of it."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import urlsplit

import edge_kit as kit
import engine_kit
import release_kit as values

from pipeline import local
from pipeline.manifest.environments import Environment
from pipeline.release.ledger.lease import Lease
from pipeline.release.model import ALIAS, Rollout, StepSpec
from pipeline.release.terms import Pace, Terms
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import run

TIMEOUT_S = 3  # a manifest's default, and Lambda's
# A service without rust_shared that keeps to the contract of docs/signals.md; `share` of its answers are 500.
SERVICE = """
import random
def told(arn, failures):
    names = ["FunctionName", "Resource", "ExecutedVersion"]
    metrics = [{{"Name": name, "Unit": "Count", "StorageResolution": 1}} for name in ("Requests", "Failures")]
    directive = {{"Namespace": "crabwalk", "Dimensions": [names], "Metrics": metrics}}
    function, alias = arn.split(":")[6:8]
    values = {{"FunctionName": function, "Resource": function + ":" + alias, "ExecutedVersion": VERSION}}
    header = {{"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}}
    say(json.dumps({{"_aws": header, "Requests": 1, "Failures": failures, **values}}))
def handle(event, arn):
    if random.random() < {aborts}:
        os._exit(1)
    failed = random.random() < {share}
    told(arn, int(failed))
    return {{"statusCode": 500 if failed else 200, "headers": {{"version": VERSION}}, "body": ""}}
def after(event):
    pass
"""


def service(*, share: float = 0.0, aborts: float = 0.0, salt: str = "") -> bytes:
    return kit.package(SERVICE.format(share=share, aborts=aborts), salt=salt)


@dataclass
class Callers:
    """Requests to `url` at `rate` a second, each by its own schedule; when each version answered."""

    url: str
    rate: float
    threads: int = 12
    answered: dict[str, list[float]] = field(default_factory=dict)  # epoch seconds, by version
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _running: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._next = time.time()
        self._running = [threading.Thread(target=self._call, daemon=True) for _ in range(self.threads)]
        for one in self._running:
            one.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for one in self._running:
            one.join(10)

    @property
    def sent(self) -> int:
        return sum(map(len, self.answered.values()))

    def _call(self) -> None:
        parts = urlsplit(self.url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        with closing(connection):
            self._go_on(connection, parts.path or "/")

    def _go_on(self, connection: http.client.HTTPConnection, path: str) -> None:
        while not self._stop.is_set():
            with self._lock:
                at = self._next
                self._next = max(at, time.time() - 1.0) + 1.0 / self.rate
            if self._stop.wait(max(0.0, at - time.time())):
                return
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                answer.read()
                version = answer.headers.get("version", "")
            except (OSError, http.client.HTTPException):
                connection.close()
                version = ""
            with self._lock:
                self.answered.setdefault(version, []).append(time.time())


@dataclass
class Place:
    """A function with versions 1 (good) and 2, its alias on version 1, and a controller with AWS's own clock."""

    running: local.Running
    name: str

    def make(self, candidate: bytes) -> None:
        functions = kit.client(self.running, "lambda")
        kit.create(functions, self.name, service(), Timeout=TIMEOUT_S)
        functions.publish_version(FunctionName=self.name)
        functions.update_function_code(FunctionName=self.name, ZipFile=candidate)
        kit.settle(functions, self.name)
        functions.publish_version(FunctionName=self.name)
        made = functions.create_alias(FunctionName=self.name, Name=ALIAS, FunctionVersion="1")
        self.url = local.api_url(self.running.endpoint, kit.http_api(self.running, made["AliasArn"]))
        self.env: Environment = engine_kit.environment(self.running)
        self.engine = Engine(self.env)

    def rollout(self, weight: float, **changes: Any) -> Rollout:
        """One step with this weight, judged by the second."""
        declared = replace(
            values.FRESH,
            service=self.name,
            function=self.name,
            started=self.engine.now(),
            steps=(StepSpec(weight, 60),),
            min_requests=100,
            deadline_s=90,
            timeout_s=TIMEOUT_S,
            terms=Terms(evidence=Pace(1, self.env.emf_lag_s)),
        )
        return replace(declared, **changes)

    def walk(self, rollout: Rollout) -> Walk:
        """To its end."""
        with Lease(self.engine.objects, self.name, ttl_s=8, doing="a test").acquire(lambda _: None) as lease:
            record = self.engine.begin(self.engine.ledger.service(self.name), rollout)
            (walk,) = run(self.engine, [Walk(record, rollout, lease)], lambda _views: None)
        return walk
