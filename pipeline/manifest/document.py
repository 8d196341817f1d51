"""Reads one YAML file as a tree of Nodes; every fault of the file as a whole becomes a problem.

Light on purpose: `rollback` reads the project file through it, so PyYAML is only imported when a file is composed.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import Problem
from pipeline.manifest.node import Mark, Node

MAX_BYTES = 64 * 1024


def read_document(path: Path, name: str, problems: list[Problem]) -> Node | None:
    """Composes one file; faults go to `problems`, and None comes back when the file as a whole is unusable."""
    top = Mark(name, 1, 1)
    try:
        with path.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError as error:
        problems.append(top.problem(f"cannot be read: {error.strerror}"))
        return None
    if len(raw) > MAX_BYTES:
        problems.append(top.problem(f"larger than {MAX_BYTES // 1024} KB, which no manifest needs"))
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].decode("utf-8-sig", "replace")
        mark = Mark(name, before.count("\n") + 1, len(before) - before.rfind("\n"))
        problems.append(mark.problem("not UTF-8", "save the file as UTF-8"))
        return None
    return compose(text, name, problems)


def compose(text: str, name: str, problems: list[Problem]) -> Node | None:
    """Composes the text of one file; the top must be a mapping."""
    from pipeline.manifest.composer import Composer, Refused

    found: list[Problem] = []
    try:
        node = Composer(text, name, found).document()
    except Refused as refused:
        problems.extend([*found, refused.problem])
        return None
    problems.extend(found)
    if node is None:
        problems.append(Mark(name, 1, 1).problem("the file is empty", _first_lines(name)))
        return None
    if node.mapping is None:
        problems.append(
            node.mark.problem(
                f"the file must be a mapping (`key: value` lines), not {node.shown()}", _first_lines(name)
            )
        )
        return None
    return node


def _first_lines(name: str) -> str:
    key = "project" if name.endswith("crabwalk.yaml") else "name"
    return f"begin with the lines `crabwalk: 1` and `{key}: NAME`"
