"""The keys of what verbs print under `--output json`, read from the code; `tests/shapes/shapes.json` records them.

    .venv/bin/python tests/kit/shape_kit.py     # record added keys; refuses to let one go under the same version

Keys are told by their way from the top: `services[].traffic`. Literals are read from the source of the verb and of the
functions it calls to make the document, records from the fields of their dataclasses.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, get_args, get_type_hints

REPOSITORY = Path(__file__).parents[2]
RECORD = REPOSITORY / "tests" / "shapes" / "shapes.json"
PAGE = REPOSITORY / "docs" / "json.md"
BEGIN, END = "<!-- keys: written by tests/kit/shape_kit.py -->", "<!-- end of keys -->"
DEEPEST = 6
# Verbs whose document is made by another's file.
ELSEWHERE = {
    **dict.fromkeys(("promote", "pause", "resume", "abort"), "asking"),
    "retry": "deploy",
    "rollback": "rolled_back",
}
_PASSING = frozenset({"list", "tuple", "sorted"})
_NOT_OURS = frozenset({"service_schema"})  # `check --schema -`: JSON Schema's own keys
# Where a document holds records: the verb, the way to it, the class.
RECORDS: tuple[tuple[str, str, str], ...] = (
    ("status", "services[]", "pipeline.release.verbs.status:ServiceStatus"),
    ("history", "entries[]", "pipeline.release.ledger.records:Entry"),
    ("report", "release", "pipeline.release.ledger.records:Entry"),
    ("deploy", "releases[]", "pipeline.release.walk.view:ReleaseResult"),
    ("retry", "releases[]", "pipeline.release.walk.view:ReleaseResult"),
    *(
        (verb, "services[]", "pipeline.release.verbs.steering:Steered")
        for verb in ("promote", "pause", "resume", "abort")
    ),
    ("watch", "walks[]", "pipeline.release.walk.view:WalkView"),
    ("watch", "services[]", "pipeline.release.verbs.watchdog:Patrolled"),
    ("unlock", "locks[]", "pipeline.cli.unlock:Told"),
    ("adopt", "", "pipeline.release.verbs.adopt:Adopted"),
    ("move", "", "pipeline.deploying.moving:Moved"),
    ("metrics", "services{}", "pipeline.release.ledger.dora:Figures"),
    ("metrics", "all", "pipeline.release.ledger.dora:Figures"),
    ("prune", "services[]", "pipeline.release.verbs.clean:PrunePlan"),
    ("local", "", "pipeline.local.control:Running"),
    ("doctor", "findings[]", "pipeline.doctor.finding:Finding"),
    ("check", "problems[]", "pipeline.errors:Problem"),
    ("check", "warnings[]", "pipeline.errors:Problem"),
)


def verbs_with_json(verbs: Sequence[str]) -> list[str]:
    """Those whose file writes JSON, or has another's file write it."""
    return [verb for verb in verbs if verb in ELSEWHERE or any(_written(_module(f"pipeline.cli.{verb}")))]


def shape(verb: str) -> list[str]:
    """Every key of the verb's documents, by its way from the top."""
    module = f"pipeline.cli.{ELSEWHERE.get(verb, verb)}"
    found = {way for value in _written(_module(module)) for way in _keys(value, module, "", 0)}
    for named, way, record in RECORDS:
        if named == verb:
            name, _, of = record.partition(":")
            found |= set(_fields(getattr(import_module(name), of), way, 0))
    return sorted(found)


@cache
def _module(name: str) -> ast.Module:
    return ast.parse(Path(str(import_module(name).__file__)).read_text())


