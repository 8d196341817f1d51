"""Log lines as people read them: time, version, level, message, fields, and whose request it was. Prints nothing.

Understands JSON as `tracing` writes it, Lambda's own JSON and Lambda's plain START/END/REPORT lines; anything else
stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipeline.report.text import one_line

_PLATFORM = re.compile(r"(START|END|REPORT) RequestId: (\S+)\s*(.*)", re.DOTALL)
_AMOUNT = re.compile(r"(Duration|Billed Duration|Memory Size|Max Memory Used|Init Duration): ([\d.]+) (?:ms|MB)")
_TIMES = ("timestamp", "time")
_MESSAGES = ("message", "msg")
_IDS = ("request_id", "requestId", "AWSRequestId")
_SILENT = {*_TIMES, *_MESSAGES, *_IDS, "level", "fields", "version", "target"}


@dataclass(frozen=True)
class Usage:
    """What a REPORT line says of an invocation."""

    duration_ms: float
    billed_ms: float
    memory_mb: int
    max_memory_mb: int
    init_ms: float | None = None

    def __str__(self) -> str:
        start = f", cold start {self.init_ms:g} ms" if self.init_ms is not None else ""
        return (
            f"{self.duration_ms:g} ms, billed {self.billed_ms:g} ms{start}, "
            f"{self.max_memory_mb} of {self.memory_mb} MB used"
        )


def usage(line: str) -> Usage | None:
    """The figures of a REPORT line; None for any other."""
    if not line.startswith("REPORT "):
        return None
    found = {name: float(value) for name, value in _AMOUNT.findall(line)}
    return Usage(
        duration_ms=found.get("Duration", 0.0),
        billed_ms=found.get("Billed Duration", 0.0),
        memory_mb=int(found.get("Memory Size", 0)),
        max_memory_mb=int(found.get("Max Memory Used", 0)),
        init_ms=found.get("Init Duration"),
    )


@dataclass
class LogLines:
    """Renders the events of several streams; knows for each whose request is being served."""

    requests: dict[str, str] = field(default_factory=dict)  # by stream

    def request(self, stream: str, message: str) -> str | None:
        """The id of the request that a line belongs to; call it for each line in its order."""
        platform = _PLATFORM.match(message)
        if platform:
            self.requests[stream] = platform[2]
        own = next((str(parsed[key]) for parsed in _parsed(message) for key in _IDS if parsed.get(key)), None)
        known = own or self.requests.get(stream)
        if platform and platform[1] == "REPORT":
            self.requests.pop(stream, None)
        return known

    def line(self, time_ms: int, stream: str, version: str | None, message: str) -> str | None:
        """One line for people; None for START and END, which say nothing that the others do not."""
        request = self.request(stream, message)
        platform = _PLATFORM.match(message)
        if platform and platform[1] != "REPORT":
            return None
        level, text = ("REPORT", str(usage(message))) if platform else said(message)
        moment = datetime.fromtimestamp(time_ms / 1000, UTC)
        head = f"{moment:%Y-%m-%d %H:%M:%S}.{time_ms % 1000:03}  {version or '-':>3}  {level:<6}"
        return f"{head}  {text}{f'  ({request[:8]})' if request else ''}"


def said(message: str) -> tuple[str, str]:
    """Level (`-` without one) and text of a line; fields follow the message as `key=value`."""
    for parsed in _parsed(message):
        inner = parsed.get("fields")
        fields = {**parsed, **inner} if isinstance(inner, Mapping) else dict(parsed)
        words = [str(fields[key]) for key in _MESSAGES if key in fields]
        words += [f"{key}={_plain(value)}" for key, value in fields.items() if key not in _SILENT]
        return str(fields.get("level", "")).upper() or "-", one_line(" ".join(words))
    return "-", one_line(message)


def is_metrics(message: str) -> bool:
    """Whether a line has nothing but metrics in the embedded metric format: CloudWatch reads it, people do not."""
    if '"_aws"' not in message:
        return False
    documents = _parsed(message)
    return any(isinstance(one.get("_aws"), dict) and not any(key in one for key in _MESSAGES) for one in documents)


def _parsed(message: str) -> Iterator[dict[str, Any]]:
    """The line as a JSON object, if it is one."""
    if not message.startswith("{"):
        return
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return
    if isinstance(found, dict):
        yield found


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
