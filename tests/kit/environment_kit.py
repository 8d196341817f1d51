"""Bootstraps and extensions in a few lines of Python, for the tests of execution environments."""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.local.runtime_api import Function

HEAD = """#!{python} -IS
import http.client, json, os, sys, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
def call(method, path, body=None, headers={{}}):
    api.request(method, path, body, headers)
    answer = api.getresponse()
    return answer.status, answer.headers, answer.read()
def say(text):
    os.write(1, (text + "\\n").encode())
"""
BOOTSTRAP = """
R = "/2018-06-01/runtime/"
while True:
    _, headers, event = call("GET", R + "invocation/next")
    request, event = headers["Lambda-Runtime-Aws-Request-Id"], json.loads(event)
    kind, result = "response", handle(event, headers)
    if isinstance(result, Exception):
        kind, result = "error", {"errorType": type(result).__name__, "errorMessage": str(result)}
    call("POST", R + "invocation/%s/%s" % (request, kind), json.dumps(result))
"""
EXTENSION = """
E = "/2020-01-01/extension/"
def register(*events):
    name = {"Lambda-Extension-Name": os.path.basename(sys.argv[0])}
    status, headers, body = call("POST", E + "register", json.dumps({"events": events}), name)
    return {"Lambda-Extension-Identifier": headers["Lambda-Extension-Identifier"]}, json.loads(body)
def next_event(identity):
    status, headers, body = call("GET", E + "event/next", headers=identity)
    return json.loads(body)
"""


def bootstrap(folder: Path, handle: str) -> list[str]:
    """The command of a runtime that hands each event to `handle(event, headers)`."""
    return [str(script(folder / "bootstrap", handle + BOOTSTRAP))]


def extension(folder: Path, name: str, body: str) -> dict[str, list[str]]:
    """An external extension's command, by its name."""
    folder.mkdir(exist_ok=True)
    return {name: [str(script(folder / name, EXTENSION + body))]}


def script(path: Path, body: str) -> Path:
    path.write_text(HEAD.format(python=sys.executable) + body)
    path.chmod(0o755)
    return path


def variables(function: Function, folder: Path) -> dict[str, str]:
    return function.environment(str(folder), {})
