"""docs/runbook.md: every command is typed in the situation it is for, and answers what the page says."""

from __future__ import annotations

import pytest
from runbook_kit import PAGE, SCENES, Situation, Stage, situations, stage_in, staged

from pipeline import local

FOUND = situations(PAGE.read_text())


@pytest.fixture(scope="module")
def made(embedded: local.Running, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return stage_in(embedded, tmp_path_factory.mktemp("runbook"), "runbook")


@pytest.mark.parametrize("one", FOUND, ids=[f"{number}-{one.scene}" for number, one in enumerate(FOUND)])
def test_the_page_says_what_happens(one: Situation, embedded: local.Running, made: Stage) -> None:
    with staged(embedded, made, one.scene) as stage:
        for asked in one.asked:
            assert stage.typed(asked.line) == asked.answer, f"{asked.line}; tests/kit/runbook_kit.py writes it anew"


def test_every_scene_is_on_the_page() -> None:
    assert {one.scene for one in FOUND} == set(SCENES)
    assert all(one.asked for one in FOUND)
