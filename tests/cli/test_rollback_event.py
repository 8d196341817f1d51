"""What `crabwalk rollback` puts on the environment's bus, and that nothing there keeps it from ending."""

from __future__ import annotations

import json

import bus_kit
import pytest
from listener_kit import listening
from rollback_kit import RELEASE, Service

from pipeline import local
from pipeline.aws import lean
from pipeline.cli import run
from pipeline.release.around import by_hand
from pipeline.release.ledger.head import parse

ME = "arn:aws:iam::000000000000:root"


def told_of(hello: Service, bus: str) -> None:
    path = hello.place.root / "crabwalk.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("environments: {", f"environments: {{local: {{events: {bus}}}, "), encoding="utf-8")


def test_the_bus_is_told_at_once_who_it_was_and_why(
    hello: Service, ledger: str, embedded: local.Running, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ledger
    told_of(hello, namespace)
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    with bus_kit.hearing(embedded, namespace) as bus:
        assert run(["rollback", "hello", "--env", "local", "--reason", "checkout fails"]) == 0
        (detail,) = [one["detail"] for one in bus.events(1)]
        assert run(["rollback", "hello", "--env", "local"]) == 0  # nothing to do, and nothing to tell
        assert bus.nothing()
    head = parse(hello.alias()["Description"])
    assert head is not None
    assert detail["id"] == f"{RELEASE}/rollback/{head.nonce}"
    assert (detail["event"], detail["cause"], detail["project"]) == ("rollback", "person", hello.project)
    assert (detail["version"], detail["stable"], detail["traffic"]) == ("2", "1", 0.0)
    assert detail["by"] == {"actor": ME, "claimed_actor": "octocat", "reason": "checkout fails"}
    assert detail["sentence"].endswith("by root (GitHub says octocat) (checkout fails)")
    assert detail["commit"] == "c0ffee12c0de"


def test_a_bus_that_hangs_keeps_nobody(
    hello: Service, ledger: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ledger
    told_of(hello, "releases")
    monkeypatch.setattr(by_hand, "WAIT_S", 0.0)
    with listening() as there:
        there.hold.clear()
        monkeypatch.setattr(lean, "plain_target", elsewhere(there.url))
        assert run(["rollback", "hello", "--env", "local"]) == 0
        there.until(1)
        said = capsys.readouterr()
    assert "recorded, and frozen" in said.out
    assert said.err == "warning: the event of the rollback is not on its bus: bus releases did not answer in time\n"
    assert len(hello.history()) == 1


def test_a_bus_that_refuses_is_a_warning(
    hello: Service, ledger: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ledger
    told_of(hello, "releases")
    answer = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "AccessDenied", "ErrorMessage": "no"}]}
    with listening((200, json.dumps(answer))) as there:
        monkeypatch.setattr(lean, "plain_target", elsewhere(there.url))
        assert run(["rollback", "hello", "--env", "local"]) == 0
    no = "could not put an event on bus releases: AccessDenied: no"
    assert capsys.readouterr().err == f"warning: the event of the rollback is not on its bus: {no}\n"
    (sent,) = there.came
    assert isinstance(sent["Entries"][0]["Time"], float)
    assert there.headers[0]["X-Amz-Target"] == "AWSEvents.PutEvents"


def elsewhere(url: str):
    """Only events go there."""
    real = lean.plain_target

    def target(region, endpoint, credentials, environ, service):
        found = real(region, endpoint, credentials, environ, service)
        return lean.Target(url.partition("/T0K3N")[0], region) if service == "events" else found

    return target
