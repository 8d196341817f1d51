"""What is seen of a rollout at one instant, and what is to be done: the two values between observing and acting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pipeline.aws.functions import AliasState
from pipeline.release.decide.seconds import Told
from pipeline.release.decide.signals import TRAFFIC
from pipeline.release.judge.judge import Minute, Verdict
from pipeline.release.terms import Order

Kind = Literal[
    "wait",  # nothing to write now
    "shift",  # begin `step`
    "promote",  # all traffic to the new version
    "roll-back",  # all traffic to the old one
    "abandon",  # end before any traffic was moved
    "hold",  # stop here: no conclusion, and the manifest says hold
    "approval",  # stop here until a person says yes
    "quiet",  # not begun: hours in which nothing goes forward
    "obey",  # note what a person asked, which moves no traffic
    "conflict",  # somebody else wrote the alias
    "settled",  # a write of ours arrived that was not recorded
    "undone",  # somebody rolled back
    "away",  # AWS does not answer for too long
]

# What its controller does not go on after.
STOPPED: frozenset[str] = frozenset({"hold", "conflict", "away", "approval", "quiet"})


@dataclass(frozen=True)
class Observation:
    """The alias as it is, and every complete metric period since the hour before the walk (step -1), by signal."""

    alias: AliasState
    minutes: Mapping[str, tuple[Minute, ...]]
    metrics_error: str | None = None
    metrics_away_s: float = 0.0  # for how long they could not be read without a break
    alarms: tuple[str, ...] = ()  # of those to be looked at, the ones that ring now
    broken: tuple[str, ...] = ()  # one sentence for each static limit that is broken
    order: Order | None = None  # what a person asked last
    throttled: int = 0  # calls that Lambda turned away since the walk began
    told: Told | None = None  # where the service's own counts are judged by the second

    def shown(self, check: str) -> tuple[str, tuple[Minute, ...]]:
        """The signal whose numbers tell why: the one that decided, else the one every invocation is counted in."""
        name = check if check in self.minutes else TRAFFIC
        return name, self.minutes.get(name, ())


@dataclass(frozen=True)
class Decision:
    """What to do. `step` is the step begun by `shift`; `sentence` says why, `next` what happens then.

    `check`: the signal, alarm or limit that decided. `order`: the person's word that is carried out.
    """

    kind: Kind
    sentence: str
    next: str
    verdict: Verdict | None = None
    step: int = -1
    check: str = ""
    order: Order | None = None
