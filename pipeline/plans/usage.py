"""What cost and version numbers need of AWS: a function's traffic of last week, and its newest version. Reads only."""

from __future__ import annotations

from pipeline.aws.functions import NotFoundError
from pipeline.aws.metrics import Metrics
from pipeline.aws.versions import Versions
from pipeline.cost.changes import Usage
from pipeline.cost.measured import traffic
from pipeline.errors import AwsError
from pipeline.release.ledger.records import ServiceRecord

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
