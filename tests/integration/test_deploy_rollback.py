"""The on-call engineer's verb while a walk is under way and after it, and walks that nobody's traffic can judge."""

from __future__ import annotations

import re

from shop_kit import ONE_STEP, Shop

ME = "arn:aws:iam::000000000000:root"


def test_a_walk_keeps_other_deploys_out_and_a_rollback_ends_it(shop: Shop) -> None:
    stable = shop.alias()["FunctionVersion"]
    commit = shop.change(ONE_STEP)
    walking = shop.start("deploy", "--env", "local", "--retry")
    candidate = shop.until_walking(walking)  # and there it stays: nobody calls the service
    other = shop.deploy()
    assert other.code == 5, other.said
    error, after = other.err.splitlines()
    assert re.fullmatch(
        rf"error: `hello` is being worked on: deploy of {commit[:12]} by \S+ \(process {walking.process.pid}\) "
        r"since [-\d]+ [:\d]+ UTC",
        error,
    )
    assert after == "  next: wait for it, or see `crabwalk status hello`"
    assert shop.weights() == {candidate: 0.1}

    back = shop.crabwalk("rollback", "hello")
    assert (back.code, back.err) == (0, "")
    goes_on = (
        f"`deploy` passes it over until `crabwalk resume hello --env local`, or until a commit reverts {commit[:12]}"
    )
    assert back.lines == [
        f"hello: version {candidate} loses its 10 %, version {stable} has all traffic",
        f"hello: recorded, and frozen: {goes_on}",
    ]
    assert (shop.alias()["FunctionVersion"], shop.weights()) == (stable, {})

    done = walking.end()
    assert done.code == 3, done.said
    assert f"  why     somebody rolled hello back to version {stable} in mid-walk" in done.lines
    assert f"  next    it is frozen: {goes_on}" in done.lines
    assert re.fullmatch(
        rf"hello \(local, {commit[:7]}\): version {candidate} rolled back after \d+ s, "
        rf"version {stable} has all the traffic again",
        next(line for line in done.lines if line.startswith("hello (")),
    )
    assert (shop.alias()["FunctionVersion"], shop.weights()) == (stable, {})
    entries = shop.history()[:2]
    assert sorted(one["kind"] for one in entries) == ["release", "rollback"]
    assert {one["candidate"] for one in entries} == {candidate}
    assert {one["stable"] for one in entries} == {stable}
    status = shop.status()
    assert (status["state"], status["traffic"]) == ("rolled-back", {stable: 1.0})
    (lost,) = (one for one in entries if one["kind"] == "release")
    assert status["doing"] == f"release {lost['release_id']} of {lost['commit'][:12]} was rolled back"
    assert status["commit"] != lost["commit"], "the commit is that of what runs"

    again = shop.crabwalk("rollback", "hello")
    assert (again.code, again.out) == (
        0,
        f"hello: already rolled back from version {candidate} to {stable} by root; --to VERSION goes further\n",
    )


def test_a_rollback_after_promotion_and_what_follows_it(shop: Shop) -> None:
    shop.change("")  # no steps: all traffic at once
    assert shop.deploy("--retry").code == 0
    now = shop.alias()["FunctionVersion"]
    previous = shop.history()[0]["stable"]
    back = shop.crabwalk("rollback", "hello", "--output", "json")
    assert back.code == 0, back.said
    answer = back.json
    assert answer.pop("release") == next(one["release_id"] for one in shop.history() if one["kind"] == "release")
    assert answer == {
        "service": "hello",
        "environment": "local",
        "changed": True,
        "version": previous,
        "from": now,
        "by": ME,
        "recorded": True,
        "warning": "",
    }
    first, second = back.err.splitlines()
    assert first == f"hello: version {previous} has all traffic, version {now} has none"
    assert second.startswith("hello: recorded, and frozen: `deploy` passes it over until `crabwalk resume hello ")
    assert (shop.alias()["FunctionVersion"], shop.weights()) == (previous, {})

    entries = shop.history()
    again = shop.crabwalk("rollback", "hello", "--output", "json")
    assert (again.code, again.json["changed"], again.json["recorded"]) == (0, False, False)
    assert shop.history() == entries
    entry = entries[0]
    assert (entry["kind"], entry["outcome"], entry["reason"]) == ("rollback", "rolled-back", "by hand")
    assert (entry["stable"], entry["candidate"], entry["evidence"]) == (previous, now, {})

    stays = shop.deploy()
    assert stays.code == 0, stays.said
    assert shop.alias()["FunctionVersion"] == previous, "a deploy must not undo a person's rollback"
    there = shop.crabwalk("rollback", "hello", "--to", now)
    assert (there.code, there.lines[0]) == (0, f"hello: version {now} has all traffic")
    assert there.err.startswith(f"warning: version {now} is the one that was rolled back last (release ")
    assert shop.alias()["FunctionVersion"] == now


def test_a_walk_without_traffic_is_held_at_its_deadline_where_its_manifest_says_so(shop: Shop) -> None:
    stable = shop.alias()["FunctionVersion"]
    shop.change(ONE_STEP, deadline="5 s", on_inconclusive="hold")
    held = shop.deploy("--retry")
    assert held.code == 4, held.said
    assert any("held after " in line for line in held.lines)
    assert "  numbers no conclusion within 5 s: " in held.out
    # Silence of a service that had traffic a moment ago may also be CloudWatch's.
    assert held.lines[-1].startswith("  next    the weight stays; deploy again once ")
    assert held.lines[-1].endswith(", or roll back")
    candidate = next(iter(shop.weights()))
    status = shop.status()
    assert (status["state"], status["traffic"]) == ("held", {stable: 0.9, candidate: 0.1})
    assert status["doing"].startswith(
        f"release {status['release']} of version {candidate} at 10 %, held: no conclusion"
    )

    again = shop.deploy()
    assert again.code == 4, again.said
    assert shop.crabwalk("rollback", "hello").code == 0
    assert shop.deploy().code == 3
