"""Which environment variables a compilation read (`env!`, `option_env!`, build scripts): inputs that lie in no file.

They are known only after the compiler ran, so the store keeps their names under the first key, and the artifact under
a second one made of their values.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

# What cargo sets for each package, from files that are inputs anyway.
_OF_CARGO = re.compile(
    r"CARGO(_PKG_\w+|_CRATE_NAME|_BIN_NAME|_BIN_EXE_.+|_MANIFEST_\w+|_PRIMARY_PACKAGE|_CFG_\w+|_FEATURE_\w+"
    r"|_ENCODED_RUSTFLAGS|_RUSTC_CURRENT_DIR)?"
    r"|OUT_DIR|TARGET|HOST|NUM_JOBS|OPT_LEVEL|PROFILE|DEBUG|RUSTC|RUSTDOC|RUSTC_LINKER|RUSTFLAGS|LD_LIBRARY_PATH"
)
_DEP_INFO = "# env-dep:"
_RERUN = re.compile(r"cargo::?rerun-if-env-changed=(.+)")
_SET = re.compile(r"cargo::?rustc-env=([^=]+)=")


def of_dep_info(text: str) -> frozenset[str]:
    """The names in rustc's `CRATE.d`."""
    lines = (line for line in text.splitlines() if line.startswith(_DEP_INFO))
    return frozenset(line.removeprefix(_DEP_INFO).partition("=")[0] for line in lines)


def of_build_script(output: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a build script read, and those it set for the compilation of its package."""
    lines = output.splitlines()
    read = frozenset(found[1].strip() for found in map(_RERUN.fullmatch, lines) if found)
    return read, frozenset(found[1] for found in map(_SET.match, lines) if found)


def read(dep_infos: Iterable[Path], outputs: Iterable[Path]) -> tuple[str, ...]:
    """All names that only the user's environment can have given, sorted."""
    names, given = set[str](), set[str]()
    for path in dep_infos:
        names |= of_dep_info(_text(path))
    for path in outputs:
        asked, made = of_build_script(_text(path))
        names |= asked
        given |= made
    return tuple(sorted(name for name in names - given if not _OF_CARGO.fullmatch(name)))


def key(first: str, names: Sequence[str], environ: Mapping[str, str]) -> str:
    """The key of the inputs with the values of these variables as they are now; the first where there are none."""
    if not names:
        return first
    values = {name: environ.get(name) for name in names}
    return hashlib.sha256(f"{first}\n{json.dumps(values, sort_keys=True)}".encode()).hexdigest()


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""
