"""The shop in three emulated regions, for what is tested with the real verbs and Terraform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import waves_kit
from shop_kit import GOOD, HELLO, REPOSITORY, TWO_STEPS, Scratch

from pipeline.cli.demo import BAD
from pipeline.local.traffic import Traffic
from pipeline.manifest.project import environment, load_project

WAVES = """environments:
  local:
    targets:
      a: {region: us-east-1}
      b: {region: eu-west-1}
      c: {region: ap-southeast-2}
    waves:
      - {name: one-box, targets: [a], bake: 3 s, on_failure: roll-back}
      - {name: second, targets: [b], on_failure: roll-back}
      - {name: rest, targets: [c], on_failure: roll-back}
"""
ONE = "services/hello/service.yaml"


class Calm(Traffic):
    """Greets nobody whom the demo's bad version refuses."""

    def _next(self) -> tuple[float, str] | None:
        turn = super()._next()
        return None if turn is None else (turn[0], "Ada")


class Estate(Scratch):
    """`hello`, in three regions."""

    def prepare(self) -> None:
        """Its environment is many targets, each with a bucket."""
        text = self.read("crabwalk.yaml")
        before, _, _ = text.partition("environments:")
        self.write("crabwalk.yaml", f"{before}{WAVES}services: {ONE}\n")
        self.walk()
        for one in load_project(self.root).environments:
            waves_kit.create_bucket(environment(load_project(self.root), one.name))

    def walk(self) -> None:
        """A walk that does not wait ten seconds for the last request of each step."""
        self.walk_in("hello", TWO_STEPS)
        self.replace(ONE, "timeout: 10 s", "timeout: 2 s")

    def better(self) -> str:
        """A good change."""
        self.walk()
        self.write(HELLO, (REPOSITORY / HELLO).read_text().replace(*GOOD))
        return self.commit("hello: another greeting")

    def worse(self) -> str:
        """A change that fails one request in five, of those that are not always for Ada."""
        self.walk()
        self.write(HELLO, (REPOSITORY / HELLO).read_text().replace(*GOOD).replace(*BAD))
        return self.commit("hello: refuse some names")

    def target(self, name: str) -> Any:
        """How one target stands."""
        found = {one["target"]: one for one in self.fleet()["targets"]}
        return found[name]["services"][0]

    def fleet(self) -> Any:
        """How all of it stands."""
        done = self.crabwalk("status", "--env", "local", "--output", "json")
        assert done.code == 0, done.said
        return done.json

    def shares(self) -> dict[str, dict[str, float]]:
        """Where the traffic of each target is."""
        return {one["target"]: one["services"][0]["traffic"] for one in self.fleet()["targets"]}

    @contextmanager
    def traffic(self, rate: float = 80.0) -> Iterator[None]:
        """Requests to every target; those of the first are always for Ada."""
        with ExitStack() as stack:
            for one in self.fleet()["targets"]:
                kind = Calm if one["target"] == "a" else Traffic
                stack.enter_context(kind(one["services"][0]["url"], rate=rate, connections=4))
            yield
