"""One release told from all there is: the ledger's entry, CloudWatch's minutes, the judge's words. Writes nothing.

What is gone is said: CloudWatch keeps values of less than a minute for 3 hours and of one minute for 15 days (Amazon
CloudWatch user guide, "Metrics retention"); the ledger keeps how a release ended for good.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from pipeline.abreast import abreast
from pipeline.aws.metrics import Series
from pipeline.errors import AwsError, CrabwalkError, UsageError
from pipeline.release.decide.observe import minutes, read
from pipeline.release.judge.judge import Minute
from pipeline.release.ledger.copies import NOTHING_KEPT, Copy
from pipeline.release.ledger.ledger import Ledger
from pipeline.release.ledger.records import Entry, ServiceRecord
from pipeline.release.ledger.story import entry_of, rollout_of
from pipeline.release.model import ALIAS, Rollout
from pipeline.release.verbs.account import Account, Curve, Latency, curve_of, events
from pipeline.release.walk.act import Engine

ID = re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}\Z")
LOOK_BACK = 200  # entries of the history, for what was done to a release after its end
RETENTION_S = {1: 3 * 3600.0, 60: 15 * 86_400.0}  # by period; see above
QUANTILES = ("p50", "p99")


def account(engine: Engine, release: str, declared: Callable[[], Sequence[str]] = tuple) -> Account:
    """The account of a release by its id, or of a service's latest; `declared`: asks for the services of the manifests.

    Raises UsageError for what is neither, and AwsError where the ledger cannot be read; without metrics it says so.
    """
    record, entry = _found(engine.ledger, release, declared)
    now = engine.now()
    rollout = record.rollout if record.rollout is not None and record.rollout.release_id == entry.release_id else None
    under_way = rollout is not None and not rollout.over
    seen = rollout_of(entry) or (rollout if rollout is not None and rollout.step_starts else None)
    curves, latency, missing = _measured(engine, entry, seen, now, under_way=under_way)
    weights = [(one["started"], one["traffic"]) for one in entry.steps]
    if entry.outcome in {"rolled-back", "aborted", "superseded"} and weights and not under_way:
        weights.append((entry.ended, 0.0))
    return Account(
        entry=entry,
        under_way=under_way,
        now=now,
        period_s=seen.period_s if seen is not None else engine.env.period_s,
        weights=tuple(weights),
        curves=curves,
        latency=latency,
        events=events(entry, () if under_way else _after(engine.ledger, entry), under_way=under_way),
        missing=missing,
    )


def _found(ledger: Ledger, release: str, declared: Callable[[], Sequence[str]]) -> tuple[ServiceRecord, Entry]:
    if ID.match(release):
        for record, entry in abreast(lambda name: _of_id(ledger, name, release), ledger.services()):
            if entry is not None:
                return record, entry
        raise UsageError(f"no release `{release}` in this environment", hint="crabwalk history shows their ids")
    record = ledger.service(release)
    if record.under_way is not None:
        return record, _as_it_stands(record.under_way)
    for entry in islice(ledger.entries([release]), LOOK_BACK):
        if entry.kind == "release":
            return record, entry
    names = sorted({*declared(), *ledger.services()})
    if release not in names:
        from pipeline.manifest.naming import no_such_service

        raise no_such_service(release, names)
    raise UsageError(f"`{release}` was never released here", hint=f"crabwalk deploy {release}")


def _of_id(ledger: Ledger, service: str, release: str) -> tuple[ServiceRecord, Entry | None]:
    entry = ledger.entry(service, release)
    record = ledger.service(service)
    rollout = record.rollout
    if entry is None and rollout is not None and rollout.release_id == release:
        entry = _as_it_stands(rollout)
    return record, entry


def _as_it_stands(rollout: Rollout) -> Entry:
    """What is told of a release under way; its outcome is its phase."""
    stands = "paused" if rollout.paused is not None else rollout.phase
    return replace(entry_of(rollout, {}), outcome=stands, ended=rollout.started)


def _after(ledger: Ledger, entry: Entry) -> tuple[Entry, ...]:
    """What was done about the version after its release: rollbacks, `resume`, `adopt`; the newest last."""
    found = []
    for one in islice(ledger.entries([entry.service], entry.started), LOOK_BACK):
        if one.release_id == entry.release_id:
            continue
        if one.kind != "release" and entry.candidate in {one.candidate, one.stable}:
            found.append(one)
    return tuple(reversed(found))


def _measured(
    engine: Engine, entry: Entry, rollout: Rollout | None, now: float, *, under_way: bool
) -> tuple[tuple[Curve, ...], tuple[Latency, ...], tuple[str, ...]]:
    """The curves, or why there are none."""
    if rollout is None or not entry.steps or entry.stable is None:
        return (), (), (_nothing_to_measure(entry),)
    until = now if under_way else min(now, entry.ended + rollout.timeout_s + rollout.lag_s + rollout.period_s)
    try:
        copy = _copied(engine, rollout, now, under_way=under_way)
    except CrabwalkError as error:
        return (), (), (error.what,)
    values, fault = read(engine.metrics, [rollout], until, {rollout.release_id: copy})
    if fault is not None:
        return (), (), (f"CloudWatch could not be read: {fault}",)
    curves = tuple(
        curve
        for name, rows in minutes(rollout, values, until, copy).items()
        if (curve := curve_of(rollout, name, _within(rows, entry, under_way=under_way))).looks
    )
    counted = [one for one in curves if any(look.canary.n or look.baseline.n for look in one.looks)]
    if not counted:
        return (), (), (_gone(rollout, now - until),)
    try:
        return tuple(counted), latency(engine, rollout, until), ()
    except AwsError as error:
        return tuple(counted), (), (f"how long requests took could not be read: {error.what}",)


def _copied(engine: Engine, rollout: Rollout, now: float, *, under_way: bool) -> Copy:
    """The seconds the ledger has; of a release that is over, all there are: CloudWatch deletes its own."""
    if rollout.terms.evidence is None:
        return NOTHING_KEPT
    copy = engine.copies.of(rollout.service, rollout.release_id, now)
    return copy if under_way or not copy.rows else replace(copy, until=max(copy.until, now))


def _nothing_to_measure(entry: Entry) -> str:
    if not entry.steps:
        return "no traffic was moved, so there are no requests to show"
    if entry.stable is None:
        return "it was the first release: there was no other version to compare with"
    return "it was released before the ledger kept how a release is judged: there are no curves"


def _within(rows: Sequence[Minute], entry: Entry, *, under_way: bool) -> tuple[Minute, ...]:
    """Those that began before the release ended."""
    return tuple(one for one in rows if under_way or one.t < entry.ended)


def _gone(rollout: Rollout, age_s: float) -> str:
    kept = RETENTION_S.get(rollout.period_s, RETENTION_S[60])
    if age_s > kept:
        days = f"{kept / 86_400:.0f} days" if kept >= 86_400 else f"{kept / 3600:.0f} hours"
        return f"CloudWatch has deleted this walk's minutes: it keeps them for {days}; the ledger has how it ended"
    return "CloudWatch has no requests of this walk"


def latency(engine: Engine, rollout: Rollout, until: float) -> tuple[Latency, ...]:
    """How long requests of both versions took, during the walk. Raises AwsError."""
    period = rollout.period_s
    start = math.floor(rollout.step_starts[0] / period) * period
    series = {
        (version, quantile): Series(rollout.function, ALIAS, version, "Duration", quantile)
        for version in (rollout.stable, rollout.candidate)
        for quantile in QUANTILES
    }
    found: Mapping[Series, Mapping[float, float]] = engine.metrics.read(
        tuple(series.values()), start, max(until, start + period), period_s=period
    )
    return tuple(
        Latency(version, quantile, tuple(sorted(found[one].items()))) for (version, quantile), one in series.items()
    )
