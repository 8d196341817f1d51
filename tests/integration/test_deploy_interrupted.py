"""Walks that somebody or something gets in between: killed, ended by a signal, overwritten, cut off from AWS."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest
from proxy_kit import Door
from shop_kit import ONE_STEP, TWO_STEPS, Shop

from pipeline import local
from pipeline.aws import client

pytestmark = pytest.mark.usefixtures("traffic")


def test_a_killed_deploy_is_taken_over_once_its_lease_ran_out(shop: Shop) -> None:
    stable = shop.alias()["FunctionVersion"]
    shop.change(ONE_STEP)
    walking = shop.start("deploy", "--env", "local", "--retry")
    candidate = shop.until_walking(walking)
    killed = time.monotonic()
    assert walking.signal(signal.SIGKILL).code == -signal.SIGKILL

    left = shop.status()
    assert (left["state"], left["traffic"]) == ("walking", {stable: 0.9, candidate: 0.1})
    if time.monotonic() - killed < shop.env.lease_s / 2:  # its lease held still
        assert left["doing"].startswith(f"release {left['release']} of version {candidate} at 10 %, walked by ")
        assert f"(process {walking.process.pid})" in left["doing"]
        assert left["next"].startswith(("`crabwalk promote hello", "`crabwalk rollback hello"))

    began = time.monotonic()
    verb = shop.start("deploy", "--env", "local")
    revision = shop.alias()["RevisionId"]
    done = verb.end()
    assert done.code == 0, done.said
    said = [line[10:] for line in done.lines if line[8:9] == "Z"]
    waited = said[0].startswith("hello: waiting up to ")
    assert waited or time.monotonic() - killed > shop.env.lease_s, "its lease held still"
    assert not waited or f"(process {walking.process.pid})" in said[0]
    assert said[waited] == f"hello: release {left['release']} was left at 10 %; it is taken over and goes on"
    assert time.monotonic() - began < 10 + 20, "the lease of a dead holder runs out within 10 s"
    alias = shop.alias()
    assert (alias["FunctionVersion"], shop.weights()) == (candidate, {})
    assert alias["RevisionId"] != revision
    entry = shop.history()[0]
    assert (entry["release_id"], entry["outcome"], entry["candidate"]) == (left["release"], "promoted", candidate)
    assert f"version {candidate} promoted" in done.out


def test_a_signal_stops_the_walk_where_it_is_and_the_next_deploy_goes_on_at_once(shop: Shop) -> None:
    stable = shop.alias()["FunctionVersion"]
    shop.change(TWO_STEPS)
    walking = shop.start("deploy", "--env", "local", "--retry")
    candidate = shop.until_walking(walking)
    interrupted = walking.signal(signal.SIGINT)
    assert interrupted.code == 130
    assert [line for line in interrupted.err.splitlines() if line][-2:] == [
        (
            "warning: the walk of hello stands where it is, recorded; `crabwalk deploy --env local` goes on with it, "
            "`crabwalk rollback` ends it"
        ),
        "crabwalk: ended by SIGINT",
    ]
    left = shop.status()
    assert (left["state"], left["traffic"]) == ("walking", {stable: 0.9, candidate: 0.1})
    assert left["doing"] == (
        f"release {left['release']} of version {candidate} at 10 %, and nobody walks it: its controller ended"
    )
    assert left["next"] == (
        "`crabwalk deploy --env local` goes on with it, `crabwalk rollback hello --env local` ends it"
    )

    walking = shop.start("deploy", "--env", "local")
    shop.until_walking(walking, share=0.5)
    terminated = walking.signal(signal.SIGTERM)
    assert terminated.code == 143
    assert "waiting up to" not in terminated.out, "the lease was given back"
    assert terminated.err.splitlines()[-1] == "crabwalk: ended by SIGTERM"
    assert shop.status()["traffic"] == {stable: 0.5, candidate: 0.5}

    done = shop.deploy()
    assert done.code == 0, done.said
    assert "waiting up to" not in done.out
    assert f"release {left['release']} was left at 50 %; it is taken over and goes on" in done.out
    entry = shop.history()[0]
    assert (entry["release_id"], entry["outcome"]) == (left["release"], "promoted")
    assert [step["traffic"] for step in entry["steps"]] == [0.1, 0.5, 1.0]


def test_a_configuration_that_was_applied_and_not_published_is_walked_by_the_next_deploy(shop: Shop) -> None:
    functions, stable = client(shop.env, "lambda"), shop.alias()["FunctionVersion"]

    def published() -> list[Any]:
        return list(functions.list_versions_by_function(FunctionName=shop.function())["Versions"])

    before = [one["Version"] for one in published()]
    shop.walk_in("hello", ONE_STEP)
    manifest = "services/hello/service.yaml"
    now, then = (160, 128) if "memory: 160 MB" in shop.read(manifest) else (128, 160)
    shop.replace(manifest, f"memory: {now} MB", f"memory: {then} MB")
    shop.commit("hello: more memory")
    dying = shop.start("deploy", "--env", "local")
    deadline = time.monotonic() + 60
    while functions.get_function_configuration(FunctionName=shop.function())["MemorySize"] != then:
        if dying.process.poll() is not None or time.monotonic() > deadline:
            raise dying.failed("the memory was not applied")
        time.sleep(0.02)
    assert dying.signal(signal.SIGKILL).code == -signal.SIGKILL
    assert [one["Version"] for one in published()] == before, "nothing was published"

    done = shop.deploy()
    assert done.code == 0, done.said
    entry = shop.history()[0]
    assert [step["traffic"] for step in entry["steps"]] == [0.1, 1.0], "it was walked like code"
    live = functions.get_function_configuration(FunctionName=shop.function(), Qualifier="live")
    assert (live["MemorySize"], live["Version"] != stable) == (then, True)


def test_an_alias_somebody_else_changed_is_not_overwritten(shop: Shop) -> None:
    stable = shop.alias()["FunctionVersion"]
    shop.change(ONE_STEP)
    walking = shop.start("deploy", "--env", "local", "--retry")
    candidate = shop.until_walking(walking)
    theirs = client(shop.env, "lambda").update_alias(
        FunctionName=shop.function(),
        Name="live",
        FunctionVersion=stable,
        RoutingConfig={"AdditionalVersionWeights": {candidate: 0.3}},
    )
    done = walking.end()
    assert done.code == 5, done.said
    assert any(line.startswith("hello (local, ") and "conflict after " in line for line in done.lines)
    assert (
        f"  why     the alias was changed by somebody else in mid-walk: version {stable} with 30 % to version "
        f"{candidate}, not version {stable} with 10 % to version {candidate}; nothing was written"
    ) in done.lines
    assert done.lines[-1] == "  next    find out who, then `crabwalk rollback hello --env local`"
    assert shop.alias()["RevisionId"] == theirs["RevisionId"]

    left = shop.status()
    assert (left["state"], left["traffic"]) == ("changed-by-somebody-else", {stable: 0.7, candidate: 0.3})
    assert left["doing"].startswith(f"release {shop_release(shop)} of version {candidate} at 10 %, held: ")
    assert left["next"] == "crabwalk rollback hello --env local"
    again = shop.deploy()
    assert again.code == 5
    assert again.err.splitlines()[-1] == "  next: crabwalk rollback hello --env local"
    assert shop.alias()["RevisionId"] == theirs["RevisionId"]

    assert shop.crabwalk("rollback", "hello").code == 0
    assert (shop.alias()["FunctionVersion"], shop.weights()) == (stable, {})
    closed = shop.deploy()
    assert closed.code == 3, closed.said
    assert shop.history()[0]["outcome"] == "rolled-back"
    assert shop.deploy().code == 0


def shop_release(shop: Shop) -> str:
    from pipeline.release.walk.act import Engine

    rollout = Engine(shop.env).ledger.service("hello").under_way
    assert rollout is not None
    return rollout.release_id


def test_an_endpoint_that_dies_in_mid_walk_leaves_a_walk_to_go_on_with(
    shop: Shop, embedded: local.Running, tmp_path: Path
) -> None:
    shop.change(ONE_STEP)
    with Door(embedded, tmp_path / "door") as door:
        walking = shop.start("deploy", "--env", "local", "--retry", **door.variables)
        candidate = shop.until_walking(walking)
        door.shut()
        refused = shop.start("rollback", "hello", **door.variables)
        done = walking.end()
        refusal = refused.end()
    assert done.code == 4, done.said
    assert any(line.startswith("hello (local, ") and " held after " in line for line in done.lines), done.said
    (why,) = [line for line in done.lines if line.startswith("  why     could not ")]
    assert "AWS cannot be reached" in why
    assert done.lines[-1] == (
        "  next    `crabwalk deploy --env local` goes on with it once AWS answers, "
        "`crabwalk rollback hello --env local` ends it"
    )
    assert refusal.code == 1
    error, after = refusal.err.splitlines()[-2:]
    assert "could not read alias `live` of function `shop-local-hello`: " in error
    assert after == "  next: check the network; for `local`, see `crabwalk local status`"

    assert shop.weights() == {candidate: 0.1}
    left = shop.status()
    assert left["state"] == "walking"
    assert left["doing"].startswith(f"release {left['release']} of version {candidate} at 10 %")
    assert shop.crabwalk("rollback", "hello").code == 0
    assert shop.weights() == {}
