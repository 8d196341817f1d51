"""One run of cargo-lambda: compiles the binaries of a CargoRun, streams what cargo says, leaves nothing running.

It packs nothing and never takes a binary that this run did not make.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path

from pipeline.build import cache, linking, variables
from pipeline.build.flags import BIN, environment
from pipeline.build.messages import Listener
from pipeline.build.model import CargoRun, Toolchain
from pipeline.build.process import stream
from pipeline.build.toolchain import scripts
from pipeline.build.view import Progress, View
from pipeline.errors import BuildError

_EACH = 5  # of the calls for quiet: a line in less than half a minute


def command(run: CargoRun, lambda_dir: Path, program: Path) -> tuple[str, ...]:
    """The whole command line; nothing is left to cargo-lambda's own guesses."""
    chosen = run.toolchain.linking
    fixed = ("--profile", "release", "--locked", "--skip-target-check", "--message-format", "json")
    how = ("--output-format", "binary", "--compiler", chosen, "--target", linking.target(chosen, run.platform))
    where = ("--lambda-dir", str(lambda_dir))
    start = ("cargo-auditable", "auditable") if run.auditable else (str(program),)
    return (*start, "lambda", "build", *fixed, *how, *where, *_selection(run))


@contextmanager
def compiled(root: Path, run: CargoRun, dependents: Mapping[str, Sequence[str]], view: View) -> Iterator[Compiled]:
    """Compiles and lends the binaries while no other build can replace them."""
    target_dir = cache.directory() / "target" / identifier(run.toolchain)
    lambda_dir = target_dir / "lambda" / run.platform.name
    with _alone(target_dir, view):
        shutil.rmtree(lambda_dir, ignore_errors=True)
        program = _steady(target_dir)
        env = environment(run, target_dir, os.environ)
        _forget(root, run, target_dir, env)
        units = _units(root, run, env, view)
        start = Progress(run.platform.name, run.services, total=len(units) or None)
        binaries = {target.wanted.binary: target.service for target in run.targets}
        listener = Listener(view, start, units, binaries)
        try:
            code = stream(command(run, lambda_dir, program), root, env, listener.line, listener.quiet)
        finally:
            listener.close()
        if code != 0:
            raise listener.error(code, run.services, dependents)
        yield Compiled(env, lambda_dir, target_dir / run.triple / "release", listener)


class Compiled:
    """Where a finished run left its binaries, and what it read."""

    def __init__(self, env: Mapping[str, str], lambda_dir: Path, release_dir: Path, listener: Listener) -> None:
        self.environment = env
        self._lambda_dir = lambda_dir
        self._release_dir = release_dir
        self._listener = listener

    def binary(self, name: str) -> Path:
        path = self._lambda_dir / name / "bootstrap"
        if not path.is_file():
            raise BuildError(f"cargo-lambda ended well but left no binary `{name}`", where=str(path))
        return path

    def dep_info(self, name: str) -> str:
        """What the binary was made of, as cargo noted it."""
        return (self._release_dir / f"{name}.d").read_text("utf-8", errors="surrogateescape")

    @cached_property
    def variables(self) -> tuple[str, ...]:
        """The environment variables that any compilation of the run read."""
        dep_infos = {path for made in self._listener.files for path in _dep_infos(made)}
        return variables.read(dep_infos, self._listener.outputs)


def identifier(toolchain: Toolchain) -> str:
    """Names a target folder: compilers that share one make cargo compile everything again at each change."""
    return hashlib.sha256(toolchain.identity.encode()).hexdigest()[:12]


def _dep_infos(made: Path) -> Iterator[Path]:
    """What rustc noted beside a file it made; a linked binary is a copy without the hash in its name."""
    if made.suffix in {".rlib", ".rmeta", ".so"}:
        yield made.parent / f"{made.stem.removeprefix('lib')}.d"
    elif made.name.startswith("build-script-"):
        yield from made.parent.glob("*.d")
    else:
        yield from made.parent.glob(f"deps/{made.name.replace('-', '_')}-*.d")
        yield from made.parent.glob(f"deps/{made.name}-*.d")


def _selection(run: CargoRun) -> tuple[str, ...]:
    selection = [part for name in run.packages for part in ("--package", name)]
    wanted = [part for target in run.targets for part in ("--bin", target.wanted.binary)]
    features = ("--features", ",".join(run.features)) if run.features else ()
    return (*selection, *wanted, *features)


def _units(root: Path, run: CargoRun, env: Mapping[str, str], view: View) -> Counter[str]:
    """How many steps each package takes, by cargo's own plan; empty where this cargo does not tell."""
    cargo = str(run.toolchain.compiler.directory / "cargo")
    asked = ("--unit-graph", "-Zunstable-options", "--release", "--locked", "--quiet", "--target", run.triple)
    lines: list[str] = []
    command = (cargo, "build", *asked, *_selection(run))
    code = stream(command, root, {**env, "RUSTC_BOOTSTRAP": "1"}, lines.append, _waiting(view))
    graph = next((line for line in lines if line.startswith('{"version":1')), "")
    if code != 0 or not graph:
        return Counter()
    return Counter(str(unit["pkg_id"]) for unit in json.loads(graph)["units"])


def _waiting(view: View) -> Callable[[], None]:
    """Called every few seconds in which cargo resolves or downloads without a word."""
    calls = count()

    def say() -> None:
        if next(calls) % _EACH == 0:
            view.line("cargo reads the dependencies, and downloads what is not here yet")

    return say


def _steady(target_dir: Path) -> Path:
    """cargo-lambda, at the same path whatever virtual environment it came with.

    With zig it writes its own path into the C compiler it gives to build scripts; theirs run again where that changes,
    and with them everything above: of a service with the AWS SDK that is minutes, for nothing.
    """
    own, here = scripts() / "cargo-lambda", target_dir / BIN / "cargo-lambda"
    if not here.is_file() or here.stat().st_size != own.stat().st_size:
        here.parent.mkdir(exist_ok=True)
        shutil.copy2(own, here.with_suffix(".new"))
        here.with_suffix(".new").replace(here)
    return here


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
def _alone(target_dir: Path, view: View) -> Iterator[None]:
    """One build at a time in a target folder, from before cargo until the binaries are packed."""
    target_dir.mkdir(parents=True, exist_ok=True)
    with (target_dir / cache.LOCK).open("ab") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            view.line("waiting for another build in the same target folder")
            fcntl.flock(held, fcntl.LOCK_EX)
        os.utime(target_dir / cache.LOCK)  # in use: pruning goes by it
        yield
