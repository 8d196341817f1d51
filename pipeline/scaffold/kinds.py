"""What each kind of service depends on. Data only; its files are `templates/KIND/`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Crate:
    """A dependency as it is written where the workspace does not declare it."""

    version: str
    default_features: bool = True


CRATES: Mapping[str, Crate] = {
    "aws_lambda_events": Crate("1.2", default_features=False),
    "axum": Crate("0.8", default_features=False),
    "lambda-extension": Crate("1.1", default_features=False),
    "lambda_http": Crate("1.3", default_features=False),
    "lambda_runtime": Crate("1.5", default_features=False),
    "percent-encoding": Crate("2.3"),
    "serde": Crate("1"),
    "serde_dynamo": Crate("4"),
    "serde_json": Crate("1"),
    "tokio": Crate("1.47", default_features=False),
    "tracing": Crate("0.1", default_features=False),
    "tracing-subscriber": Crate("0.3", default_features=False),
}

Features = tuple[str, ...]


@dataclass(frozen=True)
class Kind:
    """A kind of service: its crates with the features its code needs."""

    crates: Mapping[str, Features]
    test_crates: Mapping[str, Features] = field(default_factory=dict)
    http: bool = False  # served by lambda_http: one log line a request with rust_shared, and metrics of its failures
    batch: bool = False  # works off records, and says which failed: an invocation that Lambda takes for a success


_TOKIO: Mapping[str, Features] = {"tokio": ("macros", "rt")}
_LOGS: Mapping[str, Features] = {"tracing": ("std",)}
_RUNTIME: Mapping[str, Features] = {"lambda_runtime": (), **_TOKIO}
_HTTP: Mapping[str, Features] = {"lambda_http": ("apigw_http",), **_TOKIO, **_LOGS}
_JSON: Mapping[str, Features] = {"serde_json": ()}
_DERIVE: Mapping[str, Features] = {"serde": ("derive",)}

TELEMETRY: Mapping[str, Features] = {"tracing-subscriber": ("fmt", "json", "std")}


def _events(*features: str) -> Mapping[str, Features]:
    return {"aws_lambda_events": features, **_RUNTIME}


KINDS: Mapping[str, Kind] = {
    "http": Kind(_HTTP, http=True),
    "axum": Kind({"axum": (), **_HTTP}, http=True),
    "sqs": Kind({**_events("sqs"), **_LOGS, **_DERIVE, **_JSON}, batch=True),
    "s3": Kind({**_events("s3"), **_LOGS, "percent-encoding": ()}, _JSON),
    "schedule": Kind({**_RUNTIME, **_LOGS, **_DERIVE}, _JSON),
    "event": Kind({**_events("eventbridge"), **_LOGS, **_DERIVE}, _JSON),
    "cognito": Kind(_events("cognito"), _JSON),
    "extension": Kind({"lambda-extension": (), **_TOKIO, **_LOGS}, _JSON),
    "stream": Kind({**_events("dynamodb", "streams"), **_LOGS, **_DERIVE, "serde_dynamo": ()}, _JSON, batch=True),
    "enrich": Kind({**_events("sqs"), **_LOGS, **_DERIVE, **_JSON}, batch=True),
}
