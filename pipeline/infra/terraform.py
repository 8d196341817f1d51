"""Drives one Terraform process at a time in one directory. The only place for python-terraform.

Of python-terraform 0.10.1 only the command line and the start of the process are used: it buffers, decodes strictly
and knows neither signals nor an environment. Must never signal Terraform's group while the leader can still release
its lock, and must never show the value of a credential.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from types import FrameType
from typing import IO, Any, NoReturn

from pipeline.errors import TerraformError
from pipeline.infra.events import failure, sentence

GRACE_S = 30.0  # after the one SIGINT: time to end the running call and to release the lock
MINIMUM = (1, 10)
LOCK_TIMEOUT = "15s"

# What a caller's shell must not change about our runs.
_NOT_INHERITED = ("TF_WORKSPACE", "TF_DATA_DIR", "TF_INPUT", "TF_LOG", "TF_LOG_PATH")
_SECRETS = ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_WEB_IDENTITY_TOKEN")
_SECRET_LENGTH = 12  # shorter ones are the embedded AWS's `test`, which is no secret

_environment: ContextVar[Mapping[str, str] | None] = ContextVar("terraform_environment", default=None)
_running: set[subprocess.Popen[bytes]] = set()
_running_lock = threading.Lock()


class Terraform:
    """Terraform in one directory, with its own environment variables."""

    def __init__(self, directory: Path, environment: Mapping[str, str], on_event: Callable[[str], None]) -> None:
        self.directory = directory
        self.environment = _scrubbed(environment)
        self.binary = find_binary(environment)
        self._on_event = on_event

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
            raise failure(command, str(self.directory), messages, stderr, code)
        return code, messages

    def document(self, command: str, *arguments: str) -> Any:
        """Run a command that prints one JSON document (`show`, `output`, `version`)."""
        lines: list[str] = []
        code, stderr = self._stream(command, ["-json", *arguments], lines.append)
        if code != 0:
            raise failure(command, str(self.directory), [_message(text) for text in lines], stderr, code)
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

    def _stream(self, command: str, arguments: list[str], on_line: Callable[[str], None]) -> tuple[int, str]:
        secrets = [value for name in _SECRETS if len(value := self.environment.get(name, "")) >= _SECRET_LENGTH]

        def clean(raw: bytes) -> str:
            text = raw.decode("utf-8", "backslashreplace")
            for secret in secrets:
                text = text.replace(secret, "***")
            return text.rstrip("\r\n")

        with _terminable():
            process = _start(self.binary, self.directory, self.environment, command, arguments)
            with process, _registered(process):
                stderr: list[str] = []
                drain = threading.Thread(target=_drain, args=(process.stderr, clean, stderr), daemon=True)
                drain.start()
                try:
                    for raw in process.stdout or ():
                        on_line(clean(raw))
                    code = process.wait()
                except BaseException:
                    with suppress(Exception):
                        self._on_event("stopping Terraform: it ends the running call and releases its lock")
                    stop(process)
                    raise
                drain.join(timeout=GRACE_S)
        return code, "\n".join(stderr)


def find_binary(environment: Mapping[str, str]) -> str:
    """The Terraform beside this Python, which set-up puts there where PATH has none that will do; else PATH's."""
    beside = Path(sys.executable).with_name("terraform")
    if os.access(beside, os.X_OK):
        return str(beside)
    found = shutil.which("terraform", path=environment.get("PATH"))
    if found is None:
        raise TerraformError(
            "Terraform is not installed",
            hint="install Terraform 1.10 or newer, or `make setup` in crabwalk's own clone",
        )
    return found


def interrupt_all() -> None:
    """Stop every running Terraform as on ^C; for a main thread whose workers run them."""
    with _running_lock:
        processes = list(_running)
    for process in processes:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)


def stop(process: subprocess.Popen[bytes], grace_s: float = GRACE_S) -> None:
    """One SIGINT to the leader, which ends its plugins and releases its lock; then the group is killed.

    A second SIGINT would make Terraform drop the lock, so further signals to us are ignored meanwhile.
    """
    main = threading.current_thread() is threading.main_thread()
    ignored = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS} if main else {}
    try:
        # Its pipes must be read on, or Terraform blocks on a full one and never comes to an end.
        reader = threading.Thread(target=_drop, args=(process.stdout,), daemon=True)
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        reader.start()
        process.wait(timeout=grace_s)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        reader.join()
    finally:
        for number, handler in ignored.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _start(
    binary: str, directory: Path, environment: Mapping[str, str], command: str, arguments: list[str]
) -> subprocess.Popen[bytes]:
    """Start through python-terraform's `cmd`, in the own process group and with the given environment only."""
    import python_terraform

    class Command(python_terraform.Terraform):  # type: ignore[misc]
        def generate_cmd_string(self, cmd: str, *args: str, **options: Any) -> list[str]:
            options.pop("synchronous", None)  # it would become the flag -synchronous=false
            command: list[str] = super().generate_cmd_string(cmd, *args, **options)
            return command

    python_terraform.subprocess = _Spawner
    token = _environment.set(environment)
    try:
        process: subprocess.Popen[bytes]
        process, _, _ = Command(working_dir=str(directory), terraform_bin_path=binary).cmd(
            command, *arguments, synchronous=False
        )
    except OSError as error:
        raise TerraformError(f"Terraform could not be started: {error}", where=binary) from error
    finally:
        _environment.reset(token)
    return process


class _Spawner:
    """Stands in for `subprocess` in python-terraform, whose `cmd` can pass neither environment nor process group."""

    PIPE = subprocess.PIPE

    @staticmethod
    def Popen(command: list[str], *, cwd: str, **_: Any) -> subprocess.Popen[bytes]:  # noqa: N802
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env=dict(_environment.get() or {}),
            process_group=0,  # ^C in a terminal must not reach the plugins
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


def _drain(pipe: IO[bytes] | None, clean: Callable[[bytes], str], lines: list[str]) -> None:
    with suppress(ValueError, OSError):  # closed under us while stopping
        lines.extend(clean(raw) for raw in pipe or ())


def _drop(pipe: IO[bytes] | None) -> None:
    with suppress(ValueError, OSError):
        for _ in pipe or ():
            pass


@contextmanager
def _registered(process: subprocess.Popen[bytes]) -> Iterator[None]:
    with _running_lock:
        _running.add(process)
    try:
        yield
    finally:
        with _running_lock:
            _running.discard(process)


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception while Terraform runs, unless the program has a handler of its own."""
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return
    signal.signal(signal.SIGTERM, _terminated)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _terminated(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
