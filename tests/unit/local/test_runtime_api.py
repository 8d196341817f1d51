from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from environment_kit import bootstrap, extension, script, variables

from pipeline.local.runtime.answers import _type_of
from pipeline.local.runtime_api import Answer, Environment, Function, InitError, InitTimeoutError
from pipeline.quotas import ANSWER_BYTES

PATIENCE = 30
ECHO = """
def handle(event, headers):
    say("got " + json.dumps(event))
    return {"event": event, "arn": headers["Lambda-Runtime-Invoked-Function-Arn"], "in": dict(os.environ)}
"""


def environment(folder: Path, handle: str, **options: Any) -> Environment:
    known = {name: options.pop(name) for name in ("timeout_s", "streamed_bytes") if name in options}
    function = Function("greeter", version="7", **{"timeout_s": PATIENCE, **known})
    return Environment(function, bootstrap(folder, handle), variables(function, folder), **options)


def started(folder: Path, handle: str, **options: Any) -> Environment:
    running = environment(folder, handle, **options)
    running.start(PATIENCE)
    return running


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def read(answer: Answer) -> Any:
    return json.loads(answer.body)


def test_an_event_is_handed_to_the_runtime_and_its_answer_comes_back(tmp_path):
    with started(tmp_path, ECHO) as running:
        answer = running.invoke(b'{"name": "Ada"}', request_id="r-1", arn="arn:live")
        times = running.times
    assert answer.error_type is None
    body = read(answer)
    assert (body["event"], body["arn"]) == ({"name": "Ada"}, "arn:live")
    assert (body["in"]["AWS_LAMBDA_FUNCTION_NAME"], body["in"]["AWS_LAMBDA_FUNCTION_VERSION"]) == ("greeter", "7")
    assert "HOME" not in body["in"], "nothing of this machine"
    assert answer.lines == ('got {"name": "Ada"}',)
    assert times.started < times.first_next < times.first_answer


def test_it_is_reused_and_an_error_of_the_handler_does_not_end_it(tmp_path):
    handle = "def handle(event, headers): return ValueError('no') if event == 1 else os.getpid()"
    with started(tmp_path, handle) as running:
        first, failed, second = (running.invoke(event) for event in (b"0", b"1", b"2"))
        assert running.usable
    assert read(first) == read(second) == running.pid
    assert (failed.error_type, read(failed)["errorMessage"]) == ("ValueError", "no")


def test_a_runtime_that_dies_is_an_error_with_its_status(tmp_path):
    with started(tmp_path, "def handle(event, headers): os._exit(3)") as running:
        answer = running.invoke(b"{}", request_id="r-9")
        assert not running.usable
    message = "RequestId: r-9 Error: Runtime exited with error: exit status 3"
    assert read(answer) == {"errorType": "Runtime.ExitError", "errorMessage": message}


def test_an_answer_sent_before_the_end_counts(tmp_path):
    handle = """
def handle(event, headers):
    call("POST", R + "invocation/%s/response" % headers["Lambda-Runtime-Aws-Request-Id"], "42")
    os._exit(0)
"""
    with started(tmp_path, handle) as running:
        assert read(running.invoke(b"{}")) == 42


def test_what_takes_too_long_is_a_timeout(tmp_path):
    with started(tmp_path, "def handle(event, headers): time.sleep(600)", timeout_s=0.2) as running:
        answer = running.invoke(b"{}", request_id="r-2")
        assert not running.usable
    assert answer.error_type == "Sandbox.Timedout"
    assert read(answer)["errorMessage"] == "RequestId: r-2 Error: Task timed out after 0.20 seconds"


def test_an_invocation_ends_with_its_environment(tmp_path):
    begun, answers = tmp_path / "begun", []
    handle = f"def handle(event, headers): open({str(begun)!r}, 'w').close(); time.sleep(600)"
    with started(tmp_path, handle) as running:
        caller = threading.Thread(target=lambda: answers.append(running.invoke(b"{}", request_id="r-4")))
        caller.start()
        until(begun.exists)
        running.terminate()
        caller.join(PATIENCE)
        late = running.invoke(b"{}", request_id="r-5")
    message = "RequestId: r-4 Error: Runtime exited with error: signal: 9"
    assert read(answers[0]) == {"errorType": "Runtime.ExitError", "errorMessage": message}
    assert late.error_type == "Runtime.ExitError"


def test_an_invocation_after_the_end_is_told_so(tmp_path):
    running = started(tmp_path, ECHO)
    running.close()
    message = "RequestId: r-6 Error: the execution environment was ended"
    answer = running.invoke(b"{}", request_id="r-6")
    assert read(answer) == {"errorType": "Runtime.ExitError", "errorMessage": message}


