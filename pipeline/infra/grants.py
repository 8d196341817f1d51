"""Whether a value after a change gives all it gave before: policies, patterns, sets, numbers. Pure.

Each rule takes the attribute before and after and answers True only where nothing was taken away for certain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

Rule = Callable[[Any, Any], bool]

_ANSWERS = frozenset({"id", "arn"})  # inside of a block: AWS names it anew without changing it
_LISTS = ("Action", "Resource", "NotAction", "NotResource")


def free(_before: Any, _after: Any) -> bool:
    """Whatever becomes of it, no running version loses anything."""
    return True


def keeps(before: Any, after: Any) -> bool:
    """Everything that was there still is: members of lists, keys of maps, what was switched on."""
    if before is None or before is False or before in ("", [], {}):
        return True
    if isinstance(before, Mapping):
        return isinstance(after, Mapping) and all(
            keeps(value, after.get(name)) for name, value in before.items() if name not in _ANSWERS
        )
    if isinstance(before, list):
        return isinstance(after, list) and all(any(keeps(one, other) for other in after) for one in before)
    return bool(before == after)


def raises(before: Any, after: Any) -> bool:
    """A number that did not shrink; 0 is without end."""
    if before is None or after == 0:
        return True
    numbers = isinstance(before, int | float) and isinstance(after, int | float)
    return numbers and before != 0 and after >= before


def stays(before: Any, after: Any) -> bool:
    """It may become another one, but not go away."""
    return before in (None, "", [], {}) or after not in (None, "", [], {})


def grants(before: Any, after: Any) -> bool:
    """A policy document that grants all it granted, and denies nothing that it did not deny."""
    old, new = _statements(before), _statements(after)
    if new is None or (old is None and before not in (None, "")):
        return False
    old = old or []
    allowed, wide = list(_atoms(old, "Allow")), list(_atoms(new, "Allow"))
    denied = list(_atoms(old, "Deny"))
    return all(any(_within(one, other) for other in wide) for one in allowed) and all(
        one in denied for one in _atoms(new, "Deny")
    )


def matches(before: Any, after: Any) -> bool:
    """An event pattern (JSON) that still matches what it matched; an empty one matches everything."""
    if after in (None, ""):
        return True
    old, new = _document(before), _document(after)
    return isinstance(old, dict) and isinstance(new, dict) and _wider(old, new)


def filters(before: Any, after: Any) -> bool:
    """The filter criteria of an event source: what one of the patterns matched, one of them still matches."""
    new = list(_patterns(after))
    old = list(_patterns(before))
    return not new or (bool(old) and all(any(matches(one, other) for other in new) for one in old))


def _wider(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    for name, value in after.items():
        known = before.get(name)
        if isinstance(value, dict) and isinstance(known, dict):
            if not _wider(known, value):
                return False
        elif isinstance(value, list) and isinstance(known, list) and not name.startswith("$"):
            if not all(one in value for one in known):
                return False
        elif name not in before or known != value:
            return False
    return True


def _patterns(criteria: Any) -> Iterator[Any]:
    for block in criteria or ():
        for one in block.get("filter") or ():
            yield one.get("pattern")


def _statements(policy: Any) -> list[dict[str, Any]] | None:
    document = _document(policy)
    statements = document.get("Statement") if isinstance(document, dict) else None
    if isinstance(statements, dict):
        return [statements]
    if not isinstance(statements, list) or not all(isinstance(one, dict) for one in statements):
        return None
    return statements


def _document(text: Any) -> Any:
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return None


def _atoms(statements: Sequence[Mapping[str, Any]], effect: str) -> Iterator[tuple[str, ...]]:
    """A statement as what it says of one action on one resource, with all else that has to hold."""
    for statement in statements:
        if statement.get("Effect") != effect:
            continue
        rest = {name: value for name, value in statement.items() if name not in {*_LISTS, "Sid", "Effect"}}
        held = json.dumps(rest, sort_keys=True)
        named = [[(name, str(one)) for one in _list(statement[name])] for name in _LISTS if name in statement]
        for some in product(*named):
            yield (held, *(f"{name}={value}" for name, value in some))


def _within(narrow: Sequence[str], wide: Sequence[str]) -> bool:
    """Whether one atom is part of another one, whose wildcards may stand for more."""
    if narrow[0] != wide[0] or len(narrow) != len(wide):
        return False
    pairs = zip(narrow[1:], wide[1:], strict=True)
    return all(one == other or _stands_for(other, one) for one, other in pairs)


def _stands_for(pattern: str, text: str) -> bool:
    if pattern.startswith("Not") or "*" in text.partition("=")[2][:-1]:
        return False  # a smaller exception, or a wildcard inside: not told
    wild = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(wild, text, re.DOTALL) is not None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
