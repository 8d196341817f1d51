"""The part of CloudWatch's metric math that alarms of this project need; everything else is refused by name. Pure.

Arithmetic (+ - * /), comparisons (1 where true, 0 where not), FILL(m, number) and IF(condition, then[, else]), over
series and numbers. As in CloudWatch, a period in which one side has no data, or a division by zero, has no data.
Source: Amazon CloudWatch User Guide, "Using math expressions with CloudWatch metrics".
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Series = Mapping[int, float]
Value = Series | float

ARITHMETIC: Mapping[type[ast.AST], tuple[str, Callable[[Any, Any], float]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
}
KNOWN = "numbers, metric ids, + - * /, comparisons, FILL(m, number) and IF(condition, then, else)"


class MathError(Exception):
    """The expression is none, or needs more of metric math than there is here."""


def names(expression: str) -> frozenset[str]:
    """The ids of metrics and expressions it uses. Raises MathError, also for functions that are not known."""
    tree = _tree(expression)
    _check(tree.body, expression)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called)


def compute(expression: str, series: Mapping[str, Value], periods: Sequence[int]) -> Value:
    """The expression over `series` by id; `periods` (their starts, epoch seconds) are what FILL fills."""
    tree = _tree(expression)
    _check(tree.body, expression)
    return _value(tree.body, series, periods)


def _tree(expression: str) -> ast.Expression:
    try:
        return ast.parse(expression.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        raise MathError(f"`{expression}` cannot be read: the embedded AWS knows {KNOWN}") from fault


def _check(node: ast.AST, expression: str) -> None:
    match node:
        case ast.Name():
            inner: Sequence[ast.AST] = ()
        case ast.Constant(value=value) if isinstance(value, int | float) and not isinstance(value, bool):
            inner = ()
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            inner = (operand,)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            inner = (left, right)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in ARITHMETIC:
            inner = (left, right)
        case ast.Call(func=ast.Name(id="FILL"), args=[_, second], keywords=[]) if _number(second) is not None:
            inner = node.args
        case ast.Call(func=ast.Name(id="IF"), args=arguments, keywords=[]) if len(arguments) in {2, 3}:
            inner = arguments
        case _:
            said = ast.get_source_segment(expression.strip(), node) if isinstance(node, ast.expr) else None
            raise MathError(f"`{said or expression}` is not available on the embedded AWS, which knows {KNOWN}")
    for one in inner:
        _check(one, expression)


def _value(node: ast.AST, series: Mapping[str, Value], periods: Sequence[int]) -> Value:
    number = _number(node)
    if number is not None:
        return number
    match node:
        case ast.Name(id=name):
            return series[name]
        case ast.UnaryOp(operand=operand):
            return _both(operator.sub, 0.0, _value(operand, series, periods))
        case ast.BinOp(left=left, op=op, right=right) | ast.Compare(left=left, ops=[op], comparators=[right]):
            return _both(ARITHMETIC[type(op)][1], _value(left, series, periods), _value(right, series, periods))
        case ast.Call(func=ast.Name(id="FILL"), args=[first, second]):
            known, filler = _value(first, series, periods), _number(second) or 0.0
            return {at: known.get(at, filler) for at in periods} if isinstance(known, Mapping) else known
        case ast.Call(args=arguments):
            return _choice(*(_value(one, series, periods) for one in arguments))
    raise MathError(f"{ast.dump(node)} cannot be computed")  # _check let it through: a fault of this module


def _number(node: ast.AST) -> float | None:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _number(node.operand)
        return None if inner is None else -inner
    is_number = isinstance(node, ast.Constant) and isinstance(node.value, int | float)
    return float(node.value) if is_number else None  # type: ignore[attr-defined]


def _both(apply: Callable[[float, float], float], one: Value, other: Value) -> Value:
    def at(left: float, right: float) -> float | None:
        try:
            return float(apply(left, right))
        except (ZeroDivisionError, OverflowError):
            return None

    if isinstance(one, Mapping) or isinstance(other, Mapping):
        moments = _moments(one, other)
        found = {moment: at(_of(one, moment), _of(other, moment)) for moment in moments}
        return {moment: value for moment, value in found.items() if value is not None}
    value = at(one, other)
    return {} if value is None else value


def _choice(condition: Value, then: Value, otherwise: Value | None = None) -> Value:
    if not isinstance(condition, Mapping):
        chosen = then if condition else otherwise
        return {} if chosen is None else chosen
    found: dict[int, float] = {}
    for moment, true in condition.items():
        side = then if true else otherwise
        if side is not None and not (isinstance(side, Mapping) and moment not in side):
            found[moment] = _of(side, moment)
    return found


def _moments(one: Value, other: Value) -> list[int]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return sorted(one.keys() & other.keys())
    return sorted(one if isinstance(one, Mapping) else other)  # type: ignore[arg-type]  # one of them is a series


def _of(value: Value, moment: int) -> float:
    return value[moment] if isinstance(value, Mapping) else value
