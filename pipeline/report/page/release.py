"""One release as a page: how it ended, its curves, what happened, its plan, where its package is from. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.release.ledger.records import Entry
from pipeline.release.verbs.account import Account
from pipeline.report.history import ended
from pipeline.report.page.charts import figure
from pipeline.report.page.curves import charts
from pipeline.report.page.frame import facts, note, page
from pipeline.report.page.html import Safe, el, join, table, text
from pipeline.report.page.words import moment, outcome, who
from pipeline.report.text import duration, odds, percent


@dataclass(frozen=True)
class Package:
    """What the bucket tells of the artifact: its build record, its provenance, its files; `fault`: why not."""

    record: Mapping[str, Any]
    provenance: Mapping[str, Any]
    files: tuple[str, ...] = ()
    fault: str = ""


def markup(found: Account, package: Package, version: str) -> str:
    """The document; `version`: of the crabwalk that made it."""
    entry = found.entry
    drawn = list(charts(found))
    sections = [
        ("evidence", "Evidence", _evidence(entry)),
        ("curves", "Timeline", _curves(found, [figure(one) for one in drawn])),
        ("events", "What happened", _events(found)),
        ("plan", "Plan", _plan(entry)),
        ("artifact", "Artifact", _artifact(entry, package)),
    ]
    footer = text(f"Made by crabwalk {version} from the ledger and CloudWatch of `{entry.environment}`; read-only. At ")
    title = f"{entry.service} on {entry.environment}: release {entry.release_id}"
    return page(title, _header(found), sections, join((footer, moment(found.now, seconds=True), ".")))


def _header(found: Account) -> Safe:
    entry = found.entry
    stands = entry.outcome if found.under_way else ended(entry)
    versions = f"{entry.stable or 'none'} → {entry.candidate}" if entry.candidate else entry.stable
    commit = join((el("code", (entry.commit or "")[:12]), f" {entry.subject}")) if entry.commit else None
    return join(
        (
            el("p", "crabwalk release report", class_="soft"),
            el("h1", f"{entry.service} on {entry.environment}"),
            el("p", outcome(stands), " ", entry.sentence),
            facts(
                (
                    ("Release", el("code", entry.release_id)),
                    ("Version", versions),
                    ("Commit", commit),
                    ("Began", moment(entry.started, seconds=True)),
                    ("Took", duration(found.end - entry.started) + (" so far" if found.under_way else "")),
                    ("By", who(entry.actor, entry.claimed_actor)),
                )
            ),
        )
    )


def _evidence(entry: Entry) -> Safe:
    """The judge's last word, as the ledger keeps it for good."""
    said = entry.evidence
    if not said.get("outcome"):
        return el("p", "The ledger has no numbers of a judge: nothing was compared, or not yet.")
    rows = []
    for side, key in ((f"version {entry.candidate} (new)", "canary"), (f"version {entry.stable} (old)", "baseline")):
        counts = said.get(key) or {}
        n, bad = int(counts.get("n", 0)), int(counts.get("bad", 0))
        rows.append((side, f"{n:,}", f"{bad:,}", percent(bad / n if n else None)))
    check = str(said.get("check") or "errors")
    low, high = (float(one) for one in said.get("interval") or (-1.0, 1.0))
    between = f"{low * 100:+.2f} to {high * 100:+.2f} points" if (low, high) != (-1.0, 1.0) else "not known"
    return join(
        (
            facts(
                (
                    ("Decided by", check),
                    ("Verdict", f"{said['outcome']} ({said.get('reason') or 'evidence'})"),
                    (
                        "e-value",
                        f"{odds(float(said.get('e_value', 1.0)))}, worse at {odds(float(said.get('limit', 100)))}",
                    ),
                    ("Difference of the rates, 95 %", between),
                )
            ),
            table("Requests of the walk that were judged", ("", "requests", "bad", "rate"), rows),
        )
    )


LATER = (
    "Everything stands at the time its requests began. A period is judged when it is complete: the function's timeout "
    "and CloudWatch's lag after its end. So a decision stands to the right of what it was made on."
)


