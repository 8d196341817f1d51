"""Warns of services whose failures a canary would not see: Lambda takes them for successes, and nothing tells them.

A cheap look into a service's own sources, never certain: what a dependency prints it cannot see, and of sources that
do not name Lambda's crates it says nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from pipeline.errors import Problem
from pipeline.manifest.document import read_document
from pipeline.manifest.models import Service
from pipeline.manifest.models_http import FunctionUrlTrigger, HttpTrigger
from pipeline.manifest.models_triggers import SqsTrigger, StreamTrigger
from pipeline.manifest.node import Mark

_MAX_BYTES = 4 * 1024 * 1024  # of one source file; larger ones are generated

# `CloudWatchMetrics` stands in every line of CloudWatch's embedded metric format; the rest is rust_shared's.
_LAMBDA = re.compile(r"\blambda_(?:http|runtime)\b")
_SERVES = re.compile(r"\bhttp::run(?:_streaming)?\b|\bInvocation::begin\b|\bCloudWatchMetrics\b")
_COUNTS = re.compile(r"\bevents::run_batch\b|\boutcomes\(|\bCloudWatchMetrics\b")

_TELLS = re.compile(rf"{_SERVES.pattern}|{_COUNTS.pattern}|\bevents::run\b")  # anything, by whatever trigger

_HTTP = (
    "what it answers with 500 and above is a success for Lambda, and nothing in its sources tells it",
    "serve it with `rust_shared::http::run`",
)
_BATCH = (
    "a record it gives back is part of a success for Lambda, and nothing in its sources tells it",
    "serve it with `rust_shared::events::run_batch` or call `rust_shared::telemetry::outcomes`",
)


def check_failures(root: Path, services: Sequence[Service], warnings: list[Problem]) -> None:
    """Adds a warning for the first trigger of each service whose failures nothing tells, if a canary compares them."""
    for service in services:
        index, batch = _untold(service)
        if index is None:
            continue
        what, instead = _BATCH if batch else _HTTP
        otherwise = "or write `checks: {failures: false}` in `release` (docs/signals.md)"
        mark = _mark(root, service, index)
        warnings.append(mark.problem(f"triggers[{index}]: {what}", f"{instead}, {otherwise}"))


def check_evidence(root: Path, services: Sequence[Service], problems: list[Problem]) -> None:
    """Adds a problem for each service that would be judged by what nothing in its sources tells."""
    for service in services:
        if service.release.evidence is None:
            continue
        source = _source(service.directory / "src")
        if _LAMBDA.search(source) and not _TELLS.search(source):
            what = "release.evidence: nothing in its sources tells of its requests, so there is nothing to judge"
            instead = f"{_HTTP[1]} or `rust_shared::events`, or remove it (docs/evidence.md)"
            problems.append(_evidence_mark(root, service).problem(what, instead))


def _untold(service: Service) -> tuple[int | None, bool]:
    """The first such trigger, and whether it brings batches."""
    if service.release.steps and service.release.checks.failures:
        for index, trigger in enumerate(service.triggers):
            http = isinstance(trigger, HttpTrigger | FunctionUrlTrigger)
            batch = isinstance(trigger, SqsTrigger | StreamTrigger) and trigger.partial_failures
            if http or batch:
                source = _source(service.directory / "src")
                told = (_SERVES if http else _COUNTS).search(source)
                if _LAMBDA.search(source) and not told:
                    return index, batch
    return None, False


def _source(folder: Path) -> str:
    """All Rust below the folder that can be read."""
    texts = []
    for file in sorted(folder.rglob("*.rs")):
        try:
            if file.stat().st_size <= _MAX_BYTES:
                texts.append(file.read_text("utf-8", errors="replace"))
        except OSError:
            continue
    return "\n".join(texts)


def _evidence_mark(root: Path, service: Service) -> Mark:
    """Where `evidence` stands; where an overlay has it, the manifest as a whole."""
    label = service.file.relative_to(root).as_posix()
    node = read_document(service.file, label, [])
    for key in ("release", "evidence"):
        node = (node.mapping or {}).get(key) if node is not None else None
    return node.mark if node is not None else Mark(label, 1, 1)


def _mark(root: Path, service: Service, index: int) -> Mark:
    """Where the trigger stands; where an overlay or nothing has it, the manifest as a whole."""
    label = service.file.relative_to(root).as_posix()
    node = read_document(service.file, label, [])
    written = (node.mapping or {}).get("triggers") if node is not None else None
    items = (written.items or ()) if written is not None else ()
    return items[index].mark if index < len(items) else Mark(label, 1, 1)
