"""The transition table of the docs is what the code does."""

from __future__ import annotations

from itertools import product

import transition_kit as kit


def test_the_page_has_the_table_as_the_code_has_it() -> None:
    page = kit.PAGE.read_text()
    assert kit.written(page) == page, "python tests/kit/transition_kit.py writes it anew"


def test_every_phase_has_a_decision_for_every_event_and_each_says_why() -> None:
    for phase, event in product(kit.PHASES, kit.EVENTS):
        found = kit.asked(phase, event)
        assert found.kind in kit.WORDS, (phase, event.name)
        assert found.sentence or phase == "all traffic moved, not recorded", (phase, event.name)
        assert found.next, (phase, event.name)
