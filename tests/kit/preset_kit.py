"""Runs the jobs of the presets for GitLab and Buildkite on this machine: their commands, with what each server sets."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import standin_kit
import yaml
from shop_kit import REPOSITORY
from workflow_kit import machine

LINE_S = 900
# `python3 -m venv FOLDER` makes a folder whose pip installs crabwalk by its number only.
_PYTHON = """#!{python}
import sys
from pathlib import Path
words = sys.argv[1:]
assert words[:2] == ["-m", "venv"], words
home = Path(words[2]) / "bin"
home.mkdir(parents=True)
pip = home / "pip"
pip.write_text(Path(__file__).with_name("pip-of-venv").read_text())
pip.chmod(0o755)
"""
_PIP = """#!{python}
import re, sys
from pathlib import Path
words = sys.argv[1:]
assert words[:2] == ["install", "--quiet"] and re.fullmatch(r"crabwalk==\\d+\\.\\d+\\.\\d+", words[2]), words
made = Path(__file__).with_name("crabwalk")
made.write_text('#!/bin/sh\\nexec "{bin}/crabwalk" "$@"\\n')
made.chmod(0o755)
"""
# `buildkite-agent artifact download GLOB .`, from what a build step left.
_AGENT = """#!{python}
import os, shutil, sys
words = sys.argv[1:]
assert words == ["artifact", "download", ".crabwalk/store/**/*", "."], words
shutil.copytree(os.environ["TEST_ARTIFACTS"], ".crabwalk/store", dirs_exist_ok=True)
"""


@dataclass
class Reference:
    """GitLab's `!reference [job, key]`."""

    path: list[str]


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_constructor("!reference", lambda loader, node: Reference(loader.construct_sequence(node)))


@dataclass
class Server:
    """A server whose agent works in `folder`, on clones of `root`."""

    root: Path
    folder: Path
    environment: str
    numbers: int = 0

    def gitlab(self, job: str, **variables: str) -> str:
        """Run a job of the preset for GitLab; what it said. AssertionError when it fails."""
        file = _named(REPOSITORY / "presets/gitlab/gitlab-ci.yml", self.environment)
        said = yaml.load(file, _Loader)  # noqa: S506 - a safe loader with one tag more
        found = _extended(said, job)
        work = self._clone()
        told = {"CI": "true", "GITLAB_CI": "true", "CI_PROJECT_DIR": str(work), "AWS_TOKEN": "a.signed.token"}
        told |= {name: str(value) for name, value in {**said["variables"], **found.get("variables", {})}.items()}
        told = {name: re.sub(r"\$(\w+)", lambda one: told.get(one[1], ""), value) for name, value in told.items()}
        lines = [*_flat(said, found.get("before_script", [])), *_flat(said, found["script"])]
        cached = work / ".crabwalk/store"
        if (self.folder / "store").is_dir():
            shutil.copytree(self.folder / "store", cached)
        try:
            return self._run(work, lines, {**told, **variables})
        finally:
            self._kept(cached)

    def buildkite(self, file: str, key: str, **variables: str) -> str:
        """Run a step of a pipeline for Buildkite."""
        said = yaml.safe_load(_named(REPOSITORY / f"presets/buildkite/{file}.yml", self.environment))
        (step,) = (one for one in said["steps"] if one.get("key") == key)
        commands = [step["command"]] if isinstance(step["command"], str) else step["command"]
        work = self._clone()
        env = {"CI": "true", "BUILDKITE": "true", "TEST_ARTIFACTS": str(self.folder / "store"), **step.get("env", {})}
        try:
            return self._run(work, [one.replace("$$", "$") for one in commands], {**env, **variables}, installed=True)
        finally:
            self._kept(work / ".crabwalk/store")

    def _clone(self) -> Path:
        self.numbers += 1
        work = self.folder / f"work-{self.numbers}"
        subprocess.run(("git", "clone", "--quiet", str(self.root), str(work)), check=True)
        return work

    def _kept(self, store: Path) -> None:
        if store.is_dir():
            shutil.copytree(store, self.folder / "store", dirs_exist_ok=True)

    def _run(self, work: Path, lines: list[str], told: Mapping[str, str], *, installed: bool = False) -> str:
        tools = self.folder / "tools"
        standin_kit.tool(tools / "python3", _PYTHON)
        standin_kit.tool(tools / "pip-of-venv", _PIP)
        standin_kit.tool(tools / "buildkite-agent", _AGENT)
        standin_kit.tool(tools / "deny" / "cargo-deny", "#!/bin/sh\necho cargo-deny 0.20.2\n")
        if installed:
            standin_kit.tool(tools / "installed" / "crabwalk", '#!/bin/sh\nexec "{bin}/crabwalk" "$@"\n')
        base = machine()
        path = [str(tools / "installed")] if installed else []
        path += [str(tools), str(tools / "deny"), base["PATH"]]
        done = subprocess.run(
            ("bash", "-eo", "pipefail", "-c", "\n".join(lines)),
            cwd=work,
            env={**base, **told, "PATH": os.pathsep.join(path)},
            capture_output=True,
            text=True,
            timeout=LINE_S,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 0, said
        assert "Traceback" not in said
        return said


def _named(file: Path, environment: str) -> str:
    """The preset for a project whose environments are both this one."""
    return re.sub(r"--env (?:staging|production)", f"--env {environment}", file.read_text())


def _extended(said: Mapping[str, Any], job: str) -> dict[str, Any]:
    """A job with what it extends."""
    own = dict(said[job])
    base = own.pop("extends", None)
    return {**(_extended(said, base) if base else {}), **own}


def _flat(said: Mapping[str, Any], lines: list[Any]) -> list[str]:
    found: list[str] = []
    for one in lines:
        if isinstance(one, Reference):
            job, key = one.path
            found += _flat(said, _extended(said, job)[key])
        else:
            found.append(str(one))
    return found
