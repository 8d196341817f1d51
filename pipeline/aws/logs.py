"""CloudWatch Logs: what functions said."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pipeline.aws import aws_errors, client
from pipeline.manifest.project import Environment


def log_events(env: Environment, group: str, pattern: str = "") -> Iterator[str]:
    """The messages of a log group that match CloudWatch's filter pattern, oldest first. Raises AwsError."""
    wanted: dict[str, Any] = {"logGroupName": group}
    if pattern:
        wanted["filterPattern"] = pattern
    with aws_errors(f"read the log group `{group}`"):
        for page in client(env, "logs").get_paginator("filter_log_events").paginate(**wanted):
            for event in page["events"]:
                yield str(event["message"])


def requests_by_version(env: Environment, function: str) -> Counter[str]:
    """How many requests each version of `function` logged: `rust_shared::telemetry` writes one line a request."""
    found: Counter[str] = Counter()
    for message in log_events(env, f"/aws/lambda/{function}", '"request"'):
        try:
            line = json.loads(message)
        except ValueError:
            continue
        if isinstance(line, dict) and line.get("event") == "request":
            found[str(line.get("version"))] += 1
    return found
