from __future__ import annotations

from collections.abc import Callable

import pytest

from pipeline.manifest import units


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (units.megabytes, "128 MB", 128),
        (units.megabytes, "128MB", 128),
        (units.megabytes, "1.5 GB", 1536),
        (units.seconds, "3 s", 3.0),
        (units.seconds, "0.5 s", 0.5),
        (units.seconds, "10 min", 600.0),
        (units.seconds, "2 h", 7200.0),
        (units.seconds, "1 day", 86400.0),
        (units.whole_seconds, "15 min", 900),
        (units.days, "7 days", 7),
        (units.days, "24 h", 1),
        (units.fraction, "10 %", 0.1),
        (units.fraction, "0.1%", 0.001),
    ],
)
def test_reads_a_number_with_its_unit(parse: Callable[[str], float], text: str, value: float) -> None:
    assert parse(text) == value


@pytest.mark.parametrize(
    ("parse", "text", "what", "instead"),
    [
        (units.megabytes, "128", "`128` has no unit", "write `128 MB`"),
        (units.megabytes, "128 mb", "`128 mb` has an unknown unit `mb`", "write `128 MB`"),
        (units.megabytes, "1.3 MB", "`1.3 MB` is not a whole number of MB", "write `1 MB`"),
        (units.megabytes, "-1 MB", "`-1 MB` is not a number with a unit", "write for example `128 MB`"),
        (units.whole_seconds, "3", "`3` has no unit", "write `3 s`"),
        (units.whole_seconds, "0.2 s", "`0.2 s` is not a whole number of seconds", "write `1 s`"),
        (units.seconds, "2 hours", "`2 hours` has an unknown unit `hours`", "write `2 h`"),
        (units.seconds, "2 m", "`2 m` has an unknown unit `m`", "write `2 min`"),
        (units.seconds, "5 %", "`5 %` has an unknown unit `%`", "known: s, min, h, days; for example `10 s`"),
        (units.days, "36 h", "`36 h` is not a whole number of days", "write for example `7 days`"),
        (units.fraction, "10", "`10` has no unit", "write `10 %`"),
        (units.fraction, "ten %", "`ten %` is not a number with a unit", "write for example `10 %`"),
    ],
)
def test_says_what_to_write_instead(parse: Callable[[str], float], text: str, what: str, instead: str) -> None:
    with pytest.raises(units.UnitError) as caught:
        parse(text)
    assert (caught.value.what, caught.value.instead) == (what, instead)


def test_numbers_are_shown_without_exponent_or_trailing_zeros() -> None:
    assert [units.plain_number(value) for value in (1200.0, 0.1, 1e9, 10)] == ["1200", "0.1", "1000000000", "10"]
