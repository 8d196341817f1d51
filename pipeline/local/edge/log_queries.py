"""FilterLogEvents in pages: MiniStack stops at 10,000 events without saying that there are more."""

from __future__ import annotations

import base64
import binascii
import heapq
import json
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import cloudwatch_logs

from pipeline.local.patching import Patch, replace

PAGE = 10000

Entry = tuple[dict[str, Any], str, int]  # event, its stream, its place in the stream


def _entries(events: list[dict[str, Any]], stream: str, first: int, window: tuple[float, float]) -> Iterator[Entry]:
    for index in range(first, len(events)):
        if window[0] <= events[index]["timestamp"] <= window[1]:
            yield events[index], stream, index


def _token(positions: dict[str, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(positions).encode()).decode()


def _positions(token: str) -> dict[str, int]:
    return {str(stream): int(index) for stream, index in json.loads(base64.urlsafe_b64decode(token)).items()}


def page(data: dict[str, Any], streams: dict[str, Any], positions: dict[str, int]) -> dict[str, Any]:
    """One page from these positions on, oldest first, with the token of the next one if there is more."""
    matches = cloudwatch_logs._compile_filter_pattern(data.get("filterPattern", ""))  # noqa: SLF001
    limit = min(int(data.get("limit") or PAGE), PAGE)
    window = (data.get("startTime") or 0, data.get("endTime") or float("inf"))
    chosen = data.get("logStreamNames") or list(streams)
    sources = [
        _entries(streams[name]["events"], name, positions.get(name, 0), window) for name in chosen if name in streams
    ]
    positions = dict(positions)
    found: list[dict[str, Any]] = []
    for event, stream, index in heapq.merge(*sources, key=lambda entry: float(entry[0]["timestamp"])):
        if len(found) >= limit:
            return {"events": found, "searchedLogStreams": [], "nextToken": _token(positions)}
        positions[stream] = index + 1
        if matches(event.get("message", "")):
            found.append({**event, "logStreamName": stream, "eventId": f"{stream[-32:]}{index:024d}"})
    return {"events": found, "searchedLogStreams": []}


def _filtering(original: Callable[..., Any]) -> Callable[..., Any]:
    def filter_events(data: dict[str, Any]) -> Any:
        group = cloudwatch_logs._log_groups.get(cloudwatch_logs._resolve_log_group_name(data))  # noqa: SLF001
        if group is None:
            return original(data)
        try:
            positions = _positions(data["nextToken"]) if data.get("nextToken") else {}
        except (ValueError, binascii.Error, AttributeError):
            message = "The specified nextToken is invalid."
            return cloudwatch_logs.error_response_json("InvalidParameterException", message, 400)
        return cloudwatch_logs.json_response(page(data, group["streams"], positions))

    return filter_events


def apply() -> list[Patch]:
    return [replace(cloudwatch_logs, "_filter_log_events", "data", "had no pages", _filtering)]
