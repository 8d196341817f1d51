"""`deploy --detach` to one target of a fleet whose controller is Step Functions, and what the fleet makes of it."""

from __future__ import annotations

import pytest
from engine_kit import until
from estate_kit import ONE, Calm, Estate

from pipeline import local
from pipeline.local.traffic import Traffic

pytestmark = pytest.mark.exhaustive
TWO = """environments:
  local:
    controller: step-functions
    targets:
      a: {region: us-east-1}
      b: {region: eu-west-1}
    waves:
      - {name: one-box, targets: [a]}
      - {name: rest, targets: [b]}
"""


class Stepped(Estate):
    """Two regions whose releases Step Functions may walk; it is installed in the first."""

    waves = TWO


@pytest.fixture(scope="module")
def estate(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Stepped:  # noqa: ARG001
    made = Stepped.make(tmp_path_factory.mktemp("estate") / "repository", "stepped", services=ONE)
    for words in (("bootstrap", "local-a"), ("deploy", "--env", "local-a")):
        done = made.start(*words).end(300)
        assert done.code == 0, done.said
    return made


def rows(estate: Stepped) -> list[str]:
    """The matrix, a line a target."""
    lines = estate.crabwalk("status", "--env", "local").lines
    return [" ".join(line.split()) for line in lines if line.startswith(("one-box ", "rest "))]


def traffic(estate: Stepped, kind: type[Traffic]) -> Traffic:
    """Requests to the first region."""
    return kind(estate.target("a")["url"], rate=80.0, connections=4)


def test_the_fleet_sees_what_is_walked_for_one_target_and_goes_on_behind_it(estate: Stepped) -> None:
    estate.resized("144 MB")
    with traffic(estate, Calm):
        done = estate.crabwalk("deploy", "--env", "local-a", "--detach")
        assert done.code == 0, done.said
        assert "hello (local-a, " in done.out
        assert "Step Functions walks it on: arn:aws:states:us-east-1:" in done.out
        assert "`crabwalk watch hello --env local-a` shows it" in done.out
        assert rows(estate) == ["one-box a v1 90 % + v2 10 %, walking -", "rest b absent -"]
        assert estate.crabwalk("status", "--env", "local").lines[0] == "local: nothing was released wave by wave yet"
        walked = estate.target("a")
        assert walked["walker"].startswith(f"Step Functions (execution {walked['release']}-")

        whole = estate.crabwalk("deploy", "--env", "local")
        assert whole.code == 5, whole.said
        assert f"a: `hello` is being worked on: walk of release {walked['release']} by Step Functions " in whole.err
        until(lambda: estate.target("a")["state"] == "live")
    assert estate.target("a")["release"] == walked["release"]
    whole = estate.crabwalk("deploy", "--env", "local")
    assert whole.code == 0, whole.said
    assert rows(estate) == ["one-box a v2 100 % done", "rest b v1 100 % done"]


def test_a_word_to_the_fleet_reaches_the_state_machine(estate: Stepped) -> None:
    estate.resized("160 MB")
    done = estate.crabwalk("deploy", "--env", "local-a", "--detach")
    assert done.code == 0, done.said
    done = estate.crabwalk("abort", "--env", "local", "--reason", "not today")
    assert done.code == 0, done.said
    until(lambda: estate.target("a")["state"] == "rolled-back")
    assert rows(estate)[0].startswith("one-box a v2 100 %, rolled back")
