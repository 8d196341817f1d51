"""The shop in three emulated regions, for what is tested with the real verbs and Terraform."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import waves_kit
from shop_kit import HELLO, REPOSITORY, TWO_STEPS, Scratch

from pipeline.aws import client
from pipeline.aws.objects import Objects
from pipeline.cli.demo import BAD, GOOD
from pipeline.local.traffic import Traffic
from pipeline.manifest.environments import Environment
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

    waves = WAVES

    def prepare(self) -> None:
        """Its environment is many targets, each with a bucket."""
        text = self.read("crabwalk.yaml")
        before, _, _ = text.partition("environments:")
        self.write("crabwalk.yaml", f"{before}{self.waves}services: {ONE}\n")
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

    def resized(self, memory: str) -> str:
        """A change of the function's size alone, which is a version of its own."""
        self.walk()
        before = next(line for line in self.read(ONE).splitlines() if line.startswith("memory: "))
        self.replace(ONE, before, f"memory: {memory}")
        return self.commit(f"hello: {memory}")

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

    def place(self, target: str) -> Environment:
        """One target as the environment that it is."""
        return environment(load_project(self.root), f"local-{target}")

    def copies(self, sha256: str) -> dict[str, str | None]:
        """By target, the SHA-256 of what lies in its bucket under the name of this zip."""
        places = {target: self.place(target) for target in "abc"}
        return {target: Objects(env).sha256(f"artifacts/{sha256}.zip") for target, env in places.items()}

    def swap(self, target: str, sha256: str, body: bytes) -> bytes:
        """Put something else where this zip lies in a target's bucket; what lay there."""
        env = self.place(target)
        where = {"Bucket": env.bucket, "Key": f"artifacts/{sha256}.zip"}
        before: bytes = client(env, "s3").get_object(**where)["Body"].read()
        client(env, "s3").put_object(**where, Body=body, ChecksumAlgorithm="SHA256")
        return before

    def traces(self, target: str) -> dict[str, Any]:
        """What a release leaves in a target: its function, its alias, and everything in its bucket but copied zips.

        Terraform's state, the ledger, leases and the trail lie in the bucket.
        """
        env, name = self.place(target), f"{self.project}-local-{target}-hello"
        functions = client(env, "lambda")
        versions = functions.list_versions_by_function(FunctionName=name)["Versions"]
        listed = client(env, "s3").list_objects_v2(Bucket=env.bucket).get("Contents", ())
        return {
            "versions": [(one["Version"], one["CodeSha256"], one["LastModified"]) for one in versions],
            "alias": functions.get_alias(FunctionName=name, Name="live")["RevisionId"],
            "bucket": {one["Key"]: one["ETag"] for one in listed if not one["Key"].startswith("artifacts/")},
        }

    @contextmanager
    def traffic(self, rate: float = 80.0) -> Iterator[None]:
        """Requests to every target; only the second has those that the bad version refuses."""
        with ExitStack() as stack:
            for one in self.fleet()["targets"]:
                kind = Traffic if one["target"] == "b" else Calm
                stack.enter_context(kind(one["services"][0]["url"], rate=rate, connections=4))
            yield
