"""What `crabwalk rollback` says where there is nothing to move, or nowhere to move it."""

from __future__ import annotations

from pathlib import Path

import pytest
from rollback_kit import Service

from pipeline.cli import run


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
    assert after == "  next: name another one: --to VERSION; there is only version 2"
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


@pytest.mark.usefixtures("hello")
def test_a_function_that_is_not_there_and_no_ledger_to_ask(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(faulty("helo")) == 1
    error, _, after = capsys.readouterr().err.splitlines()
    assert "it does not exist" in error
    assert after.startswith("  next: check the name, the region (us-east-1) and whose credentials these are")


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


@pytest.mark.parametrize("text", [None, "crabwalk: 1\nproject: [\n"])
def test_without_a_project_that_can_be_read_there_is_another_way(
    text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if text is not None:
        (tmp_path / "crabwalk.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert run(["rollback", "hello", "--env", "production"]) == 2
    after = capsys.readouterr().err.splitlines()[-1]
    assert after.startswith("  next: ")
    assert after.endswith("without a project file: --function PROJECT-ENVIRONMENT-SERVICE --region REGION")
