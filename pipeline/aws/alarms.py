"""CloudWatch alarms: what state those that somebody named are in. Reads only; nothing here makes or silences one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from pipeline.aws import aws_errors, client
from pipeline.manifest.environments import Environment

AlarmState = Literal["OK", "ALARM", "INSUFFICIENT_DATA", "missing"]
MAX_NAMES = 100  # DescribeAlarms' limit a call


class Alarms:
    """The alarms of one environment's account and region."""

    def __init__(self, env: Environment) -> None:
        self._client = client(env, "cloudwatch")

    def states(self, names: Iterable[str]) -> Mapping[str, AlarmState]:
        """The state of each name, in the order they were given; `missing` where no alarm is called so.

        Metric and composite alarms alike. Raises AwsError when CloudWatch cannot be asked.
        """
        asked = list(dict.fromkeys(names))
        found: dict[str, AlarmState] = dict.fromkeys(asked, "missing")
        for at in range(0, len(asked), MAX_NAMES):
            with aws_errors("read the states of CloudWatch alarms"):
                answer = self._client.describe_alarms(
                    AlarmNames=asked[at : at + MAX_NAMES],
                    AlarmTypes=["MetricAlarm", "CompositeAlarm"],
                    MaxRecords=MAX_NAMES,
                )
            for alarm in (*answer.get("MetricAlarms", ()), *answer.get("CompositeAlarms", ())):
                found[alarm["AlarmName"]] = alarm["StateValue"]
        return found
