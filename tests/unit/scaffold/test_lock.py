"""A new package is in Cargo.lock before anybody builds with `--locked`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from pipeline.scaffold import enter


def package(root: Path, name: str, dependencies: str = "") -> None:
    (root / "services" / name / "src").mkdir(parents=True)
    (root / "services" / name / "src" / "main.rs").write_text("fn main() {}\n")
    text = f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n\n[dependencies]\n{dependencies}'
    (root / "services" / name / "Cargo.toml").write_text(text)


def is_locked(root: Path) -> bool:
    command = ("cargo", "metadata", "--locked", "--offline", "--format-version", "1")
    return subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0


def test_a_package_is_entered_without_a_network(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["services/*"]\n')
    for name in ("one", "two"):
        package(tmp_path, name)
        assert not is_locked(tmp_path)
        assert enter(tmp_path) is None
        assert is_locked(tmp_path)


def test_what_cargo_does_not_know_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["services/*"]\n')
    package(tmp_path, "one")
    assert enter(tmp_path) is None
    before = (tmp_path / "Cargo.lock").read_bytes()
    package(tmp_path, "two", 'nobody-wrote-this-crate = "7"\n')
    why = enter(tmp_path)
    assert why is not None
    assert why.startswith("without a network cargo could not: no matching package named `nobody-wrote-this-crate`")
    assert (tmp_path / "Cargo.lock").read_bytes() == before
