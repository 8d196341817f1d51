"""One job of a workflow on this machine: its steps in order, their shell lines as GitHub's runner starts them.

What an action from elsewhere does is done by a stand-in (`standin_kit`); an action of the repository is run from its
own YAML. https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from expression_kit import Contexts

STEP_KEYS = {"name", "id", "if", "uses", "with", "env", "run", "shell"}
# Without `shell` GitHub starts bash otherwise than with `shell: bash`.
SHELLS = {None: ("bash", "-e"), "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail")}
SUMMARY_BYTES = 1024 * 1024  # what GitHub takes of a step
# A cancelled job's process gets SIGINT, after 7.5 s SIGTERM, after another 2.5 s it is killed with all it started.
GRACE_S, LAST_S = 7.5, 2.5
PATIENCE_S = 600.0
OURS = re.compile(r'File "[^"]*/pipeline/')


def too_early(log: str) -> bool:
    """Whether a signal came while Python itself began, or the few lines that pip wrote to call us: they speak then."""
    return "Traceback" in log and OURS.search(log) is None


@dataclass
class Cancel:
    """Somebody presses Cancel while a step runs, once `when` returns; before the step begins where it is None.

    `when` gets the process that the runner started, and would signal.

    `how` INT: as GitHub cancels; TERM: the runner is shut down; KILL: it is gone.
    """

    job: str
    step: str
    when: Callable[[int], None] | None = None
    how: str = "INT"


@dataclass
class Step:
    """How a step ended: `outcome` is success, failure, cancelled or skipped."""

    name: str
    outcome: str
    log: str = ""
    code: int | None = None
    seconds: float = 0.0


@dataclass
class Job:
    """A job that runs, and what came of it."""

    name: str
    workspace: Path
    temp: Path
    environ: dict[str, str]
    contexts: dict[str, Any]
    permissions: Mapping[str, str]
    world: Any
    environment: str = ""
    cancel: Cancel | None = None
    result: str = "success"
    steps: list[Step] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    annotations: list[str] = field(default_factory=list)
    path: list[str] = field(default_factory=list)  # in front of PATH, the newest first

    @property
    def log(self) -> str:
        return "\n".join(f"--- {step.name}: {step.outcome}\n{step.log}" for step in self.steps)

    def step(self, name: str) -> Step:
        return next(one for one in self.steps if one.name == name)

    # what runs

    def run(self, steps: list[Mapping[str, Any]], outputs: Mapping[str, str]) -> None:
        """All steps in order, then the outputs."""
        seen: dict[str, Any] = {}
        for said in steps:
            self._step(said, seen, self.contexts)
        found = self._contexts({**self.contexts, "steps": seen})
        self.outputs = {name: found.text(said) for name, said in outputs.items()}

    def _contexts(self, values: Mapping[str, Any], extra: Mapping[str, str] | None = None) -> Contexts:
        status = {
            "success": lambda: self.result == "success",
            "failure": lambda: self.result == "failure",
            "cancelled": lambda: self.result == "cancelled",
            "always": lambda: True,
            "hashFiles": self._hash,
        }
        env = {**self.environ, **(extra or {})}
        return Contexts({**values, "env": env, "runner": {"temp": str(self.temp), "os": "Linux"}}, status)

    def _hash(self, *patterns: str) -> str:
        files = sorted(path for one in patterns for path in self.workspace.glob(one) if path.is_file())
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest() if files else ""

    def _step(self, said: Mapping[str, Any], seen: dict[str, Any], values: Mapping[str, Any]) -> None:
        assert set(said) <= STEP_KEYS, f"a step has what the runner does not know: {sorted(set(said) - STEP_KEYS)}"
        name = str(said.get("name") or said.get("uses") or str(said["run"]).splitlines()[0])
        name = re.sub(r"@[0-9a-f]{40}$", "", name)
        cancel = self.cancel if self.cancel and self.cancel.step == name and self.result != "cancelled" else None
        if cancel and cancel.when is None:
            self.result = "cancelled"
        here = self._contexts({**values, "steps": seen})
        step = Step(name, "skipped")
        self.steps.append(step)
        if here.condition(said.get("if")):
            env = {key: here.text(value) for key, value in (said.get("env") or {}).items()}
            began = time.monotonic()
            outputs = self._do(step, said, env, {**values, "steps": seen}, cancel)
            step.seconds = time.monotonic() - began
            if step.outcome != "success" and self.result == "success":
                self.result = step.outcome
        else:
            outputs = {}
        if "id" in said:
            seen[said["id"]] = {"outputs": outputs, "outcome": step.outcome, "conclusion": step.outcome}

    def _do(
        self,
        step: Step,
        said: Mapping[str, Any],
        env: Mapping[str, str],
        values: Mapping[str, Any],
        cancel: Cancel | None,
    ) -> dict[str, str]:
        here = self._contexts(values, env)
        if "run" in said:
            return self._shell(step, here.text(said["run"]), said.get("shell"), env, cancel)
        given = {key: here.text(value) for key, value in (said.get("with") or {}).items()}
        uses = str(said["uses"])
        if uses.startswith("$/"):
            return self._own(step, uses, given, values)
        step.outcome, step.log, outputs = self.world.stand_in(self, uses, given)
        return dict(outputs)

    def _own(self, step: Step, uses: str, given: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, str]:
        """A composite action of the repository, as it was at the commit that runs: no checkout is needed."""
        action = yaml.safe_load(self.world.file(values["github"]["sha"], f"{uses.removeprefix('$/')}/action.yml"))
        declared = action["inputs"]
        assert set(given) <= set(declared), f"{uses} has no input {sorted(set(given) - set(declared))}"
        missing = [one for one, how in declared.items() if how.get("required") and one not in given]
        assert not missing, f"{uses} needs {missing}"
        inputs = {one: given.get(one, str(how.get("default", ""))) for one, how in declared.items()}
        seen: dict[str, Any] = {}
        assert action["runs"]["using"] == "composite"
        step.outcome = "success"
        for inner in action["runs"]["steps"]:
            assert "run" not in inner or "shell" in inner, "a composite action names the shell of each step"
            self._step(inner, seen, {**values, "inputs": inputs})
            step.outcome = (
                self.steps[-1].outcome if self.steps[-1].outcome in {"failure", "cancelled"} else step.outcome
            )
        found = self._contexts({**values, "steps": seen, "inputs": inputs})
        return {name: found.text(how["value"]) for name, how in (action.get("outputs") or {}).items()}

    # a shell line

    def _shell(
        self, step: Step, script: str, shell: str | None, env: Mapping[str, str], cancel: Cancel | None
    ) -> dict[str, str]:
        files = {name: self.temp / f"{name.lower()}-{len(self.steps)}" for name in ("OUTPUT", "ENV", "PATH")}
        files["STEP_SUMMARY"] = self.temp / f"summary-{len(self.steps)}"
        for path in files.values():
            path.touch()
        files["STEP_SUMMARY"].write_bytes(b"x" * self.world.filled)
        line = self.temp / f"step-{len(self.steps)}.sh"
        line.write_text(script)
        told = {f"GITHUB_{name}": str(path) for name, path in files.items()}
        variables = {**self.environ, **env, **told, "PATH": os.pathsep.join([*self.path, self.environ["PATH"]])}
        log = self.temp / f"log-{len(self.steps)}"
        with log.open("wb") as out:
            process = subprocess.Popen(
                ["env", "--default-signal=INT", *SHELLS[shell], str(line)],
                cwd=self.workspace,
                env=variables,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self._wait(process, cancel)
        step.log, step.code = log.read_text(errors="replace"), process.returncode
        assert "Traceback" not in step.log or too_early(step.log), step.log
        if cancel is not None:
            self.result = step.outcome = "cancelled"
        else:
            step.outcome = "success" if process.returncode == 0 else "failure"
        self.annotations += re.findall(r"^::(?:error|warning)[ :].*", step.log, re.MULTILINE)
        self._summarize(files["STEP_SUMMARY"].read_bytes())
        self.environ.update(_commands(files["ENV"].read_text()))
        self.path[:0] = reversed(files["PATH"].read_text().split())
        return _commands(files["OUTPUT"].read_text())

    def _wait(self, process: subprocess.Popen[bytes], cancel: Cancel | None) -> None:
        try:
            if cancel is not None and cancel.when is not None:
                cancel.when(process.pid)
                signals = {"INT": (signal.SIGINT, signal.SIGTERM), "TERM": (signal.SIGTERM,), "KILL": ()}[cancel.how]
                for number, seconds in zip(signals, (GRACE_S, LAST_S), strict=False):
                    process.send_signal(number)
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(seconds)
                        return
            else:
                process.wait(PATIENCE_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _summarize(self, said: bytes) -> None:
        if len(said) > SUMMARY_BYTES:
            self.annotations.append("::error::$GITHUB_STEP_SUMMARY upload aborted, it is longer than 1024k")
        else:
            self.summary += said.decode()


def runs_crabwalk(pid: int) -> None:
    """Wait until the process that the runner started has become crabwalk, which it does by `exec`."""
    end = time.monotonic() + PATIENCE_S
    while b"crabwalk" not in Path(f"/proc/{pid}/cmdline").read_bytes():
        assert time.monotonic() < end, "crabwalk was not started by exec"
        time.sleep(0.005)


def _commands(text: str) -> dict[str, str]:
    """A file of outputs or variables; what is no such line GitHub refuses, and fails the step."""
    found: dict[str, str] = {}
    lines: Iterator[str] = iter(text.splitlines())
    for line in lines:
        if block := re.fullmatch(r"([\w-]+)<<(\S+)", line):
            kept = []
            for more in lines:
                if more == block[2]:
                    break
                kept.append(more)
            found[block[1]] = "\n".join(kept)
            continue
        name, sign, value = line.partition("=")
        assert (sign, bool(re.fullmatch(r"[\w-]+", name))) == ("=", True), f"GitHub refuses this line: {line!r}"
        found[name] = value
    return found
