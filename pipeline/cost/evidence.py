"""What it costs on AWS to judge a service by the second: its own metrics, and how often they are read. Pure.

CloudWatch bills a custom metric by the month, for the hours in which it is written, at the same price whatever its
resolution, and GetMetricData by the metrics that are asked for (aws.amazon.com/cloudwatch/pricing). S3 is a write a
minute, which is nothing beside them.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.cost.prices import Prices

METRICS = 2  # Requests and Failures, of each version that is called
LINE_BYTES = 380  # what the service prints a call
ERRORS, OF_VERSIONS, FINE = 6, 3, 6  # series: see `release.decide.signals`
BESIDE = 5  # the service's own by the minute, and what Lambda turned away


@dataclass(frozen=True)
class Reading:
    """A walk's reading: for how long, and of how many series in all.

    walk_s: from its first step to promotion. signals: timeouts and slow requests, which have series of their own.
    """

    walk_s: float
    signals: int = 0
    limits: int = 0
    by_the_second: bool = True

    def metrics(self, tick_s: float) -> float:
        """How many metrics are asked for, one look every `tick_s`."""
        fine = FINE if self.by_the_second else 0
        return self.walk_s / tick_s * (ERRORS + BESIDE + OF_VERSIONS * self.signals + self.limits + fine)


def a_walk(reading: Reading, tick_s: float, prices: Prices, region: str) -> float | None:
    """Dollars for the reading of one walk; None where the table has no price."""
    price = prices.of("metric-reads", region)
    return None if price is None else reading.metrics(tick_s) / 1000 * price.amount
