"""A real git repository with a small cargo workspace: hello and health use rust_shared, which uses util."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from commit_kit import ENVIRONMENT, FILES

from pipeline.manifest import load_services
from pipeline.manifest.project import load_project
from pipeline.workspace.affected import affected
from pipeline.workspace.git import Repository


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
