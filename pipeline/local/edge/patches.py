"""The whole edge in the order it is applied; the only file that knows every patch. Lives in the server only."""

from __future__ import annotations

import logging
import random
import subprocess
import time
from pathlib import Path

from pipeline.local.edge import routing
from pipeline.local.edge.http import App, guard
from pipeline.local.edge.metric_store import MetricStore
from pipeline.local.patching import Patch

METRICS_FILE = "metrics.json"
REAP_S = 3.0

_store = MetricStore()
_logger = logging.getLogger(__name__)


def apply(dice: random.Random) -> list[Patch]:
    """Checks and replaces everything; PatchError, and so no server, if MiniStack is another one."""
    from pipeline.local.edge import (
        alarms,
        aliases,
        answers,
        authorizers,
        cloud_control,
        cognito,
        emf,
        function_urls,
        gateway,
        log_queries,
        logs,
        mappings,
        metrics,
        options,
        payloads,
        pipes,
        provisioned,
        publish,
        queries,
        response_streams,
        schedules,
        secrets,
        states,
        streams,
        worker,
    )

    return [
        *answers.apply(),
        *routing.apply(dice),
        *metrics.apply(_store),
        *queries.apply(_store),
        *alarms.apply(_store),
        *publish.apply(),
        *aliases.apply(),
        *mappings.apply(),
        *provisioned.apply(),
        *secrets.apply(),
        *gateway.apply(),
        *options.apply(),
        *authorizers.apply(),
        *function_urls.apply(),
        *cloud_control.apply(),
        *worker.apply(),
        *logs.apply(emf.Extractor(_store).take),
        *log_queries.apply(),
        *payloads.apply(),
        *response_streams.apply(),
        *pipes.apply(),
        *streams.apply(),
        *states.apply(),
        *cognito.apply(),
        *schedules.apply(),
    ]


def application() -> App:
    """MiniStack's ASGI application behind the guard."""
    from ministack import app as ministack

    def is_data_plane(host: str, path: str) -> bool:
        return bool(ministack._parse_execute_api_url(host, path) or ministack._parse_lambda_url(host, path))  # noqa: SLF001

    return guard(ministack.app, is_data_plane)


def restore(data_dir: Path) -> None:
    """Metrics of the last clean end; unreadable ones are left behind, they are evidence of nothing any more."""
    path = data_dir / METRICS_FILE
    if path.exists():
        try:
            _store.load(path)
        except (ValueError, TypeError):
            _logger.warning("could not read %s", path)
        path.unlink()


def close(data_dir: Path) -> None:
    """Ends the functions, at once where no extension has to say goodbye; saves the metrics they produced."""
    from ministack.core import lambda_runtime

    from pipeline.local.edge import pipes

    pipes.close()
    with lambda_runtime._lock:  # noqa: SLF001
        workers = [worker for pool in lambda_runtime._workers.values() for worker in pool]  # noqa: SLF001
    processes = [worker._proc for worker in workers if worker._proc is not None]  # noqa: SLF001
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + REAP_S
    for process in processes:
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
    _store.save(data_dir / METRICS_FILE)
