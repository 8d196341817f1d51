"""docs/tutorial.md, typed into a shell: in an empty folder, with a home nobody has used, by the installed wheel."""

from __future__ import annotations

from pathlib import Path

import pytest
from tutorial_kit import PAGE, Block, blocks
from wheel_kit import Machine, build

AUTHOR = {
    f"GIT_{who}_{what}": said
    for who in ("AUTHOR", "COMMITTER")
    for what, said in (("NAME", "A developer"), ("EMAIL", "developer@example.com"))
}


def test_a_line_may_leave_out_what_differs() -> None:
    block = Block("x", ["one", "two … four…"])
    assert block.missing("zero\none\nmore\ntwo three four") is None
    assert block.missing("two three four\none") == "two … four…"
    assert block.missing("one of them\ntwo three four") == "one"


def test_the_page_goes_from_nothing_to_a_rollback() -> None:
    found = list(blocks(PAGE.read_text()))
    typed = "\n".join(block.script for block in found)
    for verb in ("init", "new", "check", "local up", "bootstrap", "plan", "deploy", "status", "rollback", "local down"):
        assert f"crabwalk {verb}" in typed
    assert [block.code for block in found if block.code] == [3]


@pytest.mark.exhaustive
def test_every_block_does_what_the_page_says(tmp_path: Path) -> None:
    machine = Machine.make(tmp_path, build(tmp_path / "wheel"))
    where, folder = tmp_path / "where", tmp_path / "empty"
    folder.mkdir()
    try:
        for block in blocks(PAGE.read_text()):
            script = f"set -eu\ntrap 'pwd > {where}' EXIT\n{block.script}"
            done = machine.run("bash", "-c", script, cwd=folder, **AUTHOR)
            assert done.code == block.code, f"{block.script}\n{done.said}"
            assert block.missing(done.said) is None, f"{block.missing(done.said)}\n{done.said}"
            folder = Path(where.read_text().strip())
    finally:
        machine.run("crabwalk", "local", "down", cwd=folder)
