"""The real verbs, a real service and Terraform in three emulated regions: what fails in the second, what is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
from estate_kit import ONE, Estate
from shop_kit import PATIENCE_S, Verb

from pipeline import local

pytestmark = pytest.mark.exhaustive
WHO = (("one-box", "a"), ("second", "b"), ("rest", "c"))
SECOND = {target: {"2": 1.0} for target in "abc"}


@pytest.fixture(scope="module")
def estate(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Estate:  # noqa: ARG001
    """`hello`, released in three regions by its first deploy."""
    made = Estate.make(tmp_path_factory.mktemp("estate") / "repository", "estate", services=ONE)
    done = made.start("deploy", "--env", "local").end(900)
    assert done.code == 0, done.said
    return made


def until(verb: Verb, seen: Callable[[], bool]) -> None:
    """Wait until something is so while the verb runs."""
    deadline = time.monotonic() + PATIENCE_S
    while verb.process.poll() is None and time.monotonic() < deadline:
        if seen():
            return
        time.sleep(0.1)
    raise verb.failed("it did not come to that")


def killed(verb: Verb) -> None:
    """As if its machine had gone."""
    os.kill(verb.process.pid, signal.SIGKILL)
    verb.process.wait()


def walking(estate: Estate, target: str) -> Callable[[], bool]:
    """Whether the service walks there by now."""
    return lambda: bool(estate.target(target)["state"] == "walking")


def kept(estate: Estate) -> dict[str, Any]:
    """The release as its record has it."""
    return dict(estate.fleet()["release"])


def test_a_good_commit_goes_through_three_regions_though_its_process_dies_twice(estate: Estate) -> None:
    """First while the second region walks, then between two waves; and a copy is not the build's on the way."""
    better = estate.better()
    with estate.traffic():
        verb = estate.start("deploy", "--env", "local")
        until(verb, walking(estate, "a"))
        sha256 = kept(estate)["wants"]["a"]["hello"]
        assert kept(estate)["wants"] == {target: {"hello": sha256} for target in "abc"}
        assert estate.copies(sha256) == dict.fromkeys("abc", sha256), "in every bucket while the first wave walks"
        until(verb, walking(estate, "b"))
        killed(verb)
        found = kept(estate)
        assert (found["phase"], found["wave"], found["finished"]) == ("walking", 1, ["a"])

        zipped = estate.swap("c", sha256, b"something else")
        before = estate.traces("c")
        refused = estate.crabwalk("deploy", "--env", "local")
        assert (refused.code, estate.traces("c")) == (5, before), refused.said
        assert "the artifact in the bucket is not the one that was built" in refused.err
        assert f"s3://{estate.place('c').bucket}/artifacts/{sha256}.zip" in refused.err
        estate.swap("c", sha256, zipped)

        verb = estate.start("deploy", "--env", "local")
        until(verb, lambda: kept(estate)["finished"] == ["a", "b"])
        killed(verb)
        done = estate.crabwalk("deploy", "--env", "local", "--output", "json")
    assert done.code == 0, done.said
    assert (done.json["release"]["phase"], done.json["release"]["commit"]) == ("done", better)
    assert estate.shares() == SECOND


def test_a_commit_that_is_worse_in_the_second_region_never_reaches_the_third(estate: Estate) -> None:
    worse = estate.worse()
    third = estate.traces("c")
    with estate.traffic():
        done = estate.crabwalk("deploy", "--env", "local")
    assert done.code == 3, done.said
    assert estate.shares() == SECOND
    assert estate.traces("c") == third, "nothing but the copy of the zip"
    assert "wave `second` failed in `b`: hello: version 3 was rolled back: " in done.out
    lines = [line.split() for line in done.lines if line.startswith(("one-box", "second ", "rest "))]
    assert [(line[0], line[1], " ".join(line[-2:])) for line in lines] == [
        ("one-box", "a", "taken back"),
        ("second", "b", "back failed"),
        ("rest", "c", "not begun"),
    ]
    release = kept(estate)
    assert (release["commit"], release["finished"], release["back"]) == (worse, ["a"], ["a"])
    sha256 = release["wants"]["c"]["hello"]
    assert estate.copies(sha256) == dict.fromkeys("abc", sha256)
    # The evidence decided, and its figures are kept with the release in the second region.
    history = estate.crabwalk("history", "--env", "local", "--output", "json").json["entries"]
    mine = [one for one in history if one["commit"] == worse or one["kind"] == "rollback"]
    found = {(one["environment"], one["kind"], one["outcome"]): one for one in mine}
    assert {("local-a", "rollback", "rolled-back"), ("local-b", "release", "rolled-back")} <= {*found}
    assert not [one for one in found if one[0] == "local-c"]
    evidence = found["local-b", "release", "rolled-back"]["evidence"]
    assert (evidence["outcome"], evidence["check"], evidence["baseline"]["bad"]) == ("FAIL", "errors", 0)
    assert evidence["canary"]["bad"] > 0
    report = estate.crabwalk("report", release["id"], "--env", "local")
    assert report.lines[0] == f"local: release {release['id']}, stopped"
    rows = [line.split() for line in report.lines if line.startswith(("one-box", "second ", "rest "))]
    assert [row[:4] for row in rows] == [[*who, "hello", sha256[:12]] for who in WHO]
    matrix = [line for line in estate.crabwalk("status", "--env", "local").lines if line.startswith("rest ")]
    assert [line.split() for line in matrix] == [["rest", "c", "v2", "100", "%", "not", "begun"]]

    plan = estate.crabwalk("plan", "--env", "local")
    assert plan.code == 0, plan.said
    assert [line for line in plan.lines if line.startswith("wave ")] == [
        f"wave `{wave}`, target {target}" for wave, target in WHO
    ]
    affected = estate.crabwalk("affected", "--env", "local", "--output", "json").json["services"]
    assert [(one["service"], one["affected"]) for one in affected] == [("hello", True)]
    again = estate.crabwalk("deploy", "--env", "local")
    assert (again.code, estate.shares(), estate.traces("c")) == (3, SECOND, third)


