"""One run of cargo-lambda: compiles the binaries of a CargoRun, streams what cargo says, leaves nothing running.

It packs nothing and never takes a binary that this run did not make.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipeline.build import cache
from pipeline.build.messages import Listener
from pipeline.build.model import CargoRun, Toolchain
from pipeline.build.toolchain import scripts
from pipeline.errors import BuildError

OnLine = Callable[[str], None]

# What every machine of that kind on Lambda has: Graviton2, and AVX2. The same that cargo-lambda would choose.
_CPU = {"arm64": "neoverse-n1", "x86_64": "haswell"}

# Variables that change what cargo does without being among the inputs; network and registry settings stay.
_SCRUBBED = ("CARGO_BUILD_", "CARGO_PROFILE_", "CARGO_TARGET_", "CARGO_ENCODED_", "CARGO_UNSTABLE_", "CARGO_LAMBDA_")
_SCRUBBED_NAMES = frozenset({"CARGO", "RUSTC", "RUSTFLAGS", "RUSTC_BOOTSTRAP", "CFLAGS", "CXXFLAGS", "LDFLAGS"})
_KEPT_NAMES = frozenset({"CARGO_BUILD_JOBS"})

_GRACE_SECONDS = 5


def flags(toolchain: Toolchain, architecture: str) -> tuple[str, ...]:
    """The flags of rustc, without any path of this machine: these are among the inputs."""
    linking = ("-Clink-self-contained=no",) if toolchain.std == "source" else ()
    return (f"-Ctarget-cpu={_CPU[architecture]}", *linking)


def environment(run: CargoRun, target_dir: Path, base: Mapping[str, str]) -> dict[str, str]:
    """This virtual environment's zig and the chosen compiler first on PATH; paths of this machine kept out of binaries.

    The workspace root is not remapped: cargo hands rustc relative paths of it already, and a flag that differs from
    clone to clone would compile every dependency again for each.
    """
    clean = {
        name: value
        for name, value in base.items()
        if name in _KEPT_NAMES or not (name in _SCRUBBED_NAMES or name.startswith(_SCRUBBED))
    }
    home = base.get("CARGO_HOME") or str(Path.home() / ".cargo")
    compiler = run.toolchain.compiler
    source = compiler.sysroot / "lib/rustlib/src/rust"
    remapped = [f"--remap-path-prefix={path}={name}" for path, name in ((home, "/cargo"), (source, "/rust"))]
    if source.resolve() != source:
        remapped.append(f"--remap-path-prefix={source.resolve()}=/rust")
    clean |= {
        "PATH": os.pathsep.join((str(scripts()), str(compiler.directory), base.get("PATH", ""))),
        "CARGO_TARGET_DIR": str(target_dir),
        "CARGO_ENCODED_RUSTFLAGS": "\x1f".join((*flags(run.toolchain, run.architecture), *remapped)),
        "CARGO_TERM_COLOR": "never",
        "CARGO_TERM_PROGRESS_WHEN": "never",
        "CARGO_INCREMENTAL": "0",
    }
    if run.toolchain.std == "source":
        clean |= {"RUSTC_BOOTSTRAP": "1", "CARGO_UNSTABLE_BUILD_STD": "std,panic_abort"}
    return clean


def command(run: CargoRun, lambda_dir: Path) -> tuple[str, ...]:
    """The whole command line; nothing is left to cargo-lambda's own guesses."""
    program = scripts() / "cargo-lambda"
    selection = [part for name in run.packages for part in ("--package", name)]
    wanted = [part for target in run.targets for part in ("--bin", target.binary)]
    features = ("--features", ",".join(run.features)) if run.features else ()
    fixed = ("--release", "--locked", "--skip-target-check", "--message-format", "json", "--output-format", "binary")
    where = ("--target", run.triple, "--lambda-dir", str(lambda_dir))
    return (str(program), "lambda", "build", *fixed, *where, *selection, *wanted, *features)


@contextmanager
def compiled(root: Path, run: CargoRun, dependents: Mapping[str, Sequence[str]], on_line: OnLine) -> Iterator[Compiled]:
    """Compiles and lends the binaries while no other build can replace them."""
    target_dir = cache.directory() / "target" / identifier(run.toolchain)
    lambda_dir = target_dir / "lambda" / run.triple
    with _alone(target_dir, on_line):
        shutil.rmtree(lambda_dir, ignore_errors=True)
        env = environment(run, target_dir, os.environ)
        _forget(root, run, target_dir, env)
        listener = Listener(on_line)
        code = stream(command(run, lambda_dir), root, env, listener.line)
        if code != 0:
            raise listener.error(code, run.services, dependents)
        yield Compiled(lambda_dir, target_dir / run.triple / "release")


class Compiled:
    """Where a finished run left its binaries."""

    def __init__(self, lambda_dir: Path, release_dir: Path) -> None:
        self._lambda_dir = lambda_dir
        self._release_dir = release_dir

    def binary(self, name: str) -> Path:
        path = self._lambda_dir / name / "bootstrap"
        if not path.is_file():
            raise BuildError(f"cargo-lambda ended well but left no binary `{name}`", where=str(path))
        return path

    def dep_info(self, name: str) -> str:
        """What the binary was made of, as cargo noted it."""
        return (self._release_dir / f"{name}.d").read_text("utf-8", errors="surrogateescape")


def identifier(toolchain: Toolchain) -> str:
    """Names a target folder: compilers that share one make cargo compile everything again at each change."""
    return hashlib.sha256(toolchain.identity.encode()).hexdigest()[:12]


def stream(arguments: Sequence[str], cwd: Path, env: Mapping[str, str], on_line: OnLine) -> int:
    """Runs a program in its own process group, line by line; an interruption stops all of it."""
    try:
        process = subprocess.Popen(
            arguments,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="backslashreplace",
            process_group=0,
        )
    except FileNotFoundError:
        hint = "install crabwalk with its dependencies: `make setup`"
        raise BuildError("cargo-lambda cannot be started", where=arguments[0], hint=hint) from None
    try:
        for line in process.stdout or ():
            on_line(line.rstrip("\n"))
        return process.wait()
    finally:
        if process.returncode is None:
            _stop(process)
        if process.stdout:
            process.stdout.close()


def _stop(process: subprocess.Popen[str]) -> None:
    """Asks the group to end, then ends it: a compiler may not outlive its build."""
    for number, seconds in ((signal.SIGTERM, _GRACE_SECONDS), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue


def _forget(root: Path, run: CargoRun, target_dir: Path, env: Mapping[str, str]) -> None:
    """Makes cargo compile the workspace's own packages anew.

    cargo trusts modification times, and all clones share this folder: an older file in another clone would look
    finished. We are only here because the contents are new, so nothing is lost.
    """
    if not (target_dir / run.triple).is_dir():
        return
    cargo = str(run.toolchain.compiler.directory / "cargo")
    named = [part for name in run.local for part in ("--package", name)]
    where = ("--release", "--locked", "--quiet", "--target", run.triple)
    ignored: list[str] = []  # a workspace cargo cannot read makes the build itself fail, with its words
    stream((cargo, "clean", *where, *named), root, env, ignored.append)


@contextmanager
def _alone(target_dir: Path, on_line: OnLine) -> Iterator[None]:
    """One build at a time in a target folder, from before cargo until the binaries are packed."""
    target_dir.mkdir(parents=True, exist_ok=True)
    with (target_dir / ".crabwalk-lock").open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_line("waiting for another build in the same target folder")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
