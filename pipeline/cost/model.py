"""A month's bill of a function by AWS's own formulas: compute by the GB-second, and everything beside it by name. Pure.

Lambda bills each invocation's duration in whole milliseconds, rounded up (since December 2020), times the memory it is
given. A cold start's init phase is billed like the rest: always with a custom runtime (what Rust runs on), and since
1 August 2025 with the managed runtimes' zips too, where it was free before
(aws.amazon.com/blogs/compute/aws-lambda-standardizes-billing-for-init-phase).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipeline.cost.prices import Price, Prices

MONTH_S = 730 * 3600.0  # as AWS's own calculator counts
MILLION = 1_000_000
FREE_STORAGE_MB = 512
FREE_STREAMED_BYTES = 6 * 1024 * 1024  # of each answer
GB = 1024**3

NOT_COUNTED = "free tier, volume tiers, savings plans, data transfer, what the function calls"


@dataclass(frozen=True)
class Work:
    """A function and a month of its traffic.

    `mean_ms`: of an invocation without its init phase. `billed_ms`: what is billed of it on average where that was
    measured, else `mean_ms` rounded up. `cold_share`: of the invocations that begin with an init phase of `init_ms`.
    None: not known.
    """

    requests: float
    mean_ms: float
    memory_mb: int
    architecture: str
    billed_ms: float | None = None
    cold_share: float | None = None
    init_ms: float | None = None
    storage_mb: int = FREE_STORAGE_MB
    provisioned: int = 0
    http_api: bool = False
    function_url: bool = False
    streams: bool = False
    streamed_bytes: float | None = None  # of one answer
    logged_bytes: float | None = None  # by one invocation
    own_metrics: int = 0  # custom metrics it writes as long as it is called

    @property
    def warm_ms(self) -> float:
        """What is billed of an invocation that finds its environment ready."""
        return float(math.ceil(self.mean_ms)) if self.billed_ms is None else self.billed_ms

    @property
    def cold_ms(self) -> float:
        """What is billed in addition where an environment is made first."""
        if not self.cold_share or self.init_ms is None:
            return 0.0
        exact = self.mean_ms if self.billed_ms is None else self.billed_ms
        return math.ceil(exact + self.init_ms) - self.warm_ms

    @property
    def billed_s(self) -> float:
        """All that is billed in a month, in seconds."""
        return self.requests * (self.warm_ms + (self.cold_share or 0.0) * self.cold_ms) / 1000


@dataclass(frozen=True)
class Line:
    """A named part of the bill in dollars a month, and how it comes about."""

    what: str
    monthly: float
    how: str
    price: Price | None = None


@dataclass(frozen=True)
class Bill:
    """What is known, and in words what is not."""

    lines: tuple[Line, ...]
    unknown: tuple[str, ...]

    @property
    def monthly(self) -> float:
        """The sum of what is known."""
        return sum(one.monthly for one in self.lines)


def bill(work: Work, prices: Prices, region: str) -> Bill:
    """The bill of a month in a region whose compute has a price (`Prices.regions`)."""
    lines: list[Line] = []
    unknown: list[str] = []
    for what, name, amount, how in _parts(work):
        price = prices.of(name, region)
        if price is None:
            unknown.append(f"{what}: no price for {region}")
        else:
            lines.append(Line(what, amount * price.amount, how.format(price=price), price))
    if work.function_url:
        lines.append(Line("function URL", 0.0, "no price of its own"))
    return Bill(tuple(lines), (*unknown, *_unknown(work)))


def _parts(work: Work) -> Iterator[tuple[str, str, float, str]]:
    """What is paid, by which price, how much of it, and the formula with `{price}` in it."""
    requests, gb = work.requests, work.memory_mb / 1024
    yield "requests", "requests", requests / MILLION, f"{requests:,.0f} x {{price}} $ a million"
    duration = f"{'provisioned-' if work.provisioned else ''}duration.{work.architecture}"
    size = f"{work.memory_mb:,} MB"
    warm = requests * work.warm_ms / 1000
    yield "duration", duration, warm * gb, f"{requests:,.0f} x {work.warm_ms:,.4g} ms x {size} x {{price}} $ a GB-s"
    if work.cold_ms:
        cold = requests * (work.cold_share or 0.0)
        how = f"{cold:,.0f} x {work.cold_ms:,.4g} ms of init x {size} x {{price}} $ a GB-s"
        yield "cold starts", f"duration.{work.architecture}", cold * work.cold_ms / 1000 * gb, how
    if work.provisioned:
        how = f"{work.provisioned} x {size} x {MONTH_S:,.0f} s x {{price}} $ a GB-s"
        yield "started instances", f"provisioned.{work.architecture}", work.provisioned * gb * MONTH_S, how
    if work.storage_mb > FREE_STORAGE_MB:
        more = (work.storage_mb - FREE_STORAGE_MB) / 1024
        how = f"{work.billed_s:,.0f} s x {work.storage_mb - FREE_STORAGE_MB:,} MB beyond 512 x {{price}} $ a GB-s"
        yield "ephemeral storage", "storage", work.billed_s * more, how
    yield from _beside(work, requests)


def _beside(work: Work, requests: float) -> Iterator[tuple[str, str, float, str]]:
    """What is no compute of Lambda's, and paid because the function is used."""
    if work.http_api:
        how = f"{requests:,.0f} x {{price}} $ a million, of 512 KB at most"
        yield "API Gateway", "http-api", requests / MILLION, how
    if work.streamed_bytes is not None:
        beyond = max(0.0, work.streamed_bytes - FREE_STREAMED_BYTES)
        how = f"{requests:,.0f} x {beyond / 1024**2:,.4g} MB beyond 6 x {{price}} $ a GB"
        yield "streamed bytes", "streamed", requests * beyond / GB, how
    if work.own_metrics:
        yield "own metrics", "metric", work.own_metrics, f"{work.own_metrics} x {{price}} $ a month"
    if work.logged_bytes is not None:
        how = f"{requests:,.0f} x {work.logged_bytes:,.0f} bytes x {{price}} $ a GB"
        yield "log ingestion", "logs", requests * work.logged_bytes / GB, how


def _unknown(work: Work) -> Iterator[str]:
    if work.cold_share is None or (work.cold_share and work.init_ms is None):
        yield "cold starts: their share and how long they take"
    if work.streams and work.streamed_bytes is None:
        yield "streamed bytes: how many an answer has beyond 6 MB"
    if work.logged_bytes is None:
        yield "log ingestion: how much an invocation logs"
    if work.provisioned:
        yield "invocations beyond the started instances, which cost the full price"


def a_millisecond(memory_mb: int, architecture: str, prices: Prices, region: str) -> float | None:
    """What a million requests cost more for each millisecond that is billed of them."""
    price = prices.of(f"duration.{architecture}", region)
    return None if price is None else price.amount * memory_mb / 1024 / 1000 * MILLION


def elsewhere(work: Work) -> Work:
    """The same traffic on the other architecture, taken as fast as this one."""
    return replace(work, architecture=other(work.architecture))


def other(architecture: str) -> str:
    """Lambda has two."""
    return "x86_64" if architecture == "arm64" else "arm64"