def test_a_worse_commit_whose_process_dies_in_the_second_region_is_judged_by_the_next(estate: Estate) -> None:
    estate.worse()
    estate.resized("144 MB")  # another version of the same zip, of which no rollback is known
    third = estate.traces("c")
    with estate.traffic():
        verb = estate.start("deploy", "--env", "local")
        until(verb, walking(estate, "b"))
        killed(verb)
        assert (kept(estate)["phase"], kept(estate)["finished"]) == ("walking", ["a"])
        done = estate.crabwalk("deploy", "--env", "local")
    assert done.code == 3, done.said
    assert (kept(estate)["phase"], kept(estate)["back"]) == ("stopped", ["a"])
    assert (estate.shares(), estate.traces("c")) == (SECOND, third)


def test_interrupted_it_says_how_to_go_on_and_gives_its_lease_back(estate: Estate) -> None:
    estate.better()
    estate.resized("160 MB")
    with estate.traffic():
        verb = estate.start("deploy", "--env", "local")
        until(verb, walking(estate, "a"))
        done = verb.signal(signal.SIGINT)
        assert done.code == 130, done.said
        assert "`crabwalk deploy --env local` goes on with it" in done.err
        began = time.monotonic()
        done = estate.crabwalk("abort", "--env", "local", "--reason", "not today")
    assert done.code == 0, done.said
    assert time.monotonic() - began < PATIENCE_S
    assert estate.fleet()["release"]["phase"] == "stopped"
    assert estate.shares() == SECOND


def test_what_walks_in_a_target_is_finished_first_and_a_person_goes_back_from_what_follows(estate: Estate) -> None:
    """One target's release is handed on and nobody walks it; the next commit of the fleet still begins there.

    A person goes back everywhere while the second region walks: the deploy obeys, and the third region, to which
    nothing came, keeps what it has.
    """
    estate.better()
    first = estate.resized("176 MB")
    third = estate.traces("c")
    with estate.traffic():
        refused = estate.crabwalk("deploy", "--env", "local", "--detach")
        assert (refused.code, "name a target: --env local-a, local-b, local-c" in refused.err) == (2, True)
        handed = estate.crabwalk("deploy", "--env", "local-a", "--detach")
        assert (handed.code, estate.target("a")["state"]) == (0, "walking"), handed.said
        (candidate,) = {*estate.shares()["a"]} - {"2"}

        second = estate.resized("192 MB")
        verb = estate.start("deploy", "--env", "local")
        until(verb, walking(estate, "b"))
        release = kept(estate)
        assert (release["commit"], release["finished"], {*release["wants"]["a"]}) == (second, ["a"], {"hello"})
        done = estate.crabwalk("rollback", "hello", "--env", "local", "--reason", "it is slow")
        ended = verb.end()
    assert (done.code, ended.code) == (0, 3), done.said + ended.said
    assert "c: the release has not come to it, its traffic stays" in done.out
    assert estate.shares() == SECOND | {"a": {candidate: 1.0}}
    assert (estate.traces("c"), kept(estate)["phase"], kept(estate)["finished"]) == (third, "stopped", ["a"])
    history = estate.crabwalk("history", "--env", "local", "--last", "6", "--output", "json").json["entries"]
    assert {one["environment"] for one in history if one["reason"] == "it is slow"} == {"local-a", "local-b"}
    promoted = [one["commit"] for one in history if (one["environment"], one["outcome"]) == ("local-a", "promoted")]
    assert promoted[:2] == [second, first]