def test_an_answer_to_another_request_is_refused(tmp_path):
    handle = """
def handle(event, headers):
    return [call("POST", R + "invocation/other/response", "{}")[0], call("GET", "/elsewhere")[0]]
"""
    with started(tmp_path, handle) as running:
        assert read(running.invoke(b"{}")) == [400, 404]


def test_an_answer_above_lambdas_limit_is_an_error(tmp_path):
    with started(tmp_path, "def handle(event, headers): return 'x' * event") as running:
        small, large = running.invoke(str(ANSWER_BYTES - 2).encode()), running.invoke(str(ANSWER_BYTES).encode())
        assert running.usable
    assert (len(small.body), small.error_type) == (ANSWER_BYTES, None)
    assert large.error_type == "Function.ResponseSizeTooLarge"


STREAMING = """
def handle(event, headers):
    where = R + "invocation/%s/response" % headers["Lambda-Runtime-Aws-Request-Id"]
    def rows():
        yield b'{"statusCode": 200}' + bytes(8)
        for number in range(3):
            yield b"row %d\\n\\xff\\x00" % number
            while event["gate"] and not os.path.exists(event["gate"]): time.sleep(0.001)
    mode = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked",
            "Content-Type": "application/vnd.awslambda.http-integration-response"}
    api.request("POST", where, rows(), mode, encode_chunked=True)
    api.getresponse().read()
    os.execv(sys.argv[0], sys.argv)
"""


class Sink:
    def __init__(self) -> None:
        self.content_type, self.pieces, self.first = "", bytearray(), threading.Event()

    def begin(self, content_type: str) -> None:
        self.content_type = content_type

    def write(self, piece: bytes) -> None:
        self.pieces += piece
        if b"row 0" in self.pieces:
            self.first.set()


def test_a_streamed_answer_comes_while_it_is_written(tmp_path):
    gate, sink, answers = tmp_path / "gate", Sink(), []
    with started(tmp_path, STREAMING) as running:
        event = json.dumps({"gate": str(gate)}).encode()
        caller = threading.Thread(target=lambda: answers.append(running.invoke(event, stream=sink)))
        caller.start()
        assert sink.first.wait(PATIENCE), "the first row is here before the second is made"
        assert b"row 1" not in sink.pieces
        assert not answers
        gate.touch()
        caller.join(PATIENCE)
    assert sink.content_type == "application/vnd.awslambda.http-integration-response"
    assert bytes(sink.pieces).endswith(b"row 2\n\xff\x00"), "binary"
    assert (answers[0].streamed, answers[0].error_type, answers[0].body) == (True, None, b"")


def test_without_a_stream_the_pieces_are_one_answer(tmp_path):
    with started(tmp_path, STREAMING) as running:
        answer = running.invoke(b'{"gate": ""}')
    assert answer.streamed
    assert answer.body == b'{"statusCode": 200}' + bytes(8) + b"".join(b"row %d\n\xff\x00" % row for row in range(3))


MUCH = """
def handle(event, headers):
    where = R + "invocation/%s/response" % headers["Lambda-Runtime-Aws-Request-Id"]
    mode = {"Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked"}
    api.request("POST", where, (b"x" * 1000 for _ in range(event)), mode, encode_chunked=True)
    answer = api.getresponse()
    say("%s %s" % (answer.status, json.loads(answer.read()).get("errorType")))
    os.execv(sys.argv[0], sys.argv)
"""


def test_a_stream_above_its_limit_ends_there_as_an_error(tmp_path):
    with started(tmp_path, MUCH, streamed_bytes=4_500) as running:
        answers = []
        for thousands in (4, 5, 20_000, 0):
            sink = Sink()
            answers.append((running.invoke(str(thousands).encode(), stream=sink), bytes(sink.pieces)))
        assert running.usable
        said = [line for answer, _ in answers for line in answer.lines] + running.lines()
    assert [len(pieces) for _, pieces in answers] == [4_000, 4_500, 4_500, 0]
    kind = "Function.ResponseSizeTooLarge"
    assert [answer.error_type for answer, _ in answers] == [None, kind, kind, None]
    assert "exceeded maximum allowed payload size (4500 bytes)" in read(answers[1][0])["errorMessage"]
    assert said.count(f"413 {kind}") == 2


