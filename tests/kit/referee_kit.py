"""The referee of random interleavings: looks at every alias write AWS accepts, whoever sent it, however late it came.

It knows the releases, who took them over in which order, and what the ledger said at the moment of the write; it
never looks into an actor.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from boundary_kit import Call
from cloud_kit import Cloud

from pipeline.release.ledger.head import Head, parse
from pipeline.release.ledger.ledger import Ledger
from pipeline.release.model import Intent, Rollout, from_json

STATE = "crabwalk/services/{}/state.json"


@dataclass
class Watched:
    """A release as the referee sees it."""

    rollout: Rollout
    bad: bool
    holders: list[str] = field(default_factory=list)  # in the order in which they took it
    reached: int = -1
    forward_at: float = 0.0
    undone: bool = False
    promoted: bool = False
    nonces: set[str] = field(default_factory=set)
    fenced: set[str] = field(default_factory=set)


class Referee:
    """Keeps what was violated, and a log of the writes for whoever reads it."""

    def __init__(self, cloud: Cloud, service: str) -> None:
        self.cloud, self.service = cloud, service
        self.releases: dict[str, Watched] = {}
        self.violations: list[str] = []
        self.log: list[str] = []
        self.accepted = 0

    def planned(self, rollout: Rollout, *, bad: bool) -> None:
        # A version that is no worse than a bad one it is compared with is no bad version.
        worse = bad and not any(one.bad and one.rollout.candidate == rollout.stable for one in self.releases.values())
        self.releases[rollout.release_id] = Watched(rollout, worse)

    def taken(self, by: str, release: str) -> None:
        holders = self.releases[release].holders
        if by not in holders:
            holders.append(by)

    def seen(self, by: str, call: Call, _answer: Any) -> None:
        if call.operation != "UpdateAlias":
            return
        before, after = self.cloud.aliases[-2:]
        self.accepted += 1
        self.log.append(f"{self.cloud.at:.0f} {by}: {words(before)} -> {words(after)}")
        if by.startswith("rollback"):
            for one in self.releases.values():
                one.undone = True
        elif by != "console":
            self._judge(by, before, after)

    def wrong(self, what: str) -> None:
        self.violations.append(what)
        self.log.append(f"     ^ {what}")

    def _judge(self, by: str, before: Any, after: Any) -> None:
        head = parse(after["Description"])
        if head is None or traffic(after) != said(head):
            self.wrong(f"{by} wrote a description that does not describe the traffic")
            return
        recorded = self._recorded()
        if recorded is None or recorded.over:
            self.wrong(f"{by} wrote although no release is under way")
            return
        intent = next((one for one in recorded.announced if one.nonce == head.nonce), None)
        if intent is None:
            self.wrong(f"{by} wrote what was not announced")
            return
        release = self.releases[recorded.release_id]
        if by not in release.holders or by in release.fenced:
            self.wrong(f"{by} wrote although it was fenced out")
            return
        release.fenced |= set(release.holders[: release.holders.index(by)])
        self._judge_shares(by, release, (recorded, intent), (before, after))
        release.nonces.add(head.nonce)

    def _judge_shares(self, by: str, release: Watched, record: tuple[Rollout, Intent], change: tuple[Any, Any]) -> None:
        (recorded, intent), (before, after) = record, change
        rollout, steps = release.rollout, release.rollout.steps
        was, now = (traffic(one).get(rollout.candidate, 0.0) for one in (before, after))
        if now <= was:
            if traffic(after) not in (traffic(before), {rollout.stable: 1.0}):
                self.wrong(f"{by} went to {words(after)}")
            return
        own = parse(before["Description"])
        ours = own is not None and own.nonce in release.nonces and traffic(before) == said(own)
        if not ours and not (release.reached < 0 and traffic(before) == {rollout.stable: 1.0}):
            self.wrong(f"{by} raised the traffic after a foreign write")
        if release.undone:
            self.wrong(f"{by} raised the traffic after a rollback")
        order = intent.order.kind if intent.order is not None else ""
        step = len(steps) if order == "full" else release.reached + 1
        if step > len(steps) or now != rollout.traffic(step):
            self.wrong(f"{by} skipped a step: {was} to {now}")
            return
        if not order:
            self._judge_evidence(by, release, recorded)
        release.reached, release.forward_at = step, self.cloud.at
        release.promoted = release.promoted or now == 1.0

    def _judge_evidence(self, by: str, release: Watched, recorded: Rollout) -> None:
        """What nobody asked for needs the whole bake time of the step before, a good version, and no pause."""
        if recorded.paused is not None:
            self.wrong(f"{by} raised the traffic of a paused walk")
        if release.reached < 0:
            return
        if release.bad:
            self.wrong(f"{by} raised the traffic of a bad version")
        if self.cloud.at - release.forward_at < release.rollout.steps[release.reached].bake_s:
            self.wrong(f"{by} raised the traffic before the step had baked")

    def _recorded(self) -> Rollout | None:
        found = self.cloud.things.get(STATE.format(self.service))
        data = json.loads(found.body)["rollout"] if found else None
        return from_json(data) if data else None

    def check_end(self, ledger: Ledger) -> None:
        """One entry a release that was begun, and it says what happened."""
        record, history = ledger.service(self.service), ledger.history(self.service, 1000)
        ids = [one.release_id for one in history if one.kind == "release"]
        if len(set(ids)) != len(ids):
            self.wrong("a release has two entries")
        for one in history:
            if one.kind == "release" and one.outcome == "promoted" and not self.releases[one.release_id].promoted:
                self.wrong(f"{one.release_id} is in the history as promoted and never had all traffic")
        begun = {name for name, one in self.releases.items() if one.nonces}
        if not begun <= set(ids):
            self.wrong(f"{begun - set(ids)} moved traffic and are not in the history")
        if record.under_way is not None:
            self.wrong(f"{record.under_way.release_id} does not end")
        elif record.rollout is not None and record.rollout.release_id not in ids:
            self.wrong(f"{record.rollout.release_id} ended without an entry")


def traffic(alias: Any) -> dict[str, float]:
    weights = {k: v for k, v in alias["RoutingConfig"]["AdditionalVersionWeights"].items() if v}
    main = {alias["FunctionVersion"]: round(1.0 - sum(weights.values()), 6)}
    return {k: v for k, v in {**main, **weights}.items() if v}


def said(head: Head) -> dict[str, float]:
    rest = {head.extra: head.weight} if head.extra is not None else {}
    return {k: v for k, v in {head.primary: round(1.0 - head.weight, 6), **rest}.items() if v}


def words(alias: Any) -> str:
    return f"{traffic(alias)} ({alias['Description'][11:15] or '-'})"
