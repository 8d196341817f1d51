"""One YAML file as a tree in which every value and key knows its file, line and column; never builds objects from tags.

Light on purpose: `rollback` reads the project file through it, so PyYAML is only imported when a file is composed.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import Problem

MAX_BYTES = 64 * 1024
MAX_DEPTH = 24
MAX_VALUES = 10_000
MAX_FAULTS = 50  # of one file, before the rest is not looked at
MAX_DIGITS = 64  # of a number; longer ones cost time that grows with their square
_LONGEST_SAID = 400  # characters of a message or hint
_MOST_NAMED = 24  # names in a hint

_PLAIN_TAGS = (
    None,
    "!",
    *(f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float", "str", "seq", "map")),
)

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Mark:
    """A 1-based place in a file."""

    file: str
    line: int
    column: int

    def problem(self, what: str, instead: str = "") -> Problem:
        """One line, whatever the file holds: what cannot be printed is written out, so that no terminal obeys it."""
        return Problem(self.file, self.line, self.column, _readable(what), _readable(instead))


def _readable(text: str) -> str:
    if len(text) > _LONGEST_SAID:
        text = f"{text[: _LONGEST_SAID - 3]}..."
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


@dataclass(frozen=True)
class Node:
    """A scalar (`text` is what the author wrote), a list or a mapping, and where it begins."""

    mark: Mark
    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    text: str = ""
    keys: Mapping[str, Mark] = field(default_factory=dict)

    @property
    def mapping(self) -> Mapping[str, Node] | None:
        return self.value if isinstance(self.value, Mapping) else None

    @property
    def items(self) -> tuple[Node, ...] | None:
        return self.value if isinstance(self.value, tuple) else None

    def plain(self) -> Any:
        """The value without marks, as dicts, lists and scalars."""
        if isinstance(self.value, Mapping):
            return {key: child.plain() for key, child in self.value.items()}
        if isinstance(self.value, tuple):
            return [child.plain() for child in self.value]
        return self.value

    def shown(self) -> str:
        """The value as a message quotes it."""
        if isinstance(self.value, Mapping):
            return "a mapping"
        if isinstance(self.value, tuple):
            return "a list"
        if self.value is None and self.text in {"", "~", "null"}:
            return "nothing"
        return f"`{self.text if len(self.text) <= 60 else self.text[:57] + '...'}`"


def nearest(word: str, known: Iterable[str]) -> str:
    """What to write instead of an unknown word."""
    choices = sorted(known)
    close = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    named = choices if len(choices) <= _MOST_NAMED else [*choices[: _MOST_NAMED - 1], "..."]
    return f"known: {', '.join(named)}" if choices else ""


class _Refused(Exception):  # noqa: N818 - ends composing of one file, never leaves this module
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


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
    found: list[Problem] = []
    try:
        node = _Composer(text, name, found).document()
    except _Refused as refused:
        problems.extend([*found, refused.problem])
        return None
    problems.extend(found)
    if node is None:
        problems.append(Mark(name, 1, 1).problem("the file is empty"))
        return None
    if node.mapping is None:
        problems.append(node.mark.problem(f"the file must be a mapping (`key: value` lines), not {node.shown()}"))
        return None
    return node


class _Composer:
    def __init__(self, text: str, name: str, problems: list[Problem]) -> None:
        import yaml

        # libyaml where the wheel has it: ten times faster, same marks.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        self._yaml = yaml
        self._text = text
        self._name = name
        self._problems = problems
        self._resolver: Any = yaml.resolver.Resolver()
        self._constructor = yaml.constructor.SafeConstructor()
        self._aliased = False
        self._values = 0
        self._events = self._guarded(loader)

    def _guarded(self, loader: Any) -> Iterator[Any]:
        yaml = self._yaml
        try:
            yield from yaml.parse(self._text, Loader=loader)
        except yaml.MarkedYAMLError as error:
            raise _Refused(self._syntax(error)) from None
        except yaml.reader.ReaderError as error:
            before = self._text[: error.position]
            mark = Mark(self._name, before.count("\n") + 1, len(before) - before.rfind("\n"))
            raise _Refused(mark.problem("a control character, which YAML does not allow", "remove it")) from None

    def _syntax(self, error: Any) -> Problem:
        unclosed = error.context and "quoted scalar" in error.context and "end of stream" in (error.problem or "")
        place = error.context_mark if unclosed else error.problem_mark or error.context_mark
        mark = Mark(self._name, place.line + 1, place.column + 1) if place else Mark(self._name, 1, 1)
        lines = self._text.splitlines()
        line = lines[mark.line - 1] if mark.line <= len(lines) else ""
        indent = line[: len(line) - len(line.lstrip())]
        if "\t" in indent:
            mark = Mark(self._name, mark.line, indent.index("\t") + 1)
            return mark.problem("a tab in the indentation", "indent with spaces")
        if unclosed:
            return mark.problem("a quote that is never closed")
        said = error.problem or error.context or "it cannot be parsed"
        return mark.problem(f"not valid YAML: {said}")

    def document(self) -> Node | None:
        yaml = self._yaml
        node: Node | None = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent) and node is not None:
                raise _Refused(self._mark(event).problem("a second document in the file", "one manifest a file"))
            if isinstance(event, yaml.NodeEvent):
                node = self._node(event, 0)
        if self._aliased:
            raise _Refused(self._problems.pop())  # values are missing where aliases stood: the rest cannot be judged
        if node is not None and node.value is None and not node.text:
            return None
        return node

    def _mark(self, event: Any) -> Mark:
        return Mark(self._name, event.start_mark.line + 1, event.start_mark.column + 1)

    def _node(self, event: Any, depth: int) -> Node:
        yaml = self._yaml
        mark = self._mark(event)
        self._check_limits(mark, depth)
        if isinstance(event, yaml.AliasEvent):
            self._aliased = True
            self._problems.append(mark.problem(f"an alias (`*{event.anchor}`)", "write the value out"))
            return Node(mark, None)
        if event.anchor is not None:
            self._problems.append(
                mark.problem(f"an anchor (`&{event.anchor}`)", "write the value out where it is used")
            )
        if getattr(event, "tag", None) not in _PLAIN_TAGS:
            self._problems.append(mark.problem(f"a tag (`{event.tag}`)", "write a plain value"))
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, mark)
        if isinstance(event, yaml.SequenceStartEvent):
            children = []
            for inner in self._events:
                if isinstance(inner, yaml.SequenceEndEvent):
                    break
                children.append(self._node(inner, depth + 1))
            return Node(mark, tuple(children))
        return self._mapping(mark, depth)

    def _check_limits(self, mark: Mark, depth: int) -> None:
        self._values += 1
        if depth > MAX_DEPTH:
            raise _Refused(mark.problem(f"nested more than {MAX_DEPTH} levels deep"))
        if self._values > MAX_VALUES:
            raise _Refused(mark.problem(f"more than {MAX_VALUES} values, which no manifest needs"))
        if len(self._problems) > MAX_FAULTS:
            raise _Refused(mark.problem(f"more than {MAX_FAULTS} faults: the rest of the file was not read"))

    def _mapping(self, mark: Mark, depth: int) -> Node:
        yaml = self._yaml
        values: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._node(event, depth + 1)
            value = self._node(next(self._events), depth + 1)
            if isinstance(key.value, (tuple, Mapping)):
                self._problems.append(key.mark.problem("a key must be a word, not a list or mapping"))
            elif key.text in values:
                first = keys[key.text].line
                self._problems.append(key.mark.problem(f"`{key.text}` stands here again", f"first on line {first}"))
            else:
                values[key.text] = value
                keys[key.text] = key.mark
        return Node(mark, values, keys=keys)

    def _scalar(self, event: Any, mark: Mark) -> Node:
        yaml = self._yaml
        tag = event.tag or self._resolver.resolve(yaml.ScalarNode, event.value, event.implicit)
        value: Scalar = event.value
        kind = tag.rpartition(":")[2]
        if kind in {"int", "float"} and len(event.value) > MAX_DIGITS:
            self._problems.append(mark.problem(f"a number of {len(event.value)} characters", "write it in quotes"))
        elif kind in {"int", "float", "bool", "null"}:
            try:
                node = yaml.ScalarNode(tag, event.value, event.start_mark, event.end_mark)
                value = self._constructor.construct_object(node)
            except (ValueError, LookupError, OverflowError):
                self._problems.append(mark.problem(f"`{event.value}` is not a value of type {kind}"))
        return Node(mark, value, text=event.value)