def _written(tree: ast.Module) -> Iterator[ast.expr]:
    """What is given to `console.json`, or to a function of the file that hands keywords on to it."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in {"json", "json_line"} and node.args:
            yield node.args[0]
        elif isinstance(node.func, ast.Name) and node.func.id == "console_json":
            yield ast.Dict([ast.Constant(one.arg) for one in node.keywords], [one.value for one in node.keywords])


def _keys(value: ast.expr, module: str, way: str, depth: int) -> Iterator[str]:
    """The keys of a literal, of what a name stands for, or of what a function returns."""
    if isinstance(value, ast.Dict):
        yield from _of_dict(value, module, way, depth)
    elif isinstance(value, ast.ListComp | ast.GeneratorExp):
        yield from _keys(value.elt, module, _in_list(way), depth)
    elif isinstance(value, ast.IfExp | ast.List | ast.Tuple):
        several = isinstance(value, ast.List | ast.Tuple)
        for one in value.elts if isinstance(value, ast.List | ast.Tuple) else (value.body, value.orelse):
            yield from _keys(one, module, _in_list(way) if several else way, depth)
    elif depth < DEEPEST and isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        if value.func.id in _PASSING and value.args:
            yield from _keys(value.args[0], module, way, depth)
        elif value.func.id not in _NOT_OURS:
            yield from _returned(value.func.id, module, way, depth)
    elif depth < DEEPEST and isinstance(value, ast.Name):
        for one in _assigned(value.id, module):
            yield from _keys(one, module, way, depth + 1)


def _of_dict(value: ast.Dict, module: str, way: str, depth: int) -> Iterator[str]:
    for key, inner in zip(value.keys, value.values, strict=True):
        if isinstance(key, ast.Constant):
            yield f"{way}{key.value}"
            yield from _keys(inner, module, f"{way}{key.value}.", depth)
        else:  # `**` of another one, or a name that is drawn
            yield from _keys(inner, module, way if key is None else f"{way[:-1]}{{}}.", depth)


def _in_list(way: str) -> str:
    return f"{way[:-1]}[]." if way else ""


def _returned(name: str, module: str, way: str, depth: int) -> Iterator[str]:
    """The keys of what a function of the file, or one it imports, returns."""
    for node in ast.walk(_module(module)):
        if isinstance(node, ast.FunctionDef) and node.name == name:
            for value in _returns(node.body):
                yield from _keys(value, module, way, depth + 1)
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pipeline."):
            for one in node.names:
                if (one.asname or one.name) == name and node.module != module and _defines(node.module, one.name):
                    yield from _returned(one.name, node.module, way, depth + 1)


def _returns(body: Sequence[ast.AST]) -> Iterator[ast.expr]:
    """What these statements return, and not what a function among them does."""
    for node in body:
        if isinstance(node, ast.Return) and node.value is not None:
            yield node.value
        elif not isinstance(node, ast.FunctionDef | ast.Lambda):
            yield from _returns(list(ast.iter_child_nodes(node)))


def _defines(module: str, name: str) -> bool:
    return any(isinstance(node, ast.FunctionDef) and node.name == name for node in ast.walk(_module(module)))


def _assigned(name: str, module: str) -> Iterator[ast.expr]:
    for node in ast.walk(_module(module)):
        if isinstance(node, ast.Assign):
            targets, value = node.targets, node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            targets, value = [node.target], node.value
        else:
            continue
        if any(isinstance(one, ast.Name) and one.id == name for one in targets):
            yield value


def _fields(kind: Any, way: str, depth: int) -> Iterator[str]:
    """The fields of a dataclass, and of those it holds."""
    hints = get_type_hints(kind, vars(sys.modules[kind.__module__]) | _typing_only(kind.__module__))
    for field in dataclasses.fields(kind):
        here = f"{way}.{field.name}" if way else field.name
        yield here
        for held, suffix in _held(hints[field.name]):
            if depth < DEEPEST:
                yield from _fields(held, f"{here}{suffix}", depth + 1)


def _typing_only(module: str) -> Mapping[str, Any]:
    """Names that a file imports for its annotations alone."""
    found: dict[str, Any] = {}
    for node in ast.walk(_module(module)):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                found[one.asname or one.name] = getattr(import_module(node.module), one.name, Any)
    return found


def _held(hint: Any) -> Iterator[tuple[Any, str]]:
    if dataclasses.is_dataclass(hint):
        yield hint, ""
    origin = getattr(hint, "__origin__", None)
    inside = get_args(hint)
    if isinstance(hint, types.UnionType):
        for one in inside:
            yield from _held(one)
    elif isinstance(origin, type) and issubclass(origin, Mapping) and len(inside) == 2:
        yield from ((held, f"{{}}{suffix}") for held, suffix in _held(inside[1]))
    elif origin is not None:
        yield from ((held, f"[]{suffix}") for one in inside if one is not Ellipsis for held, suffix in _held(one))


def now() -> dict[str, Any]:
    """The version, and the keys of every verb."""
    from pipeline.cli import VERBS
    from pipeline.report.shapes import SHAPES

    return {"version": SHAPES, "verbs": {verb: shape(verb) for verb in verbs_with_json(list(VERBS))}}


def gone(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Keys that are there no more, though the version is the same."""
    if before["version"] != after["version"]:
        return []
    return sorted(
        f"{verb}: {key}"
        for verb, keys in before["verbs"].items()
        for key in set(keys) - set(after["verbs"].get(verb, ()))
    )


def page(text: str, recorded: Mapping[str, Any]) -> str:
    """docs/json.md with the keys between its marks."""
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    lines = [f"- `{verb}`: {', '.join(f'`{key}`' for key in keys)}" for verb, keys in recorded["verbs"].items()]
    return head + BEGIN + "\n" + "\n".join(lines) + "\n" + END + tail


def main() -> int:
    """Record what there is now."""
    after = now()
    if RECORD.is_file() and (lost := gone(json.loads(RECORD.read_text()), after)):
        sys.stderr.write("raise SHAPES in pipeline/report/shapes.py, these went:\n" + "\n".join(lost) + "\n")
        return 1
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(after, indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text(), after))
    return 0


if __name__ == "__main__":
    sys.exit(main())