def test_who_wants_a_stream_as_a_whole_gets_what_an_answer_may_be(tmp_path):
    with started(tmp_path, MUCH) as running:
        answer = running.invoke(str(ANSWER_BYTES // 1000 + 1).encode())
    assert (answer.error_type, answer.streamed) == ("Function.ResponseSizeTooLarge", False)


@pytest.mark.parametrize(
    ("trailer", "said"),
    [
        ("eyJlcnJvck1lc3NhZ2UiOiAidGFibGUgZ29uZSJ9", {"errorMessage": "table gone"}),
        ("eyJ", {"errorType": "Runtime.StreamError", "errorMessage": ""}),  # no base64
    ],
)
def test_a_stream_that_breaks_says_why_in_its_trailers(trailer, said, tmp_path):
    handle = """
def handle(event, headers):
    body = event
    head = ("POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\\r\\nHost: h\\r\\n"
        "Transfer-Encoding: chunked\\r\\nLambda-Runtime-Function-Response-Mode: streaming\\r\\n\\r\\n"
        "5\\r\\nrow 1\\r\\n0\\r\\n"
        "Lambda-Runtime-Function-Error-Type: Runtime.StreamError\\r\\n"
        "Lambda-Runtime-Function-Error-Body: %s\\r\\n\\r\\n") % (headers["Lambda-Runtime-Aws-Request-Id"], body)
    api.sock.sendall(head.encode())
    time.sleep(600)
"""
    sink = Sink()
    with started(tmp_path, handle) as running:
        answer = running.invoke(json.dumps(trailer).encode(), stream=sink)
    assert bytes(sink.pieces) == b"row 1"
    assert (answer.error_type, read(answer)) == ("Runtime.StreamError", said)


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ("sys.exit(4)", "Runtime.ExitError", "exit status 4"),
        (
            """call("POST", "/2018-06-01/runtime/init/error", '{"errorType": "Config.Missing", "errorMessage": "no"}')
time.sleep(600)""",
            "Config.Missing",
            "no",
        ),
    ],
)
def test_an_init_that_fails_says_why(tmp_path, body, kind, said):
    function = Function()
    command = [str(script(tmp_path / "bootstrap", body))]
    with (
        Environment(function, command, variables(function, tmp_path)) as running,
        pytest.raises(InitError, match=said) as fault,
    ):
        running.start(PATIENCE)
    assert fault.value.error_type == kind


def test_an_init_that_takes_too_long_is_told_apart(tmp_path):
    function = Function()
    command = [str(script(tmp_path / "bootstrap", "time.sleep(600)"))]
    with (
        Environment(function, command, variables(function, tmp_path)) as running,
        pytest.raises(InitTimeoutError, match="the bootstrap was not ready in time"),
    ):
        running.start(0.1)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 100_000])
def test_an_error_that_says_nothing_has_no_type(body):
    assert _type_of(body) == "Runtime.Unknown"


def test_a_bootstrap_that_cannot_be_executed_is_an_invalid_entrypoint(tmp_path):
    with (
        Environment(Function(), [str(tmp_path / "missing")], {}) as running,
        pytest.raises(InitError, match=r"Couldn't execute|exited") as fault,
    ):
        running.start(PATIENCE)
    assert fault.value.error_type in {"Runtime.InvalidEntrypoint", "Runtime.ExitError"}


def test_invocations_of_several_callers_come_one_after_the_other(tmp_path):
    answers: list[Any] = []
    with started(tmp_path, "def handle(event, headers): return event") as running:

        def call(number: int) -> None:
            answers.append((number, read(running.invoke(str(number).encode()))))

        callers = [threading.Thread(target=call, args=(number,)) for number in range(8)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(PATIENCE)
    assert sorted(answers) == [(number, number) for number in range(8)]


def test_lines_that_nobody_takes_are_handed_on(tmp_path):
    late: list[str] = []
    answered = tmp_path / "answered"
    child = (
        f"([time.sleep(0.01) for _ in iter(lambda: os.path.exists({str(answered)!r}), True)], say('late'), os._exit(0))"
    )
    with started(
        tmp_path, f"def handle(event, headers): say('in time'); os.fork() or {child}", late=late.extend
    ) as running:
        assert running.invoke(b"{}").lines == ("in time",)
        answered.touch()
        until(lambda: bool(late))
    assert late == ["late"]


EVENTS = """
identity, function = register("INVOKE", "SHUTDOWN")
say("for " + json.dumps(function))
while True:
    event = next_event(identity)
    say(json.dumps({key: event.get(key) for key in ("eventType", "requestId", "shutdownReason")}))
    if event["eventType"] == "SHUTDOWN":
        sys.exit(0)
"""


def test_an_extension_registers_first_and_gets_its_events(tmp_path):
    said: list[str] = []
    beside = extension(tmp_path / "extensions", "observer", EVENTS)
    with started(tmp_path, ECHO, extensions=beside) as running:
        for request in ("r-1", "r-2"):
            answer = running.invoke(b"{}", request_id=request)
            assert answer.error_type is None
            said += answer.lines
        running.close()
        said += running.lines()
    said = [line for line in said if not line.startswith("got")]
    assert said[0] == 'for {"functionName": "greeter", "functionVersion": "7", "handler": "bootstrap"}'
    events = [json.loads(line) for line in said[1:]]
    assert [(event["eventType"], event["requestId"] or event["shutdownReason"]) for event in events] == [
        ("INVOKE", "r-1"),
        ("INVOKE", "r-2"),
        ("SHUTDOWN", "spindown"),
    ]


def test_the_answer_does_not_wait_for_an_extension_but_the_next_event_does(tmp_path):
    gate = tmp_path / "gate"
    slow = f"""
identity, _ = register("INVOKE")
next_event(identity)
while not os.path.exists({str(gate)!r}): time.sleep(0.001)
next_event(identity)
"""
    with started(tmp_path, ECHO, extensions=extension(tmp_path / "extensions", "slow", slow)) as running:
        assert running.invoke(b"1").error_type is None
        answers: list[Answer] = []
        second = threading.Thread(target=lambda: answers.append(running.invoke(b"2")))
        second.start()
        second.join(0.1)
        assert not answers
        gate.touch()
        second.join(PATIENCE)
        assert read(answers[0])["event"] == 2


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("sys.exit(1)", "Extension.Crash"),
        (
            """call("POST", E + "init/error", "{}", {**register()[0], "Lambda-Extension-Function-Error-Type": "X.Y"})
sys.exit(1)""",
            "Extension.InitError",
        ),
    ],
)
def test_an_extension_that_fails_at_init_fails_the_environment(tmp_path, body, kind):
    beside = extension(tmp_path / "extensions", "broken", body)
    with (
        environment(tmp_path, ECHO, extensions=beside) as running,
        pytest.raises(InitError, match="broken") as fault,
    ):
        running.start(PATIENCE)
    assert fault.value.error_type == kind


