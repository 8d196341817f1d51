"""The situations of docs/runbook.md, made on the embedded AWS, and its commands tried in them.

A block of the page is a fence `console`; `$ ` begins a command, what follows is its answer. A comment before a block
names the scene it begins in; further blocks go on in the same one. Run as a program it writes the answers anew.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import os
import re
import shlex
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import edge_kit
import engine_kit
import release_kit as values
from steer_kit import Steered

from pipeline import local
from pipeline.cli import run
from pipeline.infra.locks import lock_key
from pipeline.release.ledger.head import Head
from pipeline.release.ledger.lease import Lease
from pipeline.release.model import ALIAS
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import tick

PAGE = Path(__file__).parents[2] / "docs" / "runbook.md"
SCENE = re.compile(r"<!-- scene: (?P<name>[a-z-]+) -->")
CODE = re.compile(r"\(exit code (\d+)\)")
# What differs from one run to the next, and what stands for it on the page.
CHANGING = (
    (re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}"), "20261122T025104-7c1f0a"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"), "2026-11-22 02:51:09Z"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC"), "2026-11-22 02:51 UTC"),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:\.\d+)?(Z?)\b"), r"02:51:09\1"),
    (re.compile(r"\S+@\S+ \(process \d+\)"), "runner@build-7 (process 2041)"),
    (re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "1c8d3bbe-40a6-47b5-9a0f-3c5d7e9f1a2b"),
    (re.compile(r"/\S*/crabwalk/unrecorded/[0-9a-f]+"), "~/.local/state/crabwalk/unrecorded/8eef6107533c5eb4"),
    (re.compile(r"(arn:aws:iam::)?\b(000000000000:)?root\b"), "on-call/anna"),
    (re.compile(r"\b000000000000\b"), "444455556666"),
    (re.compile(r"\bus-east-1\b"), "eu-west-1"),
    (re.compile(r"(?<![.\w])local\b"), "production"),
)


@dataclass(frozen=True)
class Asked:
    """A command of the page and what the page says that it answers."""

    line: str
    answer: tuple[str, ...]


@dataclass
class Situation:
    """Commands that are typed one after the other in one scene."""

    scene: str
    asked: list[Asked] = field(default_factory=list)


def situations(page: str) -> list[Situation]:
    """All of a page, in its order."""
    found: list[Situation] = []
    inside = False
    for line in page.splitlines():
        if begun := SCENE.fullmatch(line):
            found.append(Situation(begun["name"]))
        elif line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith("$ "):
            found[-1].asked.append(Asked(line[2:], ()))
        elif inside:
            last = found[-1].asked.pop()
            found[-1].asked.append(replace(last, answer=(*last.answer, line)))
    return found


@dataclass
class Stage:
    """A project with one service in a situation, and where commands are typed."""

    here: Steered
    home: Path

    @property
    def function(self) -> str:
        return self.here.place.function

    def typed(self, line: str) -> tuple[str, ...]:
        """What a command of the page answers, as the page would say it."""
        words = shlex.split(line, comments=True)
        assert words[0] == "crabwalk", line
        words = [self._here(word) for word in words[1:]]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(words)
        said = [*out.getvalue().splitlines(), *err.getvalue().splitlines(), *([f"(exit code {code})"] if code else [])]
        return tuple(self._there(line) for line in said)

    def _here(self, word: str) -> str:
        word = word.replace("shop-production-hello", self.function)
        return {"production": "local", "eu-west-1": "us-east-1"}.get(word, word)

    def _there(self, line: str) -> str:
        bucket = self.here.engine.env.bucket
        line = line.replace(bucket, "crabwalk-shop-production-444455556666")
        line = line.replace(self.function, "shop-production-hello").rstrip()
        for pattern, said in CHANGING:
            line = pattern.sub(said, line)
        return line


# the scenes


def promoted(stage: Stage) -> None:
    """Version 2 has all traffic, over version 1."""
    rollout = stage.here.walking()
    _judged(stage, rollout, bad=0.0)


def walking(stage: Stage) -> None:
    """Version 2 has 10 %, and its controller is gone."""
    stage.here.walking()


def rolled_back_by_itself(stage: Stage) -> None:
    """The judge found version 2 worse."""
    _judged(stage, stage.here.walking(), bad=0.2)


def frozen(stage: Stage) -> None:
    """A person rolled version 2 back."""
    promoted(stage)
    _quietly("rollback", "hello", "--reason", "checkout answers 500")


def changed_by_hand(stage: Stage) -> None:
    """In mid-walk somebody gave version 2 all traffic in the console."""
    digest = stage.here.engine.functions.state(stage.function, "2").code_sha256
    stage.here.walking(artifact=base64.b64decode(digest).hex())
    stage.here.raw.update_alias(
        FunctionName=stage.function, Name=ALIAS, FunctionVersion="2", RoutingConfig={"AdditionalVersionWeights": {}}
    )


def first_release(stage: Stage) -> None:
    """Version 1 is the first there ever was."""
    told = {"release": values.FRESH.release_id, "primary": "1", "extra": None, "weight": 0.0, "previous": None}
    stage.here.write(Head(state="live", commit="c0ffee12c0de", nonce="f" * 16, **told))


def without_ledger(stage: Stage) -> None:
    """Version 2 is promoted, and the environment's bucket is away."""
    told = {"release": values.FRESH.release_id, "primary": "2", "extra": None, "weight": 0.0, "previous": "1"}
    stage.here.write(Head(state="live", commit="c0ffee12c0de", nonce="f" * 16, **told))
    s3, bucket = stage.here.engine.objects, stage.here.engine.env.bucket
    assert s3.get("crabwalk/services/hello/state.json") is None
    edge_kit.client(local.running(), "s3").delete_bucket(Bucket=bucket)


