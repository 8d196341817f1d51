"""Services that refer to each other are released in that order; who refers to one that failed waits."""

from __future__ import annotations

from pathlib import Path

from shop_kit import Scratch

from pipeline import local
from pipeline.aws import client

HEALTH, HELLO = "services/health/service.yaml", "services/hello/service.yaml"
EVENT = "services/health/events/health.json"
VARIABLES = 'environment: {RUST_LOG: info, HEALTH_URL: "${services.health.api.endpoint}", NOTE: "$${kept}"}'


def test_whoever_is_referred_to_is_released_first(
    embedded: local.Running,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    here = Scratch.make(tmp_path / "repository", "order")
    here.replace(HELLO, "environment: {RUST_LOG: info}", VARIABLES)
    here.replace(HELLO, 'triggers:\n  - http: {routes: ["GET /"]}\n', "")
    here.walk_in("health", "")
    here.walk_in("hello", "")
    here.commit("hello asks health")
    client(here.env, "s3").create_bucket(Bucket=here.env.bucket)

    # Alone it cannot be released: what it refers to is not there.
    done = here.crabwalk("deploy", "hello", "--env", "local")
    assert done.code == 1, done.said
    assert "it refers to ${services.health.api.endpoint}, which is not there: `health` was not released yet" in done.out
    assert "crabwalk deploy health hello --env local" in done.out
    assert "terraform" not in done.out.lower(), "an empty stack is not applied"
    alone = "release hello: none, it refers to ${services.health.api.endpoint}: `health` was not released yet"
    assert f"{alone}; crabwalk deploy health hello --env local" in here.crabwalk("plan", "hello", "--env", "local").out

    # Together they go in order, which the plan says, although `hello` stands in the same stack.
    planned = here.crabwalk("plan", "--env", "local").lines
    releases = [line.partition(": ")[0] for line in planned if line.startswith("release ")]
    assert releases == ["release health", "release hello after health"]
    assert "stack web: changes again once health is released" in planned
    done = here.crabwalk("deploy", "--env", "local")
    assert done.code == 0, done.said
    assert done.out.index("health: published version 1") < done.out.index("hello: published version 1")
    functions = client(here.env, "lambda")
    live = functions.get_function_configuration(FunctionName=here.function("hello"), Qualifier="live")
    variables = live["Environment"]["Variables"]
    assert variables["HEALTH_URL"] == here.status("health")["url"]
    assert variables["NOTE"] == "${kept}"
    assert "nothing to deploy" in here.crabwalk("plan", "--env", "local").out, "what was resolved is what is compared"

    # One commit changes both, and what `hello` refers to fails: `hello` keeps the version that knows the old one.
    here.write(EVENT, "[]")
    here.replace(HEALTH, "memory: 128 MB", "memory: 192 MB")
    here.replace(HELLO, "memory: 128 MB", "memory: 192 MB")
    here.commit("both")
    done = here.crabwalk("deploy", "--env", "local")
    assert done.code == 3, done.said
    assert "it refers to `health`, which did not get to what this commit says" in done.out
    assert {here.alias(name)["FunctionVersion"] for name in ("health", "hello")} == {"1"}