def test_an_extension_that_dies_later_fails_the_invocation(tmp_path):
    beside = extension(tmp_path / "extensions", "mortal", 'next_event(register("INVOKE")[0])\nsys.exit(2)')
    handle = "def handle(event, headers): time.sleep(600)"
    with started(tmp_path, handle, extensions=beside) as running:
        answer = running.invoke(b"{}", request_id="r-3")
        assert not running.usable
    message = "RequestId: r-3 Error: Extension mortal exited with error: exit status 2"
    assert read(answer) == {"errorType": "Extension.Crash", "errorMessage": message}


def test_a_registration_that_never_ends_does_not_hold_up_the_others(tmp_path):
    stuck = """
api.putrequest("POST", E + "register")
api.putheader("Lambda-Extension-Name", "stuck")
api.putheader("Content-Length", "9")
api.endheaders()
time.sleep(60)
"""
    faults = []

    def start() -> None:
        with pytest.raises(InitTimeoutError) as fault:
            running.start(1)
        faults.append(fault.value.what)

    beside = extension(tmp_path / "extensions", "stuck", stuck)
    with environment(tmp_path, ECHO, extensions=beside) as running:
        starter = threading.Thread(target=start)
        starter.start()
        starter.join(PATIENCE)
        assert faults == ["extension stuck was not ready in time"]
    starter.join(PATIENCE)


def test_nothing_is_delivered_to_a_subscriber_that_is_gone(tmp_path):
    mortal = """
identity, _ = register("INVOKE")
wanted = {"schemaVersion": "2022-12-13", "types": ["platform"], "buffering": {"timeoutMs": 25},
          "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:9"}}
call("PUT", "/2022-07-01/telemetry", json.dumps(wanted), identity)
next_event(identity)
sys.exit(2)
"""
    before = set(threading.enumerate())
    beside = extension(tmp_path / "extensions", "mortal", mortal)
    with started(tmp_path, "def handle(event, headers): time.sleep(600)", extensions=beside) as running:
        assert "telemetry" in {one.name for one in set(threading.enumerate()) - before}
        assert running.invoke(b"{}").error_type == "Extension.Crash"
    until(lambda: {one.name for one in threading.enumerate() if one not in before} <= {"spawner_0"})


def test_an_extension_that_hangs_does_not_hold_up_the_end(tmp_path):
    hanging = 'next_event(register("SHUTDOWN")[0])\ntime.sleep(600)'
    running = started(tmp_path, ECHO, extensions=extension(tmp_path / "extensions", "hanging", hanging))
    begun = time.monotonic()
    running.close()
    assert time.monotonic() - begun < PATIENCE


def test_who_did_not_register_is_refused(tmp_path):
    handle = """
def handle(event, headers):
    name = {"Lambda-Extension-Name": "inside"}
    return [
        call("GET", "/2020-01-01/extension/event/next", headers={"Lambda-Extension-Identifier": "nobody"})[0],
        call("POST", "/2020-01-01/extension/register", '{"events": ["INVOKE"]}', name)[0],
        call("POST", "/2020-01-01/extension/register", '{"events": ["OTHER"]}', name)[0],
        call("PUT", "/2022-07-01/telemetry", "{}")[0],
    ]
"""
    with started(tmp_path, handle) as running:
        assert read(running.invoke(b"{}")) == [403, 403, 400, 403]
