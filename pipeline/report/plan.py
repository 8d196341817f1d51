"""A plan on a terminal, and the words that all its renderings share. Never the value of an attribute."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter

from pipeline.cost.changes import Cost
from pipeline.infra.model import Change, Effect, when
from pipeline.plans.model import Preview, StackShown, flags
from pipeline.release.words import moment
from pipeline.report.console import Console

THEN = "after release"
DRIFT = "drift"
_RANK: dict[Effect, int] = {"destroys": 0, "walks": 1, "at-once": 2}


def show_preview(console: Console, preview: Preview) -> None:
    """Everything a deploy would do, for people."""
    console.title(f"{preview.commit[:12]} on `{preview.environment}`: {preview.subject}")
    for warning in preview.warnings:
        console.warn(warning)
    for line in (*_affected(preview), *_builds(preview)):
        console.line(line)
    for stack in preview.stacks:
        _show_stack(console, stack)
    for line in (*_releases(preview), *(line for name, found in preview.costs for line in cost_lines(name, found))):
        console.line(line)
    _show_end(console, preview)


def _show_end(console: Console, preview: Preview) -> None:
    if not preview.released:
        console.line(no_release(preview))
    if preview.refused:
        console.bad(refusal(preview))
    if preview.saved is not None:
        console.good(f"saved as {preview.saved.id}, to be applied until {moment(preview.saved.expires)}:")
        console.line(f"  crabwalk deploy --plan {preview.saved.id} --env {preview.environment}")


def no_release(preview: Preview) -> str:
    """What is left of a plan that releases nothing."""
    number = len(preview.changes)
    things = "1 thing" if number == 1 else f"{number:,} things"
    return f"no release; Terraform changes {things}" if number else "nothing to deploy"


def refusal(preview: Preview) -> str:
    """What a deploy would refuse, and the flags with which it would not."""
    return f"a deploy refuses to destroy what cannot be made again; if that is meant, add: {flags(preview.refused)}"


def rows(stack: StackShown) -> Iterator[tuple[str, str, str]]:
    """Service, when, and what, of everything Terraform would do to a stack: by service, removals first."""
    told = [(_RANK[one.effect], when(one), what(one), one) for one in stack.changes]
    told += [(len(_RANK), THEN, what(one), one) for one in stack.then]
    told += [(len(_RANK) + 1, DRIFT, what(one, "differs"), one) for one in stack.drift]
    for _, said, text, one in sorted(told, key=lambda row: (row[3].service or "", row[0], row[3].address)):
        yield one.service or "", said, text


def what(change: Change, verb: str = "") -> str:
    """A change in words: what is done to what, and which attributes it is about."""
    about = f" ({', '.join(change.attributes)})" if change.attributes else ""
    return f"{verb or change.action} {change.address.removeprefix('module.')}{about}"


def money(monthly: float) -> str:
    """Dollars a month with their sign: `+1.20 $`, `-0.40 $`, `+0.00 $`."""
    return f"{monthly:+,.2f} $"


def cost_lines(name: str, found: Cost) -> Iterator[str]:
    """The difference a month, what it is made of, and what is not known."""
    if found.items:
        yield f"cost {name}: {money(found.monthly)} a month"
        yield from (f"  {money(one.monthly)}  {one.what}" for one in found.items)
    else:
        yield f"cost {name}: nothing that can be told beforehand"
    if found.unknown:
        yield f"  not in it: {'; '.join(found.unknown)}"


def _affected(preview: Preview) -> Iterator[str]:
    released = {one.name for one in preview.released}
    for service in preview.services:
        if not service.affected:
            yield f"{service.name}: not affected since {(service.base or '')[:12]}"
            continue
        yield f"{service.name}: {'released' if service.name in released else 'affected'}, because"
        yield from (f"  - {detail}" for _, detail in service.reasons)


def _builds(preview: Preview) -> Iterator[str]:
    for service in preview.services:
        if service.affected:
            how = f"from the store, {(service.artifact or '')[:12]}" if service.build == "store" else "one cargo run"
            yield f"build {service.name} for {service.architecture}: {how}"


def _show_stack(console: Console, stack: StackShown) -> None:
    found = list(rows(stack))
    for service, some in groupby(found, key=itemgetter(0)):
        title = f"{service} in stack {stack.name}" if service else f"stack {stack.name}"
        console.table(title, ("when", "change"), [row[1:] for row in some])
    if not found and stack.terraform:
        console.line(f"stack {stack.name}: Terraform finds nothing to change")
    elif not found and not stack.waits:
        console.line(f"stack {stack.name}: nothing Terraform manages changed, it does not run")
    if stack.waits:
        console.line(f"stack {stack.name}: changes again once {' and '.join(stack.waits)} is released")


def _releases(preview: Preview) -> Iterator[str]:
    for one in preview.releases:
        yield one.sentence
        if one.none is not None:
            continue
        yield f"  publishes {f'version {one.version}' if one.version else 'a new version'}"
        yield from (f"  {line}" for line in (one.probe, *one.outlook) if line)
