"""An invocation as people read it: whether it went well, what it took, what it answered and logged. Prints nothing."""

from __future__ import annotations

import json
import time
from typing import Any

from pipeline.report.logs import LogLines, Usage, usage


def usage_of(log: str) -> Usage | None:
    """The figures of the REPORT line in a tail of the log."""
    return next((found for line in log.splitlines() if (found := usage(line)) is not None), None)


def said(log: str, version: str) -> list[str]:
    """The lines of a tail of the log, without Lambda's own."""
    lines, now = LogLines(), int(time.time() * 1000)
    rendered = (lines.line(now, "", version, line) for line in log.splitlines() if not line.startswith("REPORT "))
    # The tail has no times of its own, and every line is of one version and request.
    return [line[31:].rpartition("  (")[0] or line[31:] for line in rendered if line is not None]


def pretty(payload: Any) -> str:
    """A JSON value on several lines; a body that is itself JSON stays the text it is."""
    return json.dumps(payload, indent=2, ensure_ascii=False)


def reason(payload: Any) -> str:
    """What a function's error says of itself."""
    if isinstance(payload, dict) and payload.get("errorMessage") is not None:
        kind = payload.get("errorType")
        return f"{kind}: {payload['errorMessage']}" if kind else str(payload["errorMessage"])
    return json.dumps(payload, ensure_ascii=False)
