"""What Terraform's changes cost a month more or less, as far as that follows from what is known. Pure, US dollars.

Without free tier, savings plans and volume tiers. What depends on use that nobody measured is named as not known, and
never counted as nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.cost.model import MONTH_S
from pipeline.cost.prices import REGION, Price, Prices, built_in
from pipeline.infra.model import Change

WEEKS_A_MONTH = MONTH_S / (7 * 86_400)

# Of each there is a price a month, whatever is done with it: by its name in the table, and in words.
STANDING: Mapping[str, tuple[str, str]] = {
    "aws_cloudwatch_composite_alarm": ("composite-alarm", "composite alarm"),
    "aws_cloudwatch_dashboard": ("dashboard", "dashboard"),
    "aws_cloudwatch_metric_alarm": ("alarm", "alarm"),
    "aws_kms_key": ("kms-key", "KMS key"),
    "aws_secretsmanager_secret": ("secret", "secret"),
}

# What of a thing is paid by use, which a plan cannot know.
BY_USE: Mapping[str, str] = {
    "aws_apigatewayv2_api": "requests of the HTTP API",
    "aws_cloudwatch_event_archive": "events in the archive",
    "aws_cloudwatch_event_bus": "events on the bus",
    "aws_cloudwatch_log_group": "log lines",
    "aws_cognito_user_pool": "users of the pool",
    "aws_dynamodb_table": "reads, writes, size and point-in-time recovery of the table",
    "aws_kinesis_stream": "shards and data of the stream",
    "aws_pipes_pipe": "events through the pipe",
    "aws_s3_bucket": "data in the bucket",
    "aws_scheduler_schedule": "runs of the schedule",
    "aws_sfn_state_machine": "transitions of the state machine",
    "aws_sqs_queue": "messages of the queue",
}
_PROVISIONED = "aws_lambda_provisioned_concurrency_config"
_NOTES: Mapping[str, str] = {
    "aws_cloudwatch_dashboard": "the first three dashboards of an account cost nothing",
    "aws_cloudwatch_metric_alarm": "an alarm on several metrics costs that many times the price of one",
}


@dataclass(frozen=True)
class Usage:
    """A function's own traffic of one week: how many invocations, and how long one took on average."""

    invocations: float
    mean_ms: float


@dataclass(frozen=True)
class Size:
    """A function as it is to be; `provisioned`: instances that are always started."""

    memory_mb: int
    architecture: str
    provisioned: int = 0


@dataclass(frozen=True)
class Item:
    """A part of the difference, in dollars a month; negative is saved."""

    what: str
    monthly: float


@dataclass(frozen=True)
class Cost:
    """The difference a month, and in words what is not part of it."""

    items: tuple[Item, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def monthly(self) -> float:
        """The sum of what is known, in dollars a month."""
        return sum(one.monthly for one in self.items)

    def __bool__(self) -> bool:
        return bool(self.items or self.unknown)


@dataclass(frozen=True)
class _Region:
    """The prices of a region, or those of us-east-1, which `other` then names."""

    prices: Prices
    name: str
    other: set[str]

    def of(self, price: str, what: str) -> float:
        found: Price | None = self.prices.of(price, self.name)
        if found is None:
            self.other.add(what)
            found = self.prices.of(price, REGION)
        return found.amount if found is not None else 0.0


def cost(changes: Sequence[Change], size: Size, usage: Usage | None, region: str, prices: Prices | None = None) -> Cost:
    """What these changes of one service change a month. `usage` None: it cannot be read, or there is none yet."""
    where = _Region(prices or built_in(), region, set())
    items: list[Item] = []
    unknown: list[str] = []
    old_mb = float(size.memory_mb)
    for change in changes:
        for name, before, after in change.amounts:
            if change.type == "aws_lambda_function" and name == "memory_size" and before and after:
                old_mb = before
                made = _memory(before, after, size.architecture, usage, where)
                items += made.items
                unknown += made.unknown
    if any(one.type == "aws_lambda_function" and one.action == "create" for one in changes):
        unknown.append("requests of a function that had none yet")
    _provisioned(items, changes, size, old_mb, where)
    _standing(items, unknown, changes, where)
    if where.other:
        unknown.append(f"the prices of {region} for {', '.join(sorted(where.other))}: these are those of {REGION}")
    return Cost(tuple(items), tuple(dict.fromkeys(unknown)))


def _memory(before: float, after: float, architecture: str, usage: Usage | None, where: _Region) -> Cost:
    what = f"{after:,.0f} MB instead of {before:,.0f}"
    if usage is None or usage.invocations <= 0:
        return Cost(unknown=(f"{what}: the function had no traffic last week, or it cannot be read",))
    seconds = usage.invocations * WEEKS_A_MONTH * usage.mean_ms / 1000
    monthly = seconds * (after - before) / 1024 * where.of(f"duration.{architecture}", "compute")
    rate = f"{usage.invocations:,.0f} invocations a week of {usage.mean_ms:,.3g} ms"
    assumed = "how long an invocation takes with the new memory: as long as now is assumed"
    return Cost((Item(f"{what}, at {rate}", monthly),), (assumed,))


def _provisioned(items: list[Item], changes: Sequence[Change], size: Size, old_mb: float, where: _Region) -> None:
    """Started instances by their number and memory; a change of memory alone changes their price, too."""
    mine = [one for one in changes if one.type == _PROVISIONED]
    before = after = float(size.provisioned)
    for change in mine:
        told = next((one for one in change.amounts if one[0] == "provisioned_concurrent_executions"), None)
        old, new = (told[1], told[2]) if told else (None, None)
        before = 0.0 if change.action == "create" else float(old or size.provisioned)
        after = 0.0 if change.action == "delete" else float(new or size.provisioned)
    gb_seconds = MONTH_S / 1024 * (after * size.memory_mb - before * old_mb)
    if gb_seconds:
        monthly = gb_seconds * where.of(f"provisioned.{size.architecture}", "started instances")
        items.append(Item(f"{after:g} started instances instead of {before:g}", monthly))


def _standing(items: list[Item], unknown: list[str], changes: Sequence[Change], where: _Region) -> None:
    for kind, (price, name) in STANDING.items():
        number = _more(changes, kind)
        if number:
            monthly = number * where.of(price, f"{name}s")
            items.append(Item(f"{number:+d} {name}{'s' if abs(number) != 1 else ''}", monthly))
            unknown += [_NOTES[kind]] if kind in _NOTES else []
    unknown += [what for kind, what in BY_USE.items() if _more(changes, kind)]


def _more(changes: Iterable[Change], kind: str) -> int:
    """How many more of a type there are afterwards."""
    signs = {"create": 1, "delete": -1}
    return sum(signs.get(one.action, 0) for one in changes if one.type == kind)
