"""Moves the events of pipes: one thread for each that runs, one batch after the other, so that order is kept.

What is taken from a source is forgotten there only after the target has it: a queue's message comes back when its
visibility time is over and goes where the queue's redrive says; a stream stands still until the batch passes, its
retries are used up, or its records expire.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import _request_account_id, _request_region
from ministack.services import eventbridge, pipes

from pipeline.local.edge.pipe_events import Pattern, passing, sent
from pipeline.local.edge.pipe_sources import READERS, Batch, limits
from pipeline.local.edge.pipe_targets import DeliveryError, deliver, invoke

POLL_S = 0.05
LONGEST_PAUSE_S = 5.0

_logger = logging.getLogger("pipes")
Key = tuple[str, str, str]  # account, region, name


def supervise(ending: threading.Event) -> None:
    """Keeps a thread for each pipe that should run, until the server ends."""
    workers: dict[Key, threading.Thread] = {}
    while not ending.wait(POLL_S):
        for account, region, pipe in pipes._iter_all_pipes():  # noqa: SLF001
            key = (account, region, pipe["Name"])
            known = workers.get(key)
            if pipe["CurrentState"] == "RUNNING" and (known is None or not known.is_alive()):
                workers[key] = threading.Thread(
                    target=_Mover(key, ending).run, name=f"pipe-{pipe['Name']}", daemon=True
                )
                workers[key].start()
        workers = {key: worker for key, worker in workers.items() if worker.is_alive()}


@dataclass
class _Mover:
    """One pipe's events, for as long as it runs."""

    key: Key
    ending: threading.Event
    failures: int = 0  # of a stream's batch, one after the other

    def run(self) -> None:
        account, region, name = self.key
        _request_account_id.set(account)
        _request_region.set(region)
        while not self.ending.is_set():
            pipe = pipes._pipes.get_scoped(account, region, name)  # noqa: SLF001
            if pipe is None or pipe["CurrentState"] != "RUNNING":
                return
            try:
                moved = self._move(pipe)
            except Exception:  # whatever MiniStack raises about one pipe, the pipe goes on
                _logger.exception("pipe %s", name)
                moved = False
            if not moved:
                self.ending.wait(min(LONGEST_PAUSE_S, POLL_S * 2 ** min(self.failures, 7)))

    def _move(self, pipe: dict[str, Any]) -> bool:
        """True if a batch went all the way."""
        service = pipe["Source"].split(":")[2]
        told = limits(pipe, service)
        batch = self._gather(pipe, service, told)
        if batch is None:
            return False
        passed = passing(batch.events, patterns(pipe), eventbridge._matches_detail)  # noqa: SLF001
        if not batch.stream:
            batch.forget([place for place, passes in enumerate(passed) if not passes])
        wanted = [place for place, passes in enumerate(passed) if passes]
        try:
            if wanted:
                _through(pipe, [batch.events[place] for place in wanted])
        except DeliveryError as fault:
            _logger.warning("pipe %s: %s", pipe["Name"], fault)
            return batch.stream and self._failed(pipe, batch, told, str(fault))
        self.failures = 0
        batch.forget(range(len(batch.events)) if batch.stream else wanted)
        return True

    def _gather(self, pipe: dict[str, Any], service: str, told: dict[str, Any]) -> Batch | None:
        """A batch: a full one, or what was there when its window was over."""
        read, size, window = READERS[service], int(told["BatchSize"]), float(told["MaximumBatchingWindowInSeconds"])
        batch = read(pipe, size)
        if batch is None or not window:
            return batch
        until = time.monotonic() + window
        while len(batch.events) < size and time.monotonic() < until and not self.ending.wait(POLL_S):
            batch = _more(batch, read(pipe, size - len(batch.events) if not batch.stream else size))
        return batch

    def _failed(self, pipe: dict[str, Any], batch: Batch, told: dict[str, Any], why: str) -> bool:
        """True if the stream's batch is given up."""
        self.failures += 1
        retries, age = int(told["MaximumRetryAttempts"]), int(told["MaximumRecordAgeInSeconds"])
        tried, old = 0 <= retries < self.failures, 0 <= age < time.time() - batch.began
        if not tried and not old:
            return False
        condition = "RetryAttemptsExhausted" if tried else "MaximumRecordAgeExceeded"
        if target := (told.get("DeadLetterConfig") or {}).get("Arn"):
            notice = {"pipe": pipe["Arn"], "condition": condition, "cause": why, "batchSize": len(batch.events)}
            ends = {"first": batch.events[0].get("eventID"), "last": batch.events[-1].get("eventID")}
            deliver({"Name": pipe["Name"], "Source": pipe["Source"], "Target": target}, [{**notice, **ends}])
        self.failures = 0
        batch.forget(range(len(batch.events)))
        return True


def _more(batch: Batch, further: Batch | None) -> Batch:
    if further is None or batch.stream:
        return further or batch  # a stream is read again from the same place
    count = len(batch.events)

    def forget(places: Any) -> None:
        batch.forget([place for place in places if place < count])
        further.forget([place - count for place in places if place >= count])

    return Batch([*batch.events, *further.events], forget, stream=False, began=batch.began)


def patterns(pipe: dict[str, Any]) -> list[Pattern]:
    """The pipe's filters as alternatives without `$or`."""
    filters = ((pipe.get("SourceParameters") or {}).get("FilterCriteria") or {}).get("Filters") or ()
    return [one for entry in filters for one in eventbridge._compiled_pattern(entry["Pattern"]) or ()]  # noqa: SLF001


def _through(pipe: dict[str, Any], events: list[Any]) -> None:
    items = sent(invoke(pipe["Enrichment"], events)) if pipe.get("Enrichment") else events
    if items:
        deliver(pipe, items)
