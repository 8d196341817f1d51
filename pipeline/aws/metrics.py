"""CloudWatch: Lambda's metrics per executed version, many series in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.abreast import abreast
from pipeline.aws import aws_errors, client
from pipeline.errors import AwsError
from pipeline.manifest.environments import Environment

MAX_SERIES = 500  # GetMetricData's limit a call


LAMBDA = "AWS/Lambda"


@dataclass(frozen=True)
class Series:
    """One metric of a function: of one executed version behind an alias, or of the alias as a whole (version None).

    Dimensions as Lambda emits them (AWS Lambda developer guide, "Types of metrics"): FunctionName,
    Resource = `function:alias`, ExecutedVersion. A metric that is not of a function has its `own` dimensions instead.
    `period_s` where it is not the environment's: 1, 5, 10 or 30 for high-resolution metrics, which CloudWatch keeps so
    for 3 hours (Amazon CloudWatch user guide, "Metrics retention").
    """

    function: str
    alias: str
    version: str | None
    metric: str
    statistic: str = "Sum"
    namespace: str = LAMBDA
    own: tuple[tuple[str, str], ...] | None = None
    period_s: int | None = None

    def dimensions(self) -> list[dict[str, str]]:
        """The metric's dimensions in CloudWatch's form."""
        found = [("FunctionName", self.function), ("Resource", f"{self.function}:{self.alias}")]
        if self.version is not None:
            found.append(("ExecutedVersion", self.version))
        return [{"Name": name, "Value": value} for name, value in (found if self.own is None else self.own)]

    def __str__(self) -> str:
        """What a person calls it."""
        if self.own is not None:
            return f"{self.metric} of {self.namespace}"
        return f"{self.metric} of {self.function}:{self.alias}" + (f" version {self.version}" if self.version else "")


class Metrics:
    """CloudWatch of one environment."""

    def __init__(self, env: Environment) -> None:
        self._client = client(env, "cloudwatch")
        self._period = env.period_s

    def read(
        self, series: Sequence[Series], start: float, end: float, *, period_s: int | None = None
    ) -> Mapping[Series, Mapping[float, float]]:
        """Return for each series the value of each period, by the period's start (epoch seconds).

        `start` and `end` (exclusive) are epoch seconds; `period_s` where it is not the environment's and the series do
        not say. A period without data is absent. Raises AwsError, also when CloudWatch answers but could not read all
        of a series: half a series looks like a version without errors.
        """
        each = [series[at : at + MAX_SERIES] for at in range(0, len(series), MAX_SERIES)]
        answers = abreast(lambda some: self._read_some(some, start, end, period_s or self._period), each)
        return {one: values for found in answers for one, values in found.items()}

    def _read_some(
        self, series: Sequence[Series], start: float, end: float, period_s: int
    ) -> Mapping[Series, Mapping[float, float]]:
        """What one call may be asked for."""
        found: dict[Series, dict[float, float]] = {one: {} for one in series}
        queries: list[dict[str, Any]] = [
            {
                "Id": f"m{index}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": one.namespace,
                        "MetricName": one.metric,
                        "Dimensions": one.dimensions(),
                    },
                    "Period": one.period_s or period_s,
                    "Stat": one.statistic,
                },
            }
            for index, one in enumerate(series)
        ]
        with aws_errors("read CloudWatch metrics"):
            pages = self._client.get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries,
                StartTime=datetime.fromtimestamp(start, UTC),
                EndTime=datetime.fromtimestamp(end, UTC),
                ScanBy="TimestampAscending",
            )
            last: dict[int, str] = {}  # a series that goes on in the next page is PartialData until then
            for page in pages:
                for result in page["MetricDataResults"]:
                    index = int(result["Id"][1:])
                    last[index] = str(result.get("StatusCode") or "no status")
                    values = found[series[index]]
                    for stamp, value in zip(result["Timestamps"], result["Values"], strict=True):
                        values[stamp.timestamp()] = float(value)
        for index, one in enumerate(series):
            status = last.get(index, "no answer")
            if status != "Complete":
                raise AwsError(f"could not read CloudWatch metrics: {one}: {status}")
        return found
