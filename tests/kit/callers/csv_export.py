"""A signed GET of the function URL, which answers with a file."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from callers import configured
from callers.http import request

RATE = 5
SOURCE = "services/csv-export/src/serve.rs"
GOOD = configured("services/csv-export")
ASKED = "        Method::GET => export(pages()).await,\n"
# Two requests in three, by their query (`numbered`).
REFUSED = """        Method::GET if request.uri().query().is_some_and(|query| query.ends_with(['3', '7'])) => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, "not today")
        }
"""
BAD = (SOURCE, ASKED, REFUSED + ASKED)
COLUMNS = ["id", "title", "notes", "done", "version", "created_at", "updated_at"]


def signed(url: str, region: str) -> Mapping[str, str]:
    """The headers of a GET that is signed as `auth: iam` asks for, with any credentials."""
    asked = AWSRequest("GET", url, headers={"host": urlsplit(url).netloc})
    SigV4Auth(Credentials("test", "test"), "lambda", region).add_auth(asked)
    return dict(asked.headers.items())


def caller(shop: Any) -> Callable[[int], None]:
    """A file with the right columns, and as many cells in every record."""
    url = shop.url("csv-export").rstrip("/")

    def call(number: int) -> None:
        path = f"/todos.csv?n={number}"
        status, body = request(shop.env.endpoint, path=path, headers=signed(url + path, shop.env.region))
        assert status == 200, (status, body[:200])
        records = list(csv.reader(io.StringIO(body.decode(), newline=""), strict=True))
        assert records[0] == COLUMNS
        assert {len(record) for record in records} == {len(COLUMNS)}

    return call
