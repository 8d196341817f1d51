"""GitHub's expressions, as far as the workflows use them; what it does not know it refuses.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"\s*(?:(?P<string>'(?:[^']|'')*')|(?P<number>\d+)|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>==|!=|&&|\|\||[!().\[\],]))"
)
_WHOLE = re.compile(r"\A\s*\$\{\{(?P<code>(?:[^}]|\}(?!\}))*)\}\}\s*\Z")
_PART = re.compile(r"\$\{\{((?:[^}]|\}(?!\}))*)\}\}")
STATUS = ("success", "failure", "cancelled", "always")

Function = Callable[..., Any]


@dataclass(frozen=True)
class Contexts:
    """What names mean in one place of a workflow; a name that is not allowed there is an error."""

    values: Mapping[str, Any]
    functions: Mapping[str, Function]

    def text(self, template: Any) -> str:
        """A scalar of the YAML with its expressions filled in, as text."""
        if isinstance(template, str):
            return _PART.sub(lambda found: shown(self.value(found[1])), template)
        return shown(template)

    def any(self, template: Any) -> Any:
        """The same, but what is one whole expression stays what it is."""
        if isinstance(template, str) and (whole := _WHOLE.match(template)):
            return self.value(whole["code"])
        if isinstance(template, str):
            return self.text(template)
        if isinstance(template, list):
            return [self.any(one) for one in template]
        if isinstance(template, Mapping):
            return {key: self.any(one) for key, one in template.items()}
        return template

    def value(self, code: str) -> Any:
        return _Parser(code, self).whole()

    def condition(self, said: Any) -> bool:
        """An `if`: without a status function it holds only after success."""
        if said is None:
            return truth(self.functions["success"]())
        code = str(said) if not isinstance(said, bool) else ("always()" if said else "failure() && success()")
        if whole := _WHOLE.match(code):
            code = whole["code"]
        assert "${{" not in code, f"a condition that is always true: {said}"
        holds = truth(self.value(code))
        names = {found["name"] for found in _TOKEN.finditer(code)}
        return holds if names & set(STATUS) else holds and truth(self.functions["success"]())


def truth(value: Any) -> bool:
    return value not in (None, False, 0, "")


def shown(value: Any) -> str:
    """As GitHub puts a value into text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


def equal(one: Any, other: Any) -> bool:
    """`==`: text without regard to case, and what is of two kinds as numbers."""
    if isinstance(one, str) and isinstance(other, str):
        return one.lower() == other.lower()
    if type(one) is type(other):
        return bool(one == other)
    return _number(one) == _number(other)


def _number(value: Any) -> float:
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return float("nan")


FUNCTIONS: Mapping[str, Function] = {
    "fromJSON": json.loads,
    "toJSON": lambda value: json.dumps(value, indent=2),
    "format": lambda form, *values: re.sub(r"\{(\d)\}", lambda found: shown(values[int(found[1])]), form),
    "contains": lambda where, what: what in where,
    "startsWith": lambda text, start: text.lower().startswith(start.lower()),
}


class _Parser:
    """Evaluates as it reads; both sides of `&&` and `||` are read, and none has an effect."""

    def __init__(self, code: str, contexts: Contexts) -> None:
        self.code, self.at, self.contexts = code, 0, contexts
        self.kind, self.token = "", ""
        self._next()

    def whole(self) -> Any:
        value = self._or()
        assert self.kind == "end", f"`{self.token}` is not understood in `{self.code}`"
        return value

    def _next(self) -> str:
        was = self.token
        found = _TOKEN.match(self.code, self.at)
        if found is None:
            assert not self.code[self.at :].strip(), f"not understood: `{self.code[self.at :]}`"
            self.kind, self.token = "end", ""
        else:
            self.at, self.kind = found.end(), str(found.lastgroup)
            self.token = found[self.kind]
        return was

    def _take(self, sign: str) -> bool:
        if self.kind == "sign" and self.token == sign:
            self._next()
            return True
        return False

    def _need(self, sign: str) -> None:
        assert self._take(sign), f"`{sign}` is missing in `{self.code}`"

    def _or(self) -> Any:
        value = self._and()
        while self._take("||"):
            other = self._and()
            value = value if truth(value) else other
        return value

    def _and(self) -> Any:
        value = self._equal()
        while self._take("&&"):
            other = self._equal()
            value = other if truth(value) else value
        return value

    def _equal(self) -> Any:
        value = self._not()
        while self.kind == "sign" and self.token in {"==", "!="}:
            same = self._next() == "=="
            value = equal(value, self._not()) is same
        return value

    def _not(self) -> Any:
        return not truth(self._not()) if self._take("!") else self._reached()

    def _reached(self) -> Any:
        value = self._primary()
        while True:
            if self._take("."):
                assert self.kind == "name", f"a name is missing in `{self.code}`"
                value = _part(value, self._next())
            elif self._take("["):
                value = _part(value, self._or())
                self._need("]")
            else:
                return value

    def _primary(self) -> Any:
        if self._take("("):
            value = self._or()
            self._need(")")
            return value
        kind, token = self.kind, self._next()
        if kind == "string":
            return token[1:-1].replace("''", "'")
        if kind == "number":
            return int(token)
        assert kind == "name", f"`{token}` is not understood in `{self.code}`"
        if token in {"true", "false", "null"}:
            return {"true": True, "false": False, "null": None}[token]
        if self._take("("):
            return self._call(token)
        assert token in self.contexts.values, f"`{token}` cannot be used here: `{self.code}`"
        return self.contexts.values[token]

    def _call(self, name: str) -> Any:
        known = {**FUNCTIONS, **self.contexts.functions}
        assert name in known, f"`{name}()` cannot be used here: `{self.code}`"
        arguments = []
        while not self._take(")"):
            arguments.append(self._or())
            self._take(",")
        return known[name](*arguments)


def _part(value: Any, key: Any) -> Any:
    """A property or an element; null where there is none."""
    if isinstance(value, list):
        return value[key] if isinstance(key, int) and 0 <= key < len(value) else None
    return value.get(key) if isinstance(value, Mapping) else None
