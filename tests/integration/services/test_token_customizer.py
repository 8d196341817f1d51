"""Tokens of the service's own pool: what groups put into them, who hears of it, and that nothing keeps anybody out."""

from __future__ import annotations

import base64
import json
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from callers.token_customizer import Pool, claims
from catalogue_kit import Catalogue, until

ROOT = Path(__file__).resolve().parents[3]
NAME = "token-customizer"


@pytest.fixture(scope="module")
def pool(catalogue: Catalogue) -> Pool:
    return Pool(catalogue)


def test_groups_are_claims_and_scopes(pool: Pool) -> None:
    pool.person("ada@example.com", "editors", "tenant=acme", "todos/write")
    access, identity = pool.sign_in("ada@example.com")
    assert (access["tenant"], access["email"]) == ("acme", "ada@example.com")
    assert {"aws.cognito.signin.user.admin", "todos/write"} <= set(access["scope"].split())
    assert set(access["cognito:groups"]) == {"editors", "tenant=acme", "todos/write"}
    assert identity["tenant"] == "acme"
    assert "scope" not in identity


def test_hostile_groups_change_nothing_that_matters(pool: Pool) -> None:
    pool.person("eve@example.com", verified=False)
    plain, _ = pool.sign_in("eve@example.com")
    groups = (
        "sub=root",
        "iss=evil",
        "client_id=other",
        "scope=admin",
        "cognito:groups=admin",
        'a/"b',
        "tenant=a",
        "tenant=b",
    )
    for group in groups:
        pool.pools.create_group(UserPoolId=pool.id, GroupName=group)
        pool.pools.admin_add_user_to_group(UserPoolId=pool.id, Username="eve@example.com", GroupName=group)
    access, identity = pool.sign_in("eve@example.com")
    for name in ("sub", "iss", "client_id", "scope", "token_use"):
        assert access[name] == plain[name], name
    assert "tenant" not in {**access, **identity}
    assert "email" not in access
    for group in groups:
        pool.pools.delete_group(UserPoolId=pool.id, GroupName=group)


