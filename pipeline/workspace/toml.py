"""TOML as committed. The lines most Cargo.toml files are made of are read here, four times as fast as by tomllib.

Whatever line is in doubt, the whole text goes to tomllib: both give the same answer or the quick one gives none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_BARE = r"[A-Za-z0-9_-]+"
_TEXT = r'"[^"\\\x00-\x1f\x7f]*"'
_LINE = re.compile(
    rf"(?P<key>{_BARE})(?:\.(?P<sub>{_BARE}))? *= *"
    rf"(?:(?P<text>{_TEXT})|(?P<bool>true|false)|\[(?P<list>[^\[\]{{}}#]*)\]|\{{(?P<table>[^{{}}#]*)\}})[ \t]*\Z"
)
_HEAD = re.compile(rf"\[({_BARE}(?:\.{_BARE})*)\][ \t]*\Z")
_PAIR = re.compile(rf" *({_BARE}) *= *(?:({_TEXT})|(true|false)|\[([^\[\]]*)\]) *(,|\Z)")
_TEXTS = re.compile(rf" *(?:{_TEXT} *(?:, *{_TEXT} *)*)?\Z")
_WORD = re.compile(_TEXT)


class _InDoubtError(Exception):
    pass


def parse(data: bytes | None) -> Mapping[str, Any] | None:
    """TOML as committed; None when it is absent or cannot be read."""
    if data is None:
        return None
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return None
    try:
        return plain(text)
    except _InDoubtError:
        pass
    import tomllib

    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def plain(text: str) -> dict[str, Any]:
    """A text of simple lines only; raises for every other."""
    top: dict[str, Any] = {}
    here = top
    opened: set[str] = set()
    headers: set[str] = set()
    for line in text.split("\n"):
        if not line or line[0] == "#":
            if "\r" in line or not line.isprintable():
                raise _InDoubtError
            continue
        if line[0] == "[":
            head = _HEAD.match(line)
            if head is None or head[1] in opened:
                raise _InDoubtError
            opened.add(head[1])
            here = _opened(top, head[1], headers)
            continue
        found = _LINE.match(line)
        if found is None:
            raise _InDoubtError
        key, sub = found["key"], found["sub"]
        target = here
        if sub is not None:
            # `a.b = 1` makes a table of `a`; together with other ways to write `a` it is a case for tomllib
            if key in here:
                raise _InDoubtError
            target = here[key] = {}
            key = sub
        if key in target:
            raise _InDoubtError
        target[key] = _value(found)
    return top


def _opened(top: dict[str, Any], name: str, headers: set[str]) -> dict[str, Any]:
    here, path = top, ""
    for part in name.split("."):
        path = f"{path}.{part}"
        if part not in here:
            here[part] = {}
            headers.add(path)
        elif path not in headers:
            raise _InDoubtError  # a value, which no header may open again
        here = here[part]
    if here:
        raise _InDoubtError  # it has keys already: another header came first
    return here


def _value(found: re.Match[str]) -> Any:
    if found["text"] is not None:
        return found["text"][1:-1]
    if found["bool"] is not None:
        return found["bool"] == "true"
    if found["list"] is not None:
        return _list(found["list"])
    return _inline(found["table"])


def _list(inner: str) -> list[str]:
    if not _TEXTS.match(inner):
        raise _InDoubtError
    return [word[1:-1] for word in _WORD.findall(inner)]


def _inline(inner: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    at, comma = 0, ","
    while at < len(inner):
        pair = _PAIR.match(inner, at)
        if pair is None or comma != "," or pair[1] in values:
            raise _InDoubtError
        text, boolean, items, comma = pair[2], pair[3], pair[4], pair[5]
        values[pair[1]] = text[1:-1] if text else boolean == "true" if boolean else _list(items)
        at = pair.end()
    if comma == "," and values:
        raise _InDoubtError  # a comma at the end
    if not values and inner.strip(" "):
        raise _InDoubtError
    return values
