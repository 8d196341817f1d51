"""OPTIONS reaches a route's function where the API has no CORS, and is answered for it where the API has."""

from __future__ import annotations

import urllib.error
import urllib.request
from email.message import Message
from typing import Any

import edge_kit as kit
import pytest

from pipeline import local

ANSWERS = """
def handle(event, arn):
    return {"statusCode": 200, "headers": {"x-asked": event["requestContext"]["http"]["method"]}, "body": "{}"}
def after(event): pass
"""


@pytest.fixture
def target(embedded: local.Running, namespace: str) -> str:
    functions = kit.client(embedded, "lambda")
    kit.create(functions, namespace, kit.package(ANSWERS))
    return str(functions.get_function(FunctionName=namespace)["Configuration"]["FunctionArn"])


def options(running: local.Running, api: str, path: str = "/") -> tuple[int, Message]:
    url = local.api_url(running.endpoint, api) + path
    request = urllib.request.Request(url, headers={"Origin": "https://example.org"}, method="OPTIONS")  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return answer.status, answer.headers
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers


def test_without_cors_it_is_a_method_like_any_other(embedded: local.Running, target: str) -> None:
    api = kit.http_api(embedded, target)
    status, headers = options(embedded, api)
    assert (status, headers["x-asked"]) == (200, "OPTIONS")
    gateway: Any = kit.client(embedded, "apigatewayv2")
    (route,) = gateway.get_routes(ApiId=api)["Items"]
    gateway.update_route(ApiId=api, RouteId=route["RouteId"], RouteKey="GET /only")
    assert options(embedded, api, "/only")[0] == 404
    gateway.update_route(ApiId=api, RouteId=route["RouteId"], RouteKey="OPTIONS /only")
    assert options(embedded, api, "/only")[1]["x-asked"] == "OPTIONS"


def test_with_cors_the_api_answers_for_the_function(embedded: local.Running, target: str) -> None:
    api = kit.http_api(embedded, target, CorsConfiguration={"AllowOrigins": ["https://example.org"]})
    status, headers = options(embedded, api)
    assert (status, headers["x-asked"], headers["Access-Control-Allow-Origin"]) == (204, None, "https://example.org")
