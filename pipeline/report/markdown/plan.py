"""A plan as a comment under a pull request: Markdown that GitHub takes whole, whatever its size. Pure.

What a deploy would refuse or destroy comes first, then what is released and how; the reasons and details are behind
triangles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from pipeline.infra.model import Effect
from pipeline.plans.model import Preview, ReleaseShown, StackShown, flags
from pipeline.release.words import moment
from pipeline.report.markdown.blocks import COMMENT, Block, document
from pipeline.report.markdown.links import commit_link
from pipeline.report.markdown.sizes import SIZES, size_row
from pipeline.report.markdown.text import code, escaped, row
from pipeline.report.plan import cost_lines, money, no_release, rows, what

EFFECTS: Mapping[Effect, str] = {
    "destroys": "destroying or taking away",
    "walks": "walking with the canary",
    "at-once": "at once, felt by both versions",
}


def markdown(preview: Preview, limit: int = COMMENT, measure: Callable[[str], int] = len) -> str:
    """The comment; at most `limit` by `measure`."""
    rest = "`crabwalk plan` shows all."
    return document(f"## {_title(preview)}\n\n", _blocks(preview), limit=limit, all_of_it=rest, measure=measure)


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


def _blocks(preview: Preview) -> Iterator[Block]:
    """Most important first; a part of which there is nothing is left out."""
    found = (*_urgent(preview), *(one for stack in preview.stacks for one in _of_stack(stack)), *_details(preview))
    return (one for one in found if one.lines)


def _urgent(preview: Preview) -> Iterator[Block]:
    head = [f"Commit {commit_link(preview.commit)}: {escaped(preview.subject)}"]
    effects = [one.effect for one in preview.changes]
    if effects:
        said = (f"{effects.count(effect):,} {words}" for effect, words in EFFECTS.items() if effect in effects)
        head.append(f"Terraform changes: {', '.join(said)}")
    if preview.saved is not None:
        verb = f"crabwalk deploy --plan {preview.saved.id} --env {preview.environment}"
        head.append(f"Saved until {moment(preview.saved.expires)}: {code(verb)}")
    yield Block("", tuple(f"- {line}" for line in head))
    refused = tuple(f"- {code(flags([one]))}" for one in preview.refused)
    yield Block("❌ A deploy refuses to destroy these, unless told", refused)
    yield Block("⚠️ Destroys or takes away", tuple(_taken(preview.stacks)), ("service", "change"))
    walks = sorted(preview.releases, key=lambda one: one.none is not None)
    yield Block("Releases", tuple(_release(one) for one in walks), ("service", "version", "how"))
    yield Block("To know", tuple(f"- ⚠️ {escaped(one)}" for one in preview.warnings))


def _details(preview: Preview) -> Iterator[Block]:
    sizes = tuple(size_row(one.name, one.size, one.size_before) for one in preview.services if one.size is not None)
    yield Block("Sizes", sizes, SIZES, fold=True)
    costs = tuple(f"- {escaped(line)}" for name, found in preview.costs for line in cost_lines(name, found))
    yield Block("Cost", costs, fold=True)
    why = tuple(f"- {code(one.name)}: {escaped(detail)}" for one in preview.services for _, detail in one.reasons)
    yield Block("Why these services", why, fold=True)
    sees = tuple(f"- {code(one.name)}: {escaped(line)}" for one in preview.releases for line in one.outlook)
    yield Block("What the walks can find", sees, fold=True)


def _release(one: ReleaseShown) -> str:
    how = f"⏸️ {escaped(one.none)}" if one.none is not None else escaped(_walk(one.sentence))
    return row((code(one.name), escaped(_version(one)), how))


def _of_stack(stack: StackShown) -> Iterator[Block]:
    found = tuple(row((code(service or stack.name), escaped(when), code(text))) for service, when, text in rows(stack))
    title = f"Stack <code>{escaped(stack.name)}</code>"
    if found:
        yield Block(f"{title}: {_counted(stack)}", found, ("service", "when", "change"), fold=True)
    if stack.waits:
        waits = f"- changes again once {escaped(' and '.join(stack.waits))} is released"
        yield Block(f"{title}: not all is known", (waits,), fold=True)


def _counted(stack: StackShown) -> str:
    number = len(stack.changes) + len(stack.then)
    drifts = f", {len(stack.drift):,} drifted" if stack.drift else ""
    return f"{number:,} change{'s' if number != 1 else ''}{drifts}"


def _taken(stacks: Iterable[StackShown]) -> Iterator[str]:
    for stack in stacks:
        for one in (*stack.changes, *stack.then):
            if one.effect == "destroys":
                yield row((code(one.service or stack.name), code(what(one))))


def _version(release: ReleaseShown) -> str:
    return "none" if release.none is not None else release.version or "new"


def _walk(sentence: str) -> str:
    """The sentence of a release without its beginning, which the row says already."""
    return sentence.partition(": ")[2] or sentence
