"""The folders of the release engine, from what stands alone to what knows everything: imports go one way."""

import ast
from itertools import pairwise
from pathlib import Path

import pytest

import pipeline.release

HERE = Path(pipeline.release.__file__).parent
LAYERS = ("", "judge", "ledger", "rollback", "around", "decide", "walk", "verbs")


def taken(file: Path) -> set[str]:
    """The folders of the engine a file imports from, in functions and for types too; "" is the values at the top."""
    names = [
        node.module.split(".")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
    ]
    return {name[2] if len(name) > 3 else "" for name in names if name[:2] == ["pipeline", "release"]}


@pytest.mark.parametrize("folder", LAYERS)
def test_a_folder_imports_only_from_those_below_it(folder: str) -> None:
    files = sorted((HERE / folder).glob("*.py"))
    assert files
    allowed = set(LAYERS[: LAYERS.index(folder) + 1])
    assert {file.name: taken(file) - allowed for file in files if taken(file) - allowed} == {}


def test_every_folder_has_its_place_and_is_told_of_in_that_order() -> None:
    assert {path.parent.name for path in HERE.glob("*/*.py")} == set(LAYERS[1:])
    told = [(pipeline.release.__doc__ or "").index(f"`{folder}`") for folder in LAYERS[1:]]
    assert all(before < after for before, after in pairwise(told))
