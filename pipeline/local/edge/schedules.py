"""Schedules fire by the clock of their time zone, seconds after they are due; MiniStack reads every one as UTC.

What EventBridge and its Scheduler invoke, they invoke asynchronously, as S3 does here already: a function that fails is
tried twice more, and then its dead-letter target gets the event.

What an input names of its run, `<aws.scheduler.scheduled-time>` and its like, is filled in; MiniStack leaves it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ministack.core.responses import _request_account_id, _request_region, new_uuid
from ministack.services import eventbridge, lambda_svc, scheduler

from pipeline.local.patching import Patch, check, replace, require_source

TICK_S = 1
USED = (
    ("_parse_rate_seconds", "expr"),
    ("_parse_cron_fields", "expr"),
    ("_cron_next_fire", "fields after_dt"),
    ("_invoke_target", "target event rule view"),
)

Key = tuple[str, str, str]  # account, region, group/name
Fired = dict[Key, tuple[Any, float]]  # of which schedule that was, and when: epoch seconds


def zone(schedule: Mapping[str, Any]) -> tzinfo:
    """The schedule's time zone; UTC for one nobody knows."""
    try:
        return ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def due(schedule: Mapping[str, Any], last: float | None, now: float) -> float | None:
    """For which moment the schedule is to fire at `now`, having fired `last`; None for none. All are epoch seconds."""
    start, end = (scheduler._to_epoch(schedule.get(name)) for name in ("StartDate", "EndDate"))  # noqa: SLF001
    if schedule["State"] != "ENABLED" or (start is not None and now < start) or (end is not None and now > end):
        return None
    expression = str(schedule["ScheduleExpression"]).strip()
    since = last if last is not None else float(schedule["LastModificationDate"])
    if expression.startswith("at("):
        moment = _at(expression, zone(schedule))
        return moment if last is None and now >= moment else None
    if (interval := eventbridge._parse_rate_seconds(expression)) is not None:  # noqa: SLF001
        return since + interval if now - since >= interval else None
    fields = eventbridge._parse_cron_fields(expression)  # noqa: SLF001
    if fields is None:
        return None
    # On the wall clock of the zone. What its shift to summer leaves out fires an hour later; AWS leaves it out.
    following = eventbridge._cron_next_fire(fields, datetime.fromtimestamp(since, zone(schedule)))  # noqa: SLF001
    return following.timestamp() if following is not None and now >= following.timestamp() else None


def _at(expression: str, place: tzinfo) -> float:
    try:
        moment = datetime.fromisoformat(expression.removeprefix("at(").removesuffix(")").strip())
    except ValueError:
        return float("inf")
    return (moment if moment.tzinfo else moment.replace(tzinfo=place)).timestamp()


def _ticking(_original: Callable[[], None]) -> Callable[[], None]:
    fired: Fired = {}

    def tick() -> None:
        now = time.time()
        for key, schedule in scheduler._schedules.all_items():  # noqa: SLF001
            which = (schedule["CreationDate"], schedule["ScheduleExpression"])
            known, last = fired.get(key, (None, None))
            moment = due(schedule, last if known == which else None, now)
            if moment is not None:
                fired[key] = (which, now)
                _fire(key, schedule, moment)

    return tick


def filled(text: str, schedule: Mapping[str, Any], moment: float) -> str:
    """A target's input with what the run puts in for its context attributes; AWS does it in the text too."""
    for name, value in {
        "schedule-arn": str(schedule["Arn"]),
        "scheduled-time": datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": new_uuid(),
        "attempt-number": "1",
    }.items():
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _fire(key: Key, schedule: dict[str, Any], moment: float) -> None:
    account, region, _ = key
    tokens = _request_account_id.set(account), _request_region.set(region)
    event = {
        "EventId": new_uuid(),
        "Source": "aws.scheduler",
        "DetailType": "Scheduled Event",
        "Detail": "{}",
        "Time": moment,
        "Resources": [schedule["Arn"]],
        "Account": account,
        "Region": region,
    }
    target = dict(schedule["Target"])
    if target.get("Input"):
        target["Input"] = filled(target["Input"], schedule, moment)
    try:
        eventbridge._invoke_target(target, event, schedule)  # noqa: SLF001
    finally:
        _request_account_id.reset(tokens[0])
        _request_region.reset(tokens[1])
    once = str(schedule["ScheduleExpression"]).startswith("at(")
    if once and schedule.get("ActionAfterCompletion") == "DELETE":
        scheduler._schedules.pop_scoped(*key, None)  # noqa: SLF001


def _dispatching(_original: Callable[..., None]) -> Callable[..., None]:
    def dispatch(arn: str, payload: str) -> None:
        try:
            event = json.loads(payload)
        except (ValueError, TypeError):
            event = {"body": payload}
        function, config, name = lambda_svc._get_func_record_for_ref(arn)  # noqa: SLF001
        if not function or not config:
            eventbridge.logger.warning("EventBridge: function %s is not there", name)
            return
        lambda_svc.invoke_async_with_retry(lambda_svc._execution_record_for_config(function, config), event)  # noqa: SLF001

    return dispatch


def apply() -> list[Patch]:
    for name, parameters in USED:
        check(Patch(eventbridge, name, tuple(parameters.split()), "a schedule's expression and target"))
    require_source(scheduler, "_ticker_loop", "time.sleep(_SCHEDULE_TICK_INTERVAL)")
    scheduler._SCHEDULE_TICK_INTERVAL = TICK_S  # noqa: SLF001
    return [
        replace(scheduler, "_tick_schedules", "", "read every time zone as UTC", _ticking),
        replace(eventbridge, "_dispatch_to_lambda", "arn payload", "tried a failing function once", _dispatching),
    ]
