"""The transition table of `decide`, made by asking it. Run to write it: python tests/kit/transition_kit.py"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import release_kit as kit

from pipeline.aws.functions import AliasState
from pipeline.release.decide.decide import decide, patience
from pipeline.release.decide.decision import Decision, Observation
from pipeline.release.decide.standing import head_of
from pipeline.release.ledger.head import Head
from pipeline.release.model import Intent, Rollout, StepSpec
from pipeline.release.terms import Freeze, Order, Terms

PAGE = Path(__file__).parents[2] / "docs/rollout.md"
BEGIN, END = "<!-- generated: transitions -->", "<!-- end -->"
OTHER = "f" * 16
EARLY, LATE = kit.START + 40, kit.START + 500
WORDS = {
    "wait": "waits",
    "shift": "next step",
    "promote": "promoted",
    "roll-back": "rolled back",
    "abandon": "ended, no traffic was moved",
    "hold": "held",
    "approval": "waits for a yes",
    "quiet": "waits, not begun",
    "obey": "noted",
    "conflict": "held, nothing is written",
    "settled": "recorded",
    "undone": "over, as the rollback says",
}

PHASES: dict[str, Rollout] = {
    "not begun": kit.FRESH,
    "in a step": kit.walking(0),
    "in the last step": kit.walking(1),
    "paused": kit.walking(0, paused=kit.START + 5),
    "held": kit.walking(0, phase="held"),
    "all traffic moved, not recorded": kit.walking(2),
}


@dataclass(frozen=True)
class Event:
    """Something that is seen: `changes` make the rollout that sees it from the phase's."""

    name: str
    seen: Callable[[Rollout], Observation]
    now: float = EARLY
    changes: Callable[[Rollout], Rollout] = lambda rollout: rollout


def _alias(rollout: Rollout) -> AliasState:
    return kit.own_alias(rollout) if rollout.nonce else kit.alias(rollout.stable)


def _baked(
    rollout: Rollout, canary: tuple[int, int] = (10, 0), baseline: tuple[int, int] = (90, 0), n: int = 10
) -> Any:
    return kit.periods(n, canary, baseline, step=max(0, min(rollout.step, len(rollout.steps) - 1)))


def _evidence(*counts: Any, **more: Any) -> Callable[[Rollout], Observation]:
    def seen(rollout: Rollout) -> Observation:
        rows = _baked(rollout, *counts) if rollout.step >= 0 else ()
        return kit.saw(_alias(rollout), rows, **more)

    return seen


def _order(kind: Any, reason: str, *counts: Any) -> Callable[[Rollout], Observation]:
    asked = Order(kind, kit.FRESH.release_id, OTHER, "anna", None, reason, kit.START + 100)
    return _evidence(*counts, order=asked)


def _dark(late: bool) -> Event:
    name = "metrics cannot be read, for longer than is waited" if late else "metrics cannot be read"

    def seen(rollout: Rollout) -> Observation:
        away_s = patience(rollout) + 1 if late and 0 <= rollout.step < len(rollout.steps) else 0.0
        return kit.saw(_alias(rollout), (), "CloudWatch is away", away_s)

    return Event(name, seen, LATE if late else EARLY)


def _end(on_inconclusive: Any) -> Event:
    name = f"deadline, nothing conclusive, `on_inconclusive: {on_inconclusive}`"
    return Event(name, _evidence(*kit.SILENT), LATE, lambda one: replace(one, on_inconclusive=on_inconclusive))


def _foreign(_rollout: Rollout) -> Observation:
    return kit.saw(kit.alias("9", {}, "by hand"))


def _theirs(rollout: Rollout) -> Observation:
    head = Head("frozen", rollout.release_id, rollout.stable, None, 0.0, None, "c0ffee0", OTHER, rollout.candidate)
    return kit.saw(kit.described(head))


def _lost(rollout: Rollout) -> Rollout:
    return replace(rollout, intent=Intent(min(rollout.step + 1, 2), OTHER, "revision-0"))


def _arrived(rollout: Rollout) -> Observation:
    intent = rollout.intent
    assert intent is not None
    return kit.saw(kit.described(head_of(rollout, intent.step, OTHER)))


def _asking(rollout: Rollout) -> Rollout:
    return replace(rollout, steps=tuple(StepSpec(one.traffic, one.bake_s, approve=True) for one in rollout.steps))


def _unanswered(rollout: Rollout) -> Rollout:
    return replace(_asking(rollout), waiting=kit.START, terms=Terms(approval_timeout_s=60))


def _shut(rollout: Rollout) -> Rollout:
    return replace(rollout, terms=Terms(freezes=(Freeze(kit.START - 1e6, kit.START + 1e6),)))


GOOD, BAD, YOUNG = ((10, 0), (90, 0)), ((10, 5), (90, 0)), ((10, 0), (90, 0), 3)
EVENTS = (
    Event("the step still bakes", _evidence(*YOUNG)),
    Event("PASS", _evidence(*GOOD)),
    Event("PASS, the next step asks for approval", _evidence(*GOOD), changes=_asking),
    Event("nobody approved in time", _evidence(*GOOD), LATE, _unanswered),
    Event("PASS in quiet hours or a freeze", _evidence(*GOOD), changes=_shut),
    Event("FAIL", _evidence(*BAD)),
    Event("an alarm rings", _evidence(*YOUNG, alarms=("loud",))),
    _end("rollback"),
    _end("hold"),
    _end("promote"),
    _dark(late=False),
    _dark(late=True),
    Event("`promote`, evidence PASS", _order("promote", "", *GOOD)),
    Event("`promote` before the evidence says so", _order("promote", "", *YOUNG)),
    Event("the same with a reason", _order("promote", "why", *YOUNG)),
    Event("`promote --full` with a reason", _order("full", "why", *YOUNG)),
    Event("`promote --full` at FAIL", _order("full", "why", *BAD)),
    Event("`pause`", _order("pause", "", *YOUNG)),
    Event("`resume`", _order("resume", "", *YOUNG)),
    Event("`abort`", _order("abort", "", *YOUNG)),
    Event("`rollback` by a person, or the safety net", _theirs),
    Event("the alias is changed by somebody else", _foreign),
    Event("an own write arrived whose answer was lost", _arrived, changes=_lost),
)


def asked(phase: str, event: Event) -> Decision:
    """What is decided when this is seen in this phase."""
    rollout = event.changes(PHASES[phase])
    return decide(rollout, event.seen(rollout), event.now)


def cell(phase: str, event: Event) -> str:
    """The decision in words."""
    found = asked(phase, event)
    if found.kind == "obey" and "not promoted" in found.sentence:
        return "refused"
    return WORDS[found.kind]


def table() -> str:
    """The table in Markdown."""
    rows = [["what is seen", *PHASES], ["---"] * (len(PHASES) + 1)]
    rows += [[event.name, *(cell(phase, event) for phase in PHASES)] for event in EVENTS]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def written(page: str) -> str:
    """The page with the table as the code has it."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{table()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
    sys.stdout.write(f"written {PAGE.name}\n")
