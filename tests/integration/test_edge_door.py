"""Who may come in, and what the functions get to see."""

from __future__ import annotations

import http.client
import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import edge_kit as kit
import pytest

from pipeline import local


@pytest.fixture
def functions(embedded: local.Running) -> Any:
    return kit.client(embedded, "lambda")


def ask(running: local.Running, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection(running.endpoint.removeprefix("http://"), timeout=20)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "169.254.169.254"])
def test_a_foreign_host_is_refused(embedded, host):
    status, headers = ask(embedded, "GET", "/2015-03-31/functions", {"Host": host})
    assert status == 403
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST", "PUT"])
def test_a_web_page_is_refused(embedded, method):
    asking = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST", "Content-Length": "0"}
    status, headers = ask(embedded, method, "/2015-03-31/functions", asking)
    assert status == 403
    assert not [name for name in headers if name.startswith("access-control-")]


def test_no_answer_invites_other_pages(embedded):
    status, headers = ask(embedded, "GET", "/2015-03-31/functions/", {})
    assert status == 200
    assert not [name for name in headers if name.startswith("access-control-")]


def test_up_is_idempotent_and_running_finds_it(embedded):
    assert local.up() == embedded == local.running()


def test_it_listens_on_loopback_only(embedded):
    port = int(embedded.endpoint.rsplit(":", 1)[1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening = [row[1].split(":")[0] for row in rows if row[3] == "0A" and int(row[1].split(":")[1], 16) == port]
    assert listening == ["0100007F"]


@pytest.mark.parametrize(
    ("origin", "allowed"), [("https://shop.example", "https://shop.example"), ("https://evil.example", None)]
)
def test_on_an_api_the_declared_cors_decides(embedded, functions, namespace, origin, allowed):
    kit.create(functions, namespace)
    arn = functions.get_function_configuration(FunctionName=namespace)["FunctionArn"]
    cors = {"AllowOrigins": ["https://shop.example"], "AllowMethods": ["GET"]}
    api = kit.http_api(embedded, arn, CorsConfiguration=cors)
    path = local.api_url("", api) + "/"
    status, headers = ask(embedded, "GET", path, {"Origin": origin})
    assert (status, headers.get("access-control-allow-origin")) == (200, allowed)
    preflight = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    _, headers = ask(embedded, "OPTIONS", path, preflight)
    assert headers.get("access-control-allow-origin") == allowed


def test_an_api_without_cors_invites_nobody(embedded, functions, namespace):
    kit.create(functions, namespace)
    arn = functions.get_function_configuration(FunctionName=namespace)["FunctionArn"]
    path = local.api_url("", kit.http_api(embedded, arn)) + "/"
    _, headers = ask(embedded, "GET", path, {"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in headers


def test_a_function_sees_awss_environment_and_nothing_of_this_machine(embedded, functions, namespace):
    assert os.environ["CRABWALK_TEST_SECRET"]
    kit.create(functions, namespace, Environment={"Variables": {"GREETING": "hello"}})
    answer = kit.invoke(functions, namespace)
    environment = json.loads(answer["Payload"].read())["environment"]
    assert os.environ["CRABWALK_TEST_SECRET"] not in environment.values()
    assert not set(environment) & (set(os.environ) - {"PATH", "LANG", "TZ", "LC_CTYPE"})
    expected = {
        "GREETING": "hello",
        "AWS_ENDPOINT_URL": embedded.endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_LAMBDA_FUNCTION_NAME": namespace,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{namespace}",
        "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "_HANDLER": "bootstrap",
    }
    assert expected.items() <= environment.items()


def lines(running: local.Running, name: str) -> list[tuple[str, str]]:
    pages = kit.client(running, "logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
    return [(event["logStreamName"], event["message"]) for page in pages for event in page["events"]]


def test_a_line_after_the_response_is_booked_once_also_the_last_one(embedded, functions, namespace):
    kit.create(functions, namespace)
    for number in range(3):
        kit.invoke(functions, namespace, {"late": f"late {number}"})
    deadline = time.monotonic() + 120
    while len(late := [text for _, text in lines(embedded, namespace) if text.startswith("late")]) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert late == ["late 0", "late 1", "late 2"]


def test_a_dying_functions_last_words_are_booked(embedded, functions, namespace):
    dying = 'def handle(event, arn):\n    say("last words")\n    os.write(1, b"no newline")\n    os._exit(3)\n'
    kit.create(functions, namespace, kit.package(dying))
    answer = kit.invoke(functions, namespace)
    assert json.loads(answer["Payload"].read())["errorType"] == "Runtime.ExitError"
    texts = [text for _, text in lines(embedded, namespace)]
    assert [texts.count("last words"), texts.count("no newline")] == [1, 1]


def test_a_chatty_function_loses_no_line(embedded, functions, namespace):
    talk = 'for number in range(20000):\n        say("line %d" % number)'
    chatty = f"def handle(event, arn):\n    {talk}\ndef after(event): pass\n"
    kit.create(functions, namespace, kit.package(chatty))
    kit.invoke(functions, namespace)
    texts = [text for _, text in lines(embedded, namespace) if text.startswith("line ")]
    assert texts == [f"line {number}" for number in range(20000)]


def test_one_environment_is_one_stream_named_in_its_environment(embedded, functions, namespace):
    kit.create(functions, namespace)
    answers = [json.loads(kit.invoke(functions, namespace)["Payload"].read()) for _ in range(3)]
    named = {answer["environment"]["AWS_LAMBDA_LOG_STREAM_NAME"] for answer in answers}
    assert {stream for stream, _ in lines(embedded, namespace)} == named
    assert len(named) == 1


def test_functions_die_with_the_server_and_up_and_down_recover(tmp_path, monkeypatch):
    monkeypatch.setenv("CRABWALK_LOCAL_DIR", str(tmp_path))
    running = local.up()
    try:
        functions = kit.client(running, "lambda")
        kit.create(
            functions,
            "left-behind",
            kit.package("def handle(event, arn): return os.getpid()\ndef after(event): pass\n"),
        )
        pid = json.loads(kit.invoke(functions, "left-behind")["Payload"].read())
        assert Path(f"/proc/{pid}/cwd").readlink().is_relative_to(tmp_path)
        os.kill(running.pid, signal.SIGKILL)
        os.waitpid(running.pid, 0)
        assert local.running() is None
        again = local.up()
        assert again.pid != running.pid
        assert not alive(pid)
    finally:
        local.down()
    assert not (tmp_path / "tmp").exists()


def test_state_survives_a_clean_restart(tmp_path, monkeypatch):
    monkeypatch.setenv("CRABWALK_LOCAL_DIR", str(tmp_path))
    try:
        functions = kit.client(local.up(), "lambda")
        kit.weighted(functions, "kept", 0.5)
        kit.invoke(functions, "kept", Qualifier="live")
        assert local.down()
        again = local.up()
        functions = kit.client(again, "lambda")
        assert functions.get_alias(FunctionName="kept", Name="live")["RoutingConfig"]
        assert kit.invoke(functions, "kept", Qualifier="live")["StatusCode"] == 200
        metrics = kit.client(again, "cloudwatch").list_metrics(Namespace="AWS/Lambda", MetricName="Invocations")
        assert metrics["Metrics"]
    finally:
        local.down()


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
