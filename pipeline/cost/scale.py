"""What a fleet asks of AWS and costs: calls against quotas, and which quota is reached first. Pure; prints its tables.

Run: python -m pipeline.cost.scale. docs/scale.md has what it prints. All services are in one account and region.

Quotas: Lambda's and CloudWatch's calls and S3's requests are `pipeline.aws.budget.LIMITS`, with their sources. Lambda
gives an account 1,000 concurrent executions and 75 GB of code a region (AWS Lambda, "Lambda quotas"; both can be
raised). IAM gives an account 1,000 roles, at most 5,000 (IAM user guide, "IAM and AWS STS quotas"). Step Functions
refills 500 transitions and 150 StartExecution a second (developer guide, "Quotas": most regions; 1,500 and 300 in
us-east-1, us-west-2 and eu-west-1; both can be raised). IAM's and Step Functions' are as AWS's public repositories of
its guides had them last.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.aws.budget import LIMITS
from pipeline.cost.prices import REGION, Prices, built_in

SIZES = (10, 1_000, 10_000)
# Of one walk of two steps of ten minutes, as docs/cost-of-running.md counts it.
WALK_S, TICK_S = 26.5 * 60, 15.0
LOOKS, METRICS, READS, WRITES, MOVES, RENEWALS = 107, 1155, 107, 9, 3, 108
SERIES_A_CALL = 500
PUBLISHING = 9  # Lambda's calls before it: UpdateFunctionCode, PublishVersion, and asking whether they have settled
OWN_METRICS = 2  # of each service that tells failures
TRANSITIONS, STARTS = 3, 2  # of a look, and of an execution besides
TAKE_UPS = 2  # what the function reads besides in each look: lease and record
LOOK_S, LOOK_GB = 0.4, 0.5
KEPT, ZIP_GB = 6, 0.002  # versions of a service: five and the one under way; a zip of 2 MB
OTHER_ROLES = 6
ROLES, STORAGE_GB, CONCURRENT, REFILLED, STARTED = 1000, 75.0, 1000, 500.0, 150.0
NEAR = 0.5  # of a quota; below that it is no bottleneck yet

# What to do about each.
REMEDIES = {
    "Lambda's calls": "one process: it looks at aliases in turn by itself; Step Functions: longer ticks, or accounts",
    "GetMetricData": "one process, which asks for 500 series in a call; or a longer tick",
    "S3 requests": "nothing: S3 splits busy prefixes, and each service has its own",
    "state transitions": "have the quota raised, or a longer tick",
    "StartExecution": "have the quota raised, or fewer `--max-parallel`",
    "concurrent executions": "have the quota raised; reserve some for the controller",
    "IAM roles": "have the quota raised, up to 5,000; beyond that several accounts",
    "code storage": "`crabwalk prune`, or have the quota raised",
}


@dataclass(frozen=True)
class Fleet:
    """Services, and how often each is released a month: in 22 days of eight hours, the busiest hour twice the mean."""

    services: int
    releases: float = 10.0
    hours: float = 176.0
    peak: float = 2.0

    @property
    def monthly(self) -> float:
        """Releases of all a month."""
        return self.services * self.releases

    @property
    def at_once(self) -> int:
        """Walks under way in the busiest hour."""
        return math.ceil(self.monthly / self.hours * self.peak * WALK_S / 3600)


@dataclass(frozen=True)
class Use:
    """How much of a quota is used; `a_second`: it is a rate."""

    what: str
    used: float
    limit: float
    a_second: bool = True

    @property
    def share(self) -> float:
        """Of the quota."""
        return self.used / self.limit


def uses(fleet: Fleet, walks: int, *, machine: bool) -> tuple[Use, ...]:
    """What so many walks at once ask for; `machine`: by Step Functions, each on its own, else all by one process.

    Lambda's calls are those that would look at each alias in each round; one process takes turns instead, and never
    asks for more than half of the quota (`release.walk.looking`).
    """
    rounds, begun = walks / TICK_S, walks / WALK_S
    calls = rounds if machine else math.ceil(walks * METRICS / LOOKS / SERIES_A_CALL) / TICK_S
    reads = rounds * (1 + TAKE_UPS * machine)
    found = [
        Use("Lambda's calls", rounds + begun * (PUBLISHING + MOVES), LIMITS["lambda"].rate),
        Use("GetMetricData", calls, LIMITS["cloudwatch.GetMetricData"].rate),
        Use("S3 requests", reads + rounds + begun * WRITES, LIMITS["s3"].rate),
        Use("IAM roles", fleet.services + OTHER_ROLES, ROLES, a_second=False),
        Use("code storage", fleet.services * KEPT * ZIP_GB, STORAGE_GB, a_second=False),
    ]
    if machine:
        found += [
            Use("state transitions", rounds * TRANSITIONS + begun * STARTS, REFILLED),
            Use("StartExecution", begun, STARTED),
            Use("concurrent executions", rounds * LOOK_S, CONCURRENT, a_second=False),
        ]
    return tuple(found)


def first(found: Sequence[Use]) -> Use:
    """The quota that is reached before the others."""
    return max(found, key=lambda use: use.share)


def costs(fleet: Fleet, prices: Prices, *, machine: bool) -> dict[str, float]:
    """Dollars a month, by what they are for."""

    def price(name: str) -> float:
        found = prices.of(name, REGION)
        return 0.0 if found is None else found.amount

    looks = fleet.monthly * LOOKS
    reads = fleet.monthly * READS + looks * TAKE_UPS * machine
    parts = {
        "the services' own metrics": fleet.services * OWN_METRICS * price("metric"),
        "metrics read": fleet.monthly * METRICS / 1000 * price("metric-reads"),
        "S3 writes": fleet.monthly * (WRITES + RENEWALS) / 1000 * price("object-writes"),
        "S3 reads": reads / 1000 * price("object-reads"),
    }
    if machine:
        parts["transitions"] = (looks * TRANSITIONS + fleet.monthly * STARTS) / 1000 * price("transitions")
        seconds = looks * LOOK_S * LOOK_GB * price("duration.arm64")
        parts["the controller's function"] = seconds + looks / 1e6 * price("requests")
    return parts


def table(prices: Prices, sizes: Sequence[int] = SIZES) -> str:
    """The busiest hour of ordinary months, and what a month costs."""
    fleets = [Fleet(size) for size in sizes]
    both = {machine: [uses(one, one.at_once, machine=machine) for one in fleets] for machine in (False, True)}
    rows = [
        ("releases a month", [f"{one.monthly:,.0f}" for one in fleets], ""),
        ("walks at once, in the busiest hour", [f"{one.at_once:,}" for one in fleets], ""),
    ]
    for machine, title in ((False, "one process"), (True, "Step Functions")):
        rows += _used(both[machine], title, both[False] if machine else None)
        rows.append((f"**first, {title}**", [_named(found) for found in both[machine]], ""))
    for machine, title in ((False, "one process"), (True, "Step Functions")):
        bills = [costs(one, prices, machine=machine) for one in fleets]
        wanted = [what for what in bills[0] if not machine or what in {"transitions", "the controller's function"}]
        rows += [(f"{what}, a month", [_dollars(bill[what]) for bill in bills], "") for what in wanted]
        rows.append((f"**a month, {title}**", [_dollars(sum(bill.values())) for bill in bills], ""))
    return _table(("services", [f"{size:,}" for size in sizes], "quota"), rows)


def everything(sizes: Sequence[int] = SIZES) -> str:
    """One commit that changes every service: all walks at once, and fewer."""
    fleets = [Fleet(size) for size in sizes]
    calls = [one.services * (PUBLISHING + MOVES) / LIMITS["lambda"].rate for one in fleets]
    rows = [
        ("Lambda's calls to publish and move, at the quota", [_lasting(one) for one in calls], ""),
        ("50 walks at once (`--max-parallel 50`)", [_lasting(_waves(one.services, 50)) for one in fleets], ""),
        ("500 at once", [_lasting(_waves(one.services, 500)) for one in fleets], ""),
    ]
    for machine, title in ((False, "one process"), (True, "Step Functions")):
        found = [uses(one, one.services, machine=machine) for one in fleets]
        rows += [(f"all at once, first, {title}", [_named(one) for one in found], "")]
    return _table(("services", [f"{size:,}" for size in sizes], ""), rows)


def _waves(services: int, at_once: int) -> float:
    return math.ceil(services / at_once) * WALK_S


def _used(
    found: Sequence[tuple[Use, ...]], title: str, shown: Sequence[tuple[Use, ...]] | None
) -> Iterator[tuple[str, list[str], str]]:
    """A row for each quota that is used otherwise than the rows before say."""
    for at, use in enumerate(found[0]):
        said = shown is not None and all(mine[at] in other for mine, other in zip(found, shown, strict=True))
        if said:
            continue
        cells = [f"{_number(one[at].used)} ({_percent(one[at].share)})" for one in found]
        per, unit = (" a second" if use.a_second else ""), (" GB" if use.what == "code storage" else "")
        both = use.what in {"Lambda's calls", "IAM roles", "code storage"}
        name = f"{use.what}{per}" if both else f"{use.what}{per}, {title}"
        yield name, cells, f"{use.limit:,.0f}{unit}"


def _named(found: Sequence[Use]) -> str:
    """The first bottleneck, or how far away it is; all that are beyond their quota, the worst first."""
    beyond = sorted((use for use in found if use.share >= NEAR), key=lambda use: -use.share)
    if not beyond:
        return f"none; next {first(found).what}, {_percent(first(found).share)}"
    return ", then ".join(f"{use.what} {_percent(use.share)}" for use in beyond)


def remedies() -> str:
    """What to do about each."""
    lines = ["| quota | what to do |", "|---|---|", *(f"| {what} | {remedy} |" for what, remedy in REMEDIES.items())]
    return "\n".join(lines)


def _table(head: tuple[str, list[str], str], rows: Sequence[tuple[str, list[str], str]]) -> str:
    lines = [" | ".join([name, *cells, limit]) for name, cells, limit in (head, *rows)]
    lines.insert(1, "|".join(["---"] * (len(head[1]) + 2)))
    return "\n".join(f"|{line}|" if line.startswith("-") else f"| {line} |" for line in lines).replace("|  |", "| |")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _percent(share: float) -> str:
    return f"{share * 100:,.0f} %" if share >= 0.01 else "< 1 %"


def _dollars(amount: float) -> str:
    return f"{amount:,.0f} $" if amount >= 10 else f"{amount:.2f} $"


def _lasting(seconds: float) -> str:
    unit, size = ("s", 1) if seconds < 120 else ("min", 60) if seconds < 7200 else ("h", 3600)
    return f"{seconds / size:,.1f} {unit}".replace(".0 ", " ")


def main() -> None:
    """Print the tables."""
    sys.stdout.write("\n\n".join((table(built_in()), everything(), remedies())) + "\n")


if __name__ == "__main__":
    main()
