"""Starts, finds and stops the embedded AWS's one process. Standard library only: fast verbs call `running()`."""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STATE_FILE = "server.json"
LOG_FILE = "server.log"
READY_PATH = "/_crabwalk/ready"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 8.0
LOG_TAIL_LINES = 15


@dataclass(frozen=True)
class Running:
    """An embedded AWS that is up."""

    endpoint: str
    pid: int
    data_dir: Path


def state_dir() -> Path:
    """Where the one embedded AWS of this user (or of CRABWALK_LOCAL_DIR) keeps everything it has."""
    if own := os.environ.get("CRABWALK_LOCAL_DIR"):
        return Path(own).resolve()
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base).resolve() / "crabwalk" / "local"


def api_url(endpoint: str, api_id: str) -> str:
    """The base URL of an HTTP API's `$default` stage; `<id>.execute-api.localhost` does not resolve everywhere."""
    return f"{endpoint}/_aws/execute-api/{api_id}/$default"


def running() -> Running | None:
    """The embedded AWS if its process lives, else None."""
    data_dir = state_dir()
    try:
        state = json.loads((data_dir / STATE_FILE).read_text())
        pid, started, endpoint = int(state["pid"]), str(state["started"]), str(state["endpoint"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if _started(pid) != started:  # dead, or the number belongs to another process now
        return None
    return Running(endpoint=endpoint, pid=pid, data_dir=data_dir)


def up(*, seed: int | None = None, port: int = 0) -> Running:
    """Starts the embedded AWS unless it is up already; returns when it answers."""
    data_dir = state_dir()
    with _locked(data_dir):
        if found := running():
            return found
        _require_ministack()
        _end_leftovers(data_dir)
        process, bound = _start(data_dir, seed, port)
        endpoint = f"http://127.0.0.1:{bound}"
        try:
            _wait_until_it_answers(process, bound)
        except BaseException as fault:  # also Ctrl-C: nothing is left running that no file names
            _kill_group(process.pid)
            process.wait()
            if isinstance(fault, OSError):
                raise _failed(data_dir, fault) from fault
            raise
        state = {"endpoint": endpoint, "pid": process.pid, "started": _started(process.pid)}
        partial = data_dir / (STATE_FILE + ".new")
        partial.write_text(json.dumps(state))
        partial.replace(data_dir / STATE_FILE)
        process.returncode = 0  # it outlives us on purpose: no ResourceWarning from its Popen
        return Running(endpoint=endpoint, pid=process.pid, data_dir=data_dir)


def down() -> bool:
    """Stops the server and every function it spawned, also those of one that crashed; True if one was up."""
    data_dir = state_dir()
    if not data_dir.is_dir():
        return False
    with _locked(data_dir):
        found = running()
        if found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGTERM)
            _wait_until_gone(found.pid, STOP_TIMEOUT_S)
            _kill_group(found.pid)
            _wait_until_gone(found.pid, 1.0)
        _end_leftovers(data_dir)
        (data_dir / STATE_FILE).unlink(missing_ok=True)
        return found is not None


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data_dir / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _require_ministack() -> None:
    if importlib.util.find_spec("ministack") is None or importlib.util.find_spec("hypercorn") is None:
        from pipeline.errors import UsageError

        raise UsageError("the embedded AWS is not installed", hint="pip install 'crabwalk[local]'")


def _start(data_dir: Path, seed: int | None, port: int) -> tuple[subprocess.Popen[bytes], int]:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as fault:
            from pipeline.errors import UsageError

            what = f"port {port} of 127.0.0.1 cannot be used: {fault.strerror}"
            raise UsageError(what, hint="leave the port out: a free one is taken") from fault
        listener.listen(512)
        bound = int(listener.getsockname()[1])
        command = [
            sys.executable,
            "-P",
            "-m",
            "pipeline.local.server",
            str(data_dir),
            str(listener.fileno()),
            str(bound),
        ]
        if seed is not None:
            command.append(str(seed))
        with (data_dir / LOG_FILE).open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=data_dir,
                env=server_environment(data_dir),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=(listener.fileno(),),
                start_new_session=True,
            )
        return process, bound
    finally:
        listener.close()  # the server has its own copy: if it dies, connecting is refused at once


def server_environment(data_dir: Path) -> dict[str, str]:
    """Everything the server (and so MiniStack) sees of this machine: no AWS variable, no profile, no secret."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": str(data_dir),
        "TMPDIR": str(data_dir / "tmp"),
        "LANG": "C.UTF-8",
    }


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int) -> None:
    """The socket listens before the process starts, so one request waits exactly as long as the start takes."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_TIMEOUT_S)
    try:
        connection.request("GET", READY_PATH)
        answer = connection.getresponse()
        body = answer.read().decode(errors="replace")
    except http.client.HTTPException as fault:
        raise OSError(f"it hung up: {fault}") from fault
    finally:
        connection.close()
    if answer.status != http.HTTPStatus.OK or body != str(process.pid):
        raise OSError(f"it answered {answer.status}")


def _failed(data_dir: Path, fault: OSError) -> Exception:
    from pipeline.errors import CrabwalkError

    log = data_dir / LOG_FILE
    tail = log.read_text(errors="replace").strip().splitlines()[-LOG_TAIL_LINES:] if log.exists() else []
    what = "the embedded AWS did not start: " + ("\n".join(tail) if tail else str(fault))
    return CrabwalkError(what, where=str(log))


def _end_leftovers(data_dir: Path) -> None:
    """Functions work below the data directory; any process still there belongs to a server that died."""
    for pid in _processes_below(data_dir / "tmp"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
        _wait_until_gone(pid, 1.0)
    shutil.rmtree(data_dir / "tmp", ignore_errors=True)


def _processes_below(directory: Path) -> tuple[int, ...]:
    inside = f"{directory}/"
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if str((entry / "cwd").readlink()).startswith(inside):
                    found.append(int(entry.name))
    return tuple(found)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _wait_until_gone(pid: int, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline and _started(pid) is not None:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # ours only if this very process started it
        time.sleep(0.01)


def _started(pid: int) -> str | None:
    """The kernel's start time of a live process: with the number it names one process for ever."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rsplit(")", 1)[1].split()
    return None if fields[0] in ("Z", "X") else fields[19]
