from __future__ import annotations

from pipeline.manifest.overlays import MAX_OVERLAYS


def test_overlays_without_end_are_not_read(tree) -> None:
    names = "".join(f"  e{number}: {{memory: 1}}\n" for number in range(MAX_OVERLAYS + 1))
    tree.service("a", f"overlays:\n{names}")
    assert tree.problems() == ["services/a/service.yaml:4:3: overlays: more than 100"]


def test_what_an_overlay_repeats_of_its_base_is_said_once(tree) -> None:
    tree.service("a", "memory: 1\noverlays: {staging: {timeout: 4 s}}\n")
    assert tree.problems() == [
        "services/a/service.yaml:3:9: memory: `1` has no unit, write a number with MB or GB, 128 MB to 10,240 MB"
    ]


def test_many_problems_are_counted(tree) -> None:
    tree.service("a", "".join(f"k{number:03}: x\n" for number in range(90)))
    found = tree.problems()
    assert len(found) == 51
    assert found[-1] == "services/a/service.yaml:53:1: from here on 40 more"


def test_an_environments_name_that_cannot_be_printed_is_written_out(tree) -> None:
    tree.service("a", 'overlays: {"sta\\u200bging": {memory: 3}}\n')
    found = tree.problems()
    assert any("overlays.sta\\u200bging.memory" in line for line in found)
    assert all(line.isprintable() for line in found)
