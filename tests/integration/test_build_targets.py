"""Other targets, compilers and kinds of packages than the usual ones."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from tiny_kit import MACHINE, TARGET, packed, plan, says, silent

from pipeline.build import elf, execute_build
from pipeline.build.cache import directory as cache_directory
from pipeline.build.targets import INTERPRETERS

pytestmark = pytest.mark.usefixtures("build_cache")


def test_glibc_with_the_floor_of_the_runtime(tree: Path, tmp_path: Path) -> None:
    (artifact,) = execute_build(plan(tree, "one", target="gnu", runtime="provided.al2"), silent)
    assert artifact.triple == f"{TARGET.replace('musl', 'gnu')}.2.26"
    assert says(artifact, tmp_path) == "one: shared words"
    found = elf.read(packed(artifact))
    assert (found.interpreter, found.stripped) == (INTERPRETERS[MACHINE], True)
    assert "libc.so.6" in found.libraries


def test_plain_cargo_has_its_own_folder_and_key(tree: Path, tmp_path: Path) -> None:
    execute_build(plan(tree, "one"), silent)
    plain = plan(tree, "one", compiler="cargo")
    assert plain.stored == ()
    (artifact,) = execute_build(plain, silent)
    assert says(artifact, tmp_path) == "one: shared words"
    assert len(list((cache_directory() / "target").iterdir())) == 2


def test_an_extension_is_packed_under_its_name(tree: Path) -> None:
    (artifact,) = execute_build(plan(tree, "one", kind="extension"), silent)
    with zipfile.ZipFile(artifact.path) as archive:
        assert archive.namelist() == ["extensions/one"]
