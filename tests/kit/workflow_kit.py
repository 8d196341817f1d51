"""Runs the repository's workflows on this machine, from their YAML: events, jobs, matrices, queues, permissions.

Why not act (0.2.89 can be installed here): it knows neither `$/` for the workflow's own repository nor `queue`, checks
no permissions, and does not cancel as GitHub does; these are what the tests are about.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import standin_kit
import yaml
from expression_kit import Contexts
from job_kit import Cancel, Job

JOB_KEYS = {
    "name", "needs", "if", "runs-on", "timeout-minutes", "permissions", "env", "outputs", "steps", "strategy",
    "environment", "concurrency",
}  # fmt: skip
NAME = "acme/shop"
# Where the machine's tools are, and the embedded AWS. The user's cache is a runner's disk: compilations are kept there.
KEPT = (
    "HOME", "LANG", "CARGO_HOME", "RUSTUP_HOME", "TF_CLI_CONFIG_FILE", "CRABWALK_PROVIDER_MIRROR", "CRABWALK_RUST",
    "CRABWALK_LOCAL_DIR", "XDG_CACHE_HOME",
)  # fmt: skip
_numbers = itertools.count(1000)


@dataclass
class Ran:
    """What came of a run: its jobs by their keys, a matrix's each."""

    jobs: dict[str, list[Job]] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)
    number: str = ""

    def one(self, key: str) -> Job:
        (job,) = self.jobs[key]
        return job

    @property
    def log(self) -> str:
        return "\n".join(f"=== {job.name}: {job.result}\n{job.log}" for jobs in self.jobs.values() for job in jobs)

    @property
    def conclusion(self) -> str:
        found = set(self.results.values())
        return next((one for one in ("cancelled", "failure") if one in found), "success")


