"""A project whose services stand at AWS without ever having been built: real Terraform, records written by hand."""

from __future__ import annotations

import hashlib
import os
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

import edge_kit
import pytest

from pipeline.aws import client
from pipeline.aws.objects import Objects
from pipeline.cli import run
from pipeline.deploying.converge import converge
from pipeline.deploying.setting import Setting, read_setting
from pipeline.deploying.stacks import plan_stack
from pipeline.manifest import load_services
from pipeline.manifest.environments import Environment
from pipeline.manifest.project import environment, load_project
from pipeline.release.ledger.records import Released, ServiceRecord
from pipeline.release.walk.act import Engine
from pipeline.report.console import Console
from pipeline.workspace.git import Repository

REPOSITORY = Path(__file__).parents[2]
MANIFEST = """crabwalk: 1
name: {name}
{stack}architecture: x86_64
triggers: [{{http: {{routes: [GET /]}}}}]
{more}"""


@dataclass
class Stand:
    """Services with manifests in a git repository, and verbs that run in this process."""

    root: Path
    project: str
    more: dict[str, str] = field(default_factory=dict)  # further lines of a service's manifest

    @classmethod
    def make(cls, root: Path, project: str, more: dict[str, str] | None = None, **stacks: str) -> Stand:
        """`stacks`: by service, the stack its manifest names; empty for none."""
        root.mkdir()
        made = cls(root, project, more or {})
        (root / "crabwalk.yaml").write_text(f"crabwalk: 1\nproject: {project}\n")
        (root / "Cargo.toml").write_text('[workspace]\nresolver = "3"\nmembers = ["services/*"]\n')
        (root / ".gitignore").write_text("modules\n.crabwalk\n")
        (root / "modules").symlink_to(REPOSITORY / "modules")
        for name, stack in stacks.items():
            made.declare(name, stack)
        made.git("init", "--quiet", "--initial-branch", "main")
        made.commit("first")
        client(made.env, "s3").create_bucket(Bucket=made.env.bucket)
        return made

    def declare(self, name: str, stack: str = "") -> None:
        service = self.root / "services" / name
        (service / "src").mkdir(parents=True, exist_ok=True)
        (service / "Cargo.toml").write_text(f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2024"\n')
        (service / "src" / "main.rs").write_text("fn main() {}\n")
        (service / "service.yaml").write_text(
            MANIFEST.format(name=name, stack=f"stack: {stack}\n" if stack else "", more=self.more.get(name, ""))
        )

    def own(self, name: str, text: str) -> None:
        """Give a service Terraform of its own."""
        folder = self.root / "services" / name / "infra"
        folder.mkdir(exist_ok=True)
        (folder / "main.tf").write_text(text)

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments]
        env = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True, env=env).stdout

    def commit(self, subject: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", subject)

    @property
    def env(self) -> Environment:
        return environment(load_project(self.root), "local")

    @property
    def engine(self) -> Engine:
        return Engine(self.env)

    def setting(self) -> Setting:
        project = load_project(self.root)
        with Repository.open(self.root) as repo:
            return read_setting(project, self.env, load_services(project, "local"), repo, self.engine)

    def released(self, *services: str) -> None:
        """As if each had its first release: a version, a record, and its whole infrastructure applied."""
        package = edge_kit.package()
        key = hashlib.sha256(package).hexdigest()
        Objects(self.env).put(f"artifacts/{key}.zip", package)
        setting = self.setting()
        for name in services:
            released = Released("20260101T000000-000001", "1", setting.commit, key, "c", 0.0)
            self.engine.ledger.save(ServiceRecord(name, promoted=released))
        setting = self.setting()
        for stack in sorted({one.stack for one in setting.services if one.name in services}):
            self.apply(setting, stack)
        functions = client(self.env, "lambda")
        for name in services:
            function = f"{self.project}-local-{name}"
            version = functions.publish_version(FunctionName=function)["Version"]
            functions.update_alias(FunctionName=function, Name="live", FunctionVersion=version)

    def apply(self, setting: Setting, stack: str) -> None:
        """Bring a stack to what its manifests say."""
        planned = plan_stack(setting, stack, {})
        converge(self.engine, setting, planned, (), Console(), before_apply=lambda: None)

    def settle(self, service: str) -> None:
        """Record what a release would: which configuration it was."""
        setting = self.setting()
        stack = next(one.stack for one in setting.services if one.name == service)
        walks = plan_stack(setting, stack, {}).root.walk_fingerprints[service]
        record = setting.records[service]
        assert record.promoted is not None
        self.engine.ledger.save(replace(record, promoted=replace(record.promoted, configuration=walks)))

    def crabwalk(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
        """A verb in this process: its exit code and what it said."""
        capsys.readouterr()
        code = run([*arguments, "--env", "local"])
        said = capsys.readouterr()
        return code, said.out, said.err
