"""`todos` through its HTTP API, on a real table, with a real secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from callers.http import exchange
from callers.todos import key, rotated
from catalogue_kit import Catalogue, until

from pipeline.aws.metrics import Metrics, Series

JSON = {"content-type": "application/json"}
UNKNOWN = "/todos/" + "0" * 32


@dataclass(frozen=True)
class Api:
    """The service as its callers have it."""

    url: str

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, str], Any]:
        """Status, headers and JSON of an answer."""
        sent = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        status, answered, text = exchange(self.url, method, path, sent, {**JSON, **named})
        return status, answered, json.loads(text) if text else None

    def problem(self, wanted: int, method: str, path: str, body: Any = None, **headers: str) -> str:
        """The detail of a refusal that must have this status."""
        status, answered, refusal = self.ask(method, path, body, **headers)
        assert (status, answered["content-type"]) == (wanted, "application/problem+json"), refusal
        assert refusal["status"] == wanted
        return str(refusal["detail"])

    def made(self, **todo: Any) -> tuple[str, Any]:
        """A new to-do: where it is, and what it is."""
        status, answered, made = self.ask("POST", "/todos", todo)
        assert status == 201, made
        return answered["location"], made

    def walk(self, limit: int) -> Iterator[list[Any]]:
        """The list, page by page; every answer must be one."""
        path = f"/todos?limit={limit}"
        while path:
            status, _, page = self.ask("GET", path)
            assert status == 200, page
            assert len(page["items"]) <= limit
            path = f"/todos?limit={limit}&cursor={page['next']}" if page["next"] else ""
            yield page["items"]


@pytest.fixture(scope="module")
def api(catalogue: Catalogue) -> Api:
    key(catalogue)
    return Api(catalogue.url("todos"))


@pytest.fixture
def thirty(api: Api) -> Iterator[set[str]]:
    """The places of 30 to-dos."""
    places = {api.made(title=f"{n} of 30")[0] for n in range(30)}
    yield places
    for place in places:
        api.ask("DELETE", place)


def cursor(place: str, signer: str) -> str:
    """Where the list goes on behind a to-do, signed with a key."""
    ident = bytes.fromhex(place.removeprefix("/todos/"))
    signature = hmac.digest(signer.encode(), b"todos cursor 1:" + ident, hashlib.sha256)
    return base64.urlsafe_b64encode(ident + signature).decode()


@contextmanager
def reads(catalogue: Catalogue, arn: str) -> Iterator[Callable[[], list[str]]]:
    """CloudTrail records meanwhile; gives which versions of this secret were read, in order."""

    def record(on: bool) -> None:
        wanted = json.dumps({"cloudtrail._recording_enabled": str(on)}).encode()
        with urllib.request.urlopen(f"{catalogue.env.endpoint}/_ministack/config", wanted) as answer:  # noqa: S310
            assert json.load(answer)["applied"]

    def seen() -> list[str]:
        trail, name = catalogue.client("cloudtrail"), {"AttributeKey": "EventName", "AttributeValue": "GetSecretValue"}
        events = trail.lookup_events(LookupAttributes=[name])["Events"]
        asked = [json.loads(event["CloudTrailEvent"])["requestParameters"] for event in reversed(events)]
        return [one.get("versionStage") or one.get("VersionStage", "") for one in asked if one["SecretId"] == arn]

    record(True)
    before = len(seen())
    try:
        yield lambda: seen()[before:]
    finally:
        record(False)


def test_a_todo_lives(api: Api) -> None:
    place, made = api.made(title="  Straße fegen 🧹 ", notes="two\nlines")
    assert (made["title"], made["notes"], made["done"], made["version"]) == ("Straße fegen 🧹", "two\nlines", False, 1)
    status, headers, read = api.ask("GET", place)
    assert (status, headers["etag"], read) == (200, '"1"', made)
    assert api.ask("GET", place, if_none_match='"1"')[0] == 304
    status, headers, changed = api.ask("PUT", place, {"title": "Gefegt", "done": True}, if_match='"1"')
    assert (status, headers["etag"], changed["done"]) == (200, '"2"', True)
    assert "notes" not in changed
    assert changed["created_at"] == made["created_at"] <= changed["updated_at"]
    assert api.ask("GET", place)[2] == changed
    assert api.ask("DELETE", place)[0] == 204
    for method, body in (("GET", None), ("DELETE", None), ("PUT", {"title": "again"})):
        api.problem(404, method, place, body)


def test_of_many_who_change_the_same_version_one_does(api: Api) -> None:
    place, _ = api.made(title="Wanted by all")
    with ThreadPoolExecutor(8) as pool:
        each = [pool.submit(api.ask, "PUT", place, {"title": f"by {n}"}, if_match='"1"') for n in range(8)]
    answers = [one.result() for one in each]
    assert sorted(status for status, _, _ in answers) == [200] + [412] * 7
    (winner,) = [todo for status, _, todo in answers if status == 200]
    assert api.ask("GET", place)[2] == winner
    api.problem(412, "DELETE", place, if_match='"1"')
    assert api.ask("DELETE", place, if_match='"2"')[0] == 204


def test_of_many_who_create_with_the_same_key_one_does(api: Api) -> None:
    key = f"key-{time.time_ns()}"
    with ThreadPoolExecutor(8) as pool:
        each = [pool.submit(api.ask, "POST", "/todos", {"title": "once"}, idempotency_key=key) for _ in range(8)]
    answers = [one.result() for one in each]
    assert {status for status, _, _ in answers} == {201}
    (place,) = {headers["location"] for _, headers, _ in answers}
    api.problem(422, "POST", "/todos", {"title": "another"}, idempotency_key=key)
    assert api.ask("DELETE", place)[0] == 204


def test_a_key_is_rotated_under_those_who_use_it(catalogue: Catalogue, api: Api, thirty: set[str]) -> None:
    functions, name = catalogue.client("lambda"), catalogue.function("todos")
    old, version = key(catalogue), functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"]
    arn = catalogue.client("secretsmanager").describe_secret(SecretId=catalogue.physical("todos", "key"))["ARN"]
    under_way = api.walk(1)
    found = [todo for _ in range(10) for todo in next(under_way)]
    with reads(catalogue, arn) as seen:
        new = rotated(catalogue)
        found += [todo for page in under_way for todo in page]  # every page is an answer
        assert thirty <= {f"/todos/{todo['id']}" for todo in found}
        for place in sorted(thirty)[:10]:
            for signer in (new, old):  # another instance signed it, that knows the new key already or not yet
                status, _, page = api.ask("GET", f"/todos?limit=1&cursor={cursor(place, signer)}")
                assert status == 200, page
                last = page["items"][-1:]
                assert page["next"] in {None, *(cursor(todo["id"], each) for todo in last for each in (new, old))}
                assert signer == old or page["next"] in {None, *(cursor(todo["id"], new) for todo in last)}
        assert seen(), "the new key"
    assert functions.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == version

    configured = functions.get_function_configuration(FunctionName=name, Qualifier="live")
    assert configured["Environment"]["Variables"]["CURSOR_KEY"] == arn
    pages = catalogue.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
    printed = [event["message"] for page in pages for event in page["events"]]
    for shown in (json.dumps(configured, default=str), *printed):
        assert new not in shown
        assert old not in shown
    assert printed


def test_the_list_is_whole_and_nobody_makes_up_a_place_of_it(api: Api, thirty: set[str]) -> None:
    found = [f"/todos/{todo['id']}" for page in api.walk(7) for todo in page]
    assert len(found) == len(set(found))
    assert thirty <= set(found)
    forged = (base64.urlsafe_b64encode(b'{"id": {"S": "x"}}').decode().rstrip("="), "%00", "0" * 64)
    for made_up in (*forged, cursor(min(thirty), secrets.token_hex(32))):
        assert "cursor" in api.problem(400, "GET", f"/todos?cursor={made_up}")
    for limit in ("0", "101", "ten"):
        api.problem(400, "GET", f"/todos?limit={limit}")


def test_what_cannot_be_taken_is_said(api: Api) -> None:
    for body in (b"", b"{", b"[]", b"\xff\xfe", {}, {"title": 1}, {"title": " "}, {"title": "x" * 201}):
        api.problem(400, "POST", "/todos", body)
    assert "titel" in api.problem(400, "POST", "/todos", {"title": "a", "titel": "b"})
    api.problem(413, "POST", "/todos", {"title": "a", "notes": "n" * 1_500_000})
    api.problem(400, "PUT", UNKNOWN, {"title": "a"}, if_match="2")
    for path in (UNKNOWN, "/todos/1", "/todos/%2e%2e", "/todos/%F0%9F%A5%9B"):
        api.problem(404, "GET", path)


def test_a_method_that_is_not_taken_is_answered_with_those_that_are(api: Api) -> None:
    for path, methods in (("/todos", "GET, HEAD, POST, OPTIONS"), (UNKNOWN, "GET, HEAD, PUT, DELETE, OPTIONS")):
        status, headers, _ = api.ask("PATCH", path, {})
        assert (status, headers["allow"]) == (405, methods)
        assert api.ask("OPTIONS", path)[0] == 204
    status, headers, nothing = api.ask("HEAD", "/todos")
    assert (status, headers["content-type"], nothing) == (200, "application/json", None)


@pytest.fixture
def elsewhere(catalogue: Catalogue) -> Iterator[Any]:
    """Makes a function of the same code with other variables; a call of it gives its answer."""
    functions = catalogue.client("lambda")
    live = functions.get_function_configuration(FunctionName=catalogue.function("todos"), Qualifier="live")
    code = catalogue.code("todos")
    kept = {key: live[key] for key in ("Role", "Handler", "Runtime", "Timeout")}
    made: list[str] = []

    def make(name: str, **variables: str) -> tuple[str, Any]:
        function = f"{catalogue.function('todos')}-{name}"
        functions.create_function(
            FunctionName=function, Code={"ZipFile": code}, Environment={"Variables": variables}, Publish=True, **kept
        )
        made.append(function)
        functions.create_alias(FunctionName=function, Name="live", FunctionVersion="1")
        event = (catalogue.root / "services/todos/events/list.json").read_bytes()
        answer = functions.invoke(FunctionName=function, Qualifier="live", Payload=event)
        assert "FunctionError" not in answer
        return function, json.loads(answer["Payload"].read())

    yield make
    for function in made:
        functions.delete_function(FunctionName=function)


@pytest.mark.usefixtures("thirty")
def test_a_key_is_fetched_once_and_without_one_there_is_no_second_page(catalogue: Catalogue, elsewhere: Any) -> None:
    keys, functions = catalogue.client("secretsmanager"), catalogue.client("lambda")
    arn = keys.create_secret(Name=f"{catalogue.function('todos')}-unwritten")["ARN"]
    event = (catalogue.root / "services/todos/events/list.json").read_bytes()
    with reads(catalogue, arn) as seen:
        function, answer = elsewhere("unwritten", TABLE=catalogue.physical("todos", "table"), CURSOR_KEY=arn)
        assert (answer["statusCode"], answer["headers"]["content-type"]) == (503, "application/problem+json")
        assert "key" not in answer["body"]
        keys.put_secret_value(SecretId=arn, SecretString=secrets.token_hex(32))
        for _ in range(20):
            answered = functions.invoke(FunctionName=function, Qualifier="live", Payload=event)["Payload"].read()
            assert json.loads(json.loads(answered)["body"])["next"]
        assert seen() == ["", "", "AWSPREVIOUS"], "in vain, and then once with the one before it"
    logged = catalogue.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    (line,) = [json.loads(event["message"]) for event in logged if '"ERROR"' in event["message"]]
    assert f"CURSOR_KEY: {arn} cannot be read: ResourceNotFoundException" in json.dumps(line)
    keys.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def test_a_table_that_fails_is_a_failure_that_a_release_is_judged_by(catalogue: Catalogue, elsewhere: Any) -> None:
    function, answer = elsewhere("no-table", TABLE="nobody-has-this")
    assert (answer["statusCode"], answer["headers"]["content-type"]) == (500, "application/problem+json")
    assert "nobody-has-this" not in answer["body"]
    series = Series(function, "live", "1", "Failures", namespace="crabwalk")

    def failures() -> float:
        now = time.time()
        return sum(Metrics(catalogue.env).read([series], now - 600, now + 1)[series].values())

    assert until("the failure is counted", failures) == 1
