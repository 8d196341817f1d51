"""`crabwalk dev` for real: cargo-lambda compiles a crate without dependencies, which answers an event and then ends."""

from __future__ import annotations

import json
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import edge_kit as kit
import pytest
import verb_kit
from shop_kit import Done, Scratch, Verb

from pipeline import local
from pipeline.dev import descendants
from pipeline.release.ledger.records import StackRecord
from pipeline.release.walk.act import Engine

MAIN = Path(__file__).with_name("dev_main.rs")
MANIFEST = """crabwalk: 1
name: hello
memory: 256 MB
environment:
  GREETING: "Hello, ${services.hello.function.name}: \\"quoted\\" \\\\n # and = more"
  ENDPOINT: ${services.hello.api.endpoint}/greetings
  RUST_LOG: warn,hello=debug
triggers: [{http: {routes: [GET /]}}]
"""


@pytest.fixture
def scratch(tmp_path: Path, namespace: str) -> Scratch:
    place = verb_kit.place(tmp_path / "project", namespace, MANIFEST)
    (place.root / "services/hello/src/main.rs").write_text(MAIN.read_text())
    place.events(one={"n": 1})
    # The machine's settings, which must not get through; a target folder that no other test waits for.
    machine = {"AWS_PROFILE": "real", "AWS_ACCESS_KEY_ID": "AKIAREAL", "CARGO_TARGET_DIR": str(tmp_path / "target")}
    return Scratch(place.root, namespace, machine)


@contextmanager
def running(scratch: Scratch, *arguments: str) -> Iterator[Verb]:
    """`dev`, ended when the test is, however that goes."""
    verb = scratch.start("dev", "hello", *arguments)
    try:
        yield verb
    finally:
        if verb.process.poll() is None:
            verb.process.send_signal(signal.SIGTERM)
            verb.process.wait()


def applied(embedded: local.Running, scratch: Scratch) -> None:
    """What the ledger has after Terraform made the service's API."""
    env = scratch.env
    kit.client(embedded, "s3").create_bucket(Bucket=env.bucket)
    outputs = {"hello": {"api_id": "a1b2c3", "api_endpoint": "https://a1b2c3.example"}}
    Engine(env).ledger.save_stack(StackRecord("hello", "fingerprint", outputs, (), 0.0, "commit"))


def answered(scratch: Scratch, verb: Verb) -> Done:
    """Invoke until it listens; what it answers."""
    deadline = time.monotonic() + 120
    while True:
        done = scratch.crabwalk("invoke", "hello", "--dev", "--output", "json")
        if done.code == 0:
            return done
        if verb.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(done.said)
        time.sleep(0.1)


def test_dev_answers_with_the_manifests_environment_and_leaves_nothing_running(
    embedded: local.Running, scratch: Scratch
) -> None:
    applied(embedded, scratch)
    with running(scratch, "--port", str(port := free())) as verb:
        answer = answered(scratch, verb).json["payload"]
        below = descendants(verb.process.pid)
        done = verb.signal(signal.SIGINT)
    assert answer == {
        "GREETING": f'Hello, {scratch.project}-local-hello: "quoted" \\n # and = more',
        "ENDPOINT": f"{local.api_url(embedded.endpoint, 'a1b2c3')}/greetings",
        "RUST_LOG": "warn,hello=debug",
        "AWS_ENDPOINT_URL": embedded.endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_PROFILE": "",
        "AWS_LAMBDA_FUNCTION_NAME": "hello",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
    }
    assert len(below) >= 2, "cargo-lambda and the service"
    assert done.code == 130
    assert [pid for pid in below if Path(f"/proc/{pid}").exists()] == []
    assert f"hello listens on 127.0.0.1:{port}; the first event compiles it" in done.lines
    assert f"call it: crabwalk invoke hello --dev, or http://127.0.0.1:{port}/lambda-url/hello/" in done.lines
    assert "warning" not in done.err
    after = scratch.crabwalk("invoke", "hello", "--dev")
    assert after.err.splitlines()[0] == "error: hello does not run here"


def test_a_termination_ends_all_of_it_too(scratch: Scratch, tmp_path: Path) -> None:
    """Without the embedded AWS: calls to AWS have nowhere to go."""
    scratch = Scratch(scratch.root, scratch.project, {**scratch.variables, "CRABWALK_LOCAL_DIR": str(tmp_path / "no")})
    with running(scratch, "--output", "json") as verb:
        answer = answered(scratch, verb).json["payload"]
        below = descendants(verb.process.pid)
        done = verb.signal(signal.SIGTERM)
    assert (answer["AWS_ENDPOINT_URL"], answer["AWS_PROFILE"]) == ("http://127.0.0.1:9", "")
    assert done.code == 128 + signal.SIGTERM
    assert [pid for pid in below if Path(f"/proc/{pid}").exists()] == []
    told = json.loads(done.out)
    assert told["missing"] == ["ENDPOINT", "GREETING"]
    assert told["aws"] is None
    assert "warning: ENDPOINT is not set: nothing deployed to `local` says what it is" in done.err.splitlines()
    assert "warning: the embedded AWS is down: every call to AWS will fail (crabwalk local up)" in done.err


def test_dev_is_for_functions_and_for_here(scratch: Scratch) -> None:
    done = scratch.crabwalk("dev", "hello", "--env", "staging")
    assert done.code == 2
    assert done.err.splitlines() == [
        "error: dev runs against the embedded AWS, not against `staging`",
        "  next: --env local",
    ]
    (scratch.root / "services/hello/service.yaml").write_text("crabwalk: 1\nname: hello\nkind: extension\n")
    done = scratch.crabwalk("dev", "hello")
    assert done.code == 2
    assert done.err.splitlines() == [
        "error: hello is an extension: it runs beside a function",
        "  next: cargo test -p hello",
    ]


def free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