@dataclass
class GitHub:
    """One repository at GitHub, its runners, and what its jobs left behind."""

    root: Path  # the repository; branches and commits are pushed there
    folder: Path  # where jobs run
    aws: Mapping[str, str]  # what a role's credentials are
    variables: Mapping[str, str] = field(default_factory=dict)  # of the repository
    environ: Mapping[str, str] = field(default_factory=dict)  # of every runner
    api: str = ""
    filled: int = 0  # bytes that lie in each step's summary already
    disk: Path | None = None  # a store that builders' disks have already
    attested: set[str] = field(default_factory=set)
    roles: list[tuple[str, str, str]] = field(default_factory=list)
    tokens: dict[str, Mapping[str, str]] = field(default_factory=dict)
    queues: defaultdict[str, threading.Lock] = field(default_factory=lambda: defaultdict(threading.Lock))
    order: list[tuple[str, str]] = field(default_factory=list)  # jobs in the order they began, with their group

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def file(self, sha: str, path: str) -> str:
        """A file of the repository as of a commit."""
        return self.git("show", f"{sha}:{path}")

    def git(self, *words: str) -> str:
        done = subprocess.run(("git", *words), cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout

    def may(self, job: Job, what: str, level: str) -> None:
        """Whether the job's token may; GitHub refuses otherwise."""
        given = job.permissions.get(what)
        assert given in {"write", level}, f"{job.name} has no `{what}: {level}`"

    def stand_in(self, job: Job, uses: str, given: Mapping[str, Any]) -> standin_kit.Outcome:
        return standin_kit.stand_in(job, uses, given)

    def run(
        self,
        workflow: str,
        event: str,
        *,
        sha: str,
        payload: Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        cancel: Cancel | None = None,
    ) -> Ran:
        """Run a workflow for an event; what `cancel` says happens to one job of it."""
        said = yaml.safe_load(self.file(sha, f".github/workflows/{workflow}.yml"))
        on = said.get("on", said.get(True))  # YAML 1.1 reads `on` as true
        triggers = [on] if isinstance(on, str) else list(on)
        assert event in triggers, f"{workflow}.yml is not for {event}"
        assert said["permissions"] == {}, f"{workflow}.yml gives permissions to all jobs"
        how = (on[event] or {}) if isinstance(on, Mapping) else {}
        github = self._github(said["name"], event, sha, payload or {})
        contexts = {"github": github, "vars": dict(self.variables), "inputs": _inputs(how, inputs or {})}
        ran = Ran(number=github["run_id"])
        for key in _ordered(said["jobs"]):
            self._job(key, said["jobs"][key], contexts, ran, cancel)
        return ran

    def _github(self, workflow: str, event: str, sha: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        pull = payload.get("pull_request")
        ref = f"refs/pull/{pull['number']}/merge" if pull else "refs/heads/main"
        return {
            "event": dict(payload),
            "event_name": event,
            "sha": sha,
            "ref": ref,
            "repository": NAME,
            "run_id": str(next(_numbers)),
            "actor": "ada",
            "workflow": workflow,
        }

    def _job(
        self, key: str, said: Mapping[str, Any], contexts: Mapping[str, Any], ran: Ran, cancel: Cancel | None
    ) -> None:
        assert set(said) <= JOB_KEYS, f"{key}: the runner does not know {sorted(set(said) - JOB_KEYS)}"
        assert "permissions" in said, f"{key} says no permissions"
        assert "timeout-minutes" in said, f"{key} has no end"
        needs = _needs(said)
        known = {
            one: {"result": ran.results[one], "outputs": ran.jobs[one][-1].outputs if ran.jobs.get(one) else {}}
            for one in needs
        }
        ancestors = [ran.results[one] for one in needs]
        status = {
            "success": lambda: all(one == "success" for one in ancestors),
            "failure": lambda: "failure" in ancestors,
            "cancelled": lambda: "cancelled" in ran.results.values(),
            "always": lambda: True,
        }
        values = {**contexts, "needs": known}
        if not Contexts(values, status).condition(said.get("if")):
            ran.results[key] = "skipped"
            return
        ran.jobs[key] = []
        for matrix in _matrix(Contexts(values, {}).any((said.get("strategy") or {}).get("matrix", {}))):
            mine = {**values, "matrix": matrix, "strategy": {}}
            job = self._made(key, said, mine, cancel)
            ran.jobs[key].append(job)
            with self._queued(key, Contexts(mine, {}).any(said.get("concurrency")), job):
                job.run(said["steps"], said.get("outputs", {}))
        ended = [job.result for job in ran.jobs[key]]
        ran.results[key] = next((one for one in ("cancelled", "failure") if one in ended), "success")

    def _made(self, key: str, said: Mapping[str, Any], values: Mapping[str, Any], cancel: Cancel | None) -> Job:
        here = Contexts(values, {})
        number = next(_numbers)
        folder = self.folder / f"{key}-{number}"
        workspace, temp = folder / "work", folder / "temp"
        for path in (workspace, temp):
            path.mkdir(parents=True)
        if self.disk is not None and key == "build":
            shutil.copytree(self.disk, temp / "store")
        token = f"ghs_{number}"
        self.tokens[token] = said["permissions"]
        named = here.any(said.get("environment", ""))
        environment = named["name"] if isinstance(named, Mapping) else named
        github = {**values["github"], "token": token, "workspace": str(workspace)}
        event = temp / "event.json"
        event.write_text(json.dumps(github["event"]))
        environ = {
            **machine(),
            **self.environ,
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": github["actor"],
            "GITHUB_API_URL": self.api or "https://api.github.com",
            "GITHUB_EVENT_NAME": github["event_name"],
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_JOB": key,
            "GITHUB_REF": github["ref"],
            "GITHUB_REPOSITORY": NAME,
            "GITHUB_RUN_ID": github["run_id"],
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": github["sha"],
            "GITHUB_WORKFLOW": github["workflow"],
            "GITHUB_WORKSPACE": str(workspace),
            "RUNNER_OS": "Linux",
            "RUNNER_TEMP": str(temp),
        }
        environ |= {name: here.text(value) for name, value in (said.get("env") or {}).items()}
        mine = cancel if cancel is not None and cancel.job == key else None
        contexts = {**values, "github": github}
        return Job(key, workspace, temp, environ, contexts, said["permissions"], self, str(environment or ""), mine)

    @contextmanager
    def _queued(self, key: str, concurrency: Mapping[str, Any] | None, job: Job) -> Iterator[None]:
        if concurrency is None:
            yield
            return
        assert concurrency["cancel-in-progress"] is False, f"{key}: nothing is cancelled"
        with self.queues[concurrency["group"]]:
            self.order.append((concurrency["group"], job.contexts["github"]["sha"]))
            yield


def _inputs(how: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    declared = how.get("inputs") or {} if isinstance(how, Mapping) else {}
    assert set(given) <= set(declared), f"no input {sorted(set(given) - set(declared))}"
    assert all("type" in one for one in declared.values()), "an input without a type"
    missing = [name for name, one in declared.items() if one.get("required") and name not in given]
    assert not missing, f"the form asks for {missing}"
    return {name: given.get(name, one.get("default", "")) for name, one in declared.items()}


def _matrix(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each combination; without a matrix one."""
    lists = {name: values for name, values in said.items() if name != "include"}
    products = [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]
    found = [one for one in products if one] + [dict(one) for one in said.get("include", ())]
    assert found or not said, "GitHub refuses an empty matrix"
    return found or [{}]


def _needs(said: Mapping[str, Any]) -> list[str]:
    needs = said.get("needs", ())
    return [needs] if isinstance(needs, str) else list(needs)


def _ordered(jobs: Mapping[str, Any]) -> list[str]:
    """Jobs after those they need."""
    done: list[str] = []
    while len(done) < len(jobs):
        needs = {key: _needs(one) for key, one in jobs.items()}
        ready = [key for key in jobs if key not in done and all(need in done for need in needs[key])]
        assert ready, "jobs need each other"
        done += ready
    return done


def machine() -> dict[str, str]:
    """What a runner has: no credentials, nothing of the test session, and crabwalk only once it is installed."""
    ours = Path(sys.executable).parent
    folders = [one for one in os.environ["PATH"].split(os.pathsep) if Path(one) != ours]
    found = {name: os.environ[name] for name in KEPT if name in os.environ}
    nowhere = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    return {**found, **nowhere, "PATH": os.pathsep.join(folders)}
