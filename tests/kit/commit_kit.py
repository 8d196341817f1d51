"""For the tests of `affected`: a small workspace (hello and health use rust_shared, which uses util), and many small
histories in one repository, written by one `git fast-import`: each case is a base and a head on a branch of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.manifest.project import Project
from pipeline.workspace.affected import affected
from pipeline.workspace.declared import Declared, Kind
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


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True)
class Submodule:
    """A submodule at a commit of another repository."""

    commit: str


Content = str | Link | Submodule
Tree = Mapping[str, Content]


def import_trees(root: Path, branches: Mapping[str, tuple[Tree, Tree]]) -> None:
    """A repository without a work tree of its own; each branch has two commits, whole trees."""
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    stream = []
    for branch, trees in branches.items():
        for number, tree in enumerate(trees):
            stream.append(_commit(branch, number))
            stream += [_written(path, content) for path, content in tree.items()]
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, input="".join(stream).encode(), check=True)


def _commit(branch: str, number: int) -> str:
    return f"commit refs/heads/{branch}\ncommitter A <a@example.org> {number} +0000\n{_data('change')}deleteall\n"


def _written(path: str, content: Content) -> str:
    if isinstance(content, Submodule):
        return f"M 160000 {content.commit} {path}\n"
    if isinstance(content, Link):
        return f"M 120000 inline {path}\n{_data(content.target)}"
    return f"M 100644 inline {path}\n{_data(content)}"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


def service(root: Path, name: str, **more: tuple[str, ...]) -> Declared:
    """A service in services/NAME; hello has an API."""
    triggers = (Kind("http"),) if name == "hello" else ()
    directory = root / "services" / name
    return Declared(
        name=name,
        directory=directory,
        file=directory / "service.yaml",
        features=more.get("features", ()),
        inputs=more.get("inputs", ()),
        extensions=more.get("extensions", ()),
        triggers=triggers,
        resources={},
    )


def chains(root: Path, branch: str, **more: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """What affects each service on a branch, as it is shown."""
    subprocess.run(["git", "symbolic-ref", "HEAD", f"refs/heads/{branch}"], cwd=root, check=True)
    with Repository.open(root) as repository:
        base = repository.resolve("HEAD~1")
        services = [service(root, name, **more.get(name, {})) for name in ("health", "hello")]
        found = affected(repository, Project("demo", root), services, dict.fromkeys(("health", "hello"), base))
    return {one.service: [reason.shown for reason in one.reasons] for one in found if one.affected}
