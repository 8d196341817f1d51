"""A JWT authorizer lets pass what its issuer signed, for its audience and scope; it has none of a Lambda's fields."""

from __future__ import annotations

import base64
import hashlib
import http.server
import json
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import edge_kit as kit
import pytest

from pipeline import local
from pipeline.local.edge import authorizers

E = 65537


class Key:
    """An RSA key of 1024 bits; the numbers are the same in every run."""

    def __init__(self, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311
        p, q = (self._prime(dice) for _ in range(2))
        self.n, self._d = p * q, pow(E, -1, (p - 1) * (q - 1))

    @staticmethod
    def _prime(dice: random.Random) -> int:
        while True:
            number = dice.getrandbits(512) | 3 << 510 | 1
            if number % E != 1 and all(pow(base, number - 1, number) == 1 for base in (2, 3, 5, 7)):
                return number

    def jwk(self) -> dict[str, str]:
        numbers = {"n": self.n.to_bytes(128, "big"), "e": E.to_bytes(3, "big")}
        return {"kty": "RSA", "kid": "1", "alg": "RS256", **{name: text(value) for name, value in numbers.items()}}

    def token(self, **claims: Any) -> str:
        said = f"{text(json.dumps({'alg': 'RS256', 'kid': '1'}))}.{text(json.dumps(claims))}"
        digest = bytes.fromhex("3031300d060960864801650304020105000420") + hashlib.sha256(said.encode()).digest()
        padded = b"\x00\x01" + b"\xff" * (125 - len(digest)) + b"\x00" + digest
        return f"{said}.{text(pow(int.from_bytes(padded, 'big'), self._d, self.n).to_bytes(128, 'big'))}"


def text(value: bytes | str) -> str:
    return base64.urlsafe_b64encode(value.encode() if isinstance(value, str) else value).rstrip(b"=").decode()


KEY = Key(1)


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """An OpenID Connect issuer on loopback that has one key."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = {"keys": [KEY.jwk()]} if self.path == "/keys" else {"jwks_uri": f"{url}/keys"}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield url
        server.shutdown()


@pytest.fixture(scope="module")
def guarded(embedded: local.Running, issuer: str) -> str:
    """The id of an API whose one route needs a token of the issuer for `web` with the scope `read`."""
    functions, gateway = kit.client(embedded, "lambda"), kit.client(embedded, "apigatewayv2")
    kit.create(functions, "guarded")
    api = kit.http_api(embedded, functions.get_function(FunctionName="guarded")["Configuration"]["FunctionArn"])
    made = gateway.create_authorizer(
        ApiId=api,
        Name="jwt",
        AuthorizerType="JWT",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": issuer, "Audience": ["web"]},
    )
    (route,) = gateway.get_routes(ApiId=api)["Items"]
    gateway.update_route(
        ApiId=api,
        RouteId=route["RouteId"],
        AuthorizationType="JWT",
        AuthorizerId=made["AuthorizerId"],
        AuthorizationScopes=["read"],
    )
    return api


def status(running: local.Running, api: str, token: str | None) -> int:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(local.api_url(running.endpoint, api) + "/", headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code


def test_a_jwt_authorizer_is_described_without_a_lambda_authorizers_fields(embedded, guarded):
    gateway = kit.client(embedded, "apigatewayv2")
    (summary,) = gateway.get_authorizers(ApiId=guarded)["Items"]
    described = gateway.get_authorizer(ApiId=guarded, AuthorizerId=summary["AuthorizerId"])
    assert described.keys() - {"ResponseMetadata"} == {
        "AuthorizerId",
        "AuthorizerType",
        "IdentitySource",
        "JwtConfiguration",
        "Name",
    }


def test_only_a_token_of_the_issuer_for_the_audience_with_a_scope_passes(embedded, guarded, issuer):
    now = int(time.time())
    claims = {"iss": issuer, "aud": "web", "scope": "read write", "iat": now - 1, "exp": now + 600}
    right = KEY.token(**claims)
    assert status(embedded, guarded, right) == 200
    assert status(embedded, guarded, None) == 401
    assert status(embedded, guarded, Key(2).token(**claims)) == 401
    assert status(embedded, guarded, KEY.token(**{**claims, "aud": "other"})) == 401
    assert status(embedded, guarded, KEY.token(**{**claims, "exp": now - 1})) == 401
    assert status(embedded, guarded, KEY.token(**{**claims, "scope": "write"})) == 403


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c.d", "a.b.%%%", f"a.b.{text(b'0' * 200)}"])
def test_what_is_no_signature_is_none(token: str) -> None:
    assert not authorizers.signed(token, KEY.jwk())
    assert not authorizers.signed("a.b.YQ", {})
