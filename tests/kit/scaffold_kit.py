"""A repository with one service of every kind, as a new user would have it or with this repository's habits.

Its crates are pinned, so that builds of it are the same everywhere: by `tests/integration/scaffold/*.lock`, which
`.venv/bin/python tests/kit/scaffold_kit.py` writes anew, starting from this repository's Cargo.lock (needs a registry).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from pipeline.manifest.project import load_project
from pipeline.scaffold import KINDS, plan, write

REPOSITORY = Path(__file__).parents[2]
LOCKS = REPOSITORY / "tests" / "integration" / "scaffold"
SERVICES = tuple(f"a-{kind}" for kind in KINDS)
PLAIN = '[workspace]\nresolver = "3"\nmembers = ["services/*"]\n'
# What a release needs to be small; everything else of a plain workspace is cargo's default.
PROFILE = '\n[profile.release]\nopt-level = "s"\nlto = true\ncodegen-units = 1\nstrip = true\n'
HABITS = ("Cargo.toml", "rustfmt.toml", "clippy.toml", "rust_shared")


def generate(root: Path, *, shared: bool) -> Path:
    """All kinds in a repository of a user's own (`plain`), or in one like this (`shared`)."""
    root.mkdir(parents=True)
    (root / "crabwalk.yaml").write_text("crabwalk: 1\nproject: kinds\n")
    (root / "Cargo.toml").write_text(PLAIN + PROFILE)
    for name in HABITS if shared else ():
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, root / name)
        else:
            shutil.copy(source, root / name)
    if shared:  # a test of rust_shared reads an event of `hello`
        shutil.copytree(REPOSITORY / "services" / "hello", root / "services" / "hello")
    project = load_project(root)
    for kind in KINDS:
        write(plan(project, f"a-{kind}", kind))
    lock = _lock(shared=shared)
    if lock.is_file():
        shutil.copy(lock, root / "Cargo.lock")
    return root


def _lock(*, shared: bool) -> Path:
    return LOCKS / ("shared.lock" if shared else "plain.lock")


def refresh() -> None:
    """Write the lock files anew."""
    LOCKS.mkdir(exist_ok=True)
    for shared in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            root = generate(Path(folder) / "repository", shared=shared)
            shutil.copy(REPOSITORY / "Cargo.lock", root / "Cargo.lock")
            command = ("cargo", "update", "--workspace", "--manifest-path", str(root / "Cargo.toml"))
            subprocess.run(command, check=True)
            shutil.copy(root / "Cargo.lock", _lock(shared=shared))


if __name__ == "__main__":
    refresh()
