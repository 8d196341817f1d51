"""A service under `cargo lambda watch`: planned purely, then run until it is ended; it can reach only the embedded AWS.

Nothing of the machine's AWS settings reaches the service, and only loopback addresses are listened on.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pipeline.errors import CrabwalkError, UsageError

if TYPE_CHECKING:
    from pipeline.manifest.models import Service

HOST = "127.0.0.1"
PORT = 9000
# Where nothing listens: without the embedded AWS a call to AWS fails here, and never reaches a real account.
NOWHERE = f"http://{HOST}:9"
_GRACE_S = 5.0
_CALL_S = 900.0  # the first event waits for the compiler


@dataclass(frozen=True)
class Session:
    """What is run: cargo-lambda's arguments, its environment, and what the function's differs in."""

    service: str
    root: Path
    command: tuple[str, ...]
    environment: Mapping[str, str]
    rust_log: str
    memory_mb: int
    port: int

    @property
    def url(self) -> str:
        """Where an HTTP service answers; other services are invoked."""
        return f"http://{HOST}:{self.port}/lambda-url/{self.service}/"


def plan(
    service: Service, *, root: Path, variables: Mapping[str, str], base: Mapping[str, str], tool: Path, port: int
) -> Session:
    """The session; `variables` are the manifest's with references resolved, `base` what its processes start from.

    RUST_LOG is the function's alone: cargo-lambda would take it for its own.
    """
    kept = {name: value for name, value in base.items() if name != "RUST_LOG"}
    own = {name: value for name, value in variables.items() if name != "RUST_LOG"}
    features = ("--features", ",".join(service.features)) if service.features else ()
    return Session(
        service=service.binary,
        root=root,
        command=(
            *(str(tool), "lambda", "watch", "--wait", "--disable-cors"),
            *("--invoke-address", HOST, "--invoke-port", str(port), "--package", service.package),
            *features,
        ),
        environment={**kept, **own},
        rust_log=base.get("RUST_LOG") or variables.get("RUST_LOG") or "info",
        memory_mb=service.memory_mb,
        port=port,
    )


def run(session: Session, stdout: IO[str]) -> int:
    """Run until it ends by itself; an interruption is passed on, and leaves nothing running."""
    with _settings(session) as settings, _announced(session):
        try:
            process = subprocess.Popen(
                (*session.command, "--env-file", str(settings)),
                cwd=session.root,
                env=dict(session.environment),
                stdin=subprocess.DEVNULL,
                stdout=stdout.fileno(),
                process_group=0,
            )
        except FileNotFoundError:
            hint = "install crabwalk with its dependencies: pip install crabwalk"
            raise CrabwalkError("cargo-lambda cannot be started", where=session.command[0], hint=hint) from None
        try:
            return process.wait()
        finally:
            if process.returncode is None:
                _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """As Ctrl-C would; whatever is left after that, of cargo-lambda or of what it started, is killed."""
    started = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    for pid in (*started, process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


def descendants(pid: int) -> tuple[int, ...]:
    """All processes below this one, the farthest first: each is a group of its own, so that no group holds all."""
    listed = subprocess.run(("ps", "-A", "-o", "pid=,ppid="), capture_output=True, text=True, check=False).stdout
    children: dict[int, list[int]] = {}
    for line in listed.splitlines():
        child, parent = (int(number) for number in line.split())
        children.setdefault(parent, []).append(child)
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return tuple(reversed(found))


@contextlib.contextmanager
def _settings(session: Session) -> Iterator[Path]:
    """The file with the function's own variables."""
    with tempfile.TemporaryDirectory(prefix="crabwalk-dev-") as folder:
        path = Path(folder) / "env"
        quoted = session.rust_log.replace('"', '\\"')
        path.write_text(f'RUST_LOG="{quoted}"\nAWS_LAMBDA_FUNCTION_MEMORY_SIZE={session.memory_mb}\n')
        yield path


# how `invoke --dev` finds it


@contextlib.contextmanager
def _announced(session: Session) -> Iterator[None]:
    file = _record(session.root, session.service)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    mine = json.dumps({"pid": os.getpid(), "port": session.port})
    file.write_text(mine)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if file.read_text() == mine:
                file.unlink()


def _record(root: Path, service: str) -> Path:
    from pipeline.local.control import state_dir

    return state_dir() / "dev" / f"{sha256(str(root).encode()).hexdigest()[:12]}-{service}.json"


def port_of(root: Path, service: str) -> int | None:
    """Where `crabwalk dev` of this service listens; None when nothing does."""
    try:
        found = json.loads(_record(root, service).read_text())
        os.kill(int(found["pid"]), 0)
        return int(found["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def free_port(wanted: int | None) -> int:
    """The wanted port, which must be free; by default 9000, or another one while that is taken."""
    for port in (PORT if wanted is None else wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                if wanted is not None:
                    raise UsageError(f"port {wanted} cannot be listened on: {error.strerror}") from error
                continue
            return int(probe.getsockname()[1])
    raise CrabwalkError("no port is free")


def call(root: Path, service: str, binary: str, payload: bytes) -> tuple[bool, Any]:
    """Whether the function under `crabwalk dev` failed, and what it answered."""
    import urllib.error
    import urllib.request

    port = port_of(root, binary)
    hint = f"crabwalk dev {service}, in another terminal"
    if port is None:
        raise UsageError(f"{service} does not run here", hint=hint)
    request = urllib.request.Request(
        f"http://{HOST}:{port}/2015-03-31/functions/{binary}/invocations", payload, method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=_CALL_S) as answer:
            return False, _parsed(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return True, _parsed(error.read())
    except (OSError, urllib.error.URLError) as error:
        raise CrabwalkError(f"{service} does not answer: {error}", hint=hint) from error


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body) if body else None
    except ValueError:
        return body.decode(errors="backslashreplace")
