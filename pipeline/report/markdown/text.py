"""Foreign text as Markdown that is nothing but text: no markup, no mention, no reference, no broken table. Light."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from pipeline.report.text import one_line

LONGEST = 300  # characters of one piece of foreign text
# What GitHub would make a mention, a reference or a link of: a character of no width goes after it.
_LINKED = re.compile(r"(@|#(?=\d)|:(?=//)|www(?=\.)|GH(?=-))", re.IGNORECASE)
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~$])")
_SAFE_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@%&=+,;$!*-]{1,500}\Z")


def escaped(text: str, longest: int = LONGEST) -> str:
    """Foreign text on one line, cut to `longest` characters."""
    plain = one_line(text)
    plain = plain[: longest - 1] + "…" if len(plain) > longest else plain
    safe = html.escape(_MARKUP.sub(r"\\\1", plain), quote=False)
    return _LINKED.sub(r"\1&#8203;", safe)


def code(text: str, longest: int = LONGEST) -> str:
    """Foreign text as code, also in a table."""
    return f"<code>{escaped(text, longest)}</code>"


def link(text: str, url: str) -> str:
    """Foreign text that leads somewhere; only the text where the address is no plain one."""
    return f"[{escaped(text)}](<{url}>)" if _SAFE_URL.match(url) else escaped(text)


def row(cells: Sequence[str]) -> str:
    """One row of a table, of cells that are Markdown already."""
    return f"| {' | '.join(cells)} |"


def counted(number: int, noun: str) -> str:
    """`1 service`, `2 services`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
