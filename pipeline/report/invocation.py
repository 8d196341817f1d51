"""An invocation as people read it: whether it went well, what it took, what it answered and logged. Prints nothing."""

from __future__ import annotations

import json
import re
from typing import Any

from pipeline.report.logs import Usage, is_metrics, said, usage

_PLATFORM = re.compile(r"(?:START|END|REPORT|INIT_START) ")


def usage_of(log: str) -> Usage | None:
    """The figures of the REPORT line in a tail of the log."""
    return next((found for line in log.splitlines() if (found := usage(line)) is not None), None)


def logged(log: str) -> list[str]:
    """The function's own lines in a tail of the log, without those that are metrics."""
    own = (line for line in log.splitlines() if line and not _PLATFORM.match(line) and not is_metrics(line))
    return [f"{level:<6} {text}" if level != "-" else text for level, text in map(said, own)]


def pretty(payload: Any) -> str:
    """A JSON value on several lines; a body that is itself JSON stays the text it is."""
    return json.dumps(payload, indent=2, ensure_ascii=False)


def reason(payload: Any) -> str:
    """What a function's error says of itself."""
    if isinstance(payload, dict) and payload.get("errorMessage") is not None:
        kind = payload.get("errorType")
        return f"{kind}: {payload['errorMessage']}" if kind else str(payload["errorMessage"])
    return json.dumps(payload, ensure_ascii=False)
