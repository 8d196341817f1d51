"""The exact output of `history` and `metrics`, from entries a test wrote."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
import release_kit as values
from steer_kit import Steered

from pipeline import local
from pipeline.release.ledger.dora import DAY_S
from pipeline.release.ledger.records import Entry
from pipeline.release.ledger.story import entry_of
from pipeline.release.model import new_release_id
from pipeline.release.terms import Order

Captured = pytest.CaptureFixture[str]
ARN = "arn:aws:sts::111122223333:assumed-role/release/"
T0 = 1_772_366_400.0  # 2026-03-01 12:00 UTC


def entry(service: str, at: float, **changes: object) -> Entry:
    """A release that was promoted after a minute, 10 % first."""
    rollout = replace(
        values.FRESH,
        release_id=new_release_id(at),
        service=service,
        actor=f"{ARN}ci",
        claimed_actor="ada",
        commit="c0ffee12" + "0" * 32,
        step=2,
        step_starts=(at + 5, at + 30, at + 60),
        started=at,
        ended=at + 60,
        phase="promoted",
        sentence="of 40 requests to version 2, none failed",
        committed=at - 540,
    )
    evidence = {"check": "errors", "outcome": "PASS", "reason": "evidence", "e_value": 0.31}
    return replace(entry_of(rollout, evidence), **changes)


def order(kind: str, at: float, reason: str = "") -> dict[str, object]:
    return asdict(Order(kind, "r", "n", f"{ARN}anna", None, reason, at))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Steered:
    made = Steered.make(embedded, tmp_path_factory.mktemp("history"), "history")
    now = made.engine.objects.now()
    paused = order("pause", T0 + 10, "a look at\nthe logs")
    back = {"kind": "rollback", "outcome": "rolled-back", "stable": "1", "candidate": "2", "steps": (), "evidence": {}}
    for one in (
        entry("hello", T0, orders=(paused, order("resume", T0 + 20))),
        entry("health", T0 + 3600, outcome="rolled-back", sentence="it is worse", orders=()),
        entry("hello", T0 + 7200, **back, ended=T0 + 7200, reason="customers complain", subject="rollback of r"),
        entry("hello", now - 2 * DAY_S),
        entry("hello", now - DAY_S, outcome="aborted", orders=(order("abort", now - DAY_S + 50, "wrong day"),)),
    ):
        made.engine.ledger.append(one)
    return made


@pytest.fixture
def here(made: Steered, monkeypatch: pytest.MonkeyPatch) -> Steered:
    monkeypatch.chdir(made.place.root)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return made


def test_of_all_services_the_newest_first(here: Steered, capsys: Captured) -> None:
    code, out, err = here.says(capsys, "history")
    assert (code, err) == (0, [])
    heads = [line for line in out if not line.startswith(" ")]
    assert [line.partition(" UTC ")[2] for line in heads] == [
        "hello: aborted, version 1 → 2, c0ffee120000 Greet louder",
        "hello: promoted, version 1 → 2, c0ffee120000 Greet louder",
        "hello: rolled back by hand, version 2 → 1, c0ffee120000 rollback of r",
        "health: rolled back, version 1 → 2, c0ffee120000 Greet louder",
        "hello: promoted, version 1 → 2, c0ffee120000 Greet louder",
    ]
    assert out[-7:] == [
        "2026-03-01 12:00 UTC hello: promoted, version 1 → 2, c0ffee120000 Greet louder",
        "  by      assumed-role/release/ci (GitHub says ada), in 1 min",
        "  steps   10 % 12:00:05, 50 % 12:00:30, 100 % 12:01:00",
        "  check   errors: PASS (evidence), e-value 0.3",
        "  why     of 40 requests to version 2, none failed",
        "  asked   12:00:10 assumed-role/release/anna paused: a look at the logs",
        "  asked   12:00:20 assumed-role/release/anna resumed",
    ]
    assert "  reason  customers complain" in out


@pytest.mark.parametrize(
    ("arguments", "count"),
    [
        (("hello",), 4),
        (("health", "hello"), 5),
        (("--outcome", "rolled-back"), 2),
        (("hello", "--outcome", "rolled-back"), 1),
        (("--actor", "ANNA"), 2),
        (("--actor", "ada", "--last", "2"), 2),
        (("--limit", "1"), 1),
        (("--since", "36h"), 1),
        (("--since", "7d"), 2),
        (("--outcome", "adopted"), 0),
    ],
)
def test_filters(here: Steered, capsys: Captured, arguments: tuple[str, ...], count: int) -> None:
    code, out, _ = here.says(capsys, "history", *arguments, "--output", "json")
    found = json.loads("\n".join(out))
    assert (code, list(found), len(found["entries"])) == (0, ["environment", "services", "entries"], count)


def test_what_nobody_knows(here: Steered, capsys: Captured) -> None:
    assert here.says(capsys, "history", "helo") == (
        2,
        [],
        ["error: there is no service `helo`", "  next: did you mean `hello`?"],
    )
    assert here.says(capsys, "history", "--outcome", "adopted")[1] == ["local: nothing fits in `local`"]
    assert here.says(capsys, "history", "--since", "soon")[0] == 2


def test_metrics(here: Steered, capsys: Captured) -> None:
    code, out, err = here.says(capsys, "metrics")
    assert (code, err) == (0, [])
    assert out == [
        "health on local",
        "  deployment frequency   no releases in 30 days",
        "  lead time for changes  no releases in 30 days",
        "  change failure rate    no releases in 30 days",
        "  time to restore        no releases in 30 days",
        "hello on local",
        "  deployment frequency   1 release in 30 days, 0.033 a day",
        "  lead time for changes  10 min, median of 1",
        "  change failure rate    50 %, 1 of 2",
        "  time to restore        55 s, median of 1",
        "all services on local",
        "  deployment frequency   1 release in 30 days, 0.033 a day",
        "  lead time for changes  10 min, median of 1",
        "  change failure rate    50 %, 1 of 2",
        "  time to restore        55 s, median of 1",
    ]


def test_metrics_explained_and_for_machines(here: Steered, capsys: Captured) -> None:
    code, out, _ = here.says(capsys, "metrics", "hello", "--explain", "--since", "12h")
    assert (code, out[:2]) == (0, ["hello on local", "  deployment frequency   no releases in 12 h"])
    assert [line for line in out if not line.startswith(" ")][1:] == [
        "deployment frequency",
        "lead time for changes",
        "change failure rate",
        "time to restore",
    ]
    code, out, _ = here.says(capsys, "metrics", "hello", "--output", "json")
    found = json.loads("\n".join(out))
    assert list(found) == ["environment", "since", "until", "services", "all", "explained"]
    assert found["services"]["hello"] == {
        "deployments": 1,
        "per_day": pytest.approx(1 / 30),
        "lead_time_s": 600.0,
        "lead_time_n": 1,
        "failures": 1,
        "changes": 2,
        "failure_rate": 0.5,
        "restore_s": 55.0,
        "restore_n": 1,
    }


@pytest.mark.parametrize("since", ["0d", "0s"])
def test_the_figures_of_no_time_at_all_are_refused_with_what_to_write(
    here: Steered, capsys: Captured, since: str
) -> None:
    code, out, err = here.says(capsys, "metrics", "--since", since)
    assert (code, out) == (2, [])
    assert "there is nothing in no time: write for example 7d" in "\n".join(err)
