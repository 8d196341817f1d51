"""An AWS in memory, at the boundary of botocore: an alias, versions, S3's conditional writes, metrics, one clock.

It answers what the release engine asks as the embedded AWS does (a contract test runs the same operations on both),
thousands of times faster, with a clock that is the test's, and can be asked for an alias as it was a while ago.
"""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from boundary_kit import Call, refusal

from pipeline.manifest.environments import Environment

ACCOUNT = "000000000000"
FUNCTION = "shop-local-hello"


@dataclass(frozen=True)
class Thing:
    """An object of S3."""

    body: bytes
    etag: str
    modified: float


@dataclass
class Cloud:
    """One account with one function `FUNCTION` and its alias `live`."""

    at: float
    of: Callable[[str | None, str], float] = lambda _version, _metric: 0.0
    versions: set[str] = field(default_factory=lambda: {"1"})
    aliases: list[dict[str, Any]] = field(default_factory=list)  # as it was, the newest last
    things: dict[str, Thing] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self._keep("1", {}, "")

    @property
    def alias(self) -> dict[str, Any]:
        return self.aliases[-1]

    def environment(self) -> Environment:
        return Environment(
            name="local",
            account=ACCOUNT,
            region="us-east-1",
            bucket="cloud",
            endpoint="http://127.0.0.1:9",  # nobody listens there
            credentials=("test", "test"),
            period_s=1,
            lag_s=1,
            lease_s=8,
            tick_s=2.0,
            emf_lag_s=1,
            embedded=True,
        )

    def answer(self, call: Call) -> Any:
        """What AWS answers; ClientError where it refuses."""
        handle = getattr(self, f"_{call.operation}", None)
        assert handle is not None, f"nobody has taught the cloud {call.operation}"
        return handle(call.params)

    def publish(self) -> str:
        version = str(max(map(int, self.versions)) + 1)
        self.versions.add(version)
        return version

    def _keep(self, version: str, weights: dict[str, float], description: str) -> dict[str, Any]:
        self.aliases.append(
            {
                "AliasArn": f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:{FUNCTION}:live",
                "Name": "live",
                "FunctionVersion": version,
                "RoutingConfig": {"AdditionalVersionWeights": dict(weights)},
                "Description": description,
                "RevisionId": f"revision-{next(self.numbers)}",
                "ResponseMetadata": {"HTTPStatusCode": 200},
            }
        )
        return dict(self.alias)

    def _GetAlias(self, _params: Any) -> Any:  # noqa: N802 - AWS's name
        return dict(self.alias)

    def _UpdateAlias(self, params: Any) -> Any:  # noqa: N802
        now = self.alias
        if params.get("RevisionId", now["RevisionId"]) != now["RevisionId"]:
            raise refusal("UpdateAlias", 412, "PreconditionFailedException")
        version = params.get("FunctionVersion", now["FunctionVersion"])
        routing = params.get("RoutingConfig", now["RoutingConfig"])
        weights = routing.get("AdditionalVersionWeights") or {}
        if not {version, *weights} <= self.versions:
            raise refusal("UpdateAlias", 404, "ResourceNotFoundException")
        if version in weights:
            raise refusal("UpdateAlias", 400, "InvalidParameterValueException")
        return self._keep(version, weights, params.get("Description", now["Description"]))

    def _GetFunctionConfiguration(self, params: Any) -> Any:  # noqa: N802
        version = params.get("Qualifier", "$LATEST")
        if version not in {*self.versions, "$LATEST"}:
            raise refusal("GetFunctionConfiguration", 404, "ResourceNotFoundException")
        digest = hashlib.sha256(version.encode()).digest()
        return {
            "Version": version,
            "CodeSha256": base64.b64encode(digest).decode(),
            "RevisionId": f"function-{version}",
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "Architectures": ["x86_64"],
            "Runtime": "provided.al2023",
            "MemorySize": 128,
            "Timeout": 3,
            "ResponseMetadata": self._said(),
        }

    def _HeadObject(self, params: Any) -> Any:  # noqa: N802
        if params["Key"] not in self.things:
            raise refusal("HeadObject", 404, "404")
        return {"ResponseMetadata": self._said()}

    def _GetObject(self, params: Any) -> Any:  # noqa: N802
        found = self.things.get(params["Key"])
        if found is None:
            raise refusal("GetObject", 404, "NoSuchKey")
        return {
            "Body": io.BytesIO(found.body),
            "ETag": found.etag,
            "LastModified": datetime.fromtimestamp(int(found.modified), UTC),
            "ResponseMetadata": self._said(),
        }

    def _PutObject(self, params: Any) -> Any:  # noqa: N802
        key, body = params["Key"], bytes(params["Body"])
        found = self.things.get(key)
        if "IfMatch" in params and found is None:
            raise refusal("PutObject", 404, "NoSuchKey")
        matches = found is None or params.get("IfMatch", found.etag) == found.etag
        if not matches or (found is not None and params.get("IfNoneMatch") == "*"):
            raise refusal("PutObject", 412, "PreconditionFailed")
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'  # of the body, as S3's
        self.things[key] = Thing(body, etag, self.at)
        return {"ETag": etag, "ResponseMetadata": self._said()}

    def _ListObjectsV2(self, params: Any) -> Any:  # noqa: N802
        prefix = params["Prefix"]
        keys = sorted(key for key in self.things if key.startswith(prefix))
        if "Delimiter" in params:
            folders = dict.fromkeys(key[len(prefix) :].partition("/")[0] for key in keys)
            found = [{"Prefix": f"{prefix}{name}/"} for name in folders]
            return {"CommonPrefixes": found, "ResponseMetadata": self._said()}
        return {"Contents": [{"Key": key} for key in keys], "ResponseMetadata": self._said()}

    def _GetMetricData(self, params: Any) -> Any:  # noqa: N802
        return metrics(self.of, params)

    def _GetCallerIdentity(self, _params: Any) -> Any:  # noqa: N802
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:root", "ResponseMetadata": self._said()}

    def _said(self) -> Any:
        now = datetime.fromtimestamp(int(self.at), UTC)
        return {"HTTPStatusCode": 200, "HTTPHeaders": {"date": format_datetime(now, usegmt=True)}}


def metrics(of: Callable[[str | None, str], float], params: Any) -> Any:
    """Lambda's metrics as CloudWatch gives them; of others there is none."""
    start, end = params["StartTime"].timestamp(), params["EndTime"].timestamp()
    found = []
    for query in params["MetricDataQueries"]:
        metric = query["MetricStat"]["Metric"]
        version = {one["Name"]: one["Value"] for one in metric["Dimensions"]}.get("ExecutedVersion")
        known = metric["Namespace"] == "AWS/Lambda" and metric["MetricName"] in {"Invocations", "Errors"}
        stamps = range(int(start), int(end)) if known and query["MetricStat"]["Stat"] == "Sum" else ()
        amounts = [of(version, metric["MetricName"]) for _ in stamps]
        times = [params["StartTime"] + timedelta(seconds=at - start) for at in stamps]
        found.append({"Id": query["Id"], "Timestamps": times, "Values": amounts, "StatusCode": "Complete"})
    return {"MetricDataResults": found, "ResponseMetadata": {"HTTPStatusCode": 200}}
