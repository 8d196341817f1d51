"""When a release does not go forward: quiet hours of the week, and freezes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.manifest import rules, schedules
from pipeline.manifest.models_base import LISTED, Model
from pipeline.manifest.rules import fault

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = rules.matches(
    r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00", "a time of the day", 'write for example "16:00", in quotes'
)
_MOMENT = rules.matches(
    r"20[0-9]{2}-[01][0-9]-[0-3][0-9](?: [0-2][0-9]:[0-5][0-9])?",
    "a date",
    'write "2026-12-20" or "2026-12-20 16:00" (UTC), in quotes',
    examples=("2026-12-20", "2026-12-20 16:00"),
)


def _real(value: str) -> str:
    try:
        moment(value)
    except ValueError:
        raise fault(f"`{value}` is no date there is") from None
    return value


def moment(text: str) -> float:
    """A written moment, UTC, in epoch seconds; ValueError for one that is not in the calendar."""
    form = "%Y-%m-%d %H:%M" if " " in text else "%Y-%m-%d"
    return datetime.strptime(text, form).replace(tzinfo=UTC).timestamp()


def minutes(text: str) -> int:
    """A time of the day in minutes since midnight."""
    hours, _, rest = text.partition(":")
    return int(hours) * 60 + int(rest)


class Quiet(Model):
    """Hours of the week in which a release does not go forward; going back is always possible."""

    days: Annotated[
        tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...],
        LISTED,
        rules.listed(1, 7, "days"),
    ] = DAYS  # type: ignore[assignment]  # the same seven
    """Days on which the hours begin."""

    start: Annotated[str, _CLOCK] = Field(validation_alias="from")
    """When they begin, as `"16:00"`."""

    end: Annotated[str, _CLOCK] = Field(validation_alias="to")
    """When they end; on the next day if that is not after `from`."""

    timezone: Annotated[str, schedules.timezone] = "UTC"
    """The time zone the hours are meant in."""


class Freeze(Model):
    """A time in which no release goes forward, in UTC."""

    start: Annotated[str, _MOMENT, rules.Rule(_real)] = Field(validation_alias="from")
    """The first day or moment of it."""

    end: Annotated[str, _MOMENT, rules.Rule(_real)] = Field(validation_alias="to")
    """The day or moment it is over."""

    reason: Annotated[str, rules.matches(r"[^\x00-\x1f]{0,256}", "a reason", "one line of up to 256 characters")] = ""
    """Why, for whoever finds a release waiting."""

    @model_validator(mode="after")
    def _ends_later(self) -> Freeze:
        if moment(self.end) <= moment(self.start):
            raise fault("ends before it begins", "raise `to`", at=("to",), because=(("from",),))
        return self
