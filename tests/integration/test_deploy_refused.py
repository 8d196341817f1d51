"""What a person gets wrong in a deployed project: exact words, the documented exit code, and nothing changed."""

from __future__ import annotations

import pytest
from shop_kit import HELLO, Shop


@pytest.mark.parametrize("verb", ["deploy", "plan", "status", "history", "build", "affected"])
def test_a_service_that_does_not_exist(shop: Shop, verb: str) -> None:
    done = shop.crabwalk(verb, "helo")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == ["error: there is no service `helo`", "  next: did you mean `hello`?"]


@pytest.mark.parametrize("verb", [("deploy",), ("deploy", "--dry-run"), ("plan", "--save")])
def test_an_address_to_destroy_that_nothing_has(shop: Shop, verb: tuple[str, ...]) -> None:
    done = shop.crabwalk(*verb, "--env", "local", "--allow-destroy", "module.helo.aws_lambda_function.this")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        (
            "error: --allow-destroy 'module.helo.aws_lambda_function.this' is in none of the plans: "
            "nothing of that address stands in `local`"
        ),
        "  next: did you mean `module.hello.aws_lambda_function.this` or `module.health.aws_lambda_function.this`?",
    ]


def test_code_that_does_not_compile(shop: Shop) -> None:
    before, entries = shop.status(), shop.history()
    shop.change()
    shop.replace(HELLO, "    let parameters", "    let parameter")
    shop.commit("hello: a slip")
    done = shop.deploy()
    assert done.code == 1
    said, place, *_ = done.err.splitlines()
    assert said == "error: hello: does not compile: cannot find value `parameters` in this scope"
    assert place.startswith("  at services/hello/src/main.rs:7:")
    assert "error[E0425]: cannot find value `parameters` in this scope" in done.said
    assert "--> services/hello/src/main.rs:7:" in done.said
    assert "published" not in done.said
    assert (shop.status(), shop.history()) == (before, entries)
    shop.git("revert", "--no-edit", "HEAD")  # the next test may deploy what it finds


def test_a_rollback_of_a_service_that_was_never_released(shop: Shop) -> None:
    done = shop.crabwalk("rollback", "helo")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "error: no service `helo` was released to `local`",
        "  next: did you mean `hello`?",
    ]


def test_a_rollback_to_a_version_that_does_not_exist(shop: Shop) -> None:
    before = shop.alias()
    done = shop.crabwalk("rollback", "hello", "--to", "99999")
    assert (done.code, done.out) == (2, "")
    error, place, after = done.err.splitlines()
    assert error.startswith("error: version 99999 does not exist, so the traffic stays where it is: ")
    assert place == "  at shop-local-hello:live"
    assert after.startswith("  next: name another one: --to VERSION; there are versions ")
    assert after.endswith(" 1")
    assert shop.alias() == before
    done = shop.crabwalk("rollback", "hello", "--to", "latest")
    assert (done.code, done.out) == (2, "")
    error, after = done.err.splitlines()
    assert error == "error: `latest` is not a version number"
    assert after.startswith("  next: for example --to 7; there are versions ")


def test_a_rollback_of_the_first_release(shop: Shop) -> None:
    done = shop.crabwalk("rollback", "health")
    assert (done.code, done.out) == (2, "")
    assert done.err.splitlines() == [
        "error: version 1 is the first release, there is nothing to go back to",
        "  at shop-local-health:live",
        (
            "  next: fix forward and deploy, name a version with --to VERSION, or stop its traffic with "
            "`aws lambda put-function-concurrency --function-name shop-local-health "
            "--reserved-concurrent-executions 0`; there is only version 1"
        ),
    ]
