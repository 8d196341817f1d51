"""A real git repository with a small cargo workspace: hello and health use rust_shared, which uses util."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.manifest import load_services
from pipeline.manifest.project import load_project
from pipeline.workspace.affected import affected
from pipeline.workspace.git import Repository

LOCK = """version = 4

[[package]]
name = "health"
version = "0.1.0"
dependencies = ["rust_shared", "tokio"]

[[package]]
name = "hello"
version = "0.1.0"
dependencies = ["proptest", "rust_shared", "serde 1.0.1"]

[[package]]
name = "proptest"
version = "1.0.0"
source = "registry+https://example.org/index"
checksum = "aa"
dependencies = ["rand"]

[[package]]
name = "rand"
version = "0.8.0"
source = "registry+https://example.org/index"
checksum = "bb"

[[package]]
name = "rust_shared"
version = "0.1.0"
dependencies = ["itoa", "util"]

[[package]]
name = "itoa"
version = "1.0.0"
source = "registry+https://example.org/index"
checksum = "cc"

[[package]]
name = "serde"
version = "1.0.1"
source = "registry+https://example.org/index"
checksum = "dd"

[[package]]
name = "serde"
version = "0.9.0"
source = "registry+https://example.org/index"
checksum = "d9"

[[package]]
name = "tokio"
version = "1.40.0"
source = "registry+https://example.org/index"
checksum = "ee"

[[package]]
name = "util"
version = "0.1.0"
"""

FILES = {
    "crabwalk.yaml": "crabwalk: 1\nproject: demo\n",
    "Cargo.toml": (
        '[workspace]\nmembers = ["services/*", "rust_shared", "util", "devtools"]\n'
        '[workspace.package]\nversion = "0.1.0"\nedition = "2024"\n'
        '[workspace.dependencies]\nrust_shared = { path = "rust_shared" }\nserde = "1"\ntokio = "1"\n'
        "[profile.release]\nlto = true\n"
    ),
    "Cargo.lock": LOCK,
    "README.md": "demo\n",
    "modules/rust-lambda/main.tf": "# lambda\n",
    "modules/rust-lambda/tests/a.tftest.hcl": "# test\n",
    "modules/http-api/main.tf": "# api\n",
    "rust_shared/Cargo.toml": (
        '[package]\nname = "rust_shared"\nversion.workspace = true\n'
        '[dependencies]\nitoa = "1"\nutil = { path = "../util" }\n'
    ),
    "rust_shared/src/lib.rs": "// shared\n",
    "util/Cargo.toml": '[package]\nname = "util"\nversion = "0.1.0"\n',
    "util/src/lib.rs": "// util\n",
    "devtools/Cargo.toml": '[package]\nname = "devtools"\nversion = "0.1.0"\n',
    "devtools/src/lib.rs": "// devtools\n",
    "services/hello/Cargo.toml": (
        '[package]\nname = "hello"\nversion = "0.1.0"\n'
        "[dependencies]\nrust_shared = { workspace = true }\nserde.workspace = true\n"
        '[dev-dependencies]\nproptest = "1"\ndevtools = { path = "../../devtools" }\n'
    ),
    "services/hello/src/main.rs": "fn main() {}\n",
    "services/hello/service.yaml": 'crabwalk: 1\nname: hello\ntriggers: [{http: {routes: ["GET /"]}}]\n',
    "services/health/Cargo.toml": (
        '[package]\nname = "health"\nversion = "0.1.0"\n'
        '[target."cfg(unix)".dependencies]\nrust_shared = { path = "../../rust_shared" }\n'
        "[dependencies]\ntokio.workspace = true\n"
    ),
    "services/health/src/main.rs": "fn main() {}\n",
    "services/health/service.yaml": "crabwalk: 1\nname: health\n",
}

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}


class Clone:
    """A work tree under test."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: list[Repository] = []

    def git(self, *arguments: str) -> str:
        command = ["git", *arguments]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True).stdout.strip()

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def replace(self, path: str, old: str, new: str) -> None:
        before = (self.root / path).read_text()
        assert old in before
        self.write(path, before.replace(old, new))

    def commit(self, subject: str = "change") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", subject)
        return self.git("rev-parse", "HEAD")

    def open(self) -> Repository:
        repository = Repository.open(self.root)
        self._open.append(repository)
        return repository

    def affected(self, bases: dict[str, str | None]) -> dict[str, list[str]]:
        """The reasons of each service, as sentences."""
        project = load_project(self.root)
        found = affected(self.open(), project, load_services(project, None), bases)
        return {one.service: [reason.detail for reason in one.reasons] for one in found}

    def close(self) -> None:
        for repository in self._open:
            repository.close()


@pytest.fixture(autouse=True)
def _own_git_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("CRABWALK_CACHE", str(tmp_path_factory.getbasetemp() / "crabwalk-cache"))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    clone = Clone(tmp_path / "repo")
    clone.root.mkdir()
    clone.git("init", "-q", "-b", "main")
    for path, text in FILES.items():
        clone.write(path, text)
    clone.commit("first")
    yield clone
    clone.close()
