"""Streamed answers on the embedded AWS: the first byte is there before the last row, and a caller may go away."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import edge_kit as kit
import pytest

from pipeline import local
from pipeline.quotas import STREAMED_BYTES

PATIENCE = 30
ROWS = """
def after(event):
    pass
def handle(event, arn):
    if isinstance(event.get("gate"), str):
        wanted = event
    else:
        wanted = event["queryStringParameters"]
    def rows():
        head = {"statusCode": 201, "headers": {"Content-Type": "text/csv", "X-Rows": "3"}, "cookies": ["a=1", "b=2"]}
        yield json.dumps(head).encode() + bytes(8)
        for number in range(3):
            yield b"row %d\\n\\xff\\x00" % number
            if number == 0:
                while not os.path.exists(wanted["gate"]): time.sleep(0.001)
            for _ in range(int(wanted.get("megabytes", 0))):
                yield b"x" * 1048576
        say("all rows were written")
    path = "/2018-06-01/runtime/invocation/%s/response" % request
    mode = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked",
            "Content-Type": "application/vnd.awslambda.http-integration-response"}
    if wanted.get("fail"):
        import socket
        head = "".join("%s: %s\\r\\n" % one for one in mode.items())
        first = b'{"statusCode": 200}' + bytes(8) + b"row 0"
        trailers = b"Lambda-Runtime-Function-Error-Type: Broken.Table\\r\\n\\r\\n"
        api.sock.sendall(("POST %s HTTP/1.1\\r\\nHost: h\\r\\n%s\\r\\n%x\\r\\n" % (path, head, len(first))).encode()
            + first + b"\\r\\n0\\r\\n" + trailers)
        answer = http.client.HTTPResponse(api.sock, method="POST")
        answer.begin()
        answer.read()
        time.sleep(600)
    api.request("POST", path, rows(), mode, encode_chunked=True)
    api.getresponse().read()
    os.execv(sys.argv[0], sys.argv)
"""
BODY = b"".join(b"row %d\n\xff\x00" % number for number in range(3))


@pytest.fixture
def functions(embedded: local.Running) -> Any:
    return kit.client(embedded, "lambda")


@pytest.fixture
def host(functions: Any, namespace: str) -> str:
    """Of the function's URL."""
    kit.create(functions, namespace, kit.package(ROWS), Timeout=20)
    for sid, action, condition in (
        ("url", "lambda:InvokeFunctionUrl", {"FunctionUrlAuthType": "NONE"}),
        ("function", "lambda:InvokeFunction", {"InvokedViaFunctionUrl": True}),
    ):
        functions.add_permission(FunctionName=namespace, StatementId=sid, Action=action, Principal="*", **condition)
    url = functions.create_function_url_config(FunctionName=namespace, AuthType="NONE", InvokeMode="RESPONSE_STREAM")
    return str(url["FunctionUrl"].split("/")[2])


@contextmanager
def asked(embedded: local.Running, host: str, **wanted: str) -> Iterator[http.client.HTTPResponse]:
    connection = http.client.HTTPConnection(embedded.endpoint.removeprefix("http://"), timeout=PATIENCE)
    with closing(connection):
        connection.request("GET", f"/?{urlencode(wanted)}", headers={"Host": host})
        with connection.getresponse() as answer:
            yield answer


def test_a_function_url_answers_while_the_function_writes(embedded: local.Running, host: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    with asked(embedded, host, gate=str(gate)) as answer:
        assert (answer.status, answer.headers["Content-Type"], answer.headers["X-Rows"]) == (201, "text/csv", "3")
        assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
        assert answer.read(8) == BODY[:8], "the first row is here, the second is not made"
        gate.touch()
        assert answer.read() == BODY[8:]


def test_a_caller_that_goes_away_does_not_stop_the_function(
    embedded: local.Running, host: str, namespace: str, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    with asked(embedded, host, gate=str(gate), megabytes="5") as answer:
        assert answer.read(3) == b"row"
    gate.touch()
    assert kit.logged(embedded, namespace, "all rows were written") == 1
    assert kit.logged(embedded, namespace, "REPORT") == 1


def test_a_body_that_breaks_off_has_no_end(embedded: local.Running, host: str) -> None:
    with asked(embedded, host, gate="", fail="yes") as answer, pytest.raises(http.client.IncompleteRead) as broken:
        answer.read()
    assert broken.value.partial == b"row 0"


@pytest.mark.exhaustive
def test_a_stream_of_more_than_200_megabytes_breaks_off_there(
    embedded: local.Running, functions: Any, host: str, namespace: str, tmp_path: Path
) -> None:
    (tmp_path / "gate").touch()
    functions.update_function_configuration(FunctionName=namespace, Timeout=300)
    with (
        asked(embedded, host, gate=str(tmp_path / "gate"), megabytes="70") as answer,
        pytest.raises(http.client.IncompleteRead) as broken,
    ):
        answer.read()
    # The head of the answer counts, as everything does that the function writes.
    assert STREAMED_BYTES - 200 < len(broken.value.partial) < STREAMED_BYTES
    assert kit.logged(embedded, namespace, "all rows were written") == 1


def test_a_stream_is_invoked_piece_by_piece(functions: Any, namespace: str, tmp_path: Path) -> None:
    kit.create(functions, namespace, kit.package(ROWS), Timeout=20)
    gate = tmp_path / "gate"
    event = json.dumps({"gate": str(gate)})
    answer = functions.invoke_with_response_stream(FunctionName=namespace, Payload=event)
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    received, finished = b"", None
    for part in answer["EventStream"]:
        if "PayloadChunk" in part:
            received += part["PayloadChunk"]["Payload"]
            if b"row 0" in received and not gate.exists():
                assert b"row 1" not in received
                gate.touch()
        else:
            finished = part["InvokeComplete"]
    assert received.partition(bytes(8))[2] == BODY
    assert finished is not None
    assert "ErrorCode" not in finished


def test_what_is_answered_as_a_whole_and_what_fails_ends_with_its_outcome(functions: Any, namespace: str) -> None:
    kit.create(functions, namespace)
    for event, fault in (({}, None), ({"fail": True}, "Unhandled")):
        answer = functions.invoke_with_response_stream(FunctionName=namespace, Payload=json.dumps(event))
        parts = list(answer["EventStream"])
        assert json.loads(parts[0]["PayloadChunk"]["Payload"]).keys() >= ({"errorMessage"} if fault else {"version"})
        assert parts[-1]["InvokeComplete"].get("ErrorCode") == fault
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.invoke_with_response_stream(FunctionName="nobody", Payload="{}")


def test_a_plain_invocation_gets_the_stream_as_a_whole(functions: Any, namespace: str, tmp_path: Path) -> None:
    kit.create(functions, namespace, kit.package(ROWS), Timeout=20)
    gate = tmp_path / "gate"
    gate.touch()
    callers = [threading.Thread(target=kit.invoke, args=(functions, namespace, {"gate": str(gate)})) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(PATIENCE)
    body = kit.invoke(functions, namespace, {"gate": str(gate)})["Payload"].read()
    assert body.partition(bytes(8))[2] == BODY
