"""Which hours are asked for, and what they are a part of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from pipeline.cost.measured import HOUR_S, filled, traffic
from pipeline.cost.model import MONTH_S, Work

GIVEN = Work(requests=1, mean_ms=1.0, memory_mb=128, architecture="arm64")
NOW = 1_000 * HOUR_S + 300.0  # five minutes after the hour


class Steady:
    """CloudWatch of a function that is called once a second."""

    def read(self, series: Iterable[Any], start: float, end: float, *, period_s: int) -> dict[Any, dict[float, float]]:
        hours = [start + index * period_s for index in range(round((end - start) / period_s))]
        return {one: {hour: min(period_s, NOW - hour) for hour in hours} for one in series}


@pytest.mark.parametrize("window_s", [HOUR_S, 24 * HOUR_S, 30 * 24 * HOUR_S])
def test_the_hour_that_is_not_over_does_not_make_it_look_cheaper(window_s: int) -> None:
    metrics: Any = Steady()
    seen = traffic(metrics, "shop-hello", NOW, window_s)
    assert (seen.window_s, seen.covered_s) == (window_s, window_s + 300)
    assert filled(GIVEN, seen, None).requests == pytest.approx(MONTH_S)
