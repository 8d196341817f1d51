"""`csv-export`: alone in an execution environment, and behind function URLs."""

from __future__ import annotations

import csv
import http.client
import io
import json
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from callers import todos
from callers.csv_export import COLUMNS, signed
from callers.http import exchange
from catalogue_kit import Catalogue, until
from scan_kit import MadeUp

from pipeline.local.runtime_api import Environment, Function

LIMIT_S = 120.0
ROWS = 3000
LIVE = Function("csv-export", version="1", memory=256, timeout_s=LIMIT_S)


def read(text: bytes) -> list[list[str]]:
    """Records of CSV, read by the letter."""
    return list(csv.reader(io.StringIO(text.decode(), newline=""), strict=True))


@pytest.fixture(scope="module")
def code(catalogue: Catalogue) -> bytes:
    """The zip that is deployed."""
    return catalogue.code("csv-export")


# Alone, in front of a table that is made up


@pytest.fixture(scope="module")
def bootstrap(code: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    with zipfile.ZipFile(io.BytesIO(code)) as zipped:
        zipped.extract("bootstrap", folder)
    (folder / "bootstrap").chmod(0o755)
    return folder / "bootstrap"


@dataclass
class Sink:
    """Takes a streamed answer; `heard` is told of every piece."""

    heard: Callable[[bytes], object] = lambda _: None
    body: bytes = b""

    def begin(self, content_type: str) -> None:
        assert content_type == "application/vnd.awslambda.http-integration-response"

    def write(self, piece: bytes) -> None:
        self.body += piece
        self.heard(piece)

    def head(self) -> Any:
        return json.loads(self.body.partition(bytes(8))[0])

    def csv(self) -> bytes:
        return self.body.partition(bytes(8))[2]


@dataclass
class Alone:
    """The service in an environment of its own."""

    environment: Environment
    event: bytes
    lines: list[str] = field(default_factory=list)

    def export(self, sink: Any) -> Any:
        answer = self.environment.invoke(self.event, stream=sink, arn=f"{LIVE.arn}:live")
        self.lines = list(answer.lines)
        return answer

    def counted(self) -> list[int]:
        """Requests and failures of its metric lines."""
        metrics = (json.loads(line) for line in self.lines if '"_aws"' in line)
        return [one for line in metrics for one in (line["Requests"], line["Failures"])]

    def most_memory(self) -> int:
        """The most that its process ever had: bytes."""
        status = Path(f"/proc/{self.environment.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.fixture
def alone(catalogue: Catalogue, bootstrap: Path) -> Iterator[Callable[[MadeUp], Alone]]:
    event = (catalogue.root / "services/csv-export/events/export.json").read_bytes()
    made: list[Environment] = []

    def start(table: MadeUp) -> Alone:
        own = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "TABLE": "made-up"}
        variables = LIVE.environment(str(bootstrap.parent), {**own, "AWS_ENDPOINT_URL": table.endpoint})
        made.append(Environment(LIVE, [str(bootstrap)], variables))
        made[-1].start()
        return Alone(made[-1], event)

    yield start
    for environment in made:
        environment.close()


def test_rows_are_out_before_the_last_page_is_there(alone: Callable[[MadeUp], Alone]) -> None:
    first_is_out = threading.Event()

    def before(page: int) -> None:
        assert page == 0 or first_is_out.wait(LIMIT_S), "the second page was waited for with the first in hand"

    with MadeUp(3, before=before) as table:
        sink = Sink(lambda piece: first_is_out.set() if b"\n0000" in piece else None)
        service = alone(table)
        assert service.export(sink).error_type is None
    assert (sink.head()["statusCode"], table.asked) == (200, [0, 1, 2])
    assert len(read(sink.csv())) == 1 + 3 * 250
    assert service.counted() == [1, 0]


def test_a_long_table_takes_no_more_memory_than_a_short_one(alone: Callable[[MadeUp], Alone]) -> None:
    class Count(Sink):
        size = 0

        def write(self, piece: bytes) -> None:
            self.size += len(piece)

    with MadeUp(4) as short, MadeUp(60) as long:
        service = alone(short)
        service.export(Count())
        few = service.most_memory()
        short.pages = long.pages
        count = Count()
        assert service.export(count).error_type is None
        assert count.size > 60 * 250 * 4000
        assert service.most_memory() - few < 8_000_000, "60 MB went through it"


def test_a_table_that_breaks_breaks_the_answer(alone: Callable[[MadeUp], Alone]) -> None:
    with MadeUp(5, before=lambda page: "AccessDeniedException" if page == 2 else None) as table:
        service = alone(table)
        sink = Sink()
        answer = service.export(sink)
        assert answer.error_type == "StreamBroken"
        assert json.loads(answer.body) == {"errorType": "StreamBroken", "errorMessage": "the table cannot be read"}
        assert len(read(sink.csv())) == 1 + 2 * 250, "what was read before is whole, and nothing else is there"
        assert service.counted() == [1, 1]
        table.before = lambda _: None
        assert service.export(Sink()).error_type is None, "the next one has its chance"
        assert service.counted() == [1, 0]


def test_a_table_that_cannot_be_read_at_all_is_a_problem(alone: Callable[[MadeUp], Alone]) -> None:
    with MadeUp(5, before=lambda _: "ResourceNotFoundException") as table:
        service = alone(table)
        sink = Sink()
        assert service.export(sink).error_type is None
    assert (sink.head()["statusCode"], sink.head()["headers"]["content-type"]) == (503, "application/problem+json")
    assert b"made-up" not in sink.body
    assert service.counted() == [1, 1]


# Behind function URLs


def test_what_was_written_is_in_the_file_and_no_cell_is_a_formula(catalogue: Catalogue) -> None:
    titles = ['=HYPERLINK("http://x")', "@SUM(1)", "-1", 'say "hi", twice', "Grüße 🥛"]
    places = []
    for title in titles:
        todo = json.dumps({"title": title, "notes": "two\nlines"}).encode()
        status, headers, _ = exchange(catalogue.url("todos"), "POST", "/todos", todo, todos.JSON)
        assert status == 201
        places.append(headers["location"])
    url = catalogue.url("csv-export").rstrip("/") + "/todos.csv"
    sent = signed(url, catalogue.env.region)
    status, headers, body = exchange(catalogue.env.endpoint or "", path="/todos.csv", headers=sent)
    assert (status, headers["content-type"]) == (200, "text/csv; charset=utf-8; header=present")
    assert headers["content-disposition"].startswith('attachment; filename="todos-')
    head, *records = read(body)
    assert head == COLUMNS
    ours = {record[1]: record for record in records if f"/todos/{record[0]}" in places}
    assert set(ours) == {f"'{title}" if title[0] in "=@-" else title for title in titles}
    assert {record[2] for record in ours.values()} == {"two\nlines"}
    for place in places:
        exchange(catalogue.url("todos"), "DELETE", place)
    status, _, _ = exchange(catalogue.env.endpoint or "", path="/todos.csv", headers={"host": sent["host"]})
    assert status == 403, "without a signature"


@dataclass(frozen=True)
class Large:
    """The same code behind a URL of its own, with a table of 24 MB."""

    catalogue: Catalogue
    function: str
    url: str

    def begin(self) -> http.client.HTTPConnection:
        endpoint = urlsplit(self.catalogue.env.endpoint or "")
        connection = http.client.HTTPConnection(endpoint.hostname or "", endpoint.port, timeout=LIMIT_S)
        connection.request("GET", "/", headers=dict(signed(self.url, self.catalogue.env.region)))
        return connection

    def ended(self) -> list[str]:
        """How its invocations ended, those that have."""
        pages = self.catalogue.client("logs").get_paginator("filter_log_events")
        found = pages.paginate(logGroupName=f"/aws/lambda/{self.function}", filterPattern='"outcome"')
        lines = [json.loads(event["message"]) for page in found for event in page["events"]]
        return [line["outcome"] for line in lines if line.get("event") == "request"]


@pytest.fixture
def large(catalogue: Catalogue, code: bytes) -> Iterator[Large]:
    functions, tables = catalogue.client("lambda"), catalogue.client("dynamodb")
    name = f"{catalogue.function('csv-export')}-large-{os.urandom(3).hex()}"
    key = {"AttributeName": "id"}
    tables.create_table(
        TableName=name,
        KeySchema=[{**key, "KeyType": "HASH"}],
        AttributeDefinitions=[{**key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    items = [{"PutRequest": {"Item": {"id": {"S": f"{n:032x}"}, "notes": {"S": "n" * 8000}}}} for n in range(ROWS)]
    for begin in range(0, ROWS, 25):
        tables.batch_write_item(RequestItems={name: items[begin : begin + 25]})
    deployed = functions.get_function(FunctionName=catalogue.function("csv-export"), Qualifier="live")["Configuration"]
    functions.create_function(
        FunctionName=name,
        Code={"ZipFile": code},
        Publish=True,
        Timeout=int(LIMIT_S),
        Environment={"Variables": {"TABLE": name}},
        **{key: deployed[key] for key in ("Role", "Handler", "Runtime", "MemorySize")},
    )
    functions.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    catalogue.client("logs").create_log_group(logGroupName=f"/aws/lambda/{name}")
    made = functions.create_function_url_config(
        FunctionName=name, Qualifier="live", AuthType="AWS_IAM", InvokeMode="RESPONSE_STREAM"
    )
    yield Large(catalogue, name, made["FunctionUrl"])
    functions.delete_function(FunctionName=name)
    if name in tables.list_tables()["TableNames"]:
        tables.delete_table(TableName=name)


def test_megabytes_come_while_the_table_is_still_read(large: Large) -> None:
    with closing(large.begin()) as connection:
        answer = connection.getresponse()
        began = answer.read(100_000)
        assert large.ended() == [], "the first rows are here, and the function is still at work"
        records = read(began + answer.read())
    assert {record[0] for record in records[1:]} == {f"{n:032x}" for n in range(ROWS)}
    assert until("it is over", large.ended) == ["ok"]


def test_who_goes_away_leaves_a_service_that_serves_on(large: Large) -> None:
    with closing(large.begin()) as connection:
        connection.getresponse().read(1000)
    # As on AWS the function is not told, and works to its end.
    assert until("it is over", large.ended) == ["ok"]
    with closing(large.begin()) as connection:
        assert len(read(connection.getresponse().read())) == 1 + ROWS


def test_a_table_that_goes_away_breaks_the_connection_off(large: Large) -> None:
    with closing(large.begin()) as connection:
        answer = connection.getresponse()
        assert answer.status == 200
        answer.read(1000)
        large.catalogue.client("dynamodb").delete_table(TableName=large.function)
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
    assert until("it is over", large.ended) == ["error"]
