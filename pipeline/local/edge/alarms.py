"""Evaluates alarms by the clock, as CloudWatch does.

One thread for all alarms; it sleeps until the next period of one of them is complete, and when there is none it only
looks now and then whether a state from disk brought some. A period is read once it is over for `LAG_S`, and its range
again with every later one, since Lambda's metrics may come late. Periods of more than a minute begin at multiples of
themselves; CloudWatch lets them slide by the minute.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ministack.core.responses import request_scope
from ministack.services import cloudwatch

from pipeline.local.edge import alarm_api, alarm_events, alarm_math
from pipeline.local.edge.alarm_events import remember, stamp
from pipeline.local.edge.alarm_rules import Outcome, Point, evaluate
from pipeline.local.edge.alarm_shape import Expression, Watched, period_of, queries_of, rule_of
from pipeline.local.edge.metric_store import MetricStore
from pipeline.local.edge.queries import Answers, Query, RefusedError
from pipeline.local.patching import Patch

LAG_S = 1.0
LONGEST_TICK_S = 60  # CloudWatch evaluates alarms of longer periods every minute too
IDLE_S = 5.0

_logger = logging.getLogger(__name__)


def apply(store: MetricStore) -> list[Patch]:
    """The patches, and the evaluator's thread."""
    evaluator = Evaluator(Answers(store))
    patches = [*alarm_api.apply(evaluator.wake), *alarm_events.apply()]
    threading.Thread(target=evaluator.run, name="alarms", daemon=True).start()
    return patches


class Evaluator:
    """Knows when each alarm was evaluated last."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._wake = threading.Event()
        self._done: dict[str, tuple[int, int]] = {}  # by ARN: the period's end and the alarm's object

    def wake(self) -> None:
        """An alarm was put."""
        self._wake.set()

    def run(self) -> None:
        """For ever: evaluate what is due, sleep until the next."""
        while True:
            try:
                next_due = self.evaluate(time.time())
            except Exception:
                _logger.exception("alarms could not be evaluated")
                next_due = None
            self._wake.wait(IDLE_S if next_due is None else max(0.01, next_due - time.time()))
            self._wake.clear()

    def evaluate(self, now: float) -> float | None:
        """Evaluates each alarm whose period is over and was not looked at yet; when the next one is due."""
        dues: list[float] = []
        for (account, region, name), alarm in list(cloudwatch._alarms._data.items()):  # noqa: SLF001
            try:
                with request_scope(account, region):
                    dues.append(self._due(name, alarm, now))
            except Exception:
                _logger.exception("alarm %s could not be evaluated", name)
        return min(dues, default=None)

    def _due(self, name: str, alarm: dict[str, Any], now: float) -> float:
        tick = min(period_of(alarm), LONGEST_TICK_S)
        end = int((now - LAG_S) // tick) * tick
        if self._done.get(alarm["AlarmArn"]) != (end, id(alarm)):
            self._done[alarm["AlarmArn"]] = (end, id(alarm))
            self._one(name, alarm, end, now)
        return end + tick + LAG_S

    def _one(self, name: str, alarm: dict[str, Any], end: int, now: float) -> None:
        rule, period = rule_of(alarm), period_of(alarm)
        last = end // period * period - period
        starts = [last - period * index for index in range(rule.range)]
        values = self._values(alarm, sorted(starts), period)
        outcome = evaluate(rule, [Point(at, values[at]) if at in values else None for at in starts])
        if outcome.state is None or outcome.state == alarm["StateValue"]:
            return
        if cloudwatch._alarms.get(name) is alarm:  # noqa: SLF001  # not deleted or replaced meanwhile
            change_state(alarm, outcome, _reason_data(alarm, outcome, starts, now))

    def _values(self, alarm: Mapping[str, Any], starts: list[int], period: int) -> Mapping[int, float]:
        queries, returned = queries_of(alarm)
        known: dict[str, alarm_math.Value] = {}

        def value(name: str) -> alarm_math.Value:
            if name not in known:
                query = queries[name]
                if isinstance(query, Watched):
                    known[name] = self._points(query, starts[0], starts[-1] + period)
                else:
                    known[name] = self._computed(query, value, starts)
            return known[name]

        result = value(returned)
        return result if isinstance(result, Mapping) else dict.fromkeys(starts, result)

    def _computed(
        self, query: Expression, value: Callable[[str], alarm_math.Value], starts: list[int]
    ) -> alarm_math.Value:
        used = {name: value(name) for name in alarm_math.names(query.text)}
        return alarm_math.compute(query.text, used, starts)

    def _points(self, watched: Watched, start: int, end: int) -> dict[int, float]:
        query = Query(watched.namespace, watched.metric, watched.dimensions, start, end, watched.period)
        try:
            return dict(self._answers.points(query, watched.statistic))
        except RefusedError as refused:
            _logger.warning("an alarm's metric cannot be computed: %s", refused)
            return {}


def change_state(alarm: dict[str, Any], outcome: Outcome, data: str) -> None:
    """Write the new state, and say it."""
    old, now = alarm["StateValue"], int(time.time())
    remember(alarm)
    alarm |= {
        "StateValue": outcome.state,
        "StateReason": outcome.reason,
        "StateReasonData": data,
        "StateUpdatedTimestamp": now,
    }
    cloudwatch._record_history(alarm["AlarmName"], old, outcome.state, outcome.reason)  # noqa: SLF001
    cloudwatch._dispatch_alarm_actions(alarm, old, outcome.state, outcome.reason)  # noqa: SLF001
    cloudwatch._evaluate_parent_alarms(alarm)  # noqa: SLF001


def _reason_data(alarm: Mapping[str, Any], outcome: Outcome, starts: Iterable[int], now: float) -> str:
    used = outcome.used
    return json.dumps(
        {
            "version": "1.0",
            "queryDate": stamp(now),
            "startDate": stamp(min((point.at for point in used), default=min(starts))),
            **({"statistic": alarm["Statistic"]} if "Statistic" in alarm else {}),
            "period": period_of(alarm),
            "recentDatapoints": [point.value for point in reversed(used)],
            "threshold": alarm["Threshold"],
            "evaluatedDatapoints": [{"timestamp": stamp(point.at), "value": point.value} for point in used],
        }
    )
