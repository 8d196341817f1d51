"""Lambda's limits on the embedded AWS: payloads, API Gateway's patience, a walk of a function at its concurrency."""

from __future__ import annotations

import gc
import json
import threading
import time
import urllib.error
import urllib.request
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import edge_kit as kit
import engine_kit
import pytest
import release_kit as values
from botocore.exceptions import ClientError

from pipeline import local
from pipeline.aws.metrics import Metrics, Series
from pipeline.quotas import ANSWER_BYTES, ASYNC_BYTES, SYNC_BYTES
from pipeline.release.ledger.lease import Lease
from pipeline.release.model import ALIAS, StepSpec
from pipeline.release.terms import Checks, Terms
from pipeline.release.walk.act import Engine
from pipeline.release.walk.state import Walk
from pipeline.release.walk.walk import run

SIZED = """
def handle(event, arn):
    if event.get("sleep"):
        time.sleep(event["sleep"])
    return "x" * event.get("answer", 1)
def after(event):
    pass
"""
SLOW = """
def handle(event, arn):
    time.sleep(0.05)
    return {"statusCode": 200, "body": VERSION}
def after(event):
    pass
"""
CALLERS = 6  # three times what is reserved


@pytest.fixture
def functions(embedded: local.Running) -> Iterator[Any]:
    client = kit.client(embedded, "lambda")
    yield client
    client.close()
    # Of a request that is refused before its body has come, botocore forgets the connection.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def filled(size: int) -> bytes:
    """An event of just so many bytes."""
    return b'{"pad":"' + b"x" * (size - 10) + b'"}'


def test_a_request_may_have_6_mb_and_an_event_that_is_handed_over_1(functions: Any, namespace: str) -> None:
    kit.create(functions, namespace, kit.package(SIZED))
    for kind, limit in (("RequestResponse", SYNC_BYTES), ("Event", ASYNC_BYTES)):
        answer = functions.invoke(FunctionName=namespace, InvocationType=kind, Payload=filled(limit))
        assert answer["StatusCode"] in {200, 202}
        with pytest.raises(ClientError) as refused:
            functions.invoke(FunctionName=namespace, InvocationType=kind, Payload=filled(limit + 1))
        said = refused.value.response
        assert said["Error"]["Code"] == "RequestTooLargeException"
        assert said["ResponseMetadata"]["HTTPStatusCode"] == 413
        assert f"smaller than {limit} bytes" in said["Error"]["Message"]


def test_an_answer_of_more_than_6_mb_is_the_functions_error(functions: Any, namespace: str) -> None:
    kit.create(functions, namespace, kit.package(SIZED))
    whole = kit.invoke(functions, namespace, {"answer": ANSWER_BYTES - 2})
    assert "FunctionError" not in whole
    assert len(whole["Payload"].read()) == ANSWER_BYTES
    over = kit.invoke(functions, namespace, {"answer": ANSWER_BYTES - 1})
    assert over["FunctionError"] == "Unhandled"
    assert json.loads(over["Payload"].read()) == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": (
            f"Response payload size ({ANSWER_BYTES + 1} bytes) exceeded maximum allowed payload size "
            f"({ANSWER_BYTES} bytes)."
        ),
    }
    assert kit.invoke(functions, namespace)["StatusCode"] == 200  # the environment serves the next one


def test_an_http_api_gives_up_on_a_function_that_goes_on(
    embedded: local.Running, functions: Any, namespace: str
) -> None:
    kit.create(functions, namespace, kit.package(SLOW.replace("0.05", "1.5")))
    functions.publish_version(FunctionName=namespace)
    arn = functions.create_alias(FunctionName=namespace, Name=ALIAS, FunctionVersion="1")["AliasArn"]
    api = kit.http_api(embedded, arn)
    gateway = kit.client(embedded, "apigatewayv2")
    (integration,) = gateway.get_integrations(ApiId=api)["Items"]
    gateway.update_integration(ApiId=api, IntegrationId=integration["IntegrationId"], TimeoutInMillis=200)
    started = time.monotonic()
    with pytest.raises(urllib.error.HTTPError) as answered:
        urllib.request.urlopen(local.api_url(embedded.endpoint, api), timeout=20)  # noqa: S310
    assert (answered.value.code, time.monotonic() - started < 1.4) == (503, True)
    assert json.loads(answered.value.read()) == {"message": "Service Unavailable"}
    series = Series(namespace, ALIAS, "1", "Invocations")
    metrics = Metrics(engine_kit.environment(embedded))
    now = time.time()
    engine_kit.until(lambda: sum(metrics.read([series], now - 60, time.time() + 1)[series].values()) == 1)


@contextmanager
def pressing(functions: Any, name: str) -> Iterator[Counter[int]]:
    """More callers at once than the function may serve, until the end; what each call was answered."""
    answers: Counter[int] = Counter()
    over, lock = threading.Event(), threading.Lock()

    def call() -> None:
        while not over.is_set():
            try:
                status = int(functions.invoke(FunctionName=name, Qualifier=ALIAS, Payload=b"{}")["StatusCode"])
            except functions.exceptions.TooManyRequestsException as refused:
                status = int(refused.response["ResponseMetadata"]["HTTPStatusCode"])
                over.wait(0.05)
            with lock:
                answers[status] += 1

    threads = [threading.Thread(target=call) for _ in range(CALLERS)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_walk_goes_on_through_throttles_and_says_so(embedded: local.Running, functions: Any, namespace: str) -> None:
    kit.create(functions, namespace, kit.package(SLOW), Timeout=2)
    functions.publish_version(FunctionName=namespace)
    functions.update_function_code(FunctionName=namespace, ZipFile=kit.package(SLOW, salt="second"))
    kit.settle(functions, namespace)
    functions.publish_version(FunctionName=namespace)
    functions.create_alias(FunctionName=namespace, Name=ALIAS, FunctionVersion="1")
    functions.put_function_concurrency(FunctionName=namespace, ReservedConcurrentExecutions=2)
    engine = Engine(engine_kit.environment(embedded))
    rollout = replace(
        values.FRESH,
        service=namespace,
        function=namespace,
        started=engine.now(),
        steps=(StepSpec(0.5, 6),),
        min_requests=20,
        deadline_s=60,
        timeout_s=2,
        terms=Terms(checks=Checks()),
    )
    said: list[str] = []

    def look(views: Any) -> None:
        verdicts = (view.verdict for view in views)
        said.extend(one.sentence for one in verdicts if one is not None and "throttled" in one.sentence)

    with (
        pressing(functions, namespace) as answers,
        Lease(engine.objects, namespace, ttl_s=8, doing="a test").acquire(lambda _: None) as lease,
    ):
        engine_kit.until(lambda: answers[429] > 0)
        record = engine.begin(engine.ledger.service(namespace), rollout)
        (walk,) = run(engine, [Walk(record, rollout, lease)], look)
    assert answers[200] > 20
    assert answers[429] > 20
    assert walk.rollout.phase == "promoted", walk.rollout.sentence
    assert "calls throttled (429), which counts for neither version" in walk.rollout.sentence
    assert any("throttled (429), which counts" in one for one in said)  # while it went on, too
    series = [Series(namespace, ALIAS, None, name) for name in ("Throttles", "Invocations", "Errors")]
    read = engine.metrics.read(series, rollout.started - 60, time.time() + 1)
    throttles, invocations, errors = (sum(read[one].values()) for one in series)
    assert (throttles, invocations, errors) == (answers[429], answers[200], 0)
