"""The verbs that steer, each as a process of its own, on a real service with real traffic."""

from __future__ import annotations

import re

from shop_kit import ONE_STEP, Shop

LONG = "{traffic: 10 %, bake: 100 s}, {traffic: 50 %, bake: 2 s}"


def test_a_deploy_hands_over_and_the_watchdog_ends_it(shop: Shop, traffic) -> None:
    shop.change(ONE_STEP)
    done = shop.crabwalk("deploy", "--env", "local", "--retry", "--detach", "--output", "json")
    assert done.code == 0, done.said
    (release,) = [one for one in done.json["releases"] if one["service"] == "hello"]
    assert (release["outcome"], done.json["exit"]) == ("handed-over", 0)
    left = shop.status()
    assert (left["state"], left["walker"], left["step"]) == ("walking", None, 0)
    assert left["evidence"] is not None
    found = shop.crabwalk("watch", "--unattended", "--env", "local")
    assert found.code == 0, found.said
    assert re.search(r"(?m)^hello: promoted: ", found.out), found.said
    entry = shop.history()[0]
    assert (entry["release_id"], entry["outcome"]) == (release["release_id"], "promoted")
    assert entry["committed"] is not None
    assert set(traffic.statuses) == {200}


def test_people_steer_the_walk_of_a_living_deploy(shop: Shop, traffic) -> None:  # noqa: ARG001
    shop.change(LONG)
    walking = shop.start("deploy", "--env", "local", "--retry")
    candidate = shop.until_walking(walking)

    paused = shop.crabwalk("pause", "hello", "--reason", "the logs look odd")
    assert paused.code == 0, paused.said
    assert paused.lines[0] == "hello: paused: the logs look odd"
    assert f"(process {walking.process.pid})" in paused.lines[1]
    status = shop.status()
    assert (status["state"], status["paused"]["reason"]) == ("paused", "the logs look odd")

    refused = shop.crabwalk("promote", "hello")
    assert (refused.code, "a reason is needed" in refused.err) == (2, True)
    resumed = shop.crabwalk("resume", "hello")
    assert (resumed.code, resumed.lines[0]) == (0, "hello: resumed")
    full = shop.crabwalk("promote", "hello", "--full", "--reason", "seen enough", GITHUB_ACTOR="ada")
    assert full.code == 0, full.said
    assert full.lines[0].startswith("hello: promoted: promoted by ")

    ended = walking.end()
    assert ended.code == 0, ended.said
    assert (shop.alias()["FunctionVersion"], shop.weights()) == (candidate, {})
    entry = shop.history()[0]
    assert [(one["kind"], one["reason"], one["claimed_actor"]) for one in entry["orders"]] == [
        ("pause", "the logs look odd", None),
        ("resume", "", None),
        ("full", "seen enough", "ada"),
    ]


def test_an_abort_and_a_retry(shop: Shop, traffic) -> None:  # noqa: ARG001
    shop.change(LONG)
    walking = shop.start("deploy", "--env", "local", "--retry")
    shop.until_walking(walking)
    aborted = shop.crabwalk("abort", "hello", "--reason", "wrong day")
    assert aborted.code == 0, aborted.said
    assert walking.end().code == 3
    assert shop.weights() == {}
    again = shop.deploy("hello")
    assert (again.code, "was rolled back" in again.out) == (0, True), again.said
    retried = shop.crabwalk("retry", "hello", "--env", "local", "--detach")
    assert retried.code == 0, retried.said
    assert list(shop.weights().values()) == [0.1]
    assert shop.crabwalk("abort", "hello").code == 0
