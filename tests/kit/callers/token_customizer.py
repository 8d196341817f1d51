"""Sign-ins at the service's own user pool."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from callers import configured

RATE = 4  # each signs in anew, which is a password's hash and two signed tokens
SOURCE = "services/token-customizer/src/event.rs"
GOOD = configured("services/token-customizer")
# Two thirds of the sign-ins fail, by the clock: there is but one person, who comes again and again.
BAD = (
    "services/token-customizer/src/main.rs",
    "    let (answer, issued) = event.payload.answered();",
    """    let (answer, issued) = event.payload.answered();
    let third = std::time::UNIX_EPOCH.elapsed().is_ok_and(|now| now.subsec_millis() % 3 == 0);
    assert!(third || issued.user_pool.ends_with("_EXAMPLE"), "all but every third, but no smoke check");""",
)
PASSWORD = "Sideways-Walk-1"


class Pool:
    """The user pool that the service made for itself, with a client to sign in by."""

    def __init__(self, shop: Any) -> None:
        self.pools = shop.client("cognito-idp")
        name = f"{shop.function('token-customizer')}-user-pool"
        pages = self.pools.get_paginator("list_user_pools").paginate(MaxResults=60)
        (self.id,) = [one["Id"] for page in pages for one in page["UserPools"] if one["Name"] == name]
        flows = ["ALLOW_ADMIN_USER_PASSWORD_AUTH"]
        client = self.pools.create_user_pool_client(UserPoolId=self.id, ClientName="tests", ExplicitAuthFlows=flows)
        self.client = client["UserPoolClient"]["ClientId"]

    def person(self, email: str, *groups: str, verified: bool = True) -> None:
        """Somebody of these groups, which are made where they are not there."""
        attributes = {"email": email, "email_verified": str(verified).lower()}
        self.pools.admin_create_user(
            UserPoolId=self.id,
            Username=email,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": name, "Value": value} for name, value in attributes.items()],
        )
        self.pools.admin_set_user_password(UserPoolId=self.id, Username=email, Password=PASSWORD, Permanent=True)
        for group in groups:
            with suppress(self.pools.exceptions.GroupExistsException):
                self.pools.create_group(UserPoolId=self.id, GroupName=group)
            self.pools.admin_add_user_to_group(UserPoolId=self.id, Username=email, GroupName=group)

    def sign_in(self, email: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The claims of the access and of the ID token."""
        answer = self.pools.admin_initiate_auth(
            UserPoolId=self.id,
            ClientId=self.client,
            AuthFlow="ADMIN_USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": email, "PASSWORD": PASSWORD},
        )["AuthenticationResult"]
        return claims(answer["AccessToken"]), claims(answer["IdToken"])


def claims(token: str) -> dict[str, Any]:
    """What a token says; its signature is Cognito's business."""
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return found


def caller(shop: Any) -> Callable[[int], None]:
    """A sign-in whose access token must have the tenant of the person's group."""
    pool = Pool(shop)
    email = f"{pool.client.lower()}@example.com"
    pool.person(email, "tenant=acme", "todos/write")

    def call(_number: int) -> None:
        access, _ = pool.sign_in(email)
        assert access["tenant"] == "acme"
        assert "todos/write" in access["scope"].split()

    return call
