"""Two services in one stack: one's trouble is not the other's, and Terraform never takes a step back."""

from __future__ import annotations

from pathlib import Path

from shop_kit import EVENT, HELLO, REPOSITORY, Scratch

from pipeline import local
from pipeline.aws import client
from pipeline.cli.demo import BAD, GOOD


def routes(here: Scratch, api_id: str) -> set[str]:
    """The routes of an HTTP API as AWS has them."""
    found = client(here.env, "apigatewayv2").get_routes(ApiId=api_id)["Items"]
    return {route["RouteKey"] for route in found}


def test_a_sibling_that_was_never_released_and_a_commit_that_is_older_than_one(
    embedded: local.Running,  # noqa: ARG001
    tmp_path: Path,
) -> None:
    here = Scratch.make(tmp_path / "repository", "stack")
    here.write(HELLO, (REPOSITORY / HELLO).read_text().replace(*GOOD).replace(*BAD))
    here.replace(EVENT, "Ada", "Ada3")
    here.commit("hello fails its smoke check")
    assert here.crabwalk("bootstrap", "local").code == 0

    # The first release of `hello` is refused; `health` gets its release and its triggers all the same.
    done = here.crabwalk("deploy", "--env", "local")
    assert done.code == 3, done.said
    assert "smoke check hello.json: version 1 failed: cannot greet Ada3; no traffic was moved" in done.out
    assert here.alias("health")["FunctionVersion"] == "1"
    assert here.alias("hello")["FunctionVersion"] == "$LATEST"
    url = here.status("health")["url"]
    assert url
    assert here.status("hello")["url"] is None

    # What stands and was never released is left standing.
    done = here.crabwalk("deploy", "health", "--env", "local")
    assert done.code == 0, done.said
    assert "delete" not in done.out

    # A new route of `health` and another retention, and then a commit from before them, asked to deploy only `hello`.
    before = here.git("rev-parse", "HEAD")
    here.replace("services/health/service.yaml", '"GET /"', '"GET /", "GET /new"')
    here.replace("services/health/service.yaml", "log_retention: 7 days", "log_retention: 14 days")
    here.commit("health: another route")
    done = here.crabwalk("deploy", "health", "--env", "local")
    assert done.code == 0, done.said
    api_id = url.split("/execute-api/")[1].split("/")[0]
    assert routes(here, api_id) == {"GET /", "GET /new"}
    here.git("checkout", "--quiet", before)
    done = here.crabwalk("deploy", "hello", "--env", "local")
    assert done.code == 5, done.said
    assert "`health` is already at" in done.err
    assert routes(here, api_id) == {"GET /", "GET /new"}