def _curves(found: Account, figures: Sequence[Safe]) -> Safe:
    missing = (note(f"{one[:1].upper()}{one[1:]}.") for one in found.missing)
    later = (el("p", LATER, class_="soft"),) if found.curves else ()
    return join((*missing, *later, el("div", *figures, class_="charts")))


def _events(found: Account) -> Safe:
    rows = [
        (moment(one.at, seconds=True), one.what, who(one.actor, one.claimed_actor) or "crabwalk", one.reason)
        for one in found.events
    ]
    return table("Everything that happened to this release, by time", ("when", "what", "who", "why"), rows)


def _plan(entry: Entry) -> Safe:
    declared = entry.declared
    if not declared:
        return el("p", "This release is from before the ledger kept how it was declared; its steps stand above.")
    rows = [
        (str(number), percent(float(one["traffic"])), duration(float(one["bake_s"])), _asked(one))
        for number, one in enumerate(declared.get("steps", ()), 1)
    ]
    checks = (declared.get("terms") or {}).get("checks") or {}
    return join(
        (
            table("Declared steps; after the last one all traffic", ("step", "share", "bakes for", "besides"), rows)
            if rows
            else el("p", "No steps were declared: all at once."),
            facts(
                (
                    ("Requests the new version must have answered", f"{int(declared.get('min_requests', 0)):,}"),
                    ("Deadline", duration(float(declared.get("deadline_s", 0)))),
                    ("Where the evidence does not suffice", str(declared.get("on_inconclusive", ""))),
                    ("Checks", ", ".join(_checks(checks))),
                    ("Configuration", el("code", str(declared.get("configuration", ""))[:16])),
                )
            ),
        )
    )


def _asked(step: Mapping[str, Any]) -> str:
    said = ["a person approves it"] if step.get("approve") else []
    if step.get("min_requests"):
        said.append(f"at least {int(step['min_requests']):,} requests")
    return ", ".join(said)


def _checks(checks: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name in ("errors", "failures", "timeouts") if checks.get(name))
    if checks.get("slow_ms") is not None:
        yield f"slower than {float(checks['slow_ms']):g} ms"
    yield from (f"alarm {name}" for name in checks.get("alarms") or ())
    yield from (f"{one.get('statistic')} of {one.get('metric')}" for one in checks.get("limits") or ())


def _artifact(entry: Entry, package: Package) -> Safe:
    if not entry.artifact:
        return el("p", "The ledger names no artifact.")
    record, build = package.record, _at(package.provenance, "predicate", "buildDefinition")
    zipped, source = _at(record, "zip"), _at(record, "source")
    commit = str(source.get("commit") or "")
    dirty = " with uncommitted changes" if source.get("dirty") else ""
    builder = _at(package.provenance, "predicate", "runDetails", "builder").get("id")
    run = _at(package.provenance, "predicate", "runDetails", "metadata").get("invocationId")
    shown = facts(
        (
            ("Zip, SHA-256", el("code", entry.artifact)),
            ("Size", f"{int(zipped['bytes']):,} B" if isinstance(zipped.get("bytes"), int) else None),
            ("Built from", f"{commit[:12]}{dirty}" if commit else None),
            ("Repository", source.get("repository") or None),
            ("Target", _at(record, "target").get("triple")),
            ("Cargo.lock, SHA-256", el("code", str(_at(record, "cargo_lock").get("sha256"))) if record else None),
            ("Built by", str(builder) if builder else None),
            ("Run", str(run) if run else None),
            ("Build type", build.get("buildType")),
        )
    )
    tools = el("details", el("summary", "Toolchain"), _list(record.get("toolchain") or ()))
    files = el("details", el("summary", "Files of evidence"), _list(package.files))
    missing = None if record else note(package.fault or "The bucket has no build record of this artifact any more.")
    return join((missing, shown, tools if record else None, files if package.files else None))


def _list(lines: Iterable[object]) -> Safe:
    return el("ul", *(el("li", el("code", str(one))) for one in lines))


def _at(data: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    for name in path:
        found = data.get(name)
        data = found if isinstance(found, Mapping) else {}
    return data
