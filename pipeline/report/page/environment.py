"""A whole environment as a page: what walks, what is where, what was released, the DORA figures over time. Pure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from pipeline.release.ledger.dora import EXPLAINED, Figures
from pipeline.release.ledger.records import Entry
from pipeline.release.verbs.overview import Overview, first_of_all
from pipeline.release.verbs.status import ServiceStatus
from pipeline.release.verbs.telling import ID
from pipeline.report.history import ended
from pipeline.report.page.charts import Chart, Line, figure
from pipeline.report.page.frame import facts, note, page
from pipeline.report.page.html import Safe, el, join, table
from pipeline.report.page.words import command, moment, outcome, who
from pipeline.report.text import duration, percent

MOVING = frozenset({"walking", "paused", "waiting", "held"})


def markup(found: Overview, version: str, *, refresh_s: int | None, linked: bool = True, fault: str = "") -> str:
    """The document. `linked`: there is a server that has each release's report; `fault`: why this is not of now."""
    ordered = first_of_all(found.statuses)
    moving = [one for one in ordered if one.state in MOVING]
    sections = [
        ("walking", "Under way", _under_way(found, moving, linked=linked)),
        ("services", "Services", _services(found, ordered, linked=linked)),
        ("dora", "DORA figures", _dora(found)),
        ("recent", "Lately", _recent(found, linked=linked)),
    ]
    title = f"{found.project} on {found.environment}"
    footer = f"Made by crabwalk {version}; read-only. What a command does, `crabwalk COMMAND --help` says."
    return page(
        title, _header(found, moving, refresh_s, fault, linked=linked), sections, join((footer,)), refresh_s=refresh_s
    )


def nothing(title: str, fault: str, refresh_s: int | None) -> str:
    """The page while nothing could be read yet, or of what is not there."""
    header = join((el("p", "crabwalk dashboard", class_="soft"), el("h1", title), note(fault)))
    return page(title, header, [], el("a", "The whole environment", href="/"), refresh_s=refresh_s)


def _header(found: Overview, moving: list[ServiceStatus], refresh_s: int | None, fault: str, *, linked: bool) -> Safe:
    shown = join(("As of ", moment(found.at, seconds=True)))
    if linked:
        again = join((f"; asked again every {refresh_s} s. ", el("a", "Stop that", href="/?still")))
        shown = join((shown, again if refresh_s else join((". ", el("a", "Keep it up to date", href="/")))))
    live = sum(one.state == "live" for one in found.statuses)
    return join(
        (
            el("p", "crabwalk dashboard", class_="soft"),
            el("h1", f"{found.project} on {found.environment}"),
            el("p", shown),
            note(f"AWS could not be read: {fault}. What is shown is older.") if fault else None,
            *(note(one) for one in found.notes),
            facts(
                (
                    ("Services", f"{len(found.statuses):,}"),
                    ("Live, nothing going on", f"{live:,}"),
                    ("Under way", f"{len(moving):,}"),
                    ("Rolled back or frozen", f"{sum(_back(one) for one in found.statuses):,}"),
                )
            ),
        )
    )


def _back(one: ServiceStatus) -> bool:
    return one.state == "rolled-back" or one.frozen is not None


def _under_way(found: Overview, moving: list[ServiceStatus], *, linked: bool) -> Safe:
    if not moving:
        return el("p", "No release is under way.")
    return el("div", *(_walk(found, one, linked=linked) for one in moving), class_="charts")


def _walk(found: Overview, one: ServiceStatus, *, linked: bool) -> Safe:
    share = one.traffic.get(one.candidate or "", 0.0)
    steps = " → ".join([*(percent(step) for step in one.steps), "100 %"])
    evidence = str((one.evidence or {}).get("sentence") or "")
    return el(
        "figure",
        el("figcaption", f"{one.service} ", outcome(one.state)),
        facts(
            (
                ("Release", _link(one.release, linked=linked)),
                ("Now on the new version", f"{percent(share)} on version {one.candidate}"),
                ("Steps", f"{steps}; at step {max(0, (one.step or 0) + 1)}"),
                ("Walked by", one.walker or "nobody"),
            )
        ),
        el("p", one.doing),
        el("p", evidence) if evidence else None,
        el("p", f"Then: {one.then}") if one.then else None,
        _commands(found.environment, one.service, ("promote", "pause", "abort", "rollback")),
    )


