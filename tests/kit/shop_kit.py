"""A scratch repository with the example services, and the real verbs in it, each as a process of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from pipeline.aws import client
from pipeline.cli.demo import AUTHOR, BAD, GOOD
from pipeline.manifest.environments import Environment
from pipeline.manifest.project import environment, load_project
from pipeline.release.ledger.head import fresh_nonce, trusted
from pipeline.release.model import ALIAS
from pipeline.release.walk.act import Engine
from pipeline.release.walk.freeze import thaw

REPOSITORY = Path(__file__).parents[2]
PARTS = ("Cargo.toml", "Cargo.lock", ".gitignore", "crabwalk.yaml", "modules", "rust_shared", "services")
SERVICES = "services/he*/service.yaml"  # hello and health; the others are the catalogue's
HELLO = "services/hello/src/main.rs"
EVENT = "services/hello/events/hello.json"
# What ends a test that would wait for ever; longer than a busy machine needs for anything waited for.
PATIENCE_S = 900.0  # a verb may wait for another process to have compiled the AWS SDK
TWO_STEPS = "{traffic: 10 %, bake: 3 s}, {traffic: 50 %, bake: 2 s}"
ONE_STEP = "{traffic: 10 %, bake: 3 s}"
OVERLAY = """overlays:
  local:
    architecture: host
    timeout: 10 s
    release: {{steps: [{steps}], min_requests: 20, deadline: {deadline}, on_inconclusive: {on_inconclusive}}}
"""


@dataclass(frozen=True)
class Done:
    """How a verb ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