def test_a_machine_gets_its_token(catalogue: Catalogue, pool: Pool) -> None:
    pool.pools.create_resource_server(
        UserPoolId=pool.id, Identifier="todos", Name="todos", Scopes=[{"ScopeName": "read", "ScopeDescription": "read"}]
    )
    client = pool.pools.create_user_pool_client(
        UserPoolId=pool.id,
        ClientName="machine",
        GenerateSecret=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=["todos/read"],
        AllowedOAuthFlowsUserPoolClient=True,
    )["UserPoolClient"]
    before = catalogue.invoked(NAME).total()
    form = {"grant_type": "client_credentials", "scope": "todos/read"}
    secret = base64.b64encode(f"{client['ClientId']}:{client['ClientSecret']}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310 - the embedded AWS
        f"{catalogue.env.endpoint}/oauth2/token",
        urllib.parse.urlencode(form).encode(),
        {"authorization": f"Basic {secret}", "content-type": "application/x-www-form-urlencoded"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        access = claims(json.load(answer)["access_token"])
    assert (access["scope"], access["client_id"]) == ("todos/read", client["ClientId"])
    until("the trigger was invoked", lambda: catalogue.invoked(NAME).total() > before, 60)


@contextmanager
def listening(catalogue: Catalogue) -> Iterator[Callable[[], list[Any]]]:
    """What has come to the service's bus meanwhile: each event once, by a queue."""
    queues, events = catalogue.client("sqs"), catalogue.client("events")
    bus, url = catalogue.physical(NAME, "audit"), queues.create_queue(QueueName="heard")["QueueUrl"]
    arn = queues.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = json.dumps({"source": ["token-customizer"]})
    events.put_rule(Name="heard", EventBusName=bus, EventPattern=pattern)
    events.put_targets(Rule="heard", EventBusName=bus, Targets=[{"Id": "1", "Arn": arn}])

    def heard() -> list[Any]:
        answer = queues.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]

    yield heard
    events.remove_targets(Rule="heard", EventBusName=bus, Ids=["1"])
    events.delete_rule(Name="heard", EventBusName=bus)
    queues.delete_queue(QueueUrl=url)


def test_the_bus_hears_of_it_without_names(catalogue: Catalogue, pool: Pool) -> None:
    pool.person("grace@example.com", "tenant=acme")
    with listening(catalogue) as heard:
        access, _ = pool.sign_in("grace@example.com")
        (event,) = until("the bus heard of it", heard, 60)
    assert event["detail-type"] == "TokensIssued"
    assert (event["detail"]["subject"], event["detail"]["client"]) == (access["sub"], pool.client)
    assert event["detail"]["claims"] == ["email", "tenant"]
    assert "acme" not in json.dumps(event)
    assert "grace" not in json.dumps(event)


@contextmanager
def nobody_to_tell(catalogue: Catalogue) -> Iterator[str]:
    """The alias on a version whose bus is none, so that EventBridge refuses; the version."""
    functions, function = catalogue.client("lambda"), catalogue.function(NAME)
    live = functions.get_alias(FunctionName=function, Name="live")["FunctionVersion"]
    # What was rolled back may still be in $LATEST.
    functions.update_function_code(FunctionName=function, ZipFile=catalogue.code(NAME))
    functions.get_waiter("function_updated_v2").wait(FunctionName=function)
    variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    away = {**variables, "BUS": "arn:aws:events:us-east-1:000000000000:rule/none"}
    functions.update_function_configuration(FunctionName=function, Environment={"Variables": away})
    functions.get_waiter("function_updated_v2").wait(FunctionName=function)
    version = functions.publish_version(FunctionName=function)["Version"]
    functions.update_alias(FunctionName=function, Name="live", FunctionVersion=version)
    try:
        yield version
    finally:
        functions.update_alias(FunctionName=function, Name="live", FunctionVersion=live)
        functions.update_function_configuration(FunctionName=function, Environment={"Variables": variables})
        functions.get_waiter("function_updated_v2").wait(FunctionName=function)
        functions.delete_function(FunctionName=function, Qualifier=version)


def test_the_tokens_are_issued_when_nobody_can_be_told(catalogue: Catalogue, pool: Pool) -> None:
    pool.person("mary@example.com", "tenant=acme")
    with nobody_to_tell(catalogue) as version:
        began = time.monotonic()
        access, _ = pool.sign_in("mary@example.com")
        took = time.monotonic() - began
    assert access["tenant"] == "acme"
    assert took < 5, "Cognito waits no longer"
    lines = [
        line for line in catalogue.log(NAME) if line.get("version") == version or line.get("ExecutedVersion") == version
    ]
    assert [line["outcome"] for line in lines if line.get("event") == "request"] == ["ok"]
    counted = [(line["Requests"], line["Failures"]) for line in lines if "_aws" in line]
    assert counted == [(1, 1)], "a metric, and no error"


def test_without_the_feature_no_sdk_is_compiled() -> None:
    def compiled(*features: str) -> set[str]:
        command = ["cargo", "tree", "--package", NAME, "--edges", "normal,build", "--prefix", "none", "--locked"]
        done = subprocess.run([*command, *features], cwd=ROOT, check=True, capture_output=True, text=True)
        return {line.split()[0] for line in done.stdout.splitlines() if line}

    def of_the_sdk(crates: set[str]) -> set[str]:
        return {crate for crate in crates if crate.startswith(("aws-sdk-", "aws-smithy-", "rustls"))}

    assert of_the_sdk(compiled()) == set()
    assert {one for one in of_the_sdk(compiled("--features", "publish")) if one.startswith("aws-sdk-")} >= {
        "aws-sdk-eventbridge"
    }


def test_both_variants_are_as_small_as_they_should_be(catalogue: Catalogue) -> None:
    manifest = f"services/{NAME}/service.yaml"

    def zipped() -> int:
        done = catalogue.start("build", NAME, "--env", "local", "--output", "json").end(1800)
        assert done.code == 0, done.said
        (built,) = done.json["artifacts"]
        return int(built["bytes"])

    told = zipped()
    catalogue.replace(manifest, "features: [publish]", "features: []")
    try:
        silent = zipped()
    finally:
        catalogue.git("checkout", "--quiet", "--", manifest)
    assert silent < 1_000_000 < told < 3_000_000, (silent, told)
