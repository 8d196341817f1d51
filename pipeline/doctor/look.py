"""Looks for everything a role's verbs need, in the order in which one thing needs the other. Raises nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.carried import modules
from pipeline.doctor import tools
from pipeline.doctor.finding import Finding, missing, ok, skipped, unsure
from pipeline.doctor.needs import TOOLS
from pipeline.errors import CrabwalkError, ManifestError

if TYPE_CHECKING:
    from pipeline.manifest.environments import Environment
    from pipeline.manifest.models import Service
    from pipeline.manifest.project import Project

PROJECT = "project"


def look(
    root: Path | None, project: Project | None, env: Environment | None, role: str | None, *, down: bool = False
) -> Iterator[Finding]:
    """Every finding; `root`: where a project file is, readable or not. `down`: `local` was named, and is."""
    subject = _Subject(root, project, env)
    yield tools.python()
    for name in ("git", "rust", "linking", "deny", "terraform", "local"):
        if name in TOOLS[role]:
            yield from _told(tools.PART, name, subject.tool(name))
    yield from _told(PROJECT, "manifests", subject.project_findings())
    if root is not None and "git" in TOOLS[role]:
        yield from _told(PROJECT, "git repository", _repository(root))
    if down:
        yield missing(
            "environment", "embedded AWS", "it is not running", "`local`, which was named", "crabwalk local up"
        )
        return
    if env is None or project is None:
        why = "no --env, and the embedded AWS is down" if project is not None else "there is no project"
        yield skipped("environment", "AWS", why, "an environment to look at")
        return
    from pipeline.doctor.aws import environment

    yield from _told("environment", "AWS", environment(project, env, role))


def _told(part: str, subject: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """What goes wrong while it is looked for is a finding, too: the rest is looked for all the same."""
    try:
        yield from findings
    except (CrabwalkError, OSError, ValueError) as error:
        what = error.what if isinstance(error, CrabwalkError) else str(error)
        yield unsure(
            part, subject, f"it cannot be looked at: {what}", "to be looked at", getattr(error, "hint", "") or ""
        )


@dataclass(frozen=True)
class _Subject:
    """What is looked at; each part is read when it is first asked for."""

    root: Path | None
    project: Project | None
    env: Environment | None

    def tool(self, name: str) -> Iterator[Finding]:
        settings = self.project.build if self.project is not None else None
        if name == "git":
            yield tools.git()
        elif name == "rust":
            yield from tools.rust(self._triples, self._minimum)
        elif name == "linking":
            compiler, auditable = (settings.compiler, settings.auditable) if settings else ("cargo-zigbuild", False)
            yield from tools.linking(compiler, auditable=auditable)
        elif name == "deny":
            yield tools.deny(settings.deny if settings else "auto", self.root)
        elif name == "terraform":
            yield from tools.terraform(self._lock)
        else:
            yield tools.embedded()
            if self.env is not None and self.env.embedded:
                yield tools.emulator({service.architecture for service in self.services})

    def project_findings(self) -> Iterator[Finding]:
        """The project file, its manifests, the repository around it."""
        needed = "a crabwalk.yaml and valid manifests"
        if self.root is None:
            yield missing(PROJECT, "project file", "none here or in any folder above", needed, "crabwalk init")
            return
        from pipeline.manifest import check_all

        try:
            _, services = check_all(self.root, [])
        except ManifestError as error:
            yield missing(PROJECT, "manifests", error.what, needed, "crabwalk check")
        else:
            count = f"{len(services)} manifest{'' if len(services) == 1 else 's'}"
            yield ok(PROJECT, "manifests", f"{count} in {self.root}", needed)

    @cached_property
    def services(self) -> tuple[Service, ...]:
        from pipeline.manifest import load_services

        if self.project is None:
            return ()
        try:
            return load_services(self.project, self.env.name if self.env else None)
        except ManifestError:
            return ()

    @cached_property
    def _triples(self) -> frozenset[str]:
        from pipeline.build.targets import Platform, platform

        found = (platform(one.architecture, one.target, one.runtime).triple for one in self.services)
        return frozenset(found) or frozenset({Platform("arm64").triple})

    @cached_property
    def _minimum(self) -> tuple[int, ...]:
        from pipeline.build.plan import oldest_rust

        if self.root is None or not self.services:
            return ()
        try:
            return oldest_rust(self.root, self.services)
        except CrabwalkError:
            return ()

    @property
    def _lock(self) -> bytes:
        return (modules(self.root or Path.cwd()) / ".terraform.lock.hcl").read_bytes()


def _repository(root: Path) -> Iterator[Finding]:
    """What a release reads of git: commits, and enough of them."""
    from pipeline.workspace.plumbing import GitFault, run

    needed = "a git repository with the commits that are deployed"
    try:
        shallow = run(root, "rev-parse", "--is-shallow-repository").strip() == "true"
        run(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    except GitFault as fault:
        fix = "git init, git add --all, git commit" if "not a git" in fault.said else "git add --all, then git commit"
        if "dubious ownership" in fault.said:
            fix = f"git config --global --add safe.directory {root}"
        what = fault.said.splitlines()[0] if fault.said else "it has no commit yet"
        yield missing(PROJECT, "git repository", what, needed, fix)
        return
    if shallow:
        fix = "fetch-depth: 0 of actions/checkout" if os.environ.get("GITHUB_ACTIONS") else "git fetch --unshallow"
        yield missing(PROJECT, "git repository", "it is shallow: earlier commits are not there", needed, fix)
        return
    yield ok(PROJECT, "git repository", "it has commits", needed)
