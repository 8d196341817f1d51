"""The four DORA figures from the history: how often, how fast, how often wrong, how long wrong. Pure; no clock.

After DORA's definitions ("Software delivery performance metrics", dora.dev), each as far as a history of releases
tells; `EXPLAINED` says what is counted. No figure is made from nothing: None where there is nothing to count.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from pipeline.release.ledger.digest import Digest

DAY_S = 86_400.0
TAKEN_BACK = frozenset({"rolled-back", "aborted"})
EXPLAINED: Mapping[str, str] = {
    "deployment frequency": "releases that were promoted to all traffic, and how many of them a day",
    "lead time for changes": "of each promoted release, from the time its commit was made (the committer's date) to "
    "its promotion; the median. A release can carry older commits: the newest is what is measured. Releases whose "
    "commit's time is not known are left out",
    "change failure rate": "of the releases that got traffic and ended promoted, rolled back or aborted, the share "
    "that was taken back: in mid-walk, or after promotion by a rollback. What failed its smoke checks got no traffic "
    "and is not counted, nor is a release that was superseded",
    "time to restore": "of each release that was taken back, from its first traffic to the moment it had none; the "
    "median. During a walk only the canary's share of the requests met it",
}


@dataclass(frozen=True)
class Figures:
    """The figures of one service or of all; times in seconds, `n` of each beside it. None: nothing to count."""

    deployments: int
    per_day: float | None
    lead_time_s: float | None
    lead_time_n: int
    failures: int
    changes: int
    failure_rate: float | None
    restore_s: float | None
    restore_n: int


@dataclass(frozen=True)
class _Change:
    """A release that got traffic: when first, when it ended, and when it was taken back, if it was."""

    digest: Digest
    first_traffic: float
    taken_back: float | None


def figures(
    digests: Iterable[Digest], since: float, until: float, committed: Mapping[str, float] | None = None
) -> Figures:
    """The figures of everything that ended in `since` <= t < `until` (epoch seconds).

    `digests`: of the history of one service or many, in any order; older ones tell when something began that was taken
    back later. `committed`: when commits were made, where a digest does not say.
    """
    known = list(digests)
    changes = [one for one in _changes(known) if since <= _decided(one) < until]
    promoted = [one for one in known if _promoted(one) and since <= one.ended < until]
    days = (until - since) / DAY_S
    leads = [lead for one in promoted if (lead := _lead(one, committed or {})) is not None]
    failed = [one.taken_back - one.first_traffic for one in changes if one.taken_back is not None]
    return Figures(
        deployments=len(promoted),
        per_day=len(promoted) / days if promoted and days > 0 else None,
        lead_time_s=median(leads) if leads else None,
        lead_time_n=len(leads),
        failures=len(failed),
        changes=len(changes),
        failure_rate=len(failed) / len(changes) if changes else None,
        restore_s=median(failed) if failed else None,
        restore_n=len(failed),
    )


def _promoted(digest: Digest) -> bool:
    return digest.kind == "release" and digest.outcome == "promoted"


def _decided(change: _Change) -> float:
    """When it became known how a change went; a rollback after promotion overrules the promotion."""
    return change.digest.ended if change.taken_back is None else change.taken_back


def _changes(digests: Sequence[Digest]) -> list[_Change]:
    """Every release that got traffic, with what became of it. A rollback belongs to the newest release before it."""
    promotions, backs = defaultdict(list), defaultdict(list)
    for one in sorted(digests, key=lambda one: one.ended):
        if one.kind == "rollback" and one.candidate is not None:
            backs[one.service, one.candidate].append(one.ended)
        elif _promoted(one) and one.first_traffic is not None:
            promotions[one.service].append(one.ended)
    found = []
    for one in sorted(digests, key=lambda one: one.started):
        first = one.first_traffic
        if one.kind != "release" or first is None:
            continue
        if one.outcome in TAKEN_BACK:
            found.append(_Change(one, first, one.ended))
        elif one.outcome == "promoted":
            after = promotions[one.service]
            newer = bisect_right(after, one.ended)
            end = after[newer] if newer < len(after) else float("inf")
            theirs = backs[one.service, one.candidate or ""]
            back = bisect_left(theirs, one.ended)
            taken = theirs[back] if back < len(theirs) and theirs[back] < end else None
            found.append(_Change(one, first, taken))
    return found


def _lead(digest: Digest, committed: Mapping[str, float]) -> float | None:
    made = digest.committed if digest.committed is not None else committed.get(digest.commit or "")
    return None if made is None else max(0.0, digest.ended - made)
