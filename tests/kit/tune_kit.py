"""A released service for the tests of `tune`: one version with all traffic, which computes as long as asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import edge_kit
import verb_kit

from pipeline import local
from pipeline.manifest.environments import Environment
from pipeline.manifest.project import environment, load_project
from pipeline.release.walk.act import Engine
from pipeline.release.words import ALIAS

# Computes for `ms` of the event on the processor, and fails where it is asked to.
COMPUTING = """
def handle(event, arn):
    if event.get("fail"):
        raise ValueError("asked to fail")
    until = time.process_time() + event.get("ms", 0) / 1000
    while time.process_time() < until:
        pass
    return {"statusCode": 200, "body": VERSION}
def after(event):
    pass
"""
MANIFEST = """crabwalk: 1
name: hello
# comments stay
memory: 128 MB   # the least there is
triggers: [{http: {routes: [GET /]}}]
release: {probe: {events: [events/probe.json]}}
"""


@dataclass
class Tuned:
    """The project, its function and what AWS has of it."""

    root: Path
    function: str
    raw: Any
    env: Environment
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = Engine(self.env)

    def state(self) -> dict[str, Any]:
        """All that tuning must leave as it was: aliases, versions, `$LATEST`."""
        latest = self.raw.get_function_configuration(FunctionName=self.function)
        versions = self.raw.list_versions_by_function(FunctionName=self.function)["Versions"]
        aliases = self.raw.list_aliases(FunctionName=self.function)["Aliases"]
        return {
            "memory": latest["MemorySize"],
            "code": latest["CodeSha256"],
            "versions": [one["Version"] for one in versions],
            "aliases": {one["Name"]: (one["FunctionVersion"], one["RevisionId"]) for one in aliases},
        }


def made(running: local.Running, root: Path, project: str, manifest: str = MANIFEST) -> Tuned:
    place = verb_kit.place(root, project, manifest)
    place.events(probe={"ms": 2}, other={"ms": 1, "write": True})
    raw = edge_kit.client(running, "lambda")
    env = environment(load_project(root), "local")
    edge_kit.client(running, "s3").create_bucket(Bucket=env.bucket)
    edge_kit.create(raw, place.function, edge_kit.package(COMPUTING), MemorySize=128)
    raw.publish_version(FunctionName=place.function)
    raw.create_alias(FunctionName=place.function, Name=ALIAS, FunctionVersion="1")
    return Tuned(root, place.function, raw, env)


def event(**keys: Any) -> str:
    """An HTTP GET as API Gateway sends it, with these keys."""
    return json.dumps({"version": "2.0", "requestContext": {"http": {"method": "GET"}}, **keys})
