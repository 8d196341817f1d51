"""The controller's package: all that its handler needs, nothing else, the same bytes wherever it is made."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.controller import bundle as bundling
from pipeline.controller.bundle import ENTRY, HANDLER, Bundle, BundleError, bundle, closure

MODULES = 92  # the budget: each is read and compiled when a function starts cold
BYTES = 600_000
FOREIGN = ("click", "yaml", "pydantic", "pydantic_core", "rich", "git", "msgspec", "python_terraform", "ministack")

# Imports every module of the package with nothing else of this machine's at hand, and loads what is loaded late.
ISOLATED = """
import importlib, importlib.abc, json, sys

class Blocker(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            raise ImportError(f"{name} is not there")
        return None

BLOCKED = set(json.loads(sys.argv[2]))
sys.meta_path.insert(0, Blocker())
sys.path[:] = [sys.argv[1], *(one for one in sys.path if "crabwalk" not in one and one != sys.argv[3])]
for name in json.loads(sys.argv[4]):
    importlib.import_module(name)
loaded = sorted(name for name in sys.modules if name.partition(".")[0] == "pipeline")
where = {name: getattr(sys.modules[name], "__file__", "") for name in loaded}
print(json.dumps({"loaded": where, "tops": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


@pytest.fixture(scope="module")
def made() -> Bundle:
    return bundle()


@pytest.fixture
def unpacked(made: Bundle, tmp_path: Path) -> Path:
    folder = tmp_path / "task"
    with zipfile.ZipFile(io.BytesIO(made.body)) as archive:
        archive.extractall(folder)
    return folder


def test_the_same_sources_make_the_same_bytes(made: Bundle) -> None:
    assert bundle() == made
    with zipfile.ZipFile(io.BytesIO(made.body)) as archive:
        entries = archive.infolist()
    assert [one.filename for one in entries] == sorted(one.filename for one in entries)
    assert {(one.date_time, one.create_system, one.external_attr >> 16, one.compress_type) for one in entries} == {
        ((1980, 1, 1, 0, 0, 0), 3, 0o100644, zipfile.ZIP_STORED)
    }


def test_it_keeps_within_its_budget(made: Bundle) -> None:
    assert len(made.modules) <= MODULES
    assert len(made.body) <= BYTES


def test_it_has_the_handler_and_the_walk_and_neither_terraform_nor_git_nor_manifests(made: Bundle) -> None:
    assert {HANDLER, "pipeline.release.walk.walk", "pipeline.release.judge.judge"} <= {*made.modules}
    folders = {name.split(".")[1] for name in made.modules if "." in name}
    assert folders <= {"abreast", "aws", "controller", "errors", "github", "manifest", "release"}
    assert not [name for name in made.modules if name.startswith("pipeline.manifest.models")]
    assert f"{HANDLER.replace('.', '/')}.handler" == ENTRY


def test_it_runs_with_nothing_but_the_standard_library_and_botocore(made: Bundle, unpacked: Path) -> None:
    import json

    here = str(Path(bundling.__file__).parents[2])
    command = [sys.executable, "-P", "-c", ISOLATED, str(unpacked), json.dumps(FOREIGN), here, json.dumps(made.modules)]
    done = subprocess.run(command, cwd=unpacked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert set(told["loaded"]) == {*made.modules}
    assert all(str(path).startswith(str(unpacked)) for path in told["loaded"].values())
    site = {"botocore", "boto3", "s3transfer", "dateutil", "urllib3", "jmespath", "six", "certifi", "idna"}
    allowed = {*sys.stdlib_module_names, *sys.builtin_module_names, "pipeline", *site}
    foreign = [one for one in told["tops"] if one not in allowed and not one.startswith(("_", "sitecustomize"))]
    assert foreign == []


def write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(bundling, "ROOT", tmp_path)
    for name in ("pipeline", "pipeline/late", "pipeline/passed"):
        write(tmp_path, f"{name}/__init__.py", "")
    return tmp_path


def test_what_a_function_imports_late_is_in_it_and_what_is_for_types_is_not(sources: Path) -> None:
    write(sources, "pipeline/a.py", "def f():\n    from pipeline.late import b\n    import pipeline.c\n")
    write(sources, "pipeline/late/b.py", "if TYPE_CHECKING:\n    import pydantic\n    from pipeline.d import e\n")
    write(sources, "pipeline/c.py", "")
    write(sources, "pipeline/d.py", "")
    assert closure("pipeline.a") == ("pipeline", "pipeline.a", "pipeline.c", "pipeline.late", "pipeline.late.b")


def test_a_package_passed_through_gives_what_it_loads_at_once(sources: Path) -> None:
    write(sources, "pipeline/a.py", "from pipeline.passed.one import x\n")
    write(sources, "pipeline/passed/__init__.py", "import pipeline.c\ndef load():\n    import yaml\n")
    write(sources, "pipeline/passed/one.py", "x = 1\n")
    write(sources, "pipeline/c.py", "")
    assert closure("pipeline.a") == ("pipeline", "pipeline.a", "pipeline.c", "pipeline.passed", "pipeline.passed.one")


@pytest.mark.parametrize("text", ["import yaml\n", "def f():\n    from rich.console import Console\n"])
def test_what_lambda_does_not_have_is_refused(sources: Path, text: str) -> None:
    write(sources, "pipeline/a.py", text)
    with pytest.raises(BundleError, match=r"which Lambda does not have"):
        closure("pipeline.a")
