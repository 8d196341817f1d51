"""What `--output json` promises to those who read it: no key goes under the same version."""

from __future__ import annotations

import json

import shape_kit

from pipeline.cli import VERBS
from pipeline.report.shapes import SHAPES

RECORDED = json.loads(shape_kit.RECORD.read_text())


def test_no_key_went_without_another_version() -> None:
    assert shape_kit.gone(RECORDED, shape_kit.now()) == []


def test_what_is_recorded_is_what_is_printed() -> None:
    assert shape_kit.now() == RECORDED, "record what was added: .venv/bin/python tests/kit/shape_kit.py"


def test_the_page_has_them_all() -> None:
    text = shape_kit.PAGE.read_text()
    assert shape_kit.page(text, RECORDED) == text, "write it: .venv/bin/python tests/kit/shape_kit.py"


def test_every_verb_with_output_json_is_recorded() -> None:
    from pipeline.cli import cli

    offering = set()
    for name in VERBS:
        verb = cli.get_command(None, name)  # type: ignore[arg-type]
        assert verb is not None
        every = [verb, *getattr(verb, "commands", {}).values()]
        if any(one.name == "output" for command in every for one in command.params):
            offering.add(name)
    assert offering == RECORDED["verbs"].keys()
    assert all(RECORDED["verbs"].values()), "a verb without keys is one that the recorder cannot read"


def test_a_key_that_goes_is_noticed() -> None:
    before = {"version": 1, "verbs": {"status": ["environment", "services", "services[].url"]}}
    after = {"version": 1, "verbs": {"status": ["environment", "services", "services[].link"]}}
    assert shape_kit.gone(before, after) == ["status: services[].url"]
    assert shape_kit.gone(before, after | {"version": 2}) == []


def test_the_keys_are_read_from_literals_and_records() -> None:
    assert RECORDED["version"] == SHAPES
    verbs = RECORDED["verbs"]
    assert {"commit", "releases[].outcome", "releases[].canary.bad"} <= set(verbs["deploy"])
    assert {"services[].traffic", "services[].approval.until"} <= set(verbs["status"])
    assert {"artifacts[].sha256"} <= set(verbs["build"])
    assert {"services[].name", "problems[].line"} <= set(verbs["check"])
