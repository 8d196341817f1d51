"""A plan as a comment under a pull request: Markdown that GitHub takes whole, whatever its size. Pure.

GitHub refuses a comment of more than 65,536 characters. The comment is put together from blocks that are complete in
themselves, the most important ones first; what does not fit is counted, and no block is ever cut.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.plans.model import Preview, ReleaseShown, StackShown, flags
from pipeline.release.words import moment
from pipeline.report.plan import cost_lines, money, no_release, rows, what
from pipeline.report.text import one_line

LIMIT = 65_536
_RESERVE = 400  # for the line that says what was left out
_LONGEST = 300  # of one cell
_LINKED = re.compile(
    r"(@|#(?=\d)|:(?=//)|www(?=\.)|GH(?=-))"
)  # what GitHub would make a mention, a reference or a link of
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~$])")


@dataclass(frozen=True)
class _Block:
    """A heading with lines below it, of which as many are shown as fit. `fold`: behind a triangle."""

    title: str
    lines: tuple[str, ...]
    table: tuple[str, ...] = ()  # headings, where the lines are rows
    fold: bool = False

    def render(self, count: int) -> str:
        head = f"<details><summary>{self.title}</summary>\n\n" if self.fold else f"### {self.title}\n\n"
        tail = "\n</details>\n\n" if self.fold else "\n"
        body = list(self.lines[:count])
        if self.table:
            body = [_row(self.table), _row(["---"] * len(self.table)), *body]
        left = len(self.lines) - count
        if left:
            body += ["", f"… and {left:,} more"]
        return head + "\n".join(body) + "\n" + tail


def markdown(preview: Preview, limit: int = LIMIT) -> str:
    """The comment; at most `limit` characters."""
    made = f"{marker(preview)}\n## {_title(preview)}\n\n"
    left_out: list[str] = []
    blocks = list(_blocks(preview))
    for block in blocks:
        room = limit - _RESERVE - len(made)
        shown = _most(block, room)
        if shown is None:
            left_out.append(f"{_plain(block.title)} ({len(block.lines):,})")
            continue
        made += block.render(shown)
        if shown < len(block.lines):
            left_out.append(f"{len(block.lines) - shown:,} of {_plain(block.title)}")
    if left_out:
        said = "; ".join(left_out[:5]) + (f"; and {len(left_out) - 5} more parts" if len(left_out) > 5 else "")
        made += f"> Too long for a comment; left out: {said[: _RESERVE - 80]}. `crabwalk plan` shows all.\n"
    return made.rstrip("\n") + "\n"


def marker(preview: Preview) -> str:
    """A line that nobody sees, by which a workflow finds its comment again to update it in place."""
    return f"<!-- crabwalk-plan {preview.project}/{preview.environment} -->"


def escaped(text: str) -> str:
    """Foreign text on one line that is nothing but text: no markup, no mention of a person, no reference."""
    plain = one_line(text)
    plain = plain[: _LONGEST - 1] + "…" if len(plain) > _LONGEST else plain
    safe = html.escape(_MARKUP.sub(r"\\\1", plain), quote=False)
    return _LINKED.sub(r"\1&#8203;", safe)


def code(text: str) -> str:
    """Foreign text in a table as code."""
    return f"<code>{escaped(text)}</code>"


def _most(block: _Block, room: int) -> int | None:
    """How many of its lines fit; None for not even its frame with one line."""
    low, high = 0, len(block.lines)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(block.render(middle)) <= room else (low, middle - 1)
    return low if low and len(block.render(low)) <= room else None


def _title(preview: Preview) -> str:
    sums: list[str] = []
    number = len(preview.released)
    sums.append(f"{number} release{'s' if number != 1 else ''}" if number else no_release(preview))
    taken = [one for one in preview.changes if one.effect == "destroys"]
    if number and preview.changes:
        sums.append(f"{len(preview.changes)} change{'s' if len(preview.changes) != 1 else ''}")
    if taken:
        sums.append(f"⚠️ {len(taken)} that destroy or take away")
    monthly = sum(found.monthly for _, found in preview.costs)
    if any(found.items for _, found in preview.costs):
        sums.append(f"{money(monthly)} a month")
    where = f"{escaped(preview.project)} on <code>{escaped(preview.environment)}</code>"
    return f"{where}: {', '.join(sums)}"


def _blocks(preview: Preview) -> Iterator[_Block]:
    """Most important first."""
    head = [f"Commit {code(preview.commit[:12])}: {escaped(preview.subject)}"]
    head += [f"⚠️ {escaped(one)}" for one in preview.warnings]
    if preview.saved is not None:
        verb = f"crabwalk deploy --plan {preview.saved.id} --env {preview.environment}"
        head.append(f"Saved until {moment(preview.saved.expires)}: {code(verb)}")
    yield _Block("Commit", tuple(f"- {line}" for line in head))
    if preview.releases:
        walks = tuple(
            _row((code(one.name), escaped(_version(one)), escaped(_walk(one.sentence)))) for one in preview.releases
        )
        yield _Block("Releases", walks, ("service", "version", "how"))
    if preview.refused:
        named = tuple(f"- {code(flags([one]))}" for one in preview.refused)
        yield _Block("❌ A deploy refuses to destroy these, unless told", named)
    taken = tuple(_taken(preview.stacks))
    if taken:
        yield _Block("Destroys or takes away", taken, ("service", "change"))
    for stack in preview.stacks:
        yield from _of_stack(stack)
    costs = tuple(f"- {escaped(line)}" for name, found in preview.costs for line in cost_lines(name, found))
    if costs:
        yield _Block("Cost", costs, fold=True)
    why = tuple(f"- {code(one.name)}: {escaped(detail)}" for one in preview.services for _, detail in one.reasons)
    if why:
        yield _Block("Why these services", why, fold=True)
    sees = tuple(f"- {code(one.name)}: {escaped(line)}" for one in preview.releases for line in one.outlook)
    if sees:
        yield _Block("What the walks can find", sees, fold=True)


def _of_stack(stack: StackShown) -> Iterator[_Block]:
    found = tuple(_row((code(service or stack.name), escaped(when), code(text))) for service, when, text in rows(stack))
    title = f"Stack <code>{escaped(stack.name)}</code>"
    if found:
        yield _Block(f"{title}: {_counted(stack)}", found, ("service", "when", "change"), fold=True)
    if stack.waits:
        waits = f"- changes again once {escaped(' and '.join(stack.waits))} is released"
        yield _Block(f"{title}: not all is known", (waits,), fold=True)


def _counted(stack: StackShown) -> str:
    number = len(stack.changes) + len(stack.then)
    drifts = f", {len(stack.drift):,} drifted" if stack.drift else ""
    return f"{number:,} change{'s' if number != 1 else ''}{drifts}"


def _taken(stacks: Iterable[StackShown]) -> Iterator[str]:
    for stack in stacks:
        for one in (*stack.changes, *stack.then):
            if one.effect == "destroys":
                yield _row((code(one.service or stack.name), code(what(one))))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _version(release: ReleaseShown) -> str:
    return "none" if release.none is not None else release.version or "new"


def _walk(sentence: str) -> str:
    """The sentence of a release without its beginning, which the row says already."""
    return sentence.partition(": ")[2] or sentence


def _plain(title: str) -> str:
    return re.sub(r"<[^>]+>", "", title)
