"""`crabwalk rollback` as the on-call engineer has it: what it says, whatever is missing or in the way."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import edge_kit
import pytest
import verb_kit

from pipeline import local
from pipeline.cli import run
from pipeline.release.head import Head, parse

ME = "arn:aws:iam::000000000000:root"
RELEASE = "20260102T030405-abc123"
CRABWALK = str(Path(sys.executable).with_name("crabwalk"))


@dataclass
class Service:
    """`hello` of a project of its own, version 2 promoted over version 1; the bucket is not made yet."""

    place: verb_kit.Place
    project: str
    functions: Any
    s3: Any
    home: Path

    @property
    def bucket(self) -> str:
        return f"crabwalk-{self.project}-local"

    def promoted(self, **more: Any) -> None:
        told = {"release": RELEASE, "primary": "2", "extra": None, "weight": 0.0, "previous": "1", **more}
        head = Head(state="live", commit="c0ffee12c0de", nonce=os.urandom(8).hex(), **told)
        self.move(head.primary, str(head))

    def move(self, version: str, description: str) -> None:
        self.functions.update_alias(
            FunctionName=self.place.function,
            Name="live",
            FunctionVersion=version,
            Description=description,
            RoutingConfig={"AdditionalVersionWeights": {}},
        )

    def alias(self) -> Any:
        found = self.functions.get_alias(FunctionName=self.place.function, Name="live")
        return {name: value for name, value in found.items() if name != "ResponseMetadata"}

    def history(self) -> list[Any]:
        found = self.s3.list_objects_v2(Bucket=self.bucket, Prefix="crabwalk/services/hello/history/")
        keys = [one["Key"] for one in found.get("Contents", ())]
        return [json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()) for key in keys]

    def record(self) -> Any:
        stored = self.s3.get_object(Bucket=self.bucket, Key="crabwalk/services/hello/state.json")
        return json.loads(stored["Body"].read())

    def queue(self) -> list[Path]:
        return sorted((self.home / "crabwalk" / "unrecorded").glob("*"))


@pytest.fixture
def hello(
    embedded: local.Running, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Service]:
    project = namespace[:20].rstrip("-")
    place = verb_kit.place(tmp_path / "project", project)
    functions = verb_kit.deployed(embedded, place.function)
    monkeypatch.chdir(place.root)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("GITHUB_ACTOR", raising=False)
    found = Service(place, project, functions, edge_kit.client(embedded, "s3"), tmp_path / "state")
    found.promoted()
    yield found
    functions.delete_function(FunctionName=place.function)


@pytest.fixture
def ledger(hello: Service) -> str:
    """The bucket."""
    hello.s3.create_bucket(Bucket=hello.bucket)
    return hello.bucket


def plain(tmp_path: Path, endpoint: str) -> dict[str, str]:
    """A machine that has only AWS credentials."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CRABWALK_", "GITHUB_"))}
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    return {**kept, **keys, "AWS_ENDPOINT_URL": endpoint, "HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "s")}


def crabwalk(environ: dict[str, str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [CRABWALK, *arguments], env=environ, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout, done.stderr


# from anywhere


def test_a_machine_that_has_only_credentials_is_enough(hello: Service, embedded: local.Running, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    environ = plain(empty, embedded.endpoint)
    function = hello.place.function
    wanted = ("rollback", "--function", function, "--region", "us-east-1")
    assert crabwalk(environ, empty, *wanted) == (
        0,
        (
            f"{function}: version 1 has all traffic, version 2 has none\n"
            "the alias carries the mark; `crabwalk rollback SERVICE` in its project records it\n"
        ),
        "",
    )
    head = parse(hello.alias()["Description"])
    assert head is not None
    assert (hello.alias()["FunctionVersion"], head.state, head.origin) == ("1", "frozen", "2")
    said = f"{function}: already rolled back from version 2 to 1; --to VERSION goes further\n"
    assert crabwalk(environ, empty, *wanted) == (0, said, "")
    assert list(empty.iterdir()) == [], "nothing is left behind"


def test_a_profile_is_enough_too(hello: Service, embedded: local.Running, tmp_path: Path) -> None:
    environ = plain(tmp_path, embedded.endpoint)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del environ[name]
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("[on-call]\naws_access_key_id = test\naws_secret_access_key = test\n")
    named = ("rollback", "--function", hello.place.function, "--region", "us-east-1", "--output", "json")
    code, out, err = crabwalk({**environ, "AWS_PROFILE": "on-call"}, tmp_path, *named)
    assert (code, json.loads(out)["version"], json.loads(out)["recorded"]) == (0, "1", False), err
    code, out, err = crabwalk({**environ, "AWS_PROFILE": "nobody"}, tmp_path, *named)
    assert (code, out) == (1, "")
    assert "The config profile (nobody) could not be found" in err
    code, _, err = crabwalk(environ, tmp_path, *named)
    assert code == 1
    assert "no AWS credentials were found" in err


def test_another_account_is_not_touched(hello: Service, embedded: local.Running, tmp_path: Path) -> None:
    before = hello.alias()
    staging = f"{hello.project}-staging-hello"
    verb_kit.deployed(embedded, staging)
    code, out, err = crabwalk(
        plain(tmp_path, embedded.endpoint), hello.place.root, "rollback", "hello", "--env", "staging"
    )
    assert (code, out) == (2, "")
    # The region is another one too; whichever is found first, it is said and nothing is written.
    assert re.search(r"(this is|belong to) account 000000000000, .*account 111122223333", err), err
    assert hello.alias() == before
    hello.functions.delete_function(FunctionName=staging)


# the record


def test_the_record_says_who_and_why(
    hello: Service, ledger: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ledger
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    assert run(["rollback", "hello", "--env", "local", "--reason", "checkout fails", "--output", "json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {
        "service": "hello",
        "environment": "local",
        "changed": True,
        "version": "1",
        "from": "2",
        "release": RELEASE,
        "by": f"{ME} (octocat)",
        "recorded": True,
        "warning": "",
    }
    (entry,) = hello.history()
    assert (entry["actor"], entry["claimed_actor"], entry["reason"]) == (ME, "octocat", "checkout fails")
    frozen = hello.record()["frozen"]
    assert (frozen["actor"], frozen["reason"], frozen["version"]) == (ME, "checkout fails", "2")
    assert run(["rollback", "hello", "--env", "local"]) == 0
    said = capsys.readouterr()
    assert said.out == (
        f"hello: already rolled back from version 2 to 1 by {ME} (octocat); --to VERSION goes further\n"
    )
    assert hello.history() == [entry]


def test_without_the_ledger_the_traffic_moves_and_the_record_waits_for_the_next_command(
    hello: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    assert run(["rollback", "hello", "--env", "local", "--reason", "checkout fails"]) == 0
    said = capsys.readouterr()
    assert said.out == "hello: version 1 has all traffic, version 2 has none\n"
    (waiting,) = hello.queue()
    assert said.err == (
        "warning: THE TRAFFIC HAS MOVED, BUT IT IS NOT RECORDED: the environment `local` has no bucket "
        f"`{hello.bucket}`; it waits in {waiting} for the next crabwalk command that reaches `local`\n"
    )
    assert hello.alias()["FunctionVersion"] == "1"
    assert stat.S_IMODE(waiting.stat().st_mode) == 0o600
    assert "test" not in json.loads(waiting.read_text())["note"].values(), "no credentials"

    monkeypatch.delenv("GITHUB_ACTOR")
    hello.s3.create_bucket(Bucket=hello.bucket)
    assert run(["status", "--env", "local"]) == 0
    said = capsys.readouterr()
    assert f"hello: the rollback by {ME} (octocat) that had waited for it is recorded now" in said.out.splitlines()
    assert hello.queue() == []
    (entry,) = hello.history()
    assert (entry["actor"], entry["claimed_actor"], entry["reason"]) == (ME, "octocat", "checkout fails")
    assert hello.record()["frozen"]["actor"] == ME


def test_what_waited_freezes_nothing_that_has_moved_on(hello: Service, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["rollback", "hello", "--env", "local"]) == 0
    hello.s3.create_bucket(Bucket=hello.bucket)
    hello.promoted(release="20260103T030405-abc123")
    assert run(["status", "--env", "local"]) == 0
    assert "is recorded now" in capsys.readouterr().out
    assert len(hello.history()) == 1
    assert hello.queue() == []
    assert not hello.s3.list_objects_v2(Bucket=hello.bucket, Prefix="crabwalk/services/hello/state.json").get(
        "Contents"
    )


def test_where_nothing_can_be_kept_that_is_said_too(
    hello: Service, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    assert run(["rollback", "hello", "--env", "local"]) == 0
    said = capsys.readouterr()
    assert said.out == "hello: version 1 has all traffic, version 2 has none\n"
    assert "nor could it be kept for later (Not a directory); the same command records it" in said.err
    assert hello.alias()["FunctionVersion"] == "1"


def test_two_at_once_one_wins_and_the_other_says_so(hello: Service, ledger: str) -> None:
    assert ledger
    started = [
        subprocess.Popen(
            [CRABWALK, "rollback", "hello", "--env", "local", "--output", "json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    ended = [one.communicate(timeout=60) for one in started]
    assert [one.returncode for one in started] == [0, 0], ended
    answers = [json.loads(out) for out, _ in ended]
    assert sorted(answer["changed"] for answer in answers) == [False, True]
    assert {answer["version"] for answer in answers} == {"1"}
    assert {answer["by"] for answer in answers} == {ME}
    assert len(hello.history()) == 1


# what is wrong


def faulty(*arguments: str) -> list[str]:
    return ["rollback", *arguments, "--env", "local"]


@pytest.mark.usefixtures("ledger")
def test_a_version_that_is_none_or_is_gone(hello: Service, capsys: pytest.CaptureFixture[str]) -> None:
    before = hello.alias()
    assert run(faulty("hello", "--to", "v2")) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: `v2` is not a version number",
        "  next: for example --to 7; there are versions 2, 1",
    ]
    assert run(faulty("hello", "--to", "99")) == 2
    error, place, after = capsys.readouterr().err.splitlines()
    assert error.startswith("error: version 99 does not exist, so the traffic stays where it is: could not move alias")
    assert place == f"  at {hello.place.function}:live"
    assert after == "  next: name another one: --to VERSION; there are versions 2, 1"
    assert hello.alias() == before
    hello.functions.delete_function(FunctionName=hello.place.function, Qualifier="1")
    assert run(faulty("hello")) == 2
    error, _, after = capsys.readouterr().err.splitlines()
    assert error.startswith("error: version 1 does not exist, so the traffic stays where it is")
    assert after == "  next: name another one: --to VERSION; there are versions 2"
    assert hello.alias() == before


@pytest.mark.usefixtures("ledger")
def test_nothing_to_go_back_to(hello: Service, capsys: pytest.CaptureFixture[str]) -> None:
    hello.promoted(previous=None)
    assert run(faulty("hello")) == 2
    error, _, after = capsys.readouterr().err.splitlines()
    assert error == "error: version 2 is the first release, there is nothing to go back to"
    assert "fix forward and deploy" in after
    assert "put-function-concurrency" in after
    assert after.endswith("there are versions 2, 1")
    hello.move("2", "somebody's words")
    assert run(faulty("hello")) == 2
    error, _, after = capsys.readouterr().err.splitlines()
    assert error == "error: the alias says nothing of crabwalk's, so the version before 2 is not known"
    assert after == "  next: name the version: --to VERSION; there are versions 2, 1"


@pytest.mark.usefixtures("ledger")
def test_an_alias_or_a_service_that_is_not_there(hello: Service, capsys: pytest.CaptureFixture[str]) -> None:
    hello.functions.delete_alias(FunctionName=hello.place.function, Name="live")
    hello.functions.create_alias(FunctionName=hello.place.function, Name="old", FunctionVersion="1")
    assert run(faulty("hello")) == 2
    error, place, after = capsys.readouterr().err.splitlines()
    assert error == f"error: function `{hello.place.function}` has no alias `live`, so there is no traffic to move"
    assert place == f"  at {hello.place.function}:live"
    assert "`crabwalk deploy hello --env local` makes it" in after
    assert "aws lambda create-alias --function-name" in after
    assert after.endswith("there are versions 2, 1; its aliases: old")
    assert run(faulty("helo")) == 2
    assert capsys.readouterr().err.splitlines()[0] == "error: no service `helo` was released to `local`"


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ((), "which service?"),
        (("hello", "--region", "eu-west-1"), "--region goes with --function"),
        (("--function", "f"), "--function needs --region"),
        (("--function", "f", "--region", "eu-west-1", "--env", "local"), "--function and --env exclude each other"),
    ],
)
def test_options_that_do_not_go_together(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    what: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["rollback", *arguments]) == 2
    assert capsys.readouterr().err.splitlines()[0] == f"error: {what}"


@pytest.mark.usefixtures("ledger")
def test_a_version_outside_of_the_window_is_gone_to_and_said(
    hello: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    hello.promoted(until=1_700_000_000)
    assert run(faulty("hello")) == 0
    said = capsys.readouterr()
    assert said.err == (
        "warning: the rollback window of version 1 ended 2023-11-14 22:13 UTC: "
        "what it needs (tables, variables, permissions) may have been removed since\n"
    )
    assert hello.alias()["FunctionVersion"] == "1"
    hello.promoted(previous=None)
    assert run(faulty("hello", "--to", "1")) == 0
    assert "version 1 is outside of the rollback window" in capsys.readouterr().err
