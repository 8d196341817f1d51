"""What cost and version numbers need of AWS: a function's traffic of last week, and its newest version. Reads only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pipeline.aws.functions import NotFoundError
from pipeline.aws.metrics import Metrics
from pipeline.aws.versions import Versions
from pipeline.cost.changes import Cost, Size, Usage, cost
from pipeline.cost.measured import traffic
from pipeline.cost.prices import prices_of
from pipeline.errors import AwsError
from pipeline.release.ledger.records import ServiceRecord

if TYPE_CHECKING:
    from pipeline.deploying.setting import Setting
    from pipeline.infra.model import Change
    from pipeline.release.walk.act import Engine

WEEK_S = 7 * 86_400


def usage_of(metrics: Metrics, function: str, now: float) -> Usage | None:
    """The traffic of the alias in the last seven days; None where it cannot be read."""
    try:
        found = traffic(metrics, function, now, WEEK_S)
    except AwsError:
        return None
    return Usage(found.requests, found.mean_ms)


def next_version(versions: Versions, function: str, record: ServiceRecord) -> str | None:
    """The number the next version gets: Lambda counts on and uses none twice. None where nobody can tell.

    A function that is not there may have been there before, and Lambda remembers its numbers.
    """
    try:
        known = [one.number for one in versions.published(function)]
    except NotFoundError:
        return None
    known += [record.rollout.candidate] if record.rollout is not None else []
    known += [record.promoted.version] if record.promoted is not None else []
    numbers = [int(one) for one in known if one.isdigit()]
    return str(max(numbers) + 1) if numbers else None


def costs_of(engine: Engine, setting: Setting, changes: Sequence[Change]) -> Iterator[tuple[str, Cost]]:
    """Per service what its changes cost; its traffic is read only where a price depends on it."""
    prices = prices_of(setting.project.root)
    for service in sorted(setting.services, key=lambda one: one.name):
        mine = [one for one in changes if one.service == service.name]
        function = setting.project.function_name(setting.env.name, service.name)
        by_use = any(one.type == "aws_lambda_function" and one.amounts for one in mine)
        usage = usage_of(engine.metrics, function, engine.now()) if by_use else None
        size = Size(service.memory_mb, service.architecture, service.concurrency.provisioned or 0)
        found = cost(mine, size, usage, setting.env.region, prices)
        if found:
            yield service.name, found
