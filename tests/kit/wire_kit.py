"""An AWS in memory on the wire, for benches: it answers requests as botocore sends them, in this process.

Everything a client does is really done (serializing, signing, pacing, retries, parsing); only no connection is made. It
has as many functions as are asked for, holds callers to Lambda's and CloudWatch's limits with a 429, can say "too many"
at random, and lists S3's keys in order, 1,000 an answer, as S3 does. `Wire.spent` is the processor time it took itself.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import threading
import time
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from random import Random
from typing import Any
from unittest import mock
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSResponse
from botocore.httpsession import URLLib3Session

from pipeline.aws.budget import LIMITS, Limit

ACCOUNT = "000000000000"
BUCKET = "wire"
PAGE = 1000  # keys S3 lists at once

Answer = tuple[int, dict[str, str], bytes]
Feed = Callable[[str, str | None, str], float]  # a period's value, by function, version and metric


@dataclass
class Clock:
    """This machine's clock, that can be put forward: nobody waits through the pause between two rounds."""

    skipped: float = 0.0

    def now(self) -> float:
        return time.time() + self.skipped

    def skip(self, seconds: float) -> None:
        self.skipped += seconds


@dataclass
class Door:
    """A limit of AWS as the caller meets it: so many calls a second, and a burst of them at once."""

    limit: Limit
    tokens: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.limit.burst

    def lets(self, now: float) -> bool:
        self.tokens = min(self.limit.burst, self.tokens + max(0.0, now - self.at) * self.limit.rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Raw(io.BytesIO):
    """A body as urllib3 gives it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@dataclass
class Thing:
    """An object of S3."""

    body: bytes
    etag: str
    modified: float


@dataclass
class Wire:
    """AWS; `refusing` is the share of calls answered "too many" at random, `network_s` what each takes besides."""

    clock: Clock = field(default_factory=Clock)
    feed: Feed = lambda _function, _version, _metric: 0.0
    limited: bool = False
    refusing: float = 0.0
    network_s: float = 0.0
    chance: Random = field(default_factory=lambda: Random(1))  # noqa: S311 - which calls are refused
    aliases: dict[str, dict[str, Any]] = field(default_factory=dict)  # by function
    things: dict[str, Thing] = field(default_factory=dict)
    keys: list[str] = field(default_factory=list)  # in order
    counts: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    spent: float = 0.0
    watched: Callable[[str, str], None] = lambda _operation, _subject: None

    def __post_init__(self) -> None:
        self._lock, self._revisions = threading.Lock(), 0
        self._doors = {name: Door(limit) for name, limit in LIMITS.items()}

    def function(self, name: str, version: str = "1") -> None:
        """A function with its alias at a version."""
        self.aliases[name] = self._revised({"Name": "live", "FunctionVersion": version, "Description": ""}, name)

    def put(self, key: str, body: bytes) -> None:
        """An object, as if it had been there for long."""
        if key not in self.things:
            self.keys.append(key)
        self.things[key] = Thing(body, _etag(body), self.clock.now())

    def settled(self) -> None:
        """Bring the keys into order after many `put`."""
        self.keys.sort()

    @contextmanager
    def instead(self) -> Iterator[Wire]:
        """Answer every request of every client of botocore meanwhile."""
        with mock.patch.object(URLLib3Session, "send", lambda _session, request: self._send(request)):
            yield self

    def _send(self, request: Any) -> AWSResponse:
        if self.network_s:
            time.sleep(self.network_s)
        began = time.thread_time()
        with self._lock:
            status, headers, body = self._answer(request)
        headers["date"] = format_datetime(datetime.fromtimestamp(self.clock.now(), UTC), usegmt=True)
        headers["content-length"] = str(len(body))
        self.spent += time.thread_time() - began
        return AWSResponse(request.url, status, headers, Raw(body))

    def _answer(self, request: Any) -> Answer:
        url = urlsplit(request.url)
        body = request.body.read() if hasattr(request.body, "read") else request.body or b""
        host = url.netloc
        if host.startswith("monitoring."):
            return self._metered(json.loads(body))
        if host.startswith("lambda."):
            return self._lambda(request.method, unquote(url.path), json.loads(body or b"{}"))
        if host.startswith("sts."):
            return self._identity()
        path = unquote(url.path).lstrip("/")
        key = path if host.startswith(f"{BUCKET}.") else path.partition("/")[2]
        asked = {name: found[0] for name, found in parse_qs(url.query, keep_blank_values=True).items()}
        return self._s3(request, key, asked, body)

    def _let(self, service: str, operation: str, subject: str) -> bool:
        """Whether AWS has time for the call."""
        self.counts[operation] += 1
        self.watched(operation, subject)
        door = self._doors.get(f"{service}.{operation}") or self._doors.get(service)
        late = self.limited and door is not None and not door.lets(self.clock.now())
        if late or self.chance.random() < self.refusing:
            self.refused[operation] += 1
            return False
        return True

    def _lambda(self, method: str, path: str, asked: dict[str, Any]) -> Answer:
        _, _, _, name, _, _ = path.split("/")  # /2015-03-31/functions/NAME/aliases/live
        operation = "UpdateAlias" if method == "PUT" else "GetAlias"
        if not self._let("lambda", operation, name):
            return 429, {"x-amzn-errortype": "TooManyRequestsException"}, b'{"message": "Rate exceeded"}'
        found = self.aliases.get(name)
        if found is None:
            return 404, {"x-amzn-errortype": "ResourceNotFoundException"}, b'{"message": "no such function"}'
        if operation == "UpdateAlias":
            if asked.pop("RevisionId", found["RevisionId"]) != found["RevisionId"]:
                return 412, {"x-amzn-errortype": "PreconditionFailedException"}, b'{"message": "it has changed"}'
            found = self.aliases[name] = self._revised({**found, **asked}, name)
        return 200, {"content-type": "application/json"}, json.dumps(found).encode()

    def _revised(self, alias: dict[str, Any], function: str) -> dict[str, Any]:
        self._revisions += 1
        arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{function}:live"
        return {**alias, "AliasArn": arn, "RevisionId": f"revision-{self._revisions}"}

    def _metered(self, asked: dict[str, Any]) -> Answer:
        if not self._let("cloudwatch", "GetMetricData", ""):
            return 400, {}, b'{"__type": "com.amazonaws.cloudwatch#ThrottlingException", "message": "Rate exceeded"}'
        start, end = asked["StartTime"], asked["EndTime"]
        found = []
        for query in asked["MetricDataQueries"]:
            metric, period = query["MetricStat"]["Metric"], query["MetricStat"]["Period"]
            own = {one["Name"]: one["Value"] for one in metric["Dimensions"]}
            stamps = [float(at) for at in range(int(start), int(end), period)]
            value = self.feed(own["FunctionName"], own.get("ExecutedVersion"), metric["MetricName"])
            found.append(
                {"Id": query["Id"], "StatusCode": "Complete", "Timestamps": stamps, "Values": [value] * len(stamps)}
            )
        self.counts["metrics"] += len(found)
        headers = {"content-type": "application/x-amz-json-1.0"}
        return 200, headers, json.dumps({"MetricDataResults": found, "Messages": []}).encode()

    def _identity(self) -> Answer:
        self.counts["GetCallerIdentity"] += 1
        body = (
            f"<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::{ACCOUNT}:root</Arn>"
            f"<UserId>root</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
        return 200, {"content-type": "text/xml"}, body.encode()

    def _s3(self, request: Any, key: str, asked: dict[str, str], body: bytes) -> Answer:
        operation = {"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject", "DELETE": "DeleteObject"}
        listing = asked.get("list-type") == "2"
        name = "ListObjectsV2" if listing else operation[request.method]
        if not self._let("s3", name, key):
            return 503, {}, b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate</Message></Error>"
        if listing:
            return self._listed(asked)
        if request.method == "PUT":
            chunked = "aws-chunked" in (_text(request.headers.get("Content-Encoding")) or "")
            return self._kept(key, _unchunked(body) if chunked else body, request.headers)
        found = self.things.get(key)
        if found is None:
            return 404, {}, b"<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>"
        modified = format_datetime(datetime.fromtimestamp(int(found.modified), UTC), usegmt=True)
        return 200, {"etag": found.etag, "last-modified": modified}, found.body

    def _kept(self, key: str, body: bytes, headers: Any) -> Answer:
        found = self.things.get(key)
        match, absent = _text(headers.get("If-Match")), _text(headers.get("If-None-Match"))
        if (match is not None and (found is None or found.etag != match)) or (absent == "*" and found is not None):
            return 412, {}, b"<Error><Code>PreconditionFailed</Code><Message>it has changed</Message></Error>"
        if found is None:
            insort(self.keys, key)
        self.things[key] = Thing(body, _etag(body), self.clock.now())
        return 200, {"etag": self.things[key].etag}, b""

    def _listed(self, asked: dict[str, str]) -> Answer:
        prefix, delimiter = asked.get("prefix", ""), asked.get("delimiter", "")
        token = asked.get("continuation-token")
        after = base64.b64decode(token).decode() if token else asked.get("start-after", "")
        limit = min(PAGE, int(asked.get("max-keys", PAGE)))
        found: list[str] = []
        at = bisect_right(self.keys, after) if after >= prefix else bisect_right(self.keys, prefix)
        while at < len(self.keys) and self.keys[at].startswith(prefix) and len(found) < limit:
            name, cut, _ = self.keys[at][len(prefix) :].partition(delimiter) if delimiter else (self.keys[at], "", "")
            found.append(f"{prefix}{name}{cut}" if cut else self.keys[at])
            # Everything below a folder is one line of the answer, whatever lies there.
            at = bisect_right(self.keys, f"{prefix}{name}{cut}\U0010ffff") if cut else at + 1
        more = at < len(self.keys) and self.keys[at].startswith(prefix)
        lines = "".join(
            f"<CommonPrefixes><Prefix>{quote(one)}</Prefix></CommonPrefixes>"
            if delimiter and one.endswith(delimiter)
            else f"<Contents><Key>{quote(one)}</Key></Contents>"
            for one in found
        )
        following = ""
        if more:
            last = f"{found[-1]}\U0010ffff" if delimiter and found[-1].endswith(delimiter) else found[-1]
            following = base64.b64encode(last.encode()).decode()
        tail = f"<NextContinuationToken>{escape(following)}</NextContinuationToken>" if more else ""
        body = (
            f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated><EncodingType>url</EncodingType>"
            f"{lines}{tail}</ListBucketResult>"
        )
        return 200, {"content-type": "application/xml"}, body.encode()


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def _text(header: Any) -> str | None:
    return header.decode() if isinstance(header, bytes) else header


def _unchunked(body: bytes) -> bytes:
    """What is in a body that comes in pieces, each with its length before it and a checksum after them."""
    found, rest = b"", body
    while True:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return found
        found, rest = found + rest[:length], rest[length + 2 :]