@dataclass
class Verb:
    """A verb that runs."""

    process: subprocess.Popen[bytes]
    folder: Path

    def end(self, seconds: float = PATIENCE_S) -> Done:
        """Wait for its end; whatever happened, nobody sees a traceback."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise self.failed(f"it did not end within {seconds:.0f} s") from None
        done = Done(self.process.returncode, self._read("out"), self._read("err"))
        shutil.rmtree(self.folder)
        assert "Traceback" not in done.said, done.said
        return done

    def signal(self, number: signal.Signals) -> Done:
        self.process.send_signal(number)
        return self.end()

    def failed(self, what: str) -> AssertionError:
        """End it, and show what it said."""
        self.process.kill()
        self.process.wait()
        return AssertionError(f"{what}:\n{self._read('out')}\n{self._read('err')}")

    def _read(self, name: str) -> str:
        return (self.folder / name).read_text()


@dataclass
class Scratch:
    """A git repository of a project with a name of its own, and so with a namespace of its own."""

    root: Path
    project: str
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, project: str, *, services: str = SERVICES) -> Self:
        root.mkdir()
        for part in PARTS:
            source = REPOSITORY / part
            if source.is_dir():
                shutil.copytree(source, root / part, ignore=shutil.ignore_patterns("target", ".terraform"))
            else:
                shutil.copy(source, root / part)
        made = cls(root, project)
        text = made.read("crabwalk.yaml").replace("project: examples", f"project: {project}")
        made.write("crabwalk.yaml", f"{text}services: {services}\n")
        made.prepare()
        made.git("init", "--quiet", "--initial-branch", "main")
        made.commit("first")
        return made

    def prepare(self) -> None:
        """What is different from the examples, before the first commit."""
        self.walk_in("hello")
        self.walk_in("health")

    # the repository

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def write(self, path: str, text: str) -> None:
        (self.root / path).write_text(text)

    def replace(self, path: str, old: str, new: str) -> None:
        text = self.read(path)
        assert old in text
        self.write(path, text.replace(old, new))

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *AUTHOR, *arguments], cwd=self.root, check=True, capture_output=True, text=True, env=_environment()
        )
        return done.stdout.strip()

    def commit(self, subject: str) -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", subject)
        return self.git("rev-parse", "HEAD")

    def walk_in(
        self,
        service: str,
        steps: str = TWO_STEPS,
        *,
        deadline: str = "2 min",
        on_inconclusive: str = "rollback",
    ) -> None:
        """Declare how `service` walks."""
        manifest = f"services/{service}/service.yaml"
        kept = self.read(manifest).partition("overlays:")[0]
        self.write(manifest, kept + OVERLAY.format(steps=steps, deadline=deadline, on_inconclusive=on_inconclusive))

    # the verbs

    def start(self, *arguments: str, **variables: str) -> Verb:
        """Start a verb as a person would type it."""
        folder = Path(tempfile.mkdtemp(dir=self.root.parent))
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            # A test run in the background has SIGINT ignored; -P: this folder's own `pipeline`, if any, is not meant.
            command = ["env", "--default-signal=INT", sys.executable, "-P", "-m", "pipeline", *arguments]
            env = _environment() | dict(self.variables) | variables
            process = subprocess.Popen(
                command, cwd=self.root, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=err
            )
        return Verb(process, folder)

    def crabwalk(self, *arguments: str, **variables: str) -> Done:
        return self.start(*arguments, **variables).end()

    def status(self, service: str = "hello") -> Any:
        done = self.crabwalk("status", service, "--output", "json")
        assert done.code == 0, done.said
        return done.json["services"][0]

    def history(self, service: str = "hello") -> Any:
        done = self.crabwalk("history", service, "--last", "1000", "--output", "json")
        assert done.code == 0, done.said
        return done.json["entries"]

    # what is where

    @property
    def env(self) -> Environment:
        return environment(load_project(self.root), "local")

    def function(self, service: str = "hello") -> str:
        return f"{self.project}-local-{service}"

    def alias(self, service: str = "hello") -> Any:
        answer = client(self.env, "lambda").get_alias(FunctionName=self.function(service), Name="live")
        return {key: value for key, value in answer.items() if key != "ResponseMetadata"}

    def weights(self, service: str = "hello") -> dict[str, float]:
        return dict(self.alias(service).get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))

    def until_walking(self, verb: Verb, service: str = "hello", share: float = 0.1, seconds: float = PATIENCE_S) -> str:
        """Wait until `verb` has given a new version this share; the version."""
        deadline = time.monotonic() + seconds
        while verb.process.poll() is None and time.monotonic() < deadline:
            found = [version for version, weight in self.weights(service).items() if weight == share]
            if found:
                return found[0]
            time.sleep(0.05)
        raise verb.failed(f"it did not come to {share:.0%}")


class Shop(Scratch):
    """Both services, released: `hello` is what most tests walk, one after the other."""

    def deploy(self, *arguments: str) -> Done:
        return self.crabwalk("deploy", "--env", "local", *arguments)

    def live_source(self) -> str:
        """The source of `hello` as it was promoted last."""
        promoted = Engine(self.env).ledger.service("hello").promoted
        assert promoted is not None
        return self.git("show", f"{promoted.commit}:{HELLO}") + "\n"

    def change(self, steps: str = TWO_STEPS, **release: str) -> str:
        """Commit a good change of `hello`: another greeting than the one that was promoted last."""
        self.walk_in("hello", steps, **release)
        self.write(EVENT, (REPOSITORY / EVENT).read_text())
        plain = (REPOSITORY / HELLO).read_text()
        self.write(HELLO, plain.replace(*GOOD) if self.live_source() == plain else plain)
        return self.commit("hello: another greeting")

    def break_hello(self, steps: str = TWO_STEPS, *, event: bool = False) -> str:
        """Commit a change of `hello` that fails one request in five; with `event` also the smoke check."""
        self.walk_in("hello", steps)
        # The demo's bad change comes after its good one: all three are compiled once for both.
        self.write(HELLO, (REPOSITORY / HELLO).read_text().replace(*GOOD).replace(*BAD))
        self.write(EVENT, (REPOSITORY / EVENT).read_text().replace("Ada", "Ada3" if event else "Ada"))
        return self.commit("hello: refuse some names")

    def settle(self) -> None:
        """End whatever a test left under way, so that the next begins from a service at rest."""
        self.git("checkout", "--quiet", "--force", "main")
        for service in ("hello", "health"):
            if self.weights(service):
                self.crabwalk("rollback", service)
            if Engine(self.env).ledger.service(service).under_way is not None:
                self.deploy(service)
            self.thaw(service)

    def thaw(self, service: str = "hello") -> None:
        """Let a service be deployed to again that a rollback froze."""
        engine = Engine(self.env)
        thaw(engine, engine.ledger.service(service), self.function(service))

    def pardon(self, service: str = "hello") -> None:
        """Let what was rolled back before be released again; `change` goes back and forth between two artifacts."""
        engine = Engine(self.env)
        engine.ledger.save(replace(engine.ledger.service(service), rejected=()))
        alias = engine.functions.alias(self.function(service), ALIAS)
        head = trusted(alias)
        if head is not None and head.rolled_back:
            engine.write(alias, replace(head, origin=None, nonce=fresh_nonce()))

    def promoted_twice(self) -> None:
        """Make sure that there is a version to go back to; without steps, so that no traffic is needed."""
        if len([one for one in self.history() if one["outcome"] == "promoted"]) < 2:
            self.change("")
            assert self.deploy("--retry").code == 0


def _environment() -> dict[str, str]:
    """As the session has it, without what a CI server adds."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "GIT_"))}
    return {**kept, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
