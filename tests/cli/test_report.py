"""`report` and `dashboard`: what they tell of releases as the ledger has them, and of what is not there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from release_kit import walking
from steer_kit import Steered

from pipeline import local
from pipeline.cli.dashboard import REFRESH_S, Shown
from pipeline.cli.options import Here
from pipeline.errors import AwsError
from pipeline.release.ledger.story import DECLARED, entry_of, rollout_of
from pipeline.release.model import new_release_id
from pipeline.release.terms import Order
from pipeline.release.verbs import telling

Captured = pytest.CaptureFixture[str]
ANNA = "arn:aws:sts::111122223333:assumed-role/release/anna"


@pytest.fixture(scope="module")
def made(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Steered:
    return Steered.make(embedded, tmp_path_factory.mktemp("report"), "report")


@pytest.fixture
def here(made: Steered, monkeypatch: pytest.MonkeyPatch) -> Iterator[Steered]:
    monkeypatch.chdir(made.place.root)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    yield made
    made.engine.ledger.forget("hello")


def ended(here: Steered, **more: object) -> str:
    """A release of an hour ago that was rolled back, in the history only; its id."""
    now = here.engine.now() - 3600
    order = Order("promote", "r", "n", ANNA, "anna", "it looks good", now + 25)
    rollout = walking(
        1, release_id=new_release_id(now), function=here.place.function, started=now, ended=now + 40,
        step_starts=(now, now + 20), phase="rolled-back", sentence="version 2 failed", obeyed=(order,),
    )  # fmt: skip
    here.engine.ledger.append(replace(entry_of(rollout, {}), **more))  # type: ignore[arg-type]
    return rollout.release_id


def test_a_release_under_way_is_told_as_it_stands(here: Steered, capsys: Captured, tmp_path: Path) -> None:
    rollout = here.walking(1)
    code, out, err = here.says(capsys, "report", "hello")
    assert (code, err) == (0, [])
    assert "hello: walking, version 1 → 2" in out[0]
    assert "  it is under way: this is how it stands" in out
    assert {line.split("  ")[1].strip() for line in out if " UTC  " in line} == {
        "the release began",
        "version 2 got 10 % of the traffic",
        "version 2 got 50 % of the traffic",
    }
    assert out[-1] == "CloudWatch has no requests of this walk"
    page = tmp_path / "report.html"
    code, out, _ = here.says(capsys, "report", rollout.release_id, "--html", str(page))
    assert (code, out) == (0, [f"release {rollout.release_id} of hello: {page}"])
    assert "so far" in page.read_text()


def test_a_release_by_its_id_as_json(here: Steered, capsys: Captured) -> None:
    release = ended(here)
    code, out, err = here.says(capsys, "report", release, "--output", "json")
    assert (code, err) == (0, [])
    found = json.loads("\n".join(out))
    assert list(found) == [
        "format", "release", "under_way", "at", "period_s", "weights", "events", "signals", "latency", "artifact",
        "missing",
    ]  # fmt: skip
    assert [one["traffic"] for one in found["weights"]] == [0.1, 0.5, 0.0]
    assert [one["what"] for one in found["events"]] == [
        "the release began",
        "version 2 got 10 % of the traffic",
        "version 2 got 50 % of the traffic",
        "asked for the next step",
        "rolled back",
    ]
    assert [one["reason"] for one in found["events"]][3:] == ["it looks good", "version 2 failed"]
    assert found["artifact"] == {"sha256": "a" * 64, "record": {}, "provenance": {}, "files": []}
    assert found["missing"] == ["CloudWatch has no requests of this walk"]


def test_what_is_gone_is_said(here: Steered, capsys: Captured) -> None:
    before = ended(here, declared={})
    _, out, _ = here.says(capsys, "report", before)
    assert out[-1] == "it was released before the ledger kept how a release is judged: there are no curves"
    now = here.engine.now() - 30 * 86_400
    old = walking(
        1, release_id=new_release_id(now), function=here.place.function, started=now, ended=now + 40,
        step_starts=(now, now + 20), phase="rolled-back", period_s=60, lag_s=120,
    )  # fmt: skip
    here.engine.ledger.append(entry_of(old, {}))
    _, out, _ = here.says(capsys, "report", old.release_id)
    assert out[-1] == (
        "CloudWatch has deleted this walk's minutes: it keeps them for 15 days; the ledger has how it ended"
    )
    first = ended(here, stable=None)
    assert here.says(capsys, "report", first)[1][-1].startswith("it was the first release")
    smoke = ended(here, steps=())
    assert here.says(capsys, "report", smoke)[1][-1].startswith("no traffic was moved")


def test_what_is_not_there_is_a_usage_error(here: Steered, capsys: Captured, tmp_path: Path) -> None:
    assert here.says(capsys, "report", "20200102T030405-abcdef") == (
        2,
        [],
        [
            "error: no release `20200102T030405-abcdef` in this environment",
            "  next: crabwalk history shows their ids",
        ],
    )
    code, _, err = here.says(capsys, "report", "helo")
    assert (code, "hello" in err[-1]) == (2, True)
    release = ended(here)
    code, out, err = here.says(capsys, "report", release, "--html", str(tmp_path / "no" / "x.html"))
    assert (code, out) == (2, [])
    assert err[0] == "error: the report cannot be written: No such file or directory"


def test_metrics_that_cannot_be_read_are_said(here: Steered, monkeypatch: pytest.MonkeyPatch) -> None:
    release = ended(here)
    monkeypatch.setattr(telling, "read", lambda *_: ({}, "CloudWatch did not answer"))
    found = telling.account(here.engine, release)
    assert found.missing == ("CloudWatch could not be read: CloudWatch did not answer",)


def test_an_entry_keeps_what_a_release_is_judged_by() -> None:
    rollout = walking(1, phase="rolled-back", ended=2e6)
    entry = json.loads(json.dumps(entry_of(rollout, {}).__dict__))
    told = replace(entry_of(rollout, {}), **{name: entry[name] for name in ("declared", "steps")})
    assert set(told.declared) == DECLARED
    found = rollout_of(told)
    assert found is not None
    assert (found.steps, found.step_starts, found.step) == (rollout.steps, rollout.step_starts, 1)
    assert (found.terms, found.function, found.period_s) == (rollout.terms, rollout.function, rollout.period_s)
    full = replace(told, steps=(*told.steps[:1], {"traffic": 1.0, "started": 3e6}), outcome="promoted")
    promoted = rollout_of(full)
    assert promoted is not None
    assert (len(promoted.steps), promoted.step, promoted.phase) == (1, 1, "promoted")
    assert rollout_of(replace(told, declared={**told.declared, "terms": {"checks": {"x": 1}}})) is None
    assert rollout_of(replace(told, kind="rollback")) is None


def test_a_dashboard_as_a_file(here: Steered, capsys: Captured, tmp_path: Path) -> None:
    here.walking(0)
    page = tmp_path / "page.html"
    assert here.says(capsys, "dashboard", "--once", str(page)) == (0, [f"local: {page}"], [])
    text = page.read_text()
    assert "<h1>report on local</h1>" in text
    assert 'value="crabwalk promote hello --env local"' in text
    assert "10 % on version 2" in text


def test_a_dashboard_survives_what_aws_does(here: Steered, monkeypatch: pytest.MonkeyPatch) -> None:
    release = ended(here)
    here.walking(0)
    clock = [0.0]
    shown = Shown(Here("local"), "1.2.3", clock=lambda: clock[0])
    shown.look()
    first = shown.answer("/")
    assert (first.status, "could not be read" in first.body) == (200, False)
    assert f'href="/release/{release}"' in first.body
    assert f'content="{REFRESH_S}"' in first.body
    assert 'http-equiv="refresh"' not in shown.answer("/?still").body
    report = shown.answer(f"/release/{release}")
    assert (report.status, "version 2 failed" in report.body) == (200, True)
    for address in ("/release/20200102T030405-abcdef", "/release/../../etc/passwd", "/release/", "/x", "/favicon.ico"):
        assert shown.answer(address).status == 404

    def fails(*_: object) -> None:
        raise AwsError("AWS <b>cannot</b> be reached")

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.cli.status.statuses", fails)
        patch.setattr("pipeline.release.verbs.telling.account", fails)
        clock[0] += 100
        said = shown.answer("/")
        assert said.status == 200
        assert "AWS could not be read: AWS &lt;b&gt;cannot&lt;/b&gt; be reached. What is shown is older." in said.body
        assert "crabwalk promote hello" in said.body
        assert shown.answer(f"/release/{release}").status == 502
    clock[0] += 100
    assert "could not be read" not in shown.answer("/").body


def test_a_dashboard_ends_with_ctrl_c(here: Steered, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("http.server.ThreadingHTTPServer.serve_forever", interrupted)
    code, out, err = here.says(capsys, "dashboard", "--port", "0")
    assert (code, err) == (0, [])
    assert re.fullmatch(r"local: http://127\.0\.0\.1:\d+/", out[0])
    assert out[1:] == ["read-only, for this machine only; Ctrl-C ends it", "ended"]
