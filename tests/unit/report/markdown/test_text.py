"""Foreign text stays text, whatever it is: read back by a Markdown parser as GitHub's is."""

from __future__ import annotations

import html
import re

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.report.markdown.links import commit_link
from pipeline.report.markdown.text import LONGEST, code, escaped, link, row
from pipeline.report.text import one_line

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
NOTHING = "\u200b"
# Letters that mean something to Markdown, HTML or GitHub come more often than others.
FOREIGN = st.text(
    st.one_of(st.sampled_from("|`*_[](){}<>!#@~$&;:/\\-=+.\"'\n\r\t wGH1http\u202e\x1b"), st.characters()), max_size=60
)
HOSTILE = (
    "</code></td><script>alert(1)</script>",
    "a | b \\| c ``` | ```",
    "@everybody @org/team #12 GH-7 gh-7 org/repo#3",
    "[x](javascript:alert(1)) ![x](https://example.invalid/x.png) <https://example.invalid>",
    "www.example.invalid WWW.example.invalid http://example.invalid HTTPS://example.invalid",
    "<!-- crabwalk --> <details> &lt;b&gt; &#64;you &commat;you",
    "\\`\\|\\", "$$x$$ $`x`$", "[^1] [[x]] :tada: - [ ] x", "ends in a backslash \\",
)  # fmt: skip


def inline(cell: str) -> list[Token]:
    """What a cell of a table is read as; it is one cell, of one row, of one table."""
    table = PARSER.parse("\n".join((row(("a", "b")), row(("---", "---")), row((cell, "end")))))
    assert [one.type for one in table].count("td_open") == 2
    assert table[0].type == "table_open"
    assert table[-1].type == "table_close"
    cells = [one for one in table if one.type == "inline"][2:]
    assert cells[1].content == "end"
    return list(cells[0].children or ())


def said(tokens: list[Token]) -> str:
    return "".join(one.content for one in tokens if one.type in {"text", "text_special"}).replace(NOTHING, "")


def expected(text: str) -> str:
    plain = one_line(text).replace(NOTHING, "")
    return plain[: LONGEST - 1] + "…" if len(plain) > LONGEST else plain


def check(text: str) -> None:
    tokens = inline(escaped(text))
    assert {one.type for one in tokens} <= {"text", "text_special"}
    assert said(tokens).strip() == expected(text).strip()
    quoted = inline(code(text))
    assert [one.content for one in quoted if one.type == "html_inline"] == ["<code>", "</code>"]
    assert said(quoted).strip() == expected(text).strip()
    shown = html.unescape(re.sub(r"\\(.)", r"\1", escaped(text)))
    # What GitHub looks for in text that Markdown is through with.
    assert not re.search(r"@[A-Za-z0-9]|#\d|https?://|ftp://|www\.|GH-", shown, re.IGNORECASE)


@given(FOREIGN)
@example("x" * 1_000)
@example("\ud800")
def test_any_text_is_nothing_but_text(text: str) -> None:
    check(text)


def test_what_somebody_tries_is_nothing_but_text() -> None:
    for text in HOSTILE:
        check(text)


@given(FOREIGN, st.one_of(FOREIGN, FOREIGN.map(lambda tail: f"https://example.com/{tail}")))
def test_a_link_leads_where_it_says_or_is_none(text: str, url: str) -> None:
    tokens = inline(f"x {link(text, url)}")
    links = [one for one in tokens if one.type == "link_open"]
    assert len(links) <= 1
    assert all(str(one.attrs["href"]).startswith(("http://", "https://")) for one in links)
    assert not any(one.type in {"html_inline", "image"} for one in tokens)


GITHUB = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "team/shop"}


def test_a_commit_is_linked_only_where_github_says_so_in_plain_words() -> None:
    commit = "c0ffee" * 6 + "c0ff"
    assert commit_link(commit, {}) == "<code>c0ffeec0ffee</code>"
    assert commit_link(commit, GITHUB) == f"[<code>c0ffeec0ffee</code>](https://github.com/team/shop/commit/{commit})"
    assert commit_link("HEAD) x", GITHUB) == "<code>HEAD\\) x</code>"
    assert commit_link(commit, GITHUB | {"GITHUB_REPOSITORY": "a/b) [x](y"}) == "<code>c0ffeec0ffee</code>"
