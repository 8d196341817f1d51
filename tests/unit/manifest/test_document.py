from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Problem
from pipeline.manifest.document import MAX_BYTES, compose, read_document
from pipeline.manifest.node import Mark, bounded, nearest


def faults(text: str) -> list[str]:
    problems: list[Problem] = []
    compose(text, "f.yaml", problems)
    return [str(problem) for problem in problems]


def test_every_value_and_key_knows_its_place() -> None:
    problems: list[Problem] = []
    node = compose("a: 1\nb:\n  - x\n  - {c: yes}\n", "f.yaml", problems)
    assert node is not None
    assert not problems
    assert node.plain() == {"a": 1, "b": ["x", {"c": True}]}
    inner = node.mapping["b"].items[1]
    assert (inner.keys["c"].line, inner.keys["c"].column) == (4, 6)
    assert (inner.mapping["c"].mark.line, inner.mapping["c"].mark.column) == (4, 9)
    assert inner.mapping["c"].shown() == "`yes`"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "f.yaml:1:1: the file is empty, begin with the lines `crabwalk: 1` and `name: NAME`"),
        ("# nothing\n", "f.yaml:1:1: the file is empty, begin with the lines `crabwalk: 1` and `name: NAME`"),
        (
            "- a\n",
            (
                "f.yaml:1:1: the file must be a mapping (`key: value` "
                "lines), not a list, begin with the lines `crabwalk: 1` and `name: NAME`"
            ),
        ),
        (
            "word\n",
            (
                "f.yaml:1:1: the file must be a mapping (`key: value` "
                "lines), not `word`, begin with the lines `crabwalk: 1` and `name: NAME`"
            ),
        ),
        ("a:\n\tb: 1\n", "f.yaml:2:1: a tab in the indentation, indent with spaces"),
        ('a: "x\n', "f.yaml:1:4: a quote that is never closed"),
        ("a: 1\na: 2\n", "f.yaml:2:1: `a` stands here again, first on line 1"),
        (
            "a: !!python/object:os.system x\n",
            "f.yaml:1:4: a tag (`tag:yaml.org,2002:python/object:os.system`), write a plain value",
        ),
        ("a: !mine x\n", "f.yaml:1:4: a tag (`!mine`), write a plain value"),
        ("a: !!int x\n", "f.yaml:1:4: `x` is not a value of type int"),
        ("? [a]\n: 1\n", "f.yaml:1:3: a key must be a word, not a list or mapping"),
        ("a: 1\n---\nb: 1\n", "f.yaml:2:1: a second document in the file, one manifest a file"),
        ("a: x\x07\n", "f.yaml:1:5: a control character, which YAML does not allow, remove it"),
        ("a: !!int ''\n", "f.yaml:1:4: `` is not a value of type int"),
        ("a: " + "9" * 65, "f.yaml:1:4: a value of 65 characters, write it in quotes"),
        ("a: 1" + ":1" * 500, "f.yaml:1:4: a value of 1001 characters, write it in quotes"),
        ('"\\e[31m\\n": 1\n"\\e[31m\\n": 2\n', "f.yaml:2:1: `\\x1b[31m\\n` stands here again, first on line 1"),
        ("a: [" + "x, " * 10_000 + "]", "f.yaml:1:29999: more than 10000 values, which no manifest needs"),
        ("a: " + "[" * 5000, "f.yaml:1:28: nested more than 24 levels deep"),
    ],
)
def test_names_the_fault_and_its_place(text: str, fault: str) -> None:
    assert faults(text) == [fault]


def test_refuses_anchors_and_aliases_without_expanding_them() -> None:
    bomb = "a: &a [x, x]\n" + "".join(f"{chr(b)}: &{chr(b)} [*{chr(b - 1)}, *{chr(b - 1)}]\n" for b in range(98, 110))
    found = faults(bomb)
    assert found[0] == "f.yaml:1:4: an anchor (`&a`), write the value out where it is used"
    assert len(found) == 13 + 24


def test_refuses_what_is_too_large_or_not_utf8(tmp_path: Path) -> None:
    problems: list[Problem] = []
    (tmp_path / "big").write_bytes(b"a" * (MAX_BYTES + 1))
    (tmp_path / "latin").write_bytes("a: 1\nb: é".encode("latin-1"))
    for name in ("big", "latin", "absent"):
        assert read_document(tmp_path / name, name, problems) is None
    assert [str(problem) for problem in problems] == [
        "big:1:1: larger than 64 KB, which no manifest needs",
        "latin:2:4: not UTF-8, save the file as UTF-8",
        "absent:1:1: cannot be read: No such file or directory",
    ]


def test_a_file_full_of_faults_is_not_read_to_its_end() -> None:
    found = faults("".join(f"k{number}: !x 1\n" for number in range(1000)))
    assert len(found) == 52
    assert found[-1] == "f.yaml:52:6: more than 50 faults: the rest of the file was not read"


def test_a_message_stays_short_and_on_its_line() -> None:
    problem = Mark("f.yaml", 1, 1).problem("x" * 5000, "a\nb\x1b\u202e\ud800é名")
    assert len(problem.what) == 400
    assert problem.instead == "a\\nb\\x1b\\u202e\\ud800é名"


def test_nobody_reads_a_thousand_problems_of_one_file() -> None:
    many = [Problem("a.yaml", line, 1, "what", "instead") for line in range(1000, 0, -1)]
    one = Problem("b.yaml", 1, 1, "other")
    found = sorted(bounded([*many, one]))
    assert [problem.line for problem in found] == [*range(1, 52), 1]
    assert [str(problem) for problem in found[49:]] == [
        "a.yaml:50:1: what, instead",
        "a.yaml:51:1: from here on 950 more",
        "b.yaml:1:1: other",
    ]


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    problems: list[Problem] = []
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbfa: 1\n")
    node = read_document(tmp_path / "bom", "bom", problems)
    assert node is not None
    assert node.plain() == {"a": 1}


def test_suggests_the_nearest_name_or_lists_them() -> None:
    assert nearest("memroy", ["memory", "timeout"]) == "did you mean `memory`?"
    assert nearest("zzz", ["b", "a"]) == "known: a, b"
    assert nearest("zzz", [f"n{number:03}" for number in range(300)]).endswith("n021, n022, ...")


@given(st.text(max_size=200))
def test_any_text_is_a_tree_or_a_problem(text: str) -> None:
    problems: list[Problem] = []
    node = compose(text, "f.yaml", problems)
    assert node is not None or problems


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (
            "crabwalk: 1\nname: a\nmemory 128 MB\ntimeout: 3 s",
            "3:1: `memory 128 MB` has no colon, write `memory: 128 MB`",
        ),
        ("crabwalk: 1\nname: a\nmemory 128 MB\n", "3:1: `memory 128 MB` has no colon, write `memory: 128 MB`"),
        ("crabwalk: 1\nname: a\nmemory", "3:1: `memory` has no colon, write `key: value`"),
        ("crabwalk 1\nname: a", "1:1: `crabwalk 1` has no colon, write `crabwalk: 1`"),
        ("a: 1\nr:\n  x 5\n  y: 6\n", "3:3: `x 5` has no colon, write `x: 5`"),
    ],
)
def test_a_forgotten_colon_is_where_it_is_missing(text: str, fault: str) -> None:
    problems: list = []
    assert compose(text, "x.yaml", problems) is None
    assert [str(problem) for problem in problems] == [f"x.yaml:{fault}"]
