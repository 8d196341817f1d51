"""`crabwalk rollback` as the on-call engineer has it: what it says, whatever is missing or in the way."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import verb_kit
from rollback_kit import RELEASE, Service

from pipeline import local
from pipeline.cli import run
from pipeline.release.ledger.head import parse

ME = "arn:aws:iam::000000000000:root"
SHORT = ME.rsplit(":", 1)[-1]  # on lines
RESUME = "`crabwalk resume hello --env local`"
FROZEN = f"frozen: `deploy` passes it over until {RESUME}, or until a commit reverts c0ffee12c0de\n"
CRABWALK = str(Path(sys.executable).with_name("crabwalk"))


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
            "it is frozen now; in its project `crabwalk rollback` records it, `crabwalk resume` unfreezes\n"
        ),
        "",
    )
    head = parse(hello.alias()["Description"])
    assert head is not None
    assert (hello.alias()["FunctionVersion"], head.state, head.origin) == ("1", "frozen", "2")
    said = f"{function}: already rolled back from version 2 to 1; --to VERSION goes further\n"
    assert crabwalk(environ, empty, *wanted) == (0, said, "")
    assert list(empty.iterdir()) == [], "nothing is left behind"


def test_before_the_traffic_is_back_nothing_else_is_loaded(
    hello: Service, embedded: local.Running, tmp_path: Path
) -> None:
    program = (
        "import sys; from pipeline.cli import run; code = run(sys.argv[1:]); "
        "print(code, sorted({name.partition('.')[0] for name in sys.modules} & {'boto3', 'rich', 'yaml', 'pydantic'}), "
        "sorted({'botocore.session', 'botocore.client', 'pipeline.aws.functions', 'pipeline.release.ledger.ledger'} "
        "& set(sys.modules)))"
    )
    named = ("rollback", "--function", hello.place.function, "--region", "us-east-1")
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, *named],
        env=plain(tmp_path, embedded.endpoint),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "0 [] []"
    assert hello.alias()["FunctionVersion"] == "1"


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
    assert said.err == f"hello: version 1 has all traffic, version 2 has none\nhello: recorded, and {FROZEN}"
    (entry,) = hello.history()
    assert (entry["actor"], entry["claimed_actor"], entry["reason"]) == (ME, "octocat", "checkout fails")
    frozen = hello.record()["frozen"]
    assert (frozen["actor"], frozen["reason"], frozen["version"]) == (ME, "checkout fails", "2")
    assert run(["rollback", "hello", "--env", "local"]) == 0
    said = capsys.readouterr()
    assert said.out == (
        f"hello: already rolled back from version 2 to 1 by {SHORT} (octocat); --to VERSION goes further\n"
    )
    assert hello.history() == [entry]


def test_without_the_ledger_the_traffic_moves_and_the_record_waits_for_the_next_command(
    hello: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    assert run(["rollback", "hello", "--env", "local", "--reason", "checkout fails"]) == 0
    said = capsys.readouterr()
    assert said.out == f"hello: version 1 has all traffic, version 2 has none\nhello: {FROZEN}"
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
    assert f"hello: the rollback by {SHORT} (octocat) that had waited for it is recorded now" in said.out.splitlines()
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
    assert said.out == f"hello: version 1 has all traffic, version 2 has none\nhello: {FROZEN}"
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


def test_killed_while_it_records_it_is_recorded_by_the_next_command(
    hello: Service, ledger: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ledger

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.release.rollback.unrecorded.record_rollback", killed)
        assert run(["rollback", "hello", "--env", "local", "--reason", "checkout fails"]) == 130
    assert capsys.readouterr().out == "hello: version 1 has all traffic, version 2 has none\n"
    assert (len(hello.queue()), hello.history()) == (1, [])
    hello.promoted()
    assert run(["rollback", "hello", "--env", "local"]) == 0
    assert f"hello: the rollback by {SHORT} that had waited for it is recorded now" in capsys.readouterr().out
    assert hello.queue() == []
    assert sorted(one["reason"] for one in hello.history()) == ["by hand", "checkout fails"]


def test_who_interrupts_it_is_told_how_to_find_out_where_the_traffic_is(
    hello: Service, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.chdir(hello.place.root)
    monkeypatch.setattr("pipeline.release.rollback.rollback.roll_back", interrupted)
    assert run(["rollback", "hello", "--env", "local"]) == 130
    said = [line for line in capsys.readouterr().err.splitlines() if line]
    not_known = "warning: whether the traffic of hello has moved is not known; the same command once more moves it, "
    assert said == [f"{not_known}or says that it has", "crabwalk: ended by SIGINT"]
