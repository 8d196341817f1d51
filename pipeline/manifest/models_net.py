"""The safety net of a service: what rings the alarm that undoes a release without anybody's controller."""

from __future__ import annotations

from typing import Annotated

from pipeline.manifest import forms, rules, units
from pipeline.manifest.models_base import LISTED, Model
from pipeline.manifest.models_checks import AlarmName


class SafetyNet(Model):
    """An alarm, and a state machine that undoes the release under way, or the last one, when it rings."""

    over: Annotated[float, rules.unit(units.fraction, "10 %", of=units.SHARES), forms.share] = 0.05
    """The share of failed invocations, over all versions, that is bad; two bad minutes of three ring."""

    at_least: Annotated[int, rules.count(1, 1_000_000_000, "requests")] = 20
    """Requests a minute must have to count."""

    alarms: Annotated[tuple[AlarmName, ...], LISTED, rules.listed(0, 50, "alarms")] = ()
    """Further CloudWatch alarms, by name, that undo the release when they begin to ring."""
