"""What a person rolled back is left alone by every merge until a commit reverts it; its code leaks nowhere."""

from __future__ import annotations

from typing import Any

from shop_kit import Shop

from pipeline.aws import client

MANIFEST = "services/hello/service.yaml"


def of_version(shop: Shop, version: str) -> Any:
    """What AWS has published."""
    return client(shop.env, "lambda").get_function_configuration(FunctionName=shop.function(), Qualifier=version)


def test_a_frozen_service_waits_for_a_revert_and_the_bad_code_does_not_come_along(shop: Shop) -> None:
    shop.change("")  # no steps: all traffic at once
    assert shop.deploy("--retry").code == 0
    stable = shop.alias()["FunctionVersion"]
    bad = shop.change("")
    assert shop.deploy("--retry").code == 0
    rejected = shop.alias()["FunctionVersion"]
    assert rejected != stable
    back = shop.crabwalk("rollback", "hello", "--reason", "too slow")
    assert back.code == 0, back.said

    for arguments in ((), ("--retry",)):
        left = shop.deploy(*arguments)
        assert left.code == 0, left.said
        assert "rolled back version" in left.out
        assert "too slow" in left.out
        assert f"crabwalk resume hello --env local, or commit a revert of {bad[:12]}" in left.out
        assert (shop.alias()["FunctionVersion"], shop.weights()) == (stable, {})

    asked = shop.crabwalk("retry", "hello", "--env", "local")
    assert (asked.code, "crabwalk resume hello --env local" in asked.out) == (4, True), asked.said

    # $LATEST still holds the bad code; what comes next changes the configuration alone.
    shop.git("revert", "--no-edit", bad)
    shop.walk_in("hello", "")
    shop.replace(MANIFEST, "memory: 128 MB", "memory: 256 MB")
    shop.commit("hello: more memory")
    done = shop.deploy()
    assert done.code == 0, done.said
    assert f"hello: not frozen any more: {shop.git('rev-parse', 'HEAD~1')[:12]} reverts {bad[:12]}" in done.out
    now = of_version(shop, shop.alias()["FunctionVersion"])
    assert now["MemorySize"] == 256
    assert now["CodeSha256"] == of_version(shop, stable)["CodeSha256"]
    assert now["CodeSha256"] != of_version(shop, rejected)["CodeSha256"]

    shop.replace(MANIFEST, "memory: 256 MB", "memory: 128 MB")  # as the other tests know it
    shop.commit("hello: less memory")
    assert shop.deploy().code == 0
