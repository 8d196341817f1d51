"""Pre token generation on the embedded AWS: one version answers for both tokens of a sign-in, or nobody signs in."""

from __future__ import annotations

import base64
import json
from typing import Any

import edge_kit as kit
import pytest

from pipeline import local

CLAIM = """
def handle(event, arn):
    if event["userName"] == "refused":
        raise ValueError("asked to fail")
    say("signed in " + event["userName"])
    claims = {"claimsToAddOrOverride": {"by": VERSION}}
    event["response"]["claimsAndScopeOverrideDetails"] = {"accessTokenGeneration": claims, "idTokenGeneration": claims}
    return event
def after(event): pass
"""
SIGN_INS = 12


class Pool:
    """A user pool whose trigger is an alias with two versions."""

    def __init__(self, running: local.Running, name: str) -> None:
        self.pools, functions = kit.client(running, "cognito-idp"), kit.client(running, "lambda")
        kit.create(functions, name, kit.package(CLAIM))
        functions.publish_version(FunctionName=name)
        functions.update_function_code(FunctionName=name, ZipFile=kit.package(CLAIM, salt="second"))
        kit.settle(functions, name)
        functions.publish_version(FunctionName=name)
        routing = {"AdditionalVersionWeights": {"2": 0.5}}
        alias = functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1", RoutingConfig=routing)
        config = {"LambdaArn": alias["AliasArn"], "LambdaVersion": "V2_0"}
        made = self.pools.create_user_pool(PoolName=name, LambdaConfig={"PreTokenGenerationConfig": config})
        self.id = made["UserPool"]["Id"]
        flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
        client = self.pools.create_user_pool_client(UserPoolId=self.id, ClientName=name, ExplicitAuthFlows=flows)
        self.client = client["UserPoolClient"]["ClientId"]

    def person(self, name: str) -> None:
        self.pools.admin_create_user(UserPoolId=self.id, Username=name, MessageAction="SUPPRESS")
        self.pools.admin_set_user_password(UserPoolId=self.id, Username=name, Password="Sideways-1", Permanent=True)

    def sign_in(self, name: str) -> list[Any]:
        """The claims of the access and of the ID token."""
        answer = self.pools.admin_initiate_auth(
            UserPoolId=self.id,
            ClientId=self.client,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": "Sideways-1"},
        )["AuthenticationResult"]
        parts = [answer[kind].split(".")[1] for kind in ("AccessToken", "IdToken")]
        return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in parts]


@pytest.fixture
def pool(embedded: local.Running, namespace: str) -> Pool:
    return Pool(embedded, namespace)


def test_one_version_answers_for_both_tokens_of_a_sign_in(embedded, namespace, pool):
    pool.person("crab")
    answered = [tuple(claims["by"] for claims in pool.sign_in("crab")) for _ in range(SIGN_INS)]
    assert set(answered) <= {("1", "1"), ("2", "2")}
    logs = kit.client(embedded, "logs")
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{namespace}")
    lines = [event["message"] for page in pages for event in page["events"]]
    assert lines.count("signed in crab") == SIGN_INS


def test_nobody_signs_in_where_the_trigger_fails(pool):
    pool.person("refused")
    with pytest.raises(pool.pools.exceptions.UserLambdaValidationException, match="with error asked to fail"):
        pool.sign_in("refused")
