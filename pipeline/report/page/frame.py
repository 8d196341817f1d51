"""The frame of every page: its policy, its style, its landmarks. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence

from pipeline.report.page.html import Safe, el, join, text
from pipeline.report.page.theme import STYLE

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
# Nothing is fetched, run, embedded, sent or framed; of styles only ours.
POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"


def page(
    title: str, header: Safe, sections: Sequence[tuple[str, str, Safe]], footer: Safe, *, refresh_s: int | None = None
) -> str:
    """A document. `sections`: id, heading and content of each; `refresh_s`: after how long a browser asks again."""
    again = el("meta", http_equiv="refresh", content=refresh_s) if refresh_s else None
    head = el(
        "head",
        el("meta", charset="utf-8"),
        el("meta", http_equiv="Content-Security-Policy", content=POLICY),
        el("meta", name="viewport", content="width=device-width, initial-scale=1"),
        el("meta", name="referrer", content="no-referrer"),
        el("meta", name="color-scheme", content="light dark"),
        again,
        el("title", title),
        el("style", Safe(STYLE)),
    )
    there = el("ul", *(el("li", el("a", heading, href=f"#{key}")) for key, heading, _ in sections))
    parts = join(
        el("section", el("h2", heading, id=f"{key}-title"), content, id=key, aria_labelledby=f"{key}-title")
        for key, heading, content in sections
    )
    body = el(
        "body",
        el("a", "Skip to the content", href="#content", class_="skip"),
        el("header", header, el("nav", there, aria_label="On this page") if sections else None),
        el("main", parts, id="content", tabindex=-1),
        el("footer", footer),
    )
    return f"<!doctype html>\n{el('html', head, body, lang='en')}\n"


def facts(pairs: Sequence[tuple[str, object]]) -> Safe:
    """Names with values; a value of nothing is left out."""
    return el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in pairs if value), class_="facts")


def badge(words: str, kind: str) -> Safe:
    """An outcome that can be told without its colour."""
    return el("span", words, class_=f"badge {kind}")


def note(words: object) -> Safe:
    """Something to know."""
    return el("p", text(words), class_="note")