def _services(found: Overview, ordered: list[ServiceStatus], *, linked: bool) -> Safe:
    rows = [
        (
            el("strong", one.service),
            outcome(one.state),
            ", ".join(f"{percent(share)} on {version}" for version, share in one.traffic.items()) or "-",
            _link(one.release, linked=linked),
            el("code", (one.commit or "-")[:12]),
            join(_about(one), ". "),
            _commands(found.environment, one.service, ("rollback",)) if one.traffic else "",
        )
        for one in ordered
    ]
    headings = ("service", "state", "traffic", "release", "commit", "what is going on", "to copy")
    return table("What is where", headings, rows) if rows else el("p", "No service is declared or was deployed.")


def _about(one: ServiceStatus) -> Iterator[object]:
    if one.doing != "nothing":
        yield one.doing
    if one.frozen is not None:
        because = f": {one.frozen.reason}" if one.frozen.reason else ""
        yield f"frozen by {who(one.frozen.actor, one.frozen.claimed_actor)}{because}"
    if one.last:
        yield f"last: {one.last}"
    if one.url:
        yield el("code", one.url)


def _commands(environment: str, service: str, verbs: tuple[str, ...]) -> Safe:
    lines = [(f"{verb} {service}", f"crabwalk {verb} {service} --env {environment}") for verb in verbs]
    return el("div", *(command(f"Command: {label}", line) for label, line in lines))


def _link(release: str | None, *, linked: bool) -> object:
    if not release:
        return "-"
    said = el("code", release)
    return el("a", said, href=f"/release/{release}") if linked and ID.match(release) else said


def _recent(found: Overview, *, linked: bool) -> Safe:
    rows = [
        (
            moment(one.started),
            el("strong", one.service),
            outcome(ended(one)),
            _versions(one),
            _link(one.release_id if one.kind == "release" else None, linked=linked),
            one.subject or one.reason,
            who(one.actor, one.claimed_actor),
        )
        for one in found.recent
    ]
    headings = ("began", "service", "how it ended", "version", "release", "about", "who")
    return (
        table("Releases, rollbacks and what people did, newest first", headings, rows) if rows else el("p", "Nothing.")
    )


def _versions(one: Entry) -> str:
    if one.kind == "rollback":
        return f"{one.candidate or 'none'} → {one.stable or 'none'}"
    return f"{one.stable or 'none'} → {one.candidate or 'none'}"


def _dora(found: Overview) -> Safe:
    if found.whole is None or not found.weeks:
        return el("p", "The history could not be read.")
    whole, weeks = found.whole, len(found.weeks)
    shown = facts(
        (
            ("Deployment frequency", f"{whole.deployments:,} in {weeks} weeks" + _often(whole)),
            ("Lead time for changes", _took(whole.lead_time_s, whole.lead_time_n)),
            ("Change failure rate", _rate(whole)),
            ("Time to restore", _took(whole.restore_s, whole.restore_n)),
        )
    )
    drawn = (
        _figure(found, "Deployments a week", "deployments", lambda one: float(one.deployments), lambda v: f"{v:g}"),
        _figure(found, "Lead time, median", "lead", lambda one: one.lead_time_s, duration),
        _figure(found, "Change failure rate", "failures", lambda one: one.failure_rate, percent),
        _figure(found, "Time to restore, median", "restore", lambda one: one.restore_s, duration),
    )
    return join((shown, el("div", *(one for one in drawn if one is not None), class_="charts"), _explained()))


def _explained() -> Safe:
    lines = (el("p", el("strong", name), f": {how}.") for name, how in EXPLAINED.items())
    return el("details", el("summary", "How these are counted"), *lines)


def _figure(
    found: Overview,
    title: str,
    key: str,
    value: Callable[[Figures], float | None],
    said: Callable[[float], str],
) -> Safe | None:
    """One figure a week; weeks without one have no point, and a curve without any is no picture."""
    points = [(one.until, number) for one in found.weeks if (number := value(one.figures)) is not None]
    if not any(number for _, number in points):
        return None
    return figure(
        Chart(
            key=key,
            title=title,
            description="All services together; each point is the seven days before it.",
            start=found.weeks[0].until,
            end=found.weeks[-1].until,
            lines=(Line("all services", "new", tuple(points)),),
            value=said,
            clock=_day,
        )
    )


def _day(at: float) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(at))


def _often(whole: Figures) -> str:
    return f", {whole.per_day:.2g} a day" if whole.per_day is not None else ""


def _took(seconds: float | None, number: int) -> str:
    return f"{duration(seconds)}, median of {number:,}" if seconds is not None else "nothing to count"


def _rate(whole: Figures) -> str:
    if whole.failure_rate is None:
        return "nothing to count"
    return f"{percent(whole.failure_rate)}, {whole.failures:,} of {whole.changes:,}"
