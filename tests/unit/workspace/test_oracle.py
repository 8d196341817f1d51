"""Random edits of random workspaces, judged beside cargo itself: what cargo builds otherwise is always affected.

The oracle shares nothing with the product: `cargo tree` in two checkouts says which packages with which features a
service is built from, and the bytes of their source files are compared.
"""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest
from commit_kit import ENVIRONMENT, import_trees, service

from pipeline.build.packages import read_workspace
from pipeline.manifest.project import Project
from pipeline.workspace.affected import affected
from pipeline.workspace.cache import Cache
from pipeline.workspace.git import Repository
from pipeline.workspace.snapshot import Side

SERVICES = ("s0", "s1", "s2")
LIBRARIES = tuple(f"lib{number}" for number in range(7))
FEATURES = ("f0", "f1")


class Workspace:
    """Crates with path dependencies only, so that cargo needs no registry."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.sources = dict.fromkeys((*SERVICES, *LIBRARIES), 0)
        self.other = dict.fromkeys(self.sources, 0)  # what no binary is made from
        self.needs: dict[str, dict[str, str]] = {name: {} for name in self.sources}
        self.dev: dict[str, list[str]] = {name: [] for name in self.sources}
        self.lto = False
        for name in self.sources:
            for need in chance.sample(self.below(name), min(len(self.below(name)), chance.randint(0, 3))):
                self.needs[name][need] = self.spec()

    def below(self, name: str) -> list[str]:
        """Libraries a crate may depend on without a circle."""
        return [lib for lib in LIBRARIES if name in SERVICES or lib > name]

    def spec(self) -> str:
        """How a dependency is written."""
        features = self.chance.sample(FEATURES, self.chance.randint(0, 2))
        asked = ", features = [" + ", ".join(f'"{one}"' for one in features) + "]" if features else ""
        return self.chance.choice(
            [
                f'{{ path = "../../libs/FOLDER"{asked} }}',
                f'{{ path = "../../libs/FOLDER", default-features = false{asked} }}',
                f"{{ workspace = true{asked} }}",
                f'{{ path = "../../libs/FOLDER", optional = true{asked} }}',
            ]
        )

    def edit(self) -> None:
        """One random change."""
        chance = self.chance
        name = chance.choice(list(self.sources))
        kind = chance.choice(["source", "other", "need", "need", "dev", "spec", "spec", "lto"])
        if kind == "source":
            self.sources[name] += 1
        elif kind == "other":
            self.other[name] += 1
        elif kind == "lto":
            self.lto = chance.random() < 0.3
        elif kind == "dev":
            self.dev[name] = chance.sample(self.below(name), min(len(self.below(name)), 1))
        elif kind == "spec" and self.needs[name]:
            self.needs[name][chance.choice(list(self.needs[name]))] = self.spec()
        elif self.below(name):
            need = chance.choice(self.below(name))
            if self.needs[name].pop(need, None) is None:
                self.needs[name][need] = self.spec()

    def files(self) -> dict[str, str]:
        """The tree."""
        inherited = "".join(f'{name} = {{ path = "libs/{name}", features = ["f0"] }}\n' for name in LIBRARIES)
        found = {
            "Cargo.toml": (
                '[workspace]\nresolver = "2"\nmembers = ["services/*", "libs/*"]\n'
                f"[workspace.dependencies]\n{inherited}[profile.release]\nlto = {str(self.lto).lower()}\n"
            ),
            "Cargo.lock": self.lock(),
            "crabwalk.yaml": "crabwalk: 1\nproject: demo\n",
        }
        for name in self.sources:
            folder = self.folder(name)
            needs = "".join(f"{need} = {spec}\n".replace("FOLDER", need) for need, spec in self.needs[name].items())
            dev = "".join(f'{need} = {{ path = "../../libs/{need}" }}\n' for need in self.dev[name])
            features = '[features]\ndefault = ["f0"]\nf0 = []\nf1 = []\n' if name in LIBRARIES else ""
            found[f"{folder}/Cargo.toml"] = (
                f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n{features}'
                f"[dependencies]\n{needs}[dev-dependencies]\n{dev}"
            )
            main = "main" if name in SERVICES else "lib"
            found[f"{folder}/src/{main}.rs"] = f"// {self.sources[name]}\nfn main() {{}}\n"
            found[f"{folder}/tests/t.rs"] = found[f"{folder}/README.md"] = f"// {self.other[name]}\n"
        return found

    def folder(self, name: str) -> str:
        return f"{'services' if name in SERVICES else 'libs'}/{name}"

    def lock(self) -> str:
        """Cargo.lock as cargo writes it for path dependencies."""
        parts = []
        for name in sorted(self.sources):
            needs = sorted({*self.needs[name], *self.dev[name]})
            listed = "dependencies = [\n" + "".join(f' "{need}",\n' for need in needs) + "]\n" if needs else ""
            parts.append(f'\n[[package]]\nname = "{name}"\nversion = "0.1.0"\n{listed}')
        head = "# This file is automatically @generated by Cargo.\n# It is not intended for manual editing.\n"
        return f"{head}version = 4\n" + "".join(parts)


def built(checkout: Path, name: str) -> set[str]:
    """What cargo builds a service from: packages, their features, and the bytes of their sources."""
    done = subprocess.run(
        ["cargo", "tree", "--offline", "-p", name, "-e", "normal,build", "--prefix", "none", "-f", "{lib}|{f}|{p}"],
        cwd=checkout,
        check=True,
        capture_output=True,
        text=True,
    )
    found = {line.removesuffix(" (*)").replace(str(checkout), "") for line in done.stdout.splitlines()}
    for line in done.stdout.splitlines():
        folder = Path(line.rpartition("(" + str(checkout))[2].partition(")")[0].lstrip("/"))
        found |= {f"{path.name} {path.read_text()}" for path in (checkout / folder).glob("src/*.rs")}
    assert any(line.endswith(".rs") or "fn main" in line for line in found), "the oracle has read sources"
    return found


def compare(seed: int, tmp_path: Path) -> tuple[int, int]:
    """How many services cargo builds otherwise after some edits, and how many are said to be affected."""
    chance = random.Random(seed)  # noqa: S311 - the same workspace for the same seed
    workspace = Workspace(chance)
    before = workspace.files()
    for _ in range(chance.randint(1, 3)):
        workspace.edit()
    after = workspace.files()
    checkouts = []
    for side, files in (("before", before), ("after", after)):
        checkouts.append(tmp_path / f"{seed}" / side)
        for path, text in files.items():
            (checkouts[-1] / path).parent.mkdir(parents=True, exist_ok=True)
            (checkouts[-1] / path).write_text(text)
    changed = {name for name in SERVICES if built(checkouts[0], name) != built(checkouts[1], name)}
    if before["Cargo.toml"] != after["Cargo.toml"]:
        changed = set(SERVICES)
    for side, files in zip(checkouts, (before, after), strict=True):
        assert (side / "Cargo.lock").read_text() == files["Cargo.lock"], "cargo found the lock as it should be"
    repository = tmp_path / f"{seed}" / "repo"
    import_trees(repository, {"main": (before, after)})
    with Repository.open(repository) as repo:
        bases = dict.fromkeys(SERVICES, repo.resolve("HEAD~1"))
        services = [service(repository, name) for name in SERVICES]
        found = affected(repo, Project("demo", repository), services, bases)
    said = {one.service: [reason.shown for reason in one.reasons] for one in found if one.affected}
    assert changed <= said.keys(), (seed, said)
    shutil.rmtree(tmp_path / f"{seed}")
    return len(changed), len(said)


def judged(seeds: range, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    counts = [compare(seed, tmp_path) for seed in seeds]
    by_cargo, said = (sum(column) for column in zip(*counts, strict=True))
    assert 0 < by_cargo <= said < len(seeds) * len(SERVICES), "both answers occur"


def test_the_build_selects_the_same_packages_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    trees = {}
    for seed in range(25):
        workspace = Workspace(random.Random(seed))  # noqa: S311 - the same workspace for the same seed
        trees[f"seed-{seed}"] = (workspace.files(), workspace.files())
    import_trees(tmp_path / "repo", trees)
    together = 0
    for branch in trees:
        subprocess.run(["git", "checkout", "-q", "-f", branch], cwd=tmp_path / "repo", check=True)
        selected = read_workspace(tmp_path / "repo")
        folders = tuple(f"services/{name}" for name in SERVICES)
        with Repository.open(tmp_path / "repo") as repo:
            companions = Side(repo.tree(), Cache(None, ""), folders).companions
            for name in SERVICES:
                found = [companions.graph.name(folder) for folder in companions.of(f"services/{name}")]
                assert found == [package.name for package in selected.companions(name)], branch
                together += len(found) > 1
    assert 0 < together < len(trees) * len(SERVICES)


def test_never_narrower_than_cargo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged(range(6), tmp_path, monkeypatch)


@pytest.mark.exhaustive
def test_never_narrower_than_cargo_in_many_workspaces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judged(range(100, 220), tmp_path, monkeypatch)
