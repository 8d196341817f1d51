"""HTML and SVG put together from elements: every text is escaped, and only what is made here is markup. Pure."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence

from pipeline.report.text import clean, one_line

_NARROW = 5  # columns that a telephone has room for
_EMPTY = frozenset({"meta", "input", "br", "hr", "path", "line", "rect", "circle", "col"})


class Safe(str):
    """Markup that was made here."""

    __slots__ = ()


def text(value: object) -> Safe:
    """Anything as text: without what has power over a terminal or the direction of writing, and escaped."""
    return value if isinstance(value, Safe) else Safe(html.escape(clean(str(value))))


def el(name: str, /, *children: object, **attributes: object) -> Safe:
    """An element. `class_` is the attribute `class`, `data_x` is `data-x`; None and False leave one out."""
    said = "".join(
        _attribute(key, value) for key, value in attributes.items() if value is not None and value is not False
    )
    if name in _EMPTY:
        return Safe(f"<{name}{said}/>")
    return Safe(f"<{name}{said}>{join(children)}</{name}>")


def join(children: Iterable[object], between: str = "") -> Safe:
    """Several as one; None is nothing."""
    return Safe(between.join(text(one) for one in children if one is not None))


def table(caption: str, headings: Sequence[str], rows: Iterable[Sequence[object]], *, hidden: bool = False) -> Safe:
    """A table that scrolls by itself where it is too wide, also by keyboard; `hidden`: its caption is read only."""
    head = el("tr", *(el("th", one, scope="col") for one in headings))
    body = join(el("tr", *(el("td", cell) for cell in row)) for row in rows)
    said = el("caption", caption, class_="read" if hidden else None)
    inner = el("table", said, el("thead", head), el("tbody", body), class_="wide" if len(headings) > _NARROW else None)
    return el("div", inner, class_="scroll", role="region", aria_label=caption, tabindex=0)


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    if value is True:
        return f' {name}=""'
    return f' {name}="{html.escape(one_line(str(value)))}"'
