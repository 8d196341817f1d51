"""Numbers, durations and foreign text as people read them. What `clean` lets pass has no power over a terminal."""

from __future__ import annotations

import re
import textwrap
import unicodedata

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_].*?(?:\x07|\x1b\\|$)|[ -/]*[0-~])", re.DOTALL)
# beside control characters (Cc) and lone surrogates (Cs), which SVG forbids: what turns the direction of writing
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")

_COMMAND = re.compile(r"`[^`\n]+`")
_KEPT = "\u00a0"  # where a line is not to be folded


def clean(text: str) -> str:
    """Without escape sequences and control characters; line ends and tabs stay."""
    plain = _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\t", "    "))
    return "".join(c for c in plain if c == "\n" or (c not in _TURNS and unicodedata.category(c) not in {"Cc", "Cs"}))


def one_line(text: str) -> str:
    """`clean`, and on one line."""
    return " ".join(clean(text).split())


def folded(text: str, width: int) -> str:
    """Each line folded between words, further lines two columns in; a `command` and a URL stay whole for copying."""
    return "\n".join(_fold(line, width) if len(line) > width else line for line in text.split("\n"))


def _fold(line: str, width: int) -> str:
    whole = _COMMAND.sub(lambda found: found[0].replace(" ", _KEPT), line)
    inner = " " * (len(line) - len(line.lstrip(" ")) + 2)
    folds = textwrap.wrap(
        whole, max(width, 30), subsequent_indent=inner, break_long_words=False, break_on_hyphens=False
    )
    return "\n".join(folds).replace(_KEPT, " ")


def percent(share: float | None) -> str:
    """A share as percent with about three digits: `10 %`, `1.11 %`, `0.04 %`; `-` for None."""
    if share is None:
        return "-"
    value = share * 100
    digits = 2 if 0 < value < 10 else 1 if value < 100 else 0
    number = f"{value:.{digits}f}"
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return "<0.01 %" if number == "0" and value > 0 else f"{number} %"


def points(share: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    return f"{share * 100:+.1f}"


def odds(e_value: float) -> str:
    """An e-value with about two digits: `0.8`, `12`, `4,300`, `5.1e+09`."""
    if e_value >= 1e6:
        return f"{e_value:.1e}"
    return f"{e_value:.1f}" if e_value < 10 else f"{e_value:,.0f}"


def clock(seconds: float) -> str:
    """Elapsed time as on a stopwatch: `0:23`, `12:05`, `1:02:03`."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def duration(seconds: float) -> str:
    """A duration in words: `8 s`, `10 min`, `1 min 5 s`, `2 h 3 min`."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    parts = [(hours, "h"), (minutes, "min"), (second, "s")]
    said = [f"{value} {unit}" for value, unit in parts if value][:2]
    return " ".join(said) or "0 s"
