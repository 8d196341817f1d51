"""Small functions and clients for the tests of the edge: a custom runtime in a script, zipped, published, aliased."""

from __future__ import annotations

import functools
import io
import json
import sys
import time
import zipfile
from typing import Any

import boto3
from botocore.config import Config

from pipeline import local

ROLE = "arn:aws:iam::000000000000:role/test"
RUNTIME = '''#!{python} -IS
"""A custom runtime: polls the Runtime API, hands the event to `handle`, answers."""
import http.client, json, os, sys, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
VERSION = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
def say(text):
    os.write(1, (text + "\\n").encode())
{body}
while True:
    api.request("GET", "/2018-06-01/runtime/invocation/next")
    answer = api.getresponse()
    event, request = json.loads(answer.read()), answer.headers["Lambda-Runtime-Aws-Request-Id"]
    arn = answer.headers["Lambda-Runtime-Invoked-Function-Arn"]
    try:
        kind, result = "response", handle(event, arn)
    except Exception as fault:
        kind, result = "error", {{"errorMessage": str(fault), "errorType": type(fault).__name__}}
    api.request("POST", "/2018-06-01/runtime/invocation/%s/%s" % (request, kind), json.dumps(result))
    api.getresponse().read()
    after(event)
'''
ECHO = """
def handle(event, arn):
    if isinstance(event, dict) and event.get("fail"):
        raise ValueError("asked to fail")
    if isinstance(event, dict) and event.get("sleep"):
        time.sleep(event["sleep"])
    say("served-by " + VERSION)
    return {"version": VERSION, "arn": arn, "environment": dict(os.environ)}
def after(event):
    if isinstance(event, dict) and event.get("late"):
        time.sleep(0.05)
        say(event["late"])
"""


@functools.lru_cache(maxsize=64)
def client(running: local.Running, service: str) -> Any:
    return boto3.session.Session().client(
        service,
        region_name="us-east-1",
        endpoint_url=running.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}, max_pool_connections=32),
    )


def package(body: str = ECHO, *, salt: str = "", bootstrap: bytes | None = None) -> bytes:
    script = RUNTIME.format(python=sys.executable, body=body) + f"# {salt}\n"
    entry = zipfile.ZipInfo("bootstrap", (1980, 1, 1, 0, 0, 0))
    entry.external_attr = 0o100755 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, bootstrap if bootstrap is not None else script)
    return buffer.getvalue()


def create(functions: Any, name: str, code: bytes | None = None, **options: Any) -> None:
    settings: dict[str, Any] = {"Timeout": 10, "Runtime": "provided.al2023", "Handler": "bootstrap", "Role": ROLE}
    functions.create_function(FunctionName=name, Code={"ZipFile": code or package()}, **{**settings, **options})
    settle(functions, name)


def settle(functions: Any, name: str) -> None:
    waiter = functions.get_waiter("function_updated_v2")
    waiter.wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})
    functions.get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 0.1, "MaxAttempts": 100})


def two_versions(functions: Any, name: str) -> None:
    """Versions 1 and 2 of one function."""
    create(functions, name)
    functions.publish_version(FunctionName=name)
    functions.update_function_code(FunctionName=name, ZipFile=package(salt="second"))
    settle(functions, name)
    functions.publish_version(FunctionName=name)


def weighted(functions: Any, name: str, weight: float) -> None:
    """Alias `live` on version 1 with this weight on version 2."""
    two_versions(functions, name)
    functions.create_alias(
        FunctionName=name,
        Name="live",
        FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": weight}},
    )


def invoke(functions: Any, name: str, event: Any = None, **options: Any) -> Any:
    return functions.invoke(FunctionName=name, Payload=json.dumps(event or {}), **options)


def http_api(running: local.Running, target: str, **options: Any) -> str:
    """The id of an HTTP API whose every route leads to this function."""
    gateway = client(running, "apigatewayv2")
    api = gateway.create_api(Name="test", ProtocolType="HTTP", **options)["ApiId"]
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{target}/invocations"
    integration = gateway.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=uri, PayloadFormatVersion="2.0"
    )
    gateway.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{integration['IntegrationId']}")
    gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    return str(api)


def logged(embedded: local.Running, function: str, text: str) -> int:
    """How many lines there are, as soon as there is one."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        logs = client(embedded, "logs")
        groups = logs.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{function}")["logGroups"]
        name = groups[0]["logGroupName"] if groups else None
        found = logs.filter_log_events(logGroupName=name)["events"] if name else []
        if count := sum(text in event["message"] for event in found):
            return count
        time.sleep(0.05)
    return 0
