"""A small repository on disk, written anew for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import ManifestError
from pipeline.manifest import load_services
from pipeline.manifest.project import load_project

PROJECT = 'crabwalk: 1\nproject: demo\nenvironments:\n  staging: {account: "123456789012", region: eu-west-1}\n'
SERVICE = "crabwalk: 1\nname: {name}\n"


class Tree:
    """Writes files below a root and loads what they say."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("crabwalk.yaml", PROJECT)

    def write(self, path: str, text: str | bytes) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)

    def crate(self, name: str, extra: str = "") -> None:
        self.write(f"services/{name}/Cargo.toml", f'[package]\nname = "{name}"\nversion = "0.1.0"\n{extra}')
        self.write(f"services/{name}/src/main.rs", "fn main() {}\n")

    def service(self, name: str, lines: str | bytes = "", *, crate: bool = True) -> None:
        """A service with these lines below its name; bytes are the whole file."""
        text = lines if isinstance(lines, bytes) else SERVICE.format(name=name) + lines
        self.write(f"services/{name}/service.yaml", text)
        if crate:
            self.crate(name)

    def load(self, environment: str | None = None):
        return load_services(load_project(self.root), environment)

    def problems(self, environment: str | None = None) -> list[str]:
        try:
            self.load(environment)
        except ManifestError as error:
            return [str(problem) for problem in error.problems]
        return []


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)
