"""When a schedule is due, by the clock of its time zone, and for which moment."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

# In a process of its own: MiniStack reads its environment and opens its state at import.
CODE = """
import json, sys
from pathlib import Path
from pipeline.local.server import settle_environment
settle_environment(Path(sys.argv[1]), 1)
from pipeline.local.edge.schedules import due
print(json.dumps([due(*case) for case in json.load(sys.stdin)]))
"""
DAY = 86_400.0
MIDNIGHT = 1_799_971_200.0  # 2027-01-15 00:00 UTC


def schedule(expression: str, **more: Any) -> dict[str, Any]:
    whole = {"ScheduleExpression": expression, "State": "ENABLED", "LastModificationDate": MIDNIGHT}
    return {**whole, "ScheduleExpressionTimezone": "UTC", **more}


BERLIN = {"ScheduleExpressionTimezone": "Europe/Berlin"}  # an hour ahead of UTC in January
CASES: list[tuple[dict[str, Any], float | None, float, float | None]] = [
    (schedule("cron(0 3 * * ? *)"), None, MIDNIGHT + 2.99 * 3600, None),
    (schedule("cron(0 3 * * ? *)"), None, MIDNIGHT + 3 * 3600 + 7, MIDNIGHT + 3 * 3600),
    (schedule("cron(0 3 * * ? *)", **BERLIN), None, MIDNIGHT + 1.99 * 3600, None),
    (schedule("cron(0 3 * * ? *)", **BERLIN), None, MIDNIGHT + 2 * 3600, MIDNIGHT + 2 * 3600),
    (schedule("cron(0 3 * * ? *)", **BERLIN), MIDNIGHT + 2 * 3600, MIDNIGHT + 3 * 3600, None),  # fired already
    (
        schedule("cron(0 3 * * ? *)", **BERLIN),
        MIDNIGHT + 2 * 3600,
        MIDNIGHT + 2 * 3600 + DAY,
        MIDNIGHT + 2 * 3600 + DAY,
    ),
    (schedule("rate(1 minute)"), None, MIDNIGHT + 59, None),
    (schedule("rate(1 minute)"), None, MIDNIGHT + 61, MIDNIGHT + 60),
    (schedule("rate(1 minute)"), MIDNIGHT + 60, MIDNIGHT + 119, None),
    (schedule("at(2027-01-15T03:00:00)"), None, MIDNIGHT + 3 * 3600 - 1, None),
    (schedule("at(2027-01-15T03:00:00)"), None, MIDNIGHT + 4 * 3600, MIDNIGHT + 3 * 3600),
    (schedule("at(2027-01-15T03:00:00)"), MIDNIGHT + 3 * 3600, MIDNIGHT + DAY, None),
    (schedule("at(2027-01-15T03:00:00)", **BERLIN), None, MIDNIGHT + 2 * 3600, MIDNIGHT + 2 * 3600),
    (schedule("at(whenever)"), None, MIDNIGHT, None),
    (schedule("cron(whenever)"), None, MIDNIGHT, None),
    (schedule("rate(1 minute)", State="DISABLED"), None, MIDNIGHT + 60, None),
    (schedule("rate(1 minute)", StartDate=MIDNIGHT + 90), None, MIDNIGHT + 60, None),
    (schedule("rate(1 minute)", EndDate=MIDNIGHT + 30), None, MIDNIGHT + 60, None),
    (schedule("rate(1 minute)", ScheduleExpressionTimezone="Nowhere/Else"), None, MIDNIGHT + 60, MIDNIGHT + 60),
]


def test_when_a_schedule_is_due(tmp_path: Path) -> None:
    asked = json.dumps([case[:3] for case in CASES])
    command = [sys.executable, "-c", CODE, str(tmp_path)]
    run = subprocess.run(command, input=asked, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    wrong = [case for case, got in zip(CASES, json.loads(run.stdout), strict=True) if got != case[3]]
    assert wrong == []
