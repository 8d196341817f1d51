"""The whole edge in the order it is applied; the only file that knows every patch. Lives in the server only."""

from __future__ import annotations

import logging
import random
from pathlib import Path

from pipeline.local import edge_routing
from pipeline.local.edge_http import App, guard
from pipeline.local.metric_store import MetricStore
from pipeline.local.patching import Patch

METRICS_FILE = "metrics.json"
REAP_S = 2.0

_store = MetricStore()
_logger = logging.getLogger(__name__)


def apply(dice: random.Random) -> list[Patch]:
    """Checks and replaces everything; PatchError, and so no server, if MiniStack is another one."""
    from pipeline.local import (
        edge_alarms,
        edge_aliases,
        edge_authorizers,
        edge_cloud_control,
        edge_cognito,
        edge_emf,
        edge_function_urls,
        edge_gateway,
        edge_log_queries,
        edge_logs,
        edge_mappings,
        edge_metrics,
        edge_options,
        edge_pipes,
        edge_provisioned,
        edge_publish,
        edge_queries,
        edge_runtime,
        edge_schedules,
        edge_secrets,
        edge_spawn,
        edge_states,
        edge_streams,
    )

    return [
        *edge_routing.apply(dice),
        *edge_metrics.apply(_store),
        *edge_queries.apply(_store),
        *edge_alarms.apply(_store),
        *edge_publish.apply(),
        *edge_aliases.apply(),
        *edge_mappings.apply(),
        *edge_provisioned.apply(),
        *edge_secrets.apply(),
        *edge_gateway.apply(),
        *edge_options.apply(),
        *edge_authorizers.apply(),
        *edge_function_urls.apply(),
        *edge_cloud_control.apply(),
        *edge_spawn.apply(),
        *edge_logs.apply(edge_emf.Extractor(_store).take),
        *edge_log_queries.apply(),
        *edge_runtime.apply(),
        *edge_pipes.apply(),
        *edge_streams.apply(),
        *edge_states.apply(),
        *edge_cognito.apply(),
        *edge_schedules.apply(),
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
    """Ends the functions at once, as AWS does with those that have no extension; saves the metrics they produced."""
    from ministack.core import lambda_runtime

    from pipeline.local import edge_pipes

    edge_pipes.close()
    with lambda_runtime._lock:  # noqa: SLF001
        workers = [worker for pool in lambda_runtime._workers.values() for worker in pool]  # noqa: SLF001
    processes = [worker._proc for worker in workers if worker._proc is not None]  # noqa: SLF001
    for process in processes:
        process.kill()
    for process in processes:
        process.wait(REAP_S)
    _store.save(data_dir / METRICS_FILE)