def locked(stage: Stage) -> None:
    """A Terraform that ran on another machine holds the lock of the service's stack."""
    body = {
        "ID": "1c8d3bbe-40a6-47b5-9a0f-3c5d7e9f1a2b",
        "Operation": "OperationTypeApply",
        "Who": "runner@build-7",
        "Created": "2026-11-22T02:51:09.123456Z",
        "Path": "hello",
    }
    stage.here.engine.objects.put(lock_key("hello"), json.dumps(body).encode())


SCENES: dict[str, Callable[[Stage], None]] = {
    make.__name__.replace("_", "-"): make
    for make in (
        promoted,
        walking,
        rolled_back_by_itself,
        frozen,
        changed_by_hand,
        first_release,
        without_ledger,
        locked,
    )
}


def _judged(stage: Stage, rollout: Any, *, bad: float) -> None:
    """Walk to the end, with these failures of version 2; the clock is this scene's."""
    at = rollout.started + 0.5
    engine = Engine(stage.here.engine.env, now=lambda: at)
    engine.metrics = engine_kit.Feed(engine_kit.traffic(bad=bad))  # type: ignore[assignment]
    with Lease(engine.objects, "hello", ttl_s=60, doing="deploy of c0ffee").acquire(lambda _: None) as lease:
        walks = [Walk(stage.here.record, rollout, lease)]
        while not walks[0].rollout.over:
            walks = list(tick(engine, walks))
            at += 1.0


def _quietly(*arguments: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert run([*arguments, "--env", "local"]) == 0


def stage_in(running: local.Running, folder: Path, project: str) -> Stage:
    """A project of this name with one service, for one scene after the other."""
    return Stage(Steered.make(running, folder / "project", project), folder)


@contextlib.contextmanager
def staged(running: local.Running, stage: Stage, scene: str) -> Iterator[Stage]:
    """The scene and nothing of one before; the working directory and the machine's own state are its."""
    _cleared(running, stage)
    before, kept = Path.cwd(), dict(os.environ)
    os.chdir(stage.here.place.root)
    named = {"XDG_STATE_HOME": str(stage.home / scene), "COLUMNS": "200", "NO_COLOR": "1"}
    try:
        for name in [name for name in os.environ if name.startswith("GITHUB_")]:
            del os.environ[name]
        os.environ.update(named)
        os.environ.update(AWS_ENDPOINT_URL=running.endpoint, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
        SCENES[scene](stage)
        yield stage
    finally:
        os.chdir(before)
        os.environ.clear()
        os.environ.update(kept)


def _cleared(running: local.Running, stage: Stage) -> None:
    """An empty bucket, all traffic on version 1."""
    s3, bucket = edge_kit.client(running, "s3"), stage.here.engine.env.bucket
    with contextlib.suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket=bucket)
    for one in s3.list_objects_v2(Bucket=bucket).get("Contents", ()):
        s3.delete_object(Bucket=bucket, Key=one["Key"])
    wanted = {"FunctionVersion": "1", "Description": "", "RoutingConfig": {"AdditionalVersionWeights": {}}}
    stage.here.raw.update_alias(FunctionName=stage.function, Name=ALIAS, **wanted)


def written(page: str, answers: Iterator[tuple[str, ...]]) -> str:
    """The page with these answers, one a command in its order."""
    said: list[str] = []
    inside = False
    for line in page.splitlines():
        if line.startswith("```"):
            inside = line == "```console"
        if inside and line.startswith("$ "):
            said += [line, *next(answers)]
        elif not inside or line.startswith("```"):
            said.append(line)
    return "\n".join(said) + "\n"


def renew() -> None:
    """Write the answers of the page anew."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["CRABWALK_LOCAL_DIR"] = str(folder / "aws")
        running = local.up(seed=20260101)
        try:
            answers: list[tuple[str, ...]] = []
            made = stage_in(running, folder, "runbook")
            for one in situations(PAGE.read_text()):
                with staged(running, made, one.scene) as stage:
                    answers += [stage.typed(asked.line) for asked in one.asked]
            PAGE.write_text(written(PAGE.read_text(), iter(answers)))
        finally:
            local.down()


if __name__ == "__main__":
    renew()
