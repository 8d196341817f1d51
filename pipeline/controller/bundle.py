"""The controller's package: a zip of exactly what its handler imports, the same bytes on every machine.

What is imported is read from the sources, also inside functions, and not tried: whatever is neither the standard
library nor `pipeline` nor botocore, which the runtime has, is refused. A package that is only passed through
(`pipeline.manifest` for `pipeline.manifest.environments`) gives what it imports at once, not what its functions load.
"""

from __future__ import annotations

import ast
import hashlib
import io
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pipeline.errors import CrabwalkError

HANDLER = "pipeline.controller.handler"
ENTRY = "pipeline/controller/handler.handler"  # as Lambda names it
RUNTIME = frozenset(
    {"boto3", "botocore"}
)  # of python3.13: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
ROOT = Path(__file__).parents[2]
TOP = "pipeline"
DATE = (1980, 1, 1, 0, 0, 0)  # the earliest a zip can tell
MODE = 0o100644 << 16
UNIX = 3


class BundleError(CrabwalkError):
    """The controller would import what its runtime does not have."""


@dataclass(frozen=True)
class Bundle:
    """The package; `modules` are the names of what is in it."""

    modules: tuple[str, ...]
    body: bytes

    @cached_property
    def sha256(self) -> str:
        """Hexadecimal."""
        return hashlib.sha256(self.body).hexdigest()


def bundle() -> Bundle:
    """Make the package; BundleError where something would be missing at run time."""
    modules = closure(HANDLER)
    return Bundle(modules, _zipped([_path(name) for name in modules]))


def closure(module: str) -> tuple[str, ...]:
    """The modules of `pipeline` that a module imports, itself and the packages above them included."""
    whole: set[str] = set()
    passed: set[str] = set()
    due = [(module, True)]
    while due:
        name, also_later = due.pop()
        if name in whole or (name in passed and not also_later):
            continue
        (whole if also_later else passed).add(name)
        if "." in name:
            due.append((name.rpartition(".")[0], False))
        for found in _imports(ast.parse(_path(name).read_bytes()), also_later=also_later):
            due += [(one, True) for one in _modules(found, name)]
    return tuple(sorted(whole | passed))


def _modules(found: ast.Import | ast.ImportFrom, importer: str) -> Iterator[str]:
    """The modules of `pipeline` one import names; BundleError for what is not there at run time."""
    named: list[tuple[str, tuple[str, ...]]] = [(one.name, ()) for one in found.names]
    if isinstance(found, ast.ImportFrom):
        named = [(found.module or "", tuple(one.name for one in found.names))]
    for module, names in named:
        top = module.partition(".")[0]
        if top == TOP:
            inner = [f"{module}.{name}" for name in names if _exists(f"{module}.{name}")]
            yield from inner
            if len(inner) < max(1, len(names)):  # a name of the module itself
                yield module
        elif top not in RUNTIME and top not in sys.stdlib_module_names:
            raise BundleError(f"the controller would need `{top}`, which Lambda does not have", where=importer)


def _imports(tree: ast.AST, *, also_later: bool) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        elif also_later or not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _imports(node, also_later=also_later)


def _exists(module: str) -> bool:
    place = ROOT / module.replace(".", "/")
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def _path(module: str) -> Path:
    place = ROOT / module.replace(".", "/")
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def _zipped(files: list[Path]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted(files):
            entry = zipfile.ZipInfo(file.relative_to(ROOT).as_posix(), DATE)
            entry.external_attr, entry.create_system, entry.compress_type = MODE, UNIX, zipfile.ZIP_STORED
            archive.writestr(entry, file.read_bytes())
    return packed.getvalue()
