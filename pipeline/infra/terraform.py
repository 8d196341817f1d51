"""Runs Terraform's commands in one directory and understands what it says.

Of python-terraform 0.10.1, which `process` uses, only the command line and the start of the process are used: it
buffers, decodes strictly and knows neither signals nor an environment. Must never show the value of a credential.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import TerraformError
from pipeline.infra import locks
from pipeline.infra.binary import find_binary
from pipeline.infra.events import failure, sentence
from pipeline.infra.process import GRACE_S, started, stop

MINIMUM = (1, 10)
LOCK_TIMEOUT = "15s"
LOCKING = frozenset({"plan", "apply", "state"})

# What a caller's shell must not change about our runs.
_NOT_INHERITED = ("TF_WORKSPACE", "TF_DATA_DIR", "TF_INPUT", "TF_LOG", "TF_LOG_PATH")
_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN")
_SECRET_LENGTH = 12  # shorter ones are the embedded AWS's `test`, which is no secret


@dataclass(frozen=True)
class Stack:
    """Whose state a Terraform works on: what is said about its lock, and what is noted when it was killed.

    `left`: notes that the run was killed, and tells the lock it left behind, None where there is none.
    """

    name: str
    env: str
    left: Callable[[], str | None]

    @property
    def unlock(self) -> str:
        """The command that frees its lock."""
        return f"crabwalk unlock {self.name} --env {self.env}"


class Terraform:
    """Terraform in one directory, with its own environment variables."""

    def __init__(
        self,
        directory: Path,
        environment: Mapping[str, str],
        on_event: Callable[[str], None],
        stack: Stack | None = None,
    ) -> None:
        self.directory = directory
        self.environment = _scrubbed(environment)
        self.binary = find_binary(environment)
        self._on_event = on_event
        self._stack = stack

    def run(self, command: str, *arguments: str, accept: tuple[int, ...] = (0,)) -> tuple[int, list[dict[str, Any]]]:
        """Run a command that streams `-json`; return its exit code and messages, or raise TerraformError."""
        messages: list[dict[str, Any]] = []

        def line(text: str) -> None:
            message = _message(text)
            messages.append(message)
            if (said := sentence(message)) is not None:
                self._on_event(said)

        code, stderr = self._stream(command, ["-json", *arguments], line)
        if code not in accept:
            raise self._failure(command, messages, stderr, code)
        return code, messages

    def plain(self, command: str, *arguments: str) -> None:
        """Run a command that streams no `-json`, for what it does; TerraformError with its own words if it fails."""
        lines: list[str] = []
        code, stderr = self._stream(command, list(arguments), lines.append)
        if code != 0:
            raise self._failure(command, [{"@message": text} for text in lines], stderr, code)

    def document(self, command: str, *arguments: str) -> Any:
        """Run a command that prints one JSON document (`show`, `output`, `version`)."""
        lines: list[str] = []
        code, stderr = self._stream(command, ["-json", *arguments], lines.append)
        if code != 0:
            raise self._failure(command, [_message(text) for text in lines], stderr, code)
        return json.loads("\n".join(lines))

    def check_version(self) -> None:
        """Refuse a Terraform that does not know the state's lock file."""
        version = str(self.document("version")["terraform_version"])
        numbers = tuple(int(part) for part in version.split("-", maxsplit=1)[0].split(".")[:2])
        if numbers < MINIMUM:
            wanted = ".".join(map(str, MINIMUM))
            raise TerraformError(
                f"Terraform {version} is too old: the lock of the state needs {wanted} or newer",
                where=self.binary,
                hint=f"install Terraform {wanted} or newer",
            )

    def _failure(self, command: str, messages: Sequence[Mapping[str, Any]], stderr: str, code: int) -> TerraformError:
        unlock = self._stack.unlock if self._stack is not None else None
        return failure(command, str(self.directory), messages, stderr, code, unlock=unlock)

    def _stream(self, command: str, arguments: list[str], on_line: Callable[[str], None]) -> tuple[int, str]:
        secrets = [value for name in _SECRETS if len(value := self.environment.get(name, "")) >= _SECRET_LENGTH]

        def clean(raw: bytes) -> str:
            text = raw.decode("utf-8", "backslashreplace")
            for secret in secrets:
                text = text.replace(secret, "***")
            return text.rstrip("\r\n")

        locking = command in LOCKING
        with started(self.binary, self.directory, self.environment, command, arguments) as running:
            if locking:
                locks.note(self.directory, running.process.pid, command)
            try:
                for raw in running.lines():
                    on_line(clean(raw))
            except BaseException:
                with suppress(Exception):
                    self._on_event("stopping Terraform: it ends the running call and releases its lock")
                stop(running)
                raise
            finally:
                if running.killed and locking:
                    self._tell_killed()
                elif (
                    code := running.process.poll() or 0
                ) >= 0:  # what a signal ended keeps its note: it proves it dead
                    # Whoever had the lock without a fault proves that no earlier run has it.
                    locks.forget(self.directory, running.process.pid if code == 1 else "*")
            return running.process.wait(), clean(running.complaint())

    def _tell_killed(self) -> None:
        """Terraform was killed, so its lock is left: said loudly, and noted for whoever finds it."""
        if self._stack is None:
            return
        lock = None
        with suppress(Exception):  # AWS may be what it hung on; the note on this machine is there all the same
            lock = self._stack.left()
        said = f"the lock {lock} of its state is left" if lock else "the lock of its state may be left"
        with suppress(Exception):
            self._on_event(
                f"warning: Terraform of stack {self._stack.name} did not end within {GRACE_S:.0f} s and was killed; "
                f"{said}, what it was doing may not be in the state: {self._stack.unlock}"
            )


def _scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    kept = {
        k: v for k, v in environment.items() if k not in _NOT_INHERITED and not k.startswith(("TF_CLI_ARGS", "TF_VAR_"))
    }
    return kept | {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}


def _message(text: str) -> dict[str, Any]:
    """A line of the stream; plain text among it becomes a message without a type."""
    try:
        message = json.loads(text)
    except ValueError:
        message = None
    return message if isinstance(message, dict) else {"@message": text}
