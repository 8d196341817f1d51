"""Generates a git repository with a large cargo workspace and a history, by `git fast-import`; always the same one.

50 services over 950 libraries (path dependencies six levels deep) over 600 third-party packages, which lie as empty
crates in a directory source, so that cargo works offline.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SERVICES, LIBRARIES, THIRD_PARTY, COMMITS, LEVELS = 50, 950, 600, 200, 6
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
ENVIRONMENT = {
    **os.environ,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


@dataclass
class Workspace:
    """The state that commits change."""

    random: random.Random
    vendor: Path
    versions: dict[str, int] = field(default_factory=dict)  # third-party package: patch level
    needs: dict[str, list[str]] = field(default_factory=dict)  # what each package depends on
    levels: dict[str, int] = field(default_factory=dict)
    features: dict[str, list[str]] = field(default_factory=dict)  # extra features a library asks of tokio
    sources: dict[str, int] = field(default_factory=dict)

    def third_party(self) -> None:
        """Packages that depend on packages of higher numbers, as layers do."""
        names = [f"dep-{number:03}" for number in range(THIRD_PARTY)]
        for number, name in enumerate(names):
            self.versions[name] = 0
            rest = names[number + 1 :]
            self.needs[name] = sorted(self.random.sample(rest, min(len(rest), self.random.choice((0, 1, 2, 3, 5, 8)))))
            self._store(name)

    def local(self) -> None:
        """Libraries on six levels; each needs some of the level below and some third-party packages."""
        libraries = [f"lib-{number:03}" for number in range(LIBRARIES)]
        for number, name in enumerate(libraries):
            self.levels[name] = number * LEVELS // LIBRARIES
        for name, level in self.levels.items():
            below = [other for other, at in self.levels.items() if at == level - 1]
            self.needs[name] = sorted(
                self.random.sample(below, min(len(below), self.random.randint(1, 3)))
                + self.random.sample(sorted(self.versions), self.random.randint(1, 5))
            )
        top = [name for name, level in self.levels.items() if level >= LEVELS - 3]
        for number in range(SERVICES):
            third_party = self.random.sample(sorted(self.versions)[:100], 6)
            self.needs[f"svc-{number:02}"] = sorted(self.random.sample(top, self.random.randint(3, 8)) + third_party)
        for name in [*libraries, *(name for name in self.needs if name.startswith("svc-"))]:
            self.sources[name] = 0

    def _store(self, name: str) -> None:
        """The empty crate of a package in the directory source."""
        version = self.version(name)
        folder = self.vendor / f"{name}-{version}"
        (folder / "src").mkdir(parents=True)
        (folder / "src/lib.rs").write_bytes(b"")
        lines = [f'[package]\nname = "{name}"\nversion = "{version}"\nedition = "2021"\n\n[features]\nextra = []\n']
        lines += [f'\n[dependencies.{need}]\nversion = "1"\n' for need in self.needs[name]]
        (folder / "Cargo.toml").write_text("".join(lines))
        checksums = {"files": {}, "package": self.checksum(name)}
        (folder / ".cargo-checksum.json").write_text(json.dumps(checksums))

    def version(self, name: str) -> str:
        """The version of a third-party package, or of the workspace."""
        return f"1.0.{self.versions[name]}" if name in self.versions else "0.1.0"

    def checksum(self, name: str) -> str:
        """What stands in Cargo.lock."""
        return hashlib.sha256(f"{name} {self.version(name)}".encode()).hexdigest()

    def bump(self, name: str) -> None:
        """A new version of a third-party package."""
        self.versions[name] += 1
        self._store(name)

    def files(self) -> Mapping[str, str]:
        """The whole tree."""
        found = {
            "crabwalk.yaml": "crabwalk: 1\nproject: large\n",
            "Cargo.toml": self._root(),
            "Cargo.lock": self.lock(),
            "README.md": "A large workspace.\n",
            ".gitignore": "target/\n",
            "modules/rust-lambda/main.tf": "# functions\n",
            "modules/http-api/main.tf": "# APIs\n",
        }
        for name in self.sources:
            found[f"{self.folder(name)}/Cargo.toml"] = self.manifest(name)
            found.update(self.source(name))
            if name.startswith("svc-"):
                found[f"services/{name}/service.yaml"] = _SERVICE.format(name=name)
                found[f"services/{name}/events/get.json"] = '{"version": "2.0"}\n'
            else:
                found[f"libs/{name}/README.md"] = f"# {name}\n"
        return found

    def folder(self, name: str) -> str:
        """Where a local crate lies."""
        return f"{'services' if name.startswith('svc-') else 'libs'}/{name}"

    def source(self, name: str) -> Mapping[str, str]:
        """The source files of a local crate."""
        main = "main" if name.startswith("svc-") else "lib"
        text = f"//! {name}\nmod part;\n"
        return {
            f"{self.folder(name)}/src/{main}.rs": text + ("fn main() {}\n" if main == "main" else ""),
            f"{self.folder(name)}/src/part.rs": f"pub const REVISION: u32 = {self.sources[name]};\n" * 20,
        }

    def manifest(self, name: str) -> str:
        """A local crate's Cargo.toml."""
        extra = self.features.get(name, [])
        lines = [
            f'[package]\nname = "{name}"\ndescription = "The crate {name}."\n',
            "version.workspace = true\nedition.workspace = true\nlicense.workspace = true\n\n[dependencies]\n",
        ]
        for need in self.needs[name]:
            if need in extra:
                lines.append(f'{need} = {{ workspace = true, features = ["extra"] }}\n')
            elif need in self.versions:
                lines.append(f"{need}.workspace = true\n")
            else:
                lines.append(f'{need} = {{ path = "../../{self.folder(need)}" }}\n')
        lines.append("\n[dev-dependencies]\ndep-599.workspace = true\n\n[lints]\nworkspace = true\n")
        return "".join(lines)

    def _root(self) -> str:
        head = (
            '[workspace]\nresolver = "3"\nmembers = ["libs/*", "services/*"]\n\n'
            '[workspace.package]\nversion = "0.1.0"\nedition = "2021"\nlicense = "MIT"\n\n[workspace.dependencies]\n'
        )
        tail = '\n[workspace.lints.rust]\nmissing_docs = "warn"\n\n[profile.release]\nlto = true\nstrip = true\n'
        return head + "".join(f'{name} = "1"\n' for name in sorted(self.versions)) + tail

    def lock(self) -> str:
        """Cargo.lock as cargo writes it."""
        parts = ["# This file is automatically @generated by Cargo.\n# It is not intended for manual editing.\n"]
        parts.append("version = 4\n")
        for name in sorted(self.needs):
            parts.append(f'\n[[package]]\nname = "{name}"\nversion = "{self.version(name)}"\n')
            if name in self.versions:
                parts.append(f'source = "{REGISTRY}"\nchecksum = "{self.checksum(name)}"\n')
            needs = {*self.needs[name], *(() if name in self.versions else ("dep-599",))}
            if needs:
                parts.append("dependencies = [\n" + "".join(f' "{need}",\n' for need in sorted(needs)) + "]\n")
        return "".join(parts)

    def change(self, kind: str) -> Mapping[str, str]:
        """One commit: `sources`, `manifests` or `versions`; the files it writes."""
        name = self.random.choice(sorted(self.sources))
        if kind == "sources":
            self.sources[name] += 1
            return self.source(name)
        if kind == "manifests":
            lib = self.random.choice(
                [lib for lib in self.levels if any(need in self.versions for need in self.needs[lib])]
            )
            need = self.random.choice([need for need in self.needs[lib] if need in self.versions])
            if need in self.features.get(lib, []):
                self.features[lib].remove(need)
            else:
                self.features.setdefault(lib, []).append(need)
            fresh = self.random.choice([dep for dep in self.versions if dep not in self.needs[lib]])
            self.needs[lib] = sorted([*self.needs[lib], fresh])
            return {f"{self.folder(lib)}/Cargo.toml": self.manifest(lib), "Cargo.lock": self.lock()}
        for dep in self.random.sample(sorted(self.versions), 2):
            self.bump(dep)
        return {"Cargo.lock": self.lock()}


