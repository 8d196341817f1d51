from __future__ import annotations

import base64
import json
import re
from dataclasses import replace

import pytest
from steer_kit import Steered

from pipeline import local
from pipeline.release.ledger.head import parse
from pipeline.release.model import ALIAS

ROOT = "arn:aws:iam::000000000000:root"
TIME = re.compile(r"^\d\d:\d\d:\d\dZ ")
GOES_ON = "`crabwalk watch --unattended --env local` goes on with it, or `crabwalk resume hello --env local`"
Captured = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def made(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Steered:
    return Steered.make(embedded, tmp_path_factory.mktemp("steer"), "steer")


@pytest.fixture
def here(made: Steered, monkeypatch: pytest.MonkeyPatch) -> Steered:
    monkeypatch.chdir(made.place.root)
    monkeypatch.delenv("GITHUB_ACTOR", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    return made


def test_pause_then_resume_by_the_verb_itself(here: Steered, capsys: Captured) -> None:
    rollout = here.walking()
    code, out, err = here.says(capsys, "pause", "hello", "--reason", "I look at\tthe logs")
    taken = f"hello: nobody walks release {rollout.release_id}; it is taken over"
    assert (code, [TIME.sub("", line) for line in out], err) == (
        0,
        [
            taken,
            "hello: paused: I look at the logs",
            "  next    `crabwalk resume hello --env local` goes on, `crabwalk abort hello --env local` ends it",
        ],
        [],
    )
    assert here.says(capsys, "pause", "hello")[:2] == (
        0,
        ["hello: paused by root already", "  next    crabwalk resume hello --env local"],
    )
    code, out, _ = here.says(capsys, "resume", "hello", "--detach")
    assert (code, [TIME.sub("", line) for line in out]) == (
        0,
        [
            taken,
            "hello: resumed",
            f"  next    {GOES_ON}",
        ],
    )
    assert (here.rollout.paused, here.weights()) == (None, ("1", {"2": 0.1}))


def test_promote_to_all_traffic_in_json(here: Steered, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    rollout = here.walking()
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    code, out, _ = here.says(capsys, "promote", "hello", "--full", "--reason", "a hotfix", "--output", "json")
    assert (code, here.weights()) == (0, ("2", {}))
    assert json.loads("\n".join(out)) == {
        "environment": "local",
        "exit": 0,
        "services": [
            {
                "service": "hello",
                "release": rollout.release_id,
                "asked": "full",
                "outcome": "promoted",
                "sentence": "promoted by root (GitHub says ada): a hotfix",
                "next": "to go back: crabwalk rollback hello --env local",
                "by": None,
            }
        ],
    }
    assert here.rollout.obeyed[0].claimed_actor == "ada"


def test_promote_needs_a_reason_where_the_evidence_does_not_say_so(here: Steered, capsys: Captured) -> None:
    here.walking()
    code, out, err = here.says(capsys, "promote", "hello")
    assert (code, out) == (2, [])
    assert err == [
        "error: hello: not promoted: the evidence does not say so yet (baking); a reason is needed",
        '  next: crabwalk promote hello --env local --reason "..."',
    ]
    code, out, _ = here.says(capsys, "promote", "hello", "--reason", "tested by hand", "--detach")
    assert (code, out[1], here.weights()) == (0, "hello: promoted to 50 %: tested by hand", ("1", {"2": 0.5}))


def test_abort_and_then_there_is_nothing_left_to_steer(here: Steered, capsys: Captured) -> None:
    rollout = here.walking()
    code, out, _ = here.says(capsys, "abort", "hello", "--reason", "wrong day")
    assert (code, out[1:]) == (0, ["hello: aborted by root: wrong day", "  next    version 1 has all traffic"])
    ended = f"release {rollout.release_id} was aborted by root: wrong day"
    for verb in ("abort", "pause", "promote", "resume"):
        assert here.says(capsys, verb, "hello") == (
            2,
            [],
            [
                f"error: no release of `hello` is under way; {ended}",
                "  next: see `crabwalk status hello --env local`",
            ],
        )
    assert here.says(capsys, "abort", "helo") == (
        2,
        [],
        ["error: no service `helo` was released to `local`", "  next: did you mean `hello`?"],
    )


def test_resume_of_what_somebody_walks_changes_nothing(here: Steered, capsys: Captured) -> None:
    here.walking()
    with here.held():
        code, out, _ = here.says(capsys, "resume", "hello")
    assert (code, out[1]) == (0, "  next    crabwalk watch hello --env local")
    assert re.fullmatch(r"hello: it is not paused: .+@.+ \(process \d+\) walks it", out[0])
    assert here.engine.ledger.order("hello") is None or here.rollout.obeyed == ()


def test_resume_unfreezes_what_a_person_rolled_back(here: Steered, capsys: Captured) -> None:
    rollout = here.walking()
    assert here.says(capsys, "rollback", "hello", "--reason", "customers complain")[0] == 0
    mark = parse(here.engine.functions.alias(here.place.function, ALIAS).description)
    assert mark is not None
    assert (mark.state, here.rollout.over) == ("frozen", False)  # its end is for whoever walks it
    code, out, _ = here.says(capsys, "resume", "hello", "--reason", "fixed upstream")
    after = "the next `crabwalk deploy --env local` releases what changed since, "
    after += "`crabwalk retry hello --env local` the same once more; nothing was started"
    assert (code, out) == (
        0,
        [
            "hello: unfrozen; version 1 keeps all traffic",
            f"  next    {after}",
        ],
    )
    alias = parse(here.engine.functions.alias(here.place.function, ALIAS).description)
    assert alias is not None
    assert (alias.state, alias.nonce != mark.nonce, here.weights()) == ("back", True, ("1", {}))
    assert (here.record.frozen, here.record.under_way) == (None, None)
    ended = next(one for one in here.engine.ledger.history("hello", 20) if one.release_id == rollout.release_id)
    assert (ended.outcome, ended.reason) == ("rolled-back", "rolled back by hand")
    (entry,) = (one for one in here.engine.ledger.history("hello", 20) if one.kind == "resume")
    assert (entry.kind, entry.outcome, entry.reason, entry.actor) == ("resume", "resumed", "fixed upstream", ROOT)
    assert here.says(capsys, "resume", "hello")[0] == 2


def test_adopt_what_somebody_else_did(here: Steered, capsys: Captured) -> None:
    rollout = here.walking()
    assert here.says(capsys, "adopt", "hello", "--reason", "so be it")[0::2] == (
        2,
        [
            f"error: the alias of `hello` is as release {rollout.release_id} left it: there is nothing to adopt",
            f"  at {here.place.function}:live",
            "  next: crabwalk resume hello --env local, or crabwalk abort hello --env local",
        ],
    )
    plain: dict[str, object] = {"FunctionVersion": "2", "RoutingConfig": {"AdditionalVersionWeights": {}}}
    here.raw.update_alias(FunctionName=here.place.function, Name=ALIAS, **plain)
    code, out, err = here.says(capsys, "adopt", "hello")
    assert (code, out, err[-1]) == (2, [], "Error: Missing option '--reason'.")
    code, out, err = here.says(capsys, "promote", "hello")
    assert (code, err[0].partition(":")[0], "crabwalk adopt hello" in err[-1]) == (5, "error", True)
    artifact = base64.b64decode(here.engine.functions.state(here.place.function, "2").code_sha256).hex()
    here.engine.ledger.save(replace(here.record, rollout=replace(here.rollout, artifact=artifact)))
    assert here.says(capsys, "adopt", "hello", "--reason", "so be it") == (
        0,
        [
            f"hello: version 2 of {rollout.commit[:12]} is the released one from now on",
            f"  ended   release {rollout.release_id}, superseded",
            "  next    `crabwalk deploy --env local` releases what changed since that commit",
        ],
        ["warning: hello: its zip is not in the bucket of `local`: deploy soon"],
    )
    assert here.weights() == ("2", {})


def test_watching_ends_with_4_where_a_walk_is_held_and_nobody_walks_it(here: Steered, capsys: Captured) -> None:
    here.walking(phase="held", sentence="no conclusion within 120 s")
    code, out, _ = here.says(capsys, "watch", "hello")
    assert (code, out[-1]) == (4, "  next    crabwalk status hello --env local")
    assert "no conclusion within 120 s" in "\n".join(out)
    here.says(capsys, "abort", "hello")


def test_watching_ends_with_5_where_somebody_else_changed_the_alias(here: Steered, capsys: Captured) -> None:
    here.walking()
    alias = here.raw.get_alias(FunctionName=here.place.function, Name=ALIAS)
    split = {"AdditionalVersionWeights": {"2": 0.3}}
    here.raw.update_alias(FunctionName=here.place.function, Name=ALIAS, RoutingConfig=split)
    code, out, _ = here.says(capsys, "watch", "hello")
    assert (code, out[-1].partition("`")[0]) == (5, "  next    find out who, then ")
    assert "version 1 with 30 % to version 2" in "\n".join(out)
    described = {"Description": alias["Description"], "RoutingConfig": alias["RoutingConfig"]}
    here.raw.update_alias(FunctionName=here.place.function, Name=ALIAS, **described)
    here.says(capsys, "abort", "hello")


def test_the_watchdog_says_until_when_a_lease_that_may_be_dead_is_left_alone(here: Steered, capsys: Captured) -> None:
    here.walking()
    with here.held():
        code, out, _ = here.says(capsys, "watch", "--unattended", "--once")
    assert code == 0
    assert re.search(r"next: nothing to do; if that process is gone, its lease runs out in \d+ s$", out[-1])
    here.says(capsys, "abort", "hello")


@pytest.mark.parametrize(
    ("ends", "cause"), [(KeyboardInterrupt, ""), (BrokenPipeError, "nobody reads the output any more: ")]
)
def test_a_controller_that_is_ended_says_why_and_who_goes_on(
    here: Steered, capsys: Captured, monkeypatch: pytest.MonkeyPatch, ends: type[BaseException], cause: str
) -> None:
    code = 130 if ends is KeyboardInterrupt else 141

    def ended(*_: object) -> None:
        raise ends

    # The real one closes stderr where nobody reads stdout.
    monkeypatch.setattr("pipeline.cli._ended", lambda one: 141 if isinstance(one, BrokenPipeError) else 130)
    here.walking()
    monkeypatch.setattr("pipeline.report.live.WalkLive.update", ended)
    found, _, err = here.says(capsys, "watch", "--unattended")
    goes_on = "`crabwalk watch --unattended --env local` goes on with it"
    assert (found, err[0]) == (code, f"warning: {cause}what was walked stands where it is, recorded; {goes_on}")
    found, _, err = here.says(capsys, "resume", "hello")
    assert found == code
    assert err[0].startswith(f"warning: {cause}what was asked of hello stands, recorded; `crabwalk status hello ")
    monkeypatch.undo()
    monkeypatch.chdir(here.place.root)
    here.says(capsys, "abort", "hello")


def test_the_watchdog_and_the_onlooker(here: Steered, capsys: Captured) -> None:
    assert here.says(capsys, "watch", "hello") == (0, ["nothing is under way in `local`"], [])
    assert here.says(capsys, "watch", "--unattended") == (0, ["nothing is under way in `local`"], [])
    assert here.says(capsys, "watch", "hello", "--unattended")[0] == 2
    assert here.says(capsys, "watch", "--once")[0] == 2
    assert here.says(capsys, "watch", "helo")[0] == 2
    here.walking(paused=here.engine.now())
    code, out, _ = here.says(capsys, "watch", "--unattended", "--once")
    assert (code, out) == (4, ["hello: held: paused; next: `crabwalk resume hello --env local` goes on"])
    here.says(capsys, "abort", "hello")
    code, out, _ = here.says(capsys, "watch", "--unattended", "--output", "json")
    assert (code, json.loads("\n".join(out))) == (0, {"environment": "local", "exit": 0, "services": []})
