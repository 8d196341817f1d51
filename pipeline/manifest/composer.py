"""YAML's events as a tree of Nodes. Never builds objects from tags, expands no alias, and stops where no manifest goes.

Made for thousands of files: libyaml parses, and what an event means is decided without PyYAML's own layers.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from pipeline.errors import Problem
from pipeline.manifest.node import MAX_FAULTS, Mark, Node, Scalar

MAX_DEPTH = 24
MAX_VALUES = 10_000
MAX_DIGITS = 64  # of a number; longer ones cost time that grows with their square

_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = (None, "!", *(_TAG + kind for kind in ("null", "bool", "int", "float", "str", "seq", "map")))
_TYPES = frozenset(_TAG + kind for kind in ("null", "bool", "int", "float"))
_BY_FIRST = yaml.resolver.Resolver.yaml_implicit_resolvers  # what a plain scalar can mean, by its first character
# libyaml where the wheel has it: ten times faster, same marks.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as the parser counts lines
_WORDS = re.compile(r"([A-Za-z_][\w-]*)[ \t=]+(\S.*)")


class Refused(Exception):  # noqa: N818 - ends composing of one file, never leaves `compose`
    """The file as a whole cannot be used."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


class Composer:
    """One file's text; faults that leave the rest readable go to `problems`."""

    def __init__(self, text: str, name: str, problems: list[Problem]) -> None:
        self._text = text
        self._name = name
        self._problems = problems
        self._constructor = yaml.constructor.SafeConstructor()
        self._aliased = False
        self._values = 0
        self._next: Callable[[], Any]

    def document(self) -> Node | None:
        """The only document; None when the file is empty. Raises Refused."""
        try:
            self._next = _LOADER(self._text).get_event
            node = self._only()
        except yaml.MarkedYAMLError as error:
            raise Refused(self._syntax(error)) from None
        except yaml.reader.ReaderError as error:
            before = self._text[: error.position]
            mark = Mark(self._name, before.count("\n") + 1, len(before) - before.rfind("\n"))
            raise Refused(mark.problem("a control character, which YAML does not allow", "remove it")) from None
        if self._aliased:
            raise Refused(self._problems.pop())  # values are missing where aliases stood: the rest cannot be judged
        if node is not None and node.value is None and not node.text:
            return None
        return node

    def _only(self) -> Node | None:
        node: Node | None = None
        while not isinstance(event := self._next(), StreamEndEvent):
            if isinstance(event, DocumentStartEvent) and node is not None:
                raise Refused(self._mark(event).problem("a second document in the file", "one manifest a file"))
            if isinstance(event, NodeEvent):
                node = self._node(event, 0)
        return node

    def _syntax(self, error: Any) -> Problem:
        if error.context_mark is not None and "':'" in (error.problem or ""):
            return self._no_colon(error.context_mark.line, error.context_mark.column)
        if "mapping values" in (error.problem or ""):
            above = self._line(error.problem_mark.line - 1)
            if ":" not in above and _WORDS.match(above.strip()):  # which the line with the colon seems to go on
                return self._no_colon(error.problem_mark.line - 1, len(above) - len(above.lstrip()))
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

    def _no_colon(self, row: int, column: int) -> Problem:
        """A key whose colon was forgotten; the parser only notices on a later line."""
        mark = Mark(self._name, row + 1, column + 1)
        line = self._line(row)[column:]
        words = _WORDS.match(line)
        instead = f"write `{words[1]}: {words[2].strip()}`" if words else "write `key: value`"
        return mark.problem(f"`{line.strip()}` has no colon", instead)

    def _line(self, row: int) -> str:
        lines = _BREAK.split(self._text)
        return lines[row] if 0 <= row < len(lines) else ""

    def _mark(self, event: Any) -> Mark:
        start = event.start_mark
        return Mark(self._name, start.line + 1, start.column + 1)

    def _node(self, event: Any, depth: int) -> Node:
        mark = self._mark(event)
        self._values += 1
        if depth > MAX_DEPTH or self._values > MAX_VALUES or len(self._problems) > MAX_FAULTS:
            raise Refused(self._limit(mark, depth))
        kind = type(event)
        if kind is AliasEvent:
            self._aliased = True
            self._problems.append(mark.problem(f"an alias (`*{event.anchor}`)", "write the value out"))
            return Node(mark, None)
        if event.anchor is not None:
            what = f"an anchor (`&{event.anchor}`)"
            self._problems.append(mark.problem(what, "write the value out where it is used"))
        if event.tag not in _PLAIN_TAGS:
            self._problems.append(mark.problem(f"a tag (`{event.tag}`)", "write a plain value"))
        if kind is ScalarEvent:
            return self._scalar(event, mark)
        return self._sequence(mark, depth) if kind is SequenceStartEvent else self._mapping(mark, depth)

    def _limit(self, mark: Mark, depth: int) -> Problem:
        if depth > MAX_DEPTH:
            return mark.problem(f"nested more than {MAX_DEPTH} levels deep")
        if self._values > MAX_VALUES:
            return mark.problem(f"more than {MAX_VALUES} values, which no manifest needs")
        return mark.problem(f"more than {MAX_FAULTS} faults: the rest of the file was not read")

    def _sequence(self, mark: Mark, depth: int) -> Node:
        children = []
        while type(event := self._next()) is not SequenceEndEvent:
            children.append(self._node(event, depth + 1))
        return Node(mark, tuple(children))

    def _mapping(self, mark: Mark, depth: int) -> Node:
        values: dict[str, Node] = {}
        keys: dict[str, Mark] = {}
        while type(event := self._next()) is not MappingEndEvent:
            if type(event) is ScalarEvent and event.tag is None and event.anchor is None:
                key = Node(self._mark(event), event.value, event.value)
            else:
                key = self._node(event, depth + 1)
            value = self._node(self._next(), depth + 1)
            if isinstance(key.value, (tuple, dict)):
                self._problems.append(key.mark.problem("a key must be a word, not a list or mapping"))
            elif key.text in values:
                first = keys[key.text].line
                self._problems.append(key.mark.problem(f"`{key.text}` stands here again", f"first on line {first}"))
            else:
                values[key.text] = value
                keys[key.text] = key.mark
        return Node(mark, values, keys=keys)

    def _scalar(self, event: Any, mark: Mark) -> Node:
        text: str = event.value
        tag = event.tag
        if tag is None:
            if not event.implicit[0]:
                return Node(mark, text, text)  # in quotes
            for one, form in _BY_FIRST.get(text[:1], ()):
                if form.match(text):
                    tag = one
                    break
        return Node(mark, self._typed(text, tag, mark) if tag in _TYPES else text, text)

    def _typed(self, text: str, tag: str, mark: Mark) -> Scalar:
        """What a number, a truth or nothing is; where it is none, the text it was."""
        if len(text) > MAX_DIGITS:
            self._problems.append(mark.problem(f"a value of {len(text)} characters", "write it in quotes"))
            return text
        try:
            value: Scalar = self._constructor.construct_object(yaml.ScalarNode(tag, text))
        except (ValueError, LookupError, OverflowError):
            self._problems.append(mark.problem(f"`{text}` is not a value of type {tag.removeprefix(_TAG)}"))
            return text
        return value