_SERVICE = """crabwalk: 1
name: {name}
description: One of many.
architecture: arm64
memory: 256 MB
timeout: 5 s
stack: web
environment: {{RUST_LOG: info, MODE: fast}}
log_retention: 7 days
triggers:
  - http: {{routes: ["GET /{name}", "POST /{name}"]}}
release:
  steps: [{{traffic: 10 %, bake: 10 min}}, {{traffic: 50 %, bake: 10 min}}]
  min_requests: 100
  smoke: [events/get.json]
"""


def generate(folder: Path) -> list[tuple[str, str]]:
    """A repository in `folder`/repo, third-party crates in `folder`/vendor; kinds and ids of the commits."""
    repo, vendor = folder / "repo", folder / "vendor"
    space = Workspace(random.Random(4), vendor)  # noqa: S311 - the same workspace every time
    space.third_party()
    space.local()
    kinds = ["first", *(("sources", "manifests", "versions")[number % 3] for number in range(COMMITS - 1))]
    stream: list[bytes] = []
    for number, kind in enumerate(kinds):
        files = space.files() if kind == "first" else space.change(kind)
        stream.append(_commit(number, f"{kind} {number}", files))
    git(folder, "init", "-q", "-b", "main", str(repo))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=repo, env=ENVIRONMENT, input=b"".join(stream), check=True)
    git(repo, "reset", "-q", "--hard", "main")
    git(repo, "repack", "-adq")
    ids = git(repo, "rev-list", "--reverse", "main").split()
    home = folder / "cargo"
    home.mkdir()
    (home / "config.toml").write_text(
        f'[source.crates-io]\nreplace-with = "vendored"\n[source.vendored]\ndirectory = "{vendor}"\n'
    )
    return list(zip(kinds, ids, strict=True))


def git(folder: Path, *arguments: str) -> str:
    """Runs git and returns what it says."""
    done = subprocess.run(["git", *arguments], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _commit(number: int, subject: str, files: Mapping[str, str]) -> bytes:
    lines = [
        f"commit refs/heads/main\nmark :{number + 1}\ncommitter A <a@example.org> {1_700_000_000 + number} +0000\n",
        f"data {len(subject)}\n{subject}\n",
        f"from :{number}\n" if number else "",
    ]
    for path, text in files.items():
        lines.append(f"M 100644 inline {path}\ndata {len(text.encode())}\n{text}\n")
    return "".join(lines).encode()
