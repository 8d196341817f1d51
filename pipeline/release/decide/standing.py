"""Whose the alias's present state is: ours, a late write of ours, a rollback's, or somebody else's. Pure.

And what ours is: the head that each step of a rollout writes.
"""

from __future__ import annotations

from typing import Literal

from pipeline.aws.functions import AliasState
from pipeline.release.ledger.head import Head, trusted
from pipeline.release.model import LATEST, Intent, Rollout, percent

Standing = Literal["ours", "intent", "undone", "foreign"]


def standing(rollout: Rollout, alias: AliasState) -> Standing:
    """Whose the alias's present state is."""
    head = trusted(alias)
    if head is not None:
        if rollout.nonce and head.nonce == rollout.nonce:
            return "ours"
        if arrived(rollout, alias) is not None:
            return "intent"
        if head.rolled_back and _after(rollout, head, alias):
            return "undone"
    if rollout.step < 0 and not rollout.nonce:
        # Changed since it was planned, with a description that does not describe it: that was by hand, even where the
        # traffic is the stable version's again. Our first step may have arrived and been taken back.
        untouched, alone = alias.revision == rollout.revision, alias.version == rollout.stable and not alias.weights
        if (untouched and rollout.revision) or (alone and (head is not None or not rollout.revision)):
            return "ours"
    return "foreign"


def arrived(rollout: Rollout, alias: AliasState) -> Intent | None:
    """The announced write that the alias shows, if any."""
    head = trusted(alias)
    return next((one for one in rollout.announced if head is not None and one.nonce == head.nonce), None)


def overruled(rollout: Rollout, intent: Intent) -> bool:
    """Whether a step arrived late, after it had been decided to go back: then it is gone back from there."""
    return rollout.intent is not None and rollout.intent.kind == "back" and intent.kind != "back"


def traffic(alias: AliasState) -> str:
    """The alias's traffic in words."""
    extra = ", ".join(f"{percent(weight)} to version {version}" for version, weight in sorted(alias.weights.items()))
    return f"version {alias.version}" + (f" with {extra}" if extra else " alone")


def expected(rollout: Rollout) -> str:
    """The traffic this rollout left, in words."""
    share = rollout.traffic(rollout.step)
    if 0 < share < 1:
        return f"version {rollout.stable} with {percent(share)} to version {rollout.candidate}"
    return f"version {rollout.candidate if share else rollout.stable} alone"


def _after(rollout: Rollout, head: Head, alias: AliasState) -> bool:
    """Whether a rollback's mark was set after this rollout was planned: an earlier release's may still stand there.

    A rollback from an alias that was not trusted names no release.
    """
    if rollout.nonce or head.release == rollout.release_id:
        return True
    if rollout.revision:
        return alias.revision != rollout.revision
    # A record without the revision it was planned on: only what it announced tells.
    moved = rollout.intent is not None and rollout.intent.revision != alias.revision
    return moved and head.origin == rollout.candidate


def fenceable(rollout: Rollout, alias: AliasState) -> Head | None:
    """The head a fence renews; where nobody described the alias yet and a write may be on its way, one that does."""
    head = trusted(alias)
    if head is not None or not rollout.announced or alias.weights or alias.version == LATEST:
        return head
    return Head("live", rollout.release_id, alias.version, None, 0.0, None, None, "")


def head_of(rollout: Rollout, step: int, nonce: str, until: int | None = None) -> Head:
    """The head that a step of this rollout writes: -1 = back to stable, len(steps) = all traffic.

    `until`: with all traffic, for how long the safety net may go back (epoch seconds).
    """
    stable = None if rollout.stable == LATEST else rollout.stable
    if step < 0:
        return Head(
            state="back",
            release=rollout.release_id,
            primary=rollout.stable,
            extra=None,
            weight=0.0,
            previous=rollout.previous,
            origin=rollout.candidate,
            commit=rollout.commit,
            nonce=nonce,
        )
    share = rollout.traffic(step)
    full = step >= len(rollout.steps)
    return Head(
        state="live" if full else "walk",
        release=rollout.release_id,
        primary=rollout.candidate if full else rollout.stable,
        extra=None if full else rollout.candidate,
        weight=0.0 if full else share,
        previous=stable if full else rollout.previous,
        commit=rollout.commit,
        nonce=nonce,
        until=until if full else None,
    )
