"""Two services in one deploy, through the real verb: their traffic is walked at the same time."""

from __future__ import annotations

import pytest
from shop_kit import TWO_STEPS, Shop

from pipeline.local.traffic import Traffic


@pytest.mark.usefixtures("traffic")
def test_two_services_walk_at_once(shop: Shop) -> None:
    for name in ("hello", "health"):
        shop.walk_in(name, TWO_STEPS)
        manifest = f"services/{name}/service.yaml"
        now, then = ("160", "128") if "memory: 160 MB" in shop.read(manifest) else ("128", "160")
        shop.replace(manifest, f"memory: {now} MB", f"memory: {then} MB")
    shop.commit("both: another size")
    before = {name: shop.alias(name)["FunctionVersion"] for name in ("hello", "health")}
    with Traffic(str(shop.status("health")["url"]), rate=60.0):
        verb = shop.start("deploy", "--env", "local", "--output", "json", "--retry", "--max-parallel", "2")
        candidates = {name: shop.until_walking(verb, name) for name in ("health", "hello")}
        assert all(shop.weights(name) for name in candidates), "neither has waited for the other"
        done = verb.end()
    assert done.code == 0, done.said
    releases = {one["service"]: one for one in done.json["releases"]}
    assert {name: one["outcome"] for name, one in releases.items()} == dict.fromkeys(candidates, "promoted")
    assert {name: one["candidate"] for name, one in releases.items()} == candidates
    assert {name: one["stable"] for name, one in releases.items()} == before
    lines = [line for line in done.err.splitlines() if "published version" in line]
    assert sorted(line.split()[1] for line in lines) == ["health:", "hello:"]
