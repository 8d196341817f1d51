"""What people asked of releases, and what the watchdog found, for the job's summary. Pure and light."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.report.markdown.blocks import SUMMARY, Block, document, in_bytes
from pipeline.report.markdown.text import code, escaped, row

GOOD = frozenset({"done", "promoted", "nothing", "walking", "busy"})


def told(verb: str, environment: str, found: Sequence[tuple[str, str, str, str]], limit: int = SUMMARY) -> str:
    """A verb's answers: of each service its outcome, a sentence and what comes next; what went wrong first."""
    ordered = sorted(found, key=lambda one: one[1] in GOOD)
    rows = tuple(
        row((code(service), f"{'✅' if outcome in GOOD else '❌'} {escaped(outcome.replace('-', ' '))}", *_words(rest)))
        for service, outcome, *rest in ordered
    )
    block = Block("", rows or ("Nothing is under way.",), ("service", "", "what", "next") if rows else ())
    rest = f"{code(f'crabwalk status --env {environment}')} shows all."
    head = f"## {escaped(verb)} on {code(environment)}\n\n"
    return document(head, [block], limit=limit, all_of_it=rest, measure=in_bytes)


def rolled_back(service: str, environment: str, lines: Iterable[str], *, moved: bool) -> str:
    """What a rollback by hand did: the sentence, then what follows from it."""
    first, *more = lines
    said = "".join(f"- {escaped(one)}\n" for one in more)
    mark = "⏪" if moved else "🟰"
    return f"## {mark} rollback of {code(service)} on {code(environment)}\n\n{escaped(first)}\n\n{said}"


def _words(texts: Iterable[str]) -> Iterable[str]:
    return (escaped(one) for one in texts)
