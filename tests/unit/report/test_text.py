"""Numbers and foreign text as people read them."""

from __future__ import annotations

import pytest

from pipeline.report.text import clean, clock, duration, odds, one_line, percent, points


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (None, "-"),
        (0.0, "0 %"),
        (0.1, "10 %"),
        (0.0111, "1.11 %"),
        (0.000411, "0.04 %"),
        (0.00001, "<0.01 %"),
        (0.174, "17.4 %"),
        (1.0, "100 %"),
    ],
)
def test_percent(share: float | None, said: str) -> None:
    assert percent(share) == said


@pytest.mark.parametrize(
    ("seconds", "said", "stopwatch"),
    [
        (0.2, "0 s", "0:00"),
        (65, "1 min 5 s", "1:05"),
        (600, "10 min", "10:00"),
        (3723, "1 h 2 min", "1:02:03"),
        (7205, "2 h 5 s", "2:00:05"),
    ],
)
def test_durations(seconds: float, said: str, stopwatch: str) -> None:
    assert (duration(seconds), clock(seconds)) == (said, stopwatch)


def test_odds_and_points() -> None:
    assert [odds(e) for e in (0.83, 12.3, 4321.0, 5e9)] == ["0.8", "12", "4,321", "5.0e+09"]
    assert [points(d) for d in (-0.009, 0.307)] == ["-0.9", "+30.7"]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("plain [bold]text[/bold]", "plain [bold]text[/bold]"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07shown", "shown"),
        ("\x1b]8;;http://a\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("bell\x07 back\x08 csi\x9b2J null\x00", "bell back csi2J null"),
        ("a\r\nb\rc\td", "a\nbc    d"),
        ("turn\u202eed", "turned"),
        ("open \x1b]0;never closed", "open "),
        ("Grüße, 世界 🦀", "Grüße, 世界 🦀"),
    ],
)
def test_clean_takes_the_power_out_of_foreign_text(text: str, left: str) -> None:
    assert clean(text) == left


def test_one_line() -> None:
    assert one_line("subject\n\nbody \x1b[2J of it") == "subject body of it"
