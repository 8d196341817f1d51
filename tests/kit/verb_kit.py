"""A small project with one service, for tests of verbs that need no git, cargo or Terraform: they run in-process."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edge_kit as kit

from pipeline import local

# Answers with the event and its own version, and logs a line; `fail` in the event makes it fail.
TELLING = """
def handle(event, arn):
    say(json.dumps({"timestamp": "t", "level": "INFO", "message": "served", "by": VERSION}))
    if isinstance(event, dict) and event.get("fail"):
        raise ValueError("asked to fail")
    return {"version": VERSION, "event": event}
def after(event):
    pass
"""
MANIFEST = "crabwalk: 1\nname: hello\ntriggers: [{http: {routes: [GET /]}}]\n"


@dataclass(frozen=True)
class Place:
    """Where the project lies, and what its function is called in `local`."""

    root: Path
    function: str

    def events(self, **files: Any) -> None:
        """Sample events by name."""
        for name, event in files.items():
            (self.root / "services/hello/events" / f"{name}.json").write_text(json.dumps(event))


def place(root: Path, project: str, manifest: str = MANIFEST) -> Place:
    """A project of that name with the service `hello`; nothing is deployed."""
    service = root / "services" / "hello"
    (service / "src").mkdir(parents=True)
    (service / "events").mkdir()
    (service / "Cargo.toml").write_text('[package]\nname = "hello"\nversion = "0.1.0"\nedition = "2024"\n')
    (service / "src" / "main.rs").write_text("fn main() {}\n")
    (service / "service.yaml").write_text(manifest)
    (root / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["services/*"]\n')
    staging = 'environments: {staging: {account: "111122223333", region: eu-west-1}}\n'
    (root / "crabwalk.yaml").write_text(f"crabwalk: 1\nproject: {project}\n{staging}")
    return Place(root, f"{project}-local-hello")


def deployed(running: local.Running, function: str, weight: float = 0.0) -> Any:
    """Versions 1 and 2 of the telling function, the alias `live` on 1 with this weight on 2; the client."""
    functions = kit.client(running, "lambda")
    kit.create(functions, function, kit.package(TELLING))
    functions.publish_version(FunctionName=function)
    functions.update_function_code(FunctionName=function, ZipFile=kit.package(TELLING, salt="second"))
    kit.settle(functions, function)
    functions.publish_version(FunctionName=function)
    routing = {"AdditionalVersionWeights": {"2": weight} if weight else {}}
    functions.create_alias(FunctionName=function, Name="live", FunctionVersion="1", RoutingConfig=routing)
    return functions
