"""What cargo's configuration and the environment say about flags and profiles: what counts, what silently would not.

cargo-lambda sets a release profile and a CPU of its own; most ways of setting flags replace them without a word. Here
the flags of the workspace's `.cargo/config.toml` are added instead, and everything else that is lost is said.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.build.model import Notice
from pipeline.build.tools import cargo_home
from pipeline.errors import BuildError
from pipeline.workspace.cargo import table as _table

Table = Mapping[str, Any]

_PROFILE_KEYS = ("lto", "codegen-units", "panic", "strip")  # what cargo-lambda fills in when Cargo.toml leaves it out
_FLAG_NAMES = ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS")
_HERE = ".cargo/config.toml"
# Keys that can leave out optimisations: what is set without them, by whom, and the values that do.
_OPTIMISED: tuple[tuple[str, str, str, Callable[[Any], bool]], ...] = (
    ("lto", '"thin"', "cargo-lambda", lambda value: value in (False, "off")),
    ("codegen-units", "1", "cargo-lambda", lambda value: value != 1),
    ("opt-level", "3", "cargo", lambda value: value in (0, 1)),
)


def own_flags(root: Path, triple: str) -> tuple[str, ...]:
    """The rustc flags that the workspace's own configuration asks for, as cargo chooses between them."""
    config = _toml(_config(root / ".cargo"))
    chosen = _table(_table(config, "target"), triple).get("rustflags")
    return _words(chosen if chosen is not None else _table(config, "build").get("rustflags", ()))


def chooses_debug(root: Path) -> bool:
    """Whether the workspace says itself how much debug information it wants."""
    return "debug" in _table(_table(_toml(root / "Cargo.toml"), "profile"), "release")


def lost(root: Path, environ: Mapping[str, str], triples: Sequence[str]) -> tuple[Notice, ...]:
    """Settings that somebody made and that this build does not follow, each with what to do."""
    return (
        *_of_environment(environ, triples),
        *_of_configuration(root, environ, triples),
        *_of_cargo_lambda(root),
        *_of_profile(root),
    )


def _of_environment(environ: Mapping[str, str], triples: Sequence[str]) -> Iterator[Notice]:
    by_triple = [f"CARGO_TARGET_{triple.upper().replace('-', '_')}_RUSTFLAGS" for triple in sorted(set(triples))]
    for name in (*_FLAG_NAMES, *by_triple):
        if environ.get(name):
            yield Notice(
                f"{name} is not used: flags that lie in no commit would make other bytes of it; {_write(root=True)}"
            )
    for name in sorted(environ):
        if name.startswith("CARGO_PROFILE_RELEASE_") and environ[name]:
            yield Notice(f"{name} is not used: write it to [profile.release] of Cargo.toml")


def _of_configuration(root: Path, environ: Mapping[str, str], triples: Sequence[str]) -> Iterator[Notice]:
    profile = _table(_table(_toml(root / "Cargo.toml"), "profile"), "release")
    for path in _configurations(root, environ):
        config, shown = _toml(path), _shown(root, path)
        own = path.parent == root / ".cargo"
        for table, name, value in _flag_tables(config):
            where = f"{shown}:{_line(path, 'rustflags', table)}"
            if not own:
                yield Notice(f"the rustflags of {name} are not used: {_write(root=False)}", where)
            elif table.startswith("cfg("):
                yield Notice(
                    f"the rustflags of {name} are not used: name the target, as in [target.{triples[0]}]", where
                )
            elif any("target-cpu" in word for word in _words(value)):
                yield Notice(f"the target-cpu of {name} replaces the one every Lambda machine has", where)
        for key in _PROFILE_KEYS:
            if key in _table(_table(config, "profile"), "release") and key not in profile:
                text = f"[profile.release] {key} is not used: cargo-lambda replaces it; write it to Cargo.toml"
                yield Notice(text, f"{shown}:{_line(path, key, 'profile.release')}")


def _of_cargo_lambda(root: Path) -> Iterator[Notice]:
    """Its own settings: a profile of that name would have none of its optimisations."""
    manifest = _toml(root / "Cargo.toml")
    tables = [
        ("CargoLambda.toml", _table(_toml(root / "CargoLambda.toml"), "build")),
        ("Cargo.toml", _lambda_build(_table(manifest, "workspace"))),
        ("Cargo.toml", _lambda_build(_table(manifest, "package"))),
    ]
    for file, table in tables:
        if "profile" in table and table["profile"] != "release":
            text = (
                f"the profile `{table['profile']}` is not used: write its settings to [profile.release] of Cargo.toml"
            )
            yield Notice(text, f"{file}:{_line(root / file, 'profile', 'build')}")
        if table.get("disable_optimizations"):
            text = "disable_optimizations drops LTO and stripping where [profile.release] does not set them"
            yield Notice(text, f"{file}:{_line(root / file, 'disable_optimizations', 'build')}")


def _of_profile(root: Path) -> Iterator[Notice]:
    """Settings that leave out optimisations; those that choose between sizes and speeds are the user's to make."""
    profile = _table(_table(_toml(root / "Cargo.toml"), "profile"), "release")
    dropped = [row for row in _OPTIMISED if row[0] in profile and row[3](profile[row[0]])]
    if not dropped:
        return
    written = ", ".join(f"{key} = {json.dumps(profile[key])}" for key, *_ in dropped)  # TOML spells them alike
    usual = ", ".join(f"{key} = {value}" for key, value, *_ in dropped)
    who = " and ".join(dict.fromkeys(who for _, _, who, _ in dropped))
    line = min(_line(root / "Cargo.toml", key, "profile.release") for key, *_ in dropped)
    text = (
        f"[profile.release] {written} drops optimisations, {who} would have set {usual}: "
        "the zip becomes larger and slower to start"
    )
    yield Notice(text, f"Cargo.toml:{line}")


def _write(*, root: bool) -> str:
    return f"write flags to build.rustflags of {'the workspace' if root else 'this workspace'}'s {_HERE}"


def _configurations(root: Path, environ: Mapping[str, str]) -> Iterator[Path]:
    """Every configuration file cargo would read, the workspace's first."""
    home = cargo_home(environ)
    folders = dict.fromkeys((*(parent / ".cargo" for parent in (root, *root.parents)), home))
    yield from (path for path in map(_config, folders) if path.is_file())


def _config(folder: Path) -> Path:
    """Without a suffix it wins, as in cargo."""
    old = folder / "config"
    return old if old.is_file() else folder / "config.toml"


def _flag_tables(config: Table) -> Iterator[tuple[str, str, Any]]:
    if "rustflags" in _table(config, "build"):
        yield "build", "[build]", config["build"]["rustflags"]
    for name, table in _table(config, "target").items():
        if isinstance(table, dict) and "rustflags" in table:
            yield name, f"[target.{name}]", table["rustflags"]


def _lambda_build(parent: Table) -> Table:
    return _table(_table(_table(parent, "metadata"), "lambda"), "build")


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return tuple(value.split())
    return tuple(str(word) for word in value) if isinstance(value, list) else ()


def _line(path: Path, key: str, table: str) -> int:
    """The first line that sets a key below a heading that names the table; the first line of the file at worst."""
    below = False
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        below = below or table in line
        if below and re.search(rf"(^|[\s.{{,])\"?{re.escape(key)}\"?\s*=", line):
            return number
    return 1


def _shown(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else os.fspath(path)


def _toml(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise BuildError(f"cannot be read as TOML: {error}", where=str(path)) from None
