"""A service's own Terraform: the folder `infra/` beside its manifest, taken in as it is as one module.

Reads the folder and finds in it what the root must know: variables, modules of the project it calls, and blocks that
only a root may have. Knows as much of HCL as that takes: comments, strings, heredocs, braces.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import Problem
from pipeline.manifest.node import nearest
from pipeline.manifest.references import ATTRIBUTES

if TYPE_CHECKING:
    from pipeline.manifest.models import Manifest

FOLDER = "infra"
MAX_BYTES = 200_000  # it lies in the stack's record, so that what stands can be rendered without the folder
# What a folder is passed if it declares a variable of that name. Those of the alias, the API and the own user pool only
# exist, and the whole folder with them, once the service has a released version.
OF_FUNCTION = ("function_name", "function_arn", "role_name", "role_arn", "log_group_name")
OF_ALIAS = ("alias_name", "alias_arn", "alias_invoke_arn")
OF_API = ("api_id", "api_endpoint")
OF_POOL = ("user-pool_id", "user-pool_arn")
OTHERS = ("environment", "permissions_boundary", "tags")
_LEFT_OUT = re.compile(r"(?:^|/)(?:\.|tests/)|\.tfstate(?:\.|$)|\.tfvars(?:\.json)?$|\.md$")
_HEADER = re.compile(r"([A-Za-z_][\w-]*)((?:[ \t]+(?:\"[^\"\n]*\"|[A-Za-z_][\w-]*))*)[ \t]*\{")
_LABEL = re.compile(r"\"([^\"\n]*)\"|([A-Za-z_][\w-]*)")
_DEFAULT = re.compile(r"^[ \t]*default[ \t]*=", re.MULTILINE)
_SHARED = re.compile(r"^\s*\"?source\"?\s*[=:]\s*\"\.\./\.\./\.\./modules/([a-z0-9-]+)\"", re.MULTILINE)
_HEREDOC = re.compile(r"<<-?([A-Za-z_][\w-]*)[ \t]*\n")


@dataclass(frozen=True)
class Variable:
    """A variable the folder declares; `needed`: it has no default."""

    name: str
    needed: bool
    file: str
    line: int


@dataclass(frozen=True)
class OwnTerraform:
    """The folder's files by their paths in it, and what they declare."""

    files: Mapping[str, str]
    variables: tuple[Variable, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class _Block:
    """A block of HCL; `body` without comments and the contents of strings."""

    kind: str
    labels: tuple[str, ...]
    line: int
    column: int
    body: str


def read(directory: Path, shown: str) -> OwnTerraform | None:
    """The folder beside a manifest in `directory`; None without one. `shown`: the directory as problems name it."""
    folder = directory / FOLDER
    if not any(folder.glob("*.tf")) and not any(folder.glob("*.tf.json")):
        return None
    files, problems = _files(folder, f"{shown}/{FOLDER}")
    variables: list[Variable] = []
    for name, text in files.items():
        if name.endswith((".tf", ".tf.json")):
            file = f"{shown}/{FOLDER}/{name}"
            blocks = _of_json(text, file, problems) if name.endswith(".json") else list(_blocks(text))
            problems += _refused(blocks, file)
            if "/" not in name:
                variables += _variables(blocks, file)
    return OwnTerraform(files, tuple(variables), tuple(problems))


def shared(files: Mapping[str, str]) -> tuple[str, ...]:
    """The project's modules that a folder's files call, by `../../../modules/NAME`."""
    return tuple(sorted({found for text in files.values() for found in _SHARED.findall(text)}))


def passed(manifests: Iterable[Manifest]) -> tuple[str, ...]:
    """The variables that are passed to a folder that declares them."""
    names = {*OF_FUNCTION, *OF_ALIAS, *OTHERS}
    for one in manifests:
        names |= {f"{name}_{value}" for name, has in one.resources.items() for value in ATTRIBUTES[has.kind]}
        names |= set(OF_API) if any(trigger.kind == "http" for trigger in one.triggers) else set()
        names |= set(OF_POOL) if has_pool(one.triggers) else set()
    return tuple(sorted(names))


def has_pool(triggers: Iterable[Any]) -> bool:
    """Whether one of the triggers is of a user pool that the service has for itself."""
    return any(trigger.kind == "cognito" and trigger.user_pool is None for trigger in triggers)


def unknown(own: OwnTerraform, known: Collection[str]) -> Iterator[Problem]:
    """Variables without a default that nobody passes."""
    for one in own.variables:
        if one.needed and one.name not in known:
            what = f"variable `{one.name}` is none of those that are passed"
            yield Problem(one.file, one.line, 1, what, nearest(one.name, tuple(known)) or "give it a default")


def _files(folder: Path, shown: str) -> tuple[dict[str, str], list[Problem]]:
    files: dict[str, str] = {}
    problems = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or _LEFT_OUT.search(name):
            continue
        try:
            files[name] = path.read_bytes().decode("utf-8")
        except (OSError, UnicodeDecodeError):
            problems.append(
                Problem(f"{shown}/{name}", 1, 1, "is no text", "keep it elsewhere, or name it `.`-something")
            )
    if sum(map(len, files.values())) > MAX_BYTES:
        problems.append(
            Problem(shown, 1, 1, f"is larger than {MAX_BYTES // 1000} KB", "make it a module of `modules/`")
        )
    return files, problems


def _refused(blocks: list[_Block], file: str) -> Iterator[Problem]:
    for one in blocks:
        if one.kind == "provider":
            what = f"`provider {' '.join(one.labels)}` cannot stand here: the root has the provider"
            yield Problem(file, one.line, one.column, what, "remove it; region and tags are the environment's")
        elif one.kind == "terraform":
            for inner in _blocks(one.body):
                if inner.kind in {"backend", "cloud"}:
                    what = f"`{inner.kind}` cannot stand here: the state is the stack's"
                    line = one.line + inner.line - 1
                    yield Problem(file, line, inner.column if inner.line > 1 else one.column, what, "remove it")


def _variables(blocks: list[_Block], file: str) -> Iterator[Variable]:
    for one in blocks:
        if one.kind == "variable" and one.labels:
            yield Variable(one.labels[0], _DEFAULT.search(one.body) is None, file, one.line)


def _blocks(text: str) -> Iterator[_Block]:
    """The blocks at the top of a text."""
    bare, position = _bare(text), 0
    while (header := _next(bare, position)) is not None:
        end = _closing(bare, header.end() - 1)
        line = text.count("\n", 0, header.start()) + 1
        column = header.start() - text.rfind("\n", 0, header.start())
        labels = tuple(
            one[1] if one[1] is not None else one[2] for one in _LABEL.finditer(text[slice(*header.span(2))])
        )
        yield _Block(header[1], labels, line, column, bare[header.end() : end])
        position = end + 1


def _next(bare: str, position: int) -> re.Match[str] | None:
    """The next header that stands in no bracket; an attribute's value in braces is none."""
    depth = 0
    while position < len(bare):
        if depth == 0 and (header := _HEADER.match(bare, position)) and _begins_line(bare, position):
            return header
        depth += (bare[position] in "([{") - (bare[position] in ")]}")
        position += 1
    return None


def _begins_line(bare: str, position: int) -> bool:
    return not bare[bare.rfind("\n", 0, position) + 1 : position].strip()


def _closing(bare: str, opening: int) -> int:
    depth = 0
    for position in range(opening, len(bare)):
        depth += (bare[position] == "{") - (bare[position] == "}")
        if depth == 0:
            return position
    return len(bare)


def _bare(text: str) -> str:
    """The text with comments, the contents of strings and heredocs blanked; everything else keeps its place."""
    found: list[str] = []
    position = 0
    while position < len(text):
        end = _passed_over(text, position)
        if end == position:
            found.append(text[position])
            position += 1
        else:
            piece = text[position:end]
            quoted = piece[0] == '"' and len(piece) > 1
            inner = piece[1:-1] if quoted else piece
            blank = "".join(one if one == "\n" else " " if not quoted else "x" for one in inner)
            found.append(f'"{blank}"' if quoted else blank)
            position = end
    return "".join(found)


def _passed_over(text: str, position: int) -> int:
    """Where the comment, string or heredoc that begins here ends; `position` itself where none begins."""
    one, two = text[position], text[position : position + 2]
    if one == "#" or two == "//":
        return _or_end(text, text.find("\n", position))
    if two == "/*":
        return min(len(text), _or_end(text, text.find("*/", position)) + 2)
    if one == '"':
        return _string(text, position)
    heredoc = _HEREDOC.match(text, position) if two == "<<" else None
    if heredoc is None:
        return position
    closing = re.compile(rf"^[ \t]*{re.escape(heredoc[1])}[ \t]*$", re.MULTILINE).search(text, heredoc.end())
    return closing.end() if closing else len(text)


def _string(text: str, position: int) -> int:
    """The end of a quoted string, templates in it and strings in these included."""
    position += 1
    while position < len(text) and text[position] != "\n":
        two = text[position : position + 2]
        if text[position] == "\\" or text[position : position + 3] in {"$${", "%%{"}:
            position += 2
        elif two in {"${", "%{"}:
            position = _template(text, position + 2)
        elif text[position] == '"':
            return position + 1
        else:
            position += 1
    return position


def _template(text: str, position: int) -> int:
    depth = 1
    while position < len(text) and depth:
        if text[position] == '"':
            position = _string(text, position)
            continue
        depth += (text[position] == "{") - (text[position] == "}")
        position += 1
    return position


def _or_end(text: str, position: int) -> int:
    return len(text) if position < 0 else position


def _of_json(text: str, file: str, problems: list[Problem]) -> list[_Block]:
    """The same of JSON syntax, where nothing has a line."""
    try:
        whole = json.loads(text)
    except ValueError as error:
        problems.append(Problem(file, 1, 1, f"is no JSON: {error}"))
        return []
    found = []
    for kind in ("provider", "variable"):
        for name, body in _members(whole, kind):
            found.append(_Block(kind, (name,), 1, 1, "default =" if "default" in body else ""))
    inner = "\n".join(f"{name} {{}}" for name, _ in _members(whole, "terraform"))
    return [*found, _Block("terraform", (), 1, 1, inner)]


def _members(whole: Any, kind: str) -> Iterator[tuple[str, Any]]:
    value = whole.get(kind) if isinstance(whole, dict) else None
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            yield from one.items()
